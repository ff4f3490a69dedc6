/* SPDX-License-Identifier: MIT */
/* Network packets per CPU before they reach a protocol: /proc/net/softnet_stat. */

#include "host.h"

static const struct host_family families[] = {
	HOST_COUNTER("node_softnet_processed_total", "Number of processed packets", "cpu"),
	HOST_COUNTER("node_softnet_dropped_total", "Number of dropped packets", "cpu"),
	HOST_COUNTER("node_softnet_times_squeezed_total", "Number of times processing packets ran out of quota", "cpu"),
};
#define COLUMN_CPU 12 /* of newer kernels; offline CPUs have no line */
#define COLUMN_COUNT 13

static int softnet_collect(struct host *host)
{
	struct text text, line;
	int r = host_read(host, HOST_PROC, "net/softnet_stat", &text);
	if (r)
		return r;
	for (uint64_t number = 0; text_line(&text, &line); number++) {
		uint64_t columns[COLUMN_COUNT];
		char cpu[24];
		size_t count = 0;
		while (count < COLUMN_COUNT && text_hex(&line, &columns[count]))
			count++;
		if (count < HOST_COUNT_OF(families)) {
			host_skip(host);
			continue;
		}
		host_format(cpu, "%llu", (unsigned long long)(count > COLUMN_CPU ? columns[COLUMN_CPU] : number));
		for (size_t i = 0; i < HOST_COUNT_OF(families); i++)
			host_u64(host, &families[i], columns[i], cpu);
	}
	return 0;
}

const struct host_ops host_softnet = {.collect = softnet_collect};
