/* SPDX-License-Identifier: MIT */
/* From a PID in some PID namespace to the PID in the agent's procfs.
 *
 * A process is the one that a segment means when it started at the same tick and has that PID in its innermost
 * namespace, which must have the right inode where we may look at it. Where the PID is another one here, all of /proc
 * is searched, once for all that are looked for; what was not found is looked for ever more rarely.
 */
#ifndef AGENTD_COLLECT_PROCESS_RESOLVER_H
#define AGENTD_COLLECT_PROCESS_RESOLVER_H

#include "process_files.h"

struct process_wanted {
	uint32_t pid;    /* in its own namespace */
	uint32_t pid_ns; /* inode of that namespace; 0: unknown */
	uint64_t start_ticks;
};

struct resolved;
struct process_resolver {
	struct resolved *entries; /* of those that are not found under their own PID */
	size_t count;
	size_t capacity;
	uint32_t round;
};

void process_resolver_fini(struct process_resolver *resolver);

/* Whether this process is the wanted one. */
bool process_is_wanted(const struct process_files *files, uint32_t pid, const struct process_reading *reading,
		       const struct process_wanted *wanted);

/* Around the questions of a collection; the end forgets what nobody asked for. */
void process_resolver_begin(struct process_resolver *resolver);
void process_resolver_end(struct process_resolver *resolver);

/* The PID here as far as it is known: the same one, or one found before; 0: must be searched for. */
uint32_t process_resolver_pid(struct process_resolver *resolver, const struct process_wanted *wanted);

/* The process under the answered PID is not the wanted one: to be searched for. */
void process_resolver_refute(struct process_resolver *resolver, const struct process_wanted *wanted);

/* Searches for what is due. True if something was found: ask again. Cost: 7 us a process of the machine. */
bool process_resolver_search(struct process_resolver *resolver, const struct process_files *files);

#endif
