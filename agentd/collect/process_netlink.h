/* SPDX-License-Identifier: MIT */
/* The two netlink sockets that tell of processes: how to ask, and what comes. */
#ifndef AGENTD_COLLECT_PROCESS_NETLINK_H
#define AGENTD_COLLECT_PROCESS_NETLINK_H

#include "process_files.h"

/* Sockets that do not block, or -errno: -EPERM without CAP_NET_ADMIN, -ENOENT, -EINVAL and others where this kernel or
 * namespace has no such thing. */
int process_taskstats_open(void);
int process_connector_open(void);

/* One thread that has ended. */
struct process_thread_end {
	uint32_t tgid;
	uint32_t parent;
	uint32_t uid;
	bool last;           /* of its process */
	uint64_t elapsed_ns; /* from the process' start, or the thread's where the kernel tells no more */
	struct process_counters counters;
	char comm[PROCESS_COMM_BYTES];
};

/* What the messages in `bytes` tell, one call each; damaged ones are passed over. */
typedef void process_thread_end_each(void *context, const struct process_thread_end *end);
typedef void process_exec_each(void *context, uint32_t pid);
void process_taskstats_parse(const void *bytes, size_t len, process_thread_end_each *each, void *context);
void process_connector_parse(const void *bytes, size_t len, process_exec_each *each, void *context);

#endif
