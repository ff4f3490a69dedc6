/* SPDX-License-Identifier: MIT */
/* What processes have done by the time they end, also those that live between two collections.
 *
 * Two sources of the kernel, both for CAP_NET_ADMIN in the machine's own namespaces only: taskstats, which sends the
 * totals of each thread as it ends; and the process connector, which tells of each exec while the program can still be
 * asked for its arguments. Without taskstats nothing is told of here; without the connector a process that was never
 * seen has its command only. A thread drains the sockets; what comes too fast for it, or finds no room, is counted.
 *
 * Sources: taskstats (Documentation/accounting/taskstats.rst), process connector (linux/cn_proc.h).
 */
#ifndef AGENTD_COLLECT_PROCESS_EXITS_H
#define AGENTD_COLLECT_PROCESS_EXITS_H

#include "process_files.h"

/* Of processes that were not there in the last collection, those with the same command, arguments and parent are one
 * exit. */
struct process_exit {
	uint32_t pid;
	uint32_t parent;
	uint32_t uid;
	bool since_collection; /* it began after the last collection, so that no table can know it */
	uint64_t processes;    /* how many there were */
	struct process_counters counters;
	char comm[PROCESS_COMM_BYTES];
	char *arguments; /* separated and ended by NULs; NULL: not known */
	size_t arguments_len;
};

struct process_exits_stats {
	bool taskstats; /* is listened to */
	bool connector;
	uint64_t lost;     /* times the kernel had no room to tell */
	uint64_t overflow; /* exits that were not kept */
};

struct process_exits;

/* Listens to what is permitted, and starts the thread if that is anything. `arguments`: whether to ask for them. 0,
 * -ENOMEM or -errno of the thread; that nothing is permitted is no error: see the stats. */
int process_exits_open(bool arguments, struct process_exits **exits);
void process_exits_close(struct process_exits *exits); /* NULL is fine */

/* Brackets a look at all processes: whatever was seen in between and has ended since is told of singly. */
void process_exits_begin(struct process_exits *exits);

/* All exits since the last call, those of processes that are gone from /proc among them for certain. They live until
 * the next call. */
const struct process_exit *process_exits_take(struct process_exits *exits, size_t *count);

struct process_exits_stats process_exits_stats(struct process_exits *exits);

#endif
