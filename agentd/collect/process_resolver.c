/* SPDX-License-Identifier: MIT */
/* From a PID in some PID namespace to the PID in the agent's procfs. */
#include "process_resolver.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host_text.h"

#define WAIT_ROUNDS_MAX 64u
#define ENTRIES_MAX 65536u

struct resolved {
	struct process_wanted wanted;
	uint32_t pid;         /* here; 0: not found */
	uint32_t asked;       /* the round in which somebody asked */
	uint32_t next_round;  /* in which to search again */
	uint32_t wait_rounds; /* between two searches */
};

void process_resolver_fini(struct process_resolver *resolver)
{
	free(resolver->entries);
	*resolver = (struct process_resolver){.entries = NULL};
}

/* True also where this process may not look: the start time and the PID have to be enough then. */
static bool namespace_matches(const struct process_files *files, uint32_t pid, uint32_t pid_ns)
{
	char path[64], target[64];
	unsigned int inode;
	if (!pid_ns)
		return true;
	snprintf(path, sizeof(path), "%u/ns/pid", pid);
	const ssize_t len = readlinkat(files->proc_fd, path, target, sizeof(target) - 1);
	if (len < 0)
		return errno == EACCES || errno == EPERM;
	target[len] = '\0';
	return sscanf(target, "pid:[%u]", &inode) == 1 && inode == pid_ns;
}

bool process_is_wanted(const struct process_files *files, uint32_t pid, const struct process_reading *reading,
		       const struct process_wanted *wanted)
{
	const uint32_t innermost_pid = reading->innermost_pid ? reading->innermost_pid : pid;
	return reading->start_ticks == wanted->start_ticks && innermost_pid == wanted->pid &&
	       namespace_matches(files, pid, wanted->pid_ns);
}

static struct resolved *entry_find(struct process_resolver *resolver, const struct process_wanted *wanted)
{
	for (size_t i = 0; i < resolver->count; i++) {
		const struct process_wanted *other = &resolver->entries[i].wanted;
		if (other->pid == wanted->pid && other->start_ticks == wanted->start_ticks &&
		    other->pid_ns == wanted->pid_ns)
			return &resolver->entries[i];
	}
	return NULL;
}

void process_resolver_begin(struct process_resolver *resolver)
{
	resolver->round++;
}

void process_resolver_end(struct process_resolver *resolver)
{
	size_t kept = 0;
	for (size_t i = 0; i < resolver->count; i++)
		if (resolver->entries[i].asked == resolver->round)
			resolver->entries[kept++] = resolver->entries[i];
	resolver->count = kept;
}

uint32_t process_resolver_pid(struct process_resolver *resolver, const struct process_wanted *wanted)
{
	struct resolved *entry = entry_find(resolver, wanted);
	if (!entry)
		return wanted->pid;
	entry->asked = resolver->round;
	return entry->pid;
}

void process_resolver_refute(struct process_resolver *resolver, const struct process_wanted *wanted)
{
	struct resolved *entry = entry_find(resolver, wanted);
	if (!entry && resolver->count == resolver->capacity) {
		const size_t capacity = resolver->capacity ? 2 * resolver->capacity : 16;
		struct resolved *entries =
			capacity > ENTRIES_MAX ? NULL : reallocarray(resolver->entries, capacity, sizeof(*entries));
		if (!entries)
			return;
		resolver->entries = entries;
		resolver->capacity = capacity;
	}
	if (!entry) {
		entry = &resolver->entries[resolver->count++];
		*entry = (struct resolved){.wanted = *wanted, .next_round = resolver->round};
	}
	entry->pid = 0;
	entry->asked = resolver->round;
}

static void candidate_offer(struct process_resolver *resolver, const struct process_files *files, uint32_t pid)
{
	const struct process_place place = process_place_of(pid, 0);
	struct process_reading reading;
	bool status_read = false;
	if (process_files_stat(files, &place, &reading))
		return;
	for (size_t i = 0; i < resolver->count; i++) {
		struct resolved *entry = &resolver->entries[i];
		if (entry->pid || entry->wanted.start_ticks != reading.start_ticks)
			continue;
		if (!status_read)
			process_files_status(files, &place, &reading);
		status_read = true;
		if (process_is_wanted(files, pid, &reading, &entry->wanted))
			entry->pid = pid;
	}
}

static void candidates_offer(struct process_resolver *resolver, const struct process_files *files)
{
	uint64_t pid;
	const int fd = openat(files->proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory) {
		if (fd >= 0)
			close(fd);
		return;
	}
	for (const struct dirent *entry; (entry = readdir(directory));)
		if (word_u64(entry->d_name, &pid) && pid && pid <= INT32_MAX)
			candidate_offer(resolver, files, (uint32_t)pid);
	closedir(directory);
}

bool process_resolver_search(struct process_resolver *resolver, const struct process_files *files)
{
	bool is_due = false, found = false;
	for (size_t i = 0; i < resolver->count; i++)
		is_due |= !resolver->entries[i].pid && resolver->entries[i].next_round <= resolver->round;
	if (!is_due)
		return false;
	candidates_offer(resolver, files);
	for (size_t i = 0; i < resolver->count; i++) {
		struct resolved *entry = &resolver->entries[i];
		if (entry->asked != resolver->round || entry->next_round > resolver->round)
			continue;
		entry->wait_rounds = entry->pid                             ? 0
				     : !entry->wait_rounds                  ? 1
				     : entry->wait_rounds < WAIT_ROUNDS_MAX ? 2 * entry->wait_rounds
									    : WAIT_ROUNDS_MAX;
		entry->next_round = resolver->round + 1 + entry->wait_rounds;
		found |= entry->pid != 0;
	}
	return found;
}
