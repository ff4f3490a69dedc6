/* SPDX-License-Identifier: MIT */
/* Softirqs per CPU and vector: /proc/softirqs. */

#include "host.h"

static const struct host_family family =
	HOST_COUNTER("node_softirqs_functions_total", "Softirq counts per CPU.", "cpu", "type");

static int softirqs_collect(struct host *host)
{
	struct text text, line;
	int r = host_read(host, HOST_PROC, "softirqs", &text);
	if (r)
		return r;
	text_line(&text, &line); /* the CPUs' names, which are their numbers */
	while (text_line(&text, &line)) {
		char cpu[24];
		uint64_t count;
		const char *type = text_until(&line, ':');
		if (!type) {
			host_skip(host);
			continue;
		}
		for (size_t i = 0; text_u64(&line, &count); i++)
			host_u64(host, &family, count, host_format(cpu, "%zu", i), type);
	}
	return 0;
}

const struct host_ops host_softirqs = {.collect = softirqs_collect};
