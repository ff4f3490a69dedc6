/* SPDX-License-Identifier: MIT */
/* The arguments of programs that were started lately. */
#include "process_births.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AGE_MAX 2u

int process_births_init(struct process_births *births)
{
	births->overflow = 0;
	births->slots = calloc(PROCESS_BIRTHS_SLOTS, sizeof(*births->slots));
	return births->slots ? 0 : -ENOMEM;
}

static void birth_clear(struct process_birth *birth)
{
	free(birth->arguments);
	*birth = (struct process_birth){.pid = 0};
}

void process_births_fini(struct process_births *births)
{
	for (size_t i = 0; births->slots && i < PROCESS_BIRTHS_SLOTS; i++)
		birth_clear(&births->slots[i]);
	free(births->slots);
	births->slots = NULL;
}

static struct process_birth *birth_of(const struct process_births *births, uint32_t pid)
{
	return &births->slots[pid % PROCESS_BIRTHS_SLOTS];
}

void process_births_note(struct process_births *births, uint32_t pid)
{
	char path[32], bytes[PROCESS_BIRTH_BYTES];
	struct process_birth *birth = birth_of(births, pid);
	snprintf(path, sizeof(path), "/proc/%u/cmdline", pid);
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	const ssize_t len = read(fd, bytes, sizeof(bytes) - 1);
	close(fd);
	char *arguments = len > 0 ? malloc((size_t)len + 1) : NULL;
	if (!arguments)
		return;
	births->overflow += birth->pid && birth->pid != pid;
	birth_clear(birth);
	memcpy(arguments, bytes, (size_t)len);
	arguments[len] = '\0';
	*birth = (struct process_birth){.pid = pid, .len = (uint32_t)len + 1, .arguments = arguments};
}

char *process_births_take(struct process_births *births, uint32_t pid, size_t *len)
{
	struct process_birth *birth = birth_of(births, pid);
	char *arguments = NULL;
	*len = 0;
	if (birth->pid != pid)
		return NULL;
	arguments = birth->arguments;
	*len = birth->len;
	birth->arguments = NULL;
	birth_clear(birth);
	return arguments;
}

void process_births_age(struct process_births *births)
{
	for (size_t i = 0; i < PROCESS_BIRTHS_SLOTS; i++)
		if (births->slots[i].pid && ++births->slots[i].age > AGE_MAX)
			birth_clear(&births->slots[i]);
}
