/* SPDX-License-Identifier: MIT */
/* Tasks that the kernel found stuck: /proc/sys/kernel/hung_task_detect_count (Linux 6.13). */
#include "host.h"

static const struct host_family tasks_family =
	HOST_COUNTER("node_kernel_hung_tasks_total",
		     "Total number of tasks that have been detected as hung since the system booted.");

static int kernel_hung_collect(struct host *host)
{
	uint64_t count;
	int r = host_read_u64(host, HOST_PROC, "sys/kernel/hung_task_detect_count", &count);
	if (!r)
		host_u64(host, &tasks_family, count);
	return r;
}

const struct host_ops host_kernel_hung = {.collect = kernel_hung_collect};
