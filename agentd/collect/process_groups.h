/* SPDX-License-Identifier: MIT */
/* Sums by name over many processes (or threads): figures of now, and counters that only grow. */
#ifndef AGENTD_COLLECT_PROCESS_GROUPS_H
#define AGENTD_COLLECT_PROCESS_GROUPS_H

#include "process_files.h"

enum process_state {
	PROCESS_RUNNING,
	PROCESS_SLEEPING,
	PROCESS_WAITING,
	PROCESS_ZOMBIE,
	PROCESS_OTHER,
	PROCESS_STATE_COUNT
};

/* What a group is now. */
struct process_sums {
	uint64_t members;
	uint64_t threads;
	uint64_t resident_bytes;
	uint64_t virtual_bytes;
	uint64_t swapped_bytes;
	uint64_t proportional_bytes;
	uint64_t proportional_swapped_bytes;
	uint64_t open_fds;
	double worst_fd_ratio;
	uint64_t oldest_start_ticks;
	uint64_t states[PROCESS_STATE_COUNT];
};

struct process_group {
	struct process_group *next;   /* in the order in which they were made */
	struct process_group *bucket; /* with the same hash */
	char *name;
	char *part; /* "", or the second half of the name: a thread's, a wait channel */
	struct process_sums now;
	struct process_counters counters;
	int64_t empty_since_ns; /* 0: it has members */
};

struct process_groups {
	struct process_group *first;
	struct process_group **last;
	struct process_group **buckets;
	size_t bucket_count;
	size_t count;
	size_t max;
	uint64_t refused; /* asked for beyond `max`, or without memory */
	uint64_t seed;
};

/* An empty set of at most `max` groups. 0 or -ENOMEM. */
int process_groups_init(struct process_groups *groups, size_t max);
void process_groups_fini(struct process_groups *groups);

/* The group of a name, made where there is none; NULL, and counted, when there is no room for it. */
struct process_group *process_groups_get(struct process_groups *groups, const char *name, const char *part);

/* Zeroes what the groups are now. */
void process_groups_begin(struct process_groups *groups);

/* Adds one process to what a group is now. */
void process_group_add(struct process_group *group, const struct process_reading *reading);

/* Takes note of groups without members, and removes those that had none for longer than after_ns (0: none). Nobody may
 * point to a group without members. */
void process_groups_end(struct process_groups *groups, int64_t now_ns, int64_t after_ns);

#endif
