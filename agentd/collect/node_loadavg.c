/* SPDX-License-Identifier: MIT */
/* Load averages: /proc/loadavg. */
#include "host.h"

static const struct host_family families[] = {
	HOST_GAUGE("node_load1", "1m load average."),
	HOST_GAUGE("node_load5", "5m load average."),
	HOST_GAUGE("node_load15", "15m load average."),
};

static int loadavg_collect(struct host *host)
{
	struct text text;
	double value;
	int r = host_read(host, HOST_PROC, "loadavg", &text);
	if (r)
		return r;
	for (size_t i = 0; i < HOST_COUNT_OF(families); i++) {
		if (!text_f64(&text, &value)) {
			host_skip(host);
			return -EINVAL;
		}
		host_f64(host, &families[i], value);
	}
	return 0;
}

const struct host_ops host_loadavg = {.collect = loadavg_collect};
