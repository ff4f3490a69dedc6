/* SPDX-License-Identifier: MIT */
/* What the files of the namedprocess collector share: groups of processes by name, as process-exporter has them.
 *
 * A group's counters are what its processes have done since they started, those that have ended included; a process
 * that becomes another program (exec) counts for its new group from then on.
 */
#ifndef AGENTD_COLLECT_PROCESS_NAMED_H
#define AGENTD_COLLECT_PROCESS_NAMED_H

#include "host.h"
#include "process_exits.h"
#include "process_groups.h"
#include "process_naming.h"
#include "process_table.h"

#define NAMED_TOP_MAX 1000u

/* One of the processes that use the most. */
struct named_top {
	const struct process *process;
	uint64_t amount; /* by which they are compared */
};
struct named_tops {
	struct named_top *items; /* the greatest first */
	size_t count;
	size_t max;
};

struct named {
	struct process_naming naming;
	struct process_table *table;
	struct process_groups groups;
	struct process_exits *exits; /* NULL where the procfs is not the kernel's */
	uint32_t memory_next;        /* the PID whose smaps are to be read next */
	struct named_tops top_cpu;
	struct named_tops top_memory;
	uint64_t scrape_errors;
	/* With threads: */
	struct process_table *threads;
	struct process_groups thread_groups;
	struct process_groups wait_groups;
};

/* process_named_count.c: gives every process its group and adds up. */
void named_count(struct host *host, struct named *named);

/* process_named_exits.c: adds what ended processes did after they were last seen. */
void named_count_exits(struct host *host, struct named *named);
/* The group of the parent, where that is wanted; NULL: none. */
struct process_group *named_parent_group(struct host *host, struct named *named, uint32_t parent);

/* process_named_threads.c */
void named_count_threads(struct host *host, struct named *named);

/* process_named_tops.c */
int named_tops_init(struct named_tops *tops, size_t max); /* 0 or -ENOMEM */
void named_tops_fini(struct named_tops *tops);
void named_tops_offer(struct named_tops *tops, const struct process *process, uint64_t amount);

/* process_named_samples.c */
void named_sample(struct host *host, const struct named *named);

#endif
