/* SPDX-License-Identifier: MIT */
/* What threads did that have ended before their process. */
#ifndef AGENTD_COLLECT_PROCESS_PARTIALS_H
#define AGENTD_COLLECT_PROCESS_PARTIALS_H

#include "process_files.h"

struct process_partial;
/* All zeros: none. */
struct process_partials {
	struct process_partial *items;
	size_t count;
	size_t capacity;
};

void process_partials_fini(struct process_partials *partials);

/* Adds one thread of a process. False when there is no room for another process. */
bool process_partials_add(struct process_partials *partials, uint32_t pid, const struct process_counters *counters);

/* What the threads of a process did, which is forgotten. */
struct process_counters process_partials_take(struct process_partials *partials, uint32_t pid);

/* Once a collection: a process of which nothing was heard for very long has an end that was lost. */
void process_partials_age(struct process_partials *partials);

#endif
