/* SPDX-License-Identifier: MIT */
/* The arguments of programs that were started lately: asked for at exec, as nobody can be asked any more at the end. */
#ifndef AGENTD_COLLECT_PROCESS_BIRTHS_H
#define AGENTD_COLLECT_PROCESS_BIRTHS_H

#include <stddef.h>
#include <stdint.h>

#define PROCESS_BIRTHS_SLOTS 4096u
/* Longer arguments are cut. */
#define PROCESS_BIRTH_BYTES 1024u

struct process_birth {
	uint32_t pid; /* 0: none */
	uint32_t age; /* collections */
	uint32_t len;
	char *arguments;
};

/* By PID; of two with one place the later one stays. */
struct process_births {
	struct process_birth *slots;
	uint64_t overflow; /* arguments that made room for others */
};

int process_births_init(struct process_births *births); /* 0 or -ENOMEM */
void process_births_fini(struct process_births *births);

/* Reads /proc/PID/cmdline: 10 us. A process that is gone already leaves nothing. */
void process_births_note(struct process_births *births, uint32_t pid);

/* The arguments of a process that has ended, malloc'ed, each ended by a NUL; NULL: not known. */
char *process_births_take(struct process_births *births, uint32_t pid, size_t *len);

/* Once a collection: who was there for two of them was seen there. */
void process_births_age(struct process_births *births);

#endif
