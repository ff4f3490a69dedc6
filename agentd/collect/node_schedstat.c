/* SPDX-License-Identifier: MIT */
/* The scheduler's time per CPU: /proc/schedstat. */
#include "host.h"

static const struct host_family running_family =
	HOST_COUNTER("node_schedstat_running_seconds_total", "Number of seconds CPU spent running a process.", "cpu");
static const struct host_family waiting_family = HOST_COUNTER(
	"node_schedstat_waiting_seconds_total", "Number of seconds spent by processing waiting for this CPU.", "cpu");
static const struct host_family timeslices_family =
	HOST_COUNTER("node_schedstat_timeslices_total", "Number of timeslices executed by CPU.", "cpu");

static int schedstat_collect(struct host *host)
{
	struct text text, line;
	int r = host_read(host, HOST_PROC, "schedstat", &text);
	if (r)
		return r;
	while (text_line(&text, &line)) {
		uint64_t running_ns, waiting_ns, timeslices;
		if (!text_take(&line, "cpu"))
			continue;
		const char *cpu = text_word(&line);
		if (!cpu || !text_skip_words(&line, 6) || !text_u64(&line, &running_ns) ||
		    !text_u64(&line, &waiting_ns) || !text_u64(&line, &timeslices)) {
			host_skip(host);
			continue;
		}
		host_f64(host, &running_family, (double)running_ns / 1e9, cpu);
		host_f64(host, &waiting_family, (double)waiting_ns / 1e9, cpu);
		host_u64(host, &timeslices_family, timeslices, cpu);
	}
	return 0;
}

const struct host_ops host_schedstat = {.collect = schedstat_collect};
