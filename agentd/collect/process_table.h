/* SPDX-License-Identifier: MIT */
/* Processes (or threads) over time, each with what it was last seen to do.
 *
 *     process_table_begin(table);
 *     process_table_scan(table, since_ns);             // or process_table_visit() of some
 *     for (struct process *p = process_table_next(table, NULL); p; p = process_table_next(table, p))
 *             if (process_gone(table, p)) ...          // its last figures
 *             else if (p->fresh) ...                   // new, or another program by exec
 *     process_table_end(table);                        // forgets those that are gone
 *
 * What the files say comes from the process_watch.h of the procfs, which all tables upon it share; what somebody has
 * done with it is the table's own.
 *
 * One thread at a time.
 */
#ifndef AGENTD_COLLECT_PROCESS_TABLE_H
#define AGENTD_COLLECT_PROCESS_TABLE_H

#include "process_watch.h"

/* Processes beyond this are not seen, and counted as errors. */
#define PROCESS_TABLE_MAX 262144u

struct process {
	uint32_t pid;
	uint32_t thread_of; /* 0: a process */
	uint32_t pass;      /* in which it was last seen */
	uint32_t read_pass; /* in which something new was last read of it */
	bool fresh;         /* since the last pass: new, or its program changed */
	bool known;         /* this is not the first pass that sees it */
	bool rested;        /* it has a single thread, which has not run since the last pass */
	uint64_t ran;       /* as of struct process_look */
	uint64_t read;
	struct process_reading now;
	struct process *next; /* with the same hash */

	/* The owner's own, zeros at first: */
	struct process_counters counted; /* what of now.counters was added to something */
	uint64_t proportional_bytes;
	uint64_t proportional_swapped_bytes;
	uint32_t memory_pass;   /* in which these two were read */
	uint64_t memory_faults; /* minor faults when they were read */
	uint32_t claim_pass;    /* in which somebody took it */
	void *group;
	void *wait_group;
	bool named; /* group is decided */
	bool ended;
};

struct process_table_stats {
	uint64_t read_errors;    /* processes that were there and could not be understood */
	uint64_t partial_errors; /* processes some of whose files could not be read */
};

struct process_table;

/* Of the procfs at a path, which is copied. 0 or -ENOMEM. */
int process_table_new(const char *procfs, struct process_table **table);
void process_table_free(struct process_table *table); /* NULL is fine */

/* Starts a pass. 0 or -errno of opening the procfs; no pass has begun then. */
int process_table_begin(struct process_table *table);

/* Looks at one process (thread_of 0) or thread. NULL when there is none, it cannot be read, or memory is short. */
struct process *process_table_visit(struct process_table *table, uint32_t pid, uint32_t thread_of);

/* Looks at all processes, unless somebody did at since_ns (CLOCK_MONOTONIC) or later: what was found then is taken. 0
 * or -errno of the directory. For its cost see process_watch_pass(). */
int process_table_scan(struct process_table *table, int64_t since_ns);

/* Looks at those that are known and have not been seen in this pass. */
void process_table_revisit(struct process_table *table);

/* Looks at all threads of a process; `rested` says that it has a single one, which has not run since the last pass. */
void process_table_scan_threads(struct process_table *table, uint32_t pid, bool rested);

/* Ends a pass: those that were not seen in it are forgotten. */
void process_table_end(struct process_table *table);

/* All processes, in no order; those that were forgotten last are still there until process_table_end(). */
struct process *process_table_next(const struct process_table *table, const struct process *process);

/* By PID: of two that had it one after the other, the later one. NULL: none. */
struct process *process_table_find(const struct process_table *table, uint32_t pid);

/* Whether this pass has not seen it. */
bool process_gone(const struct process_table *table, const struct process *process);

size_t process_table_count(const struct process_table *table);
uint32_t process_table_pass(const struct process_table *table);
const struct process_files *process_table_files(const struct process_table *table);
struct process_table_stats process_table_stats(const struct process_table *table);

/* Reads smaps_rollup into the process' proportional figures: 40 us, for large processes milliseconds. 0 or -errno. */
int process_table_memory(struct process_table *table, struct process *process);

#endif
