/* SPDX-License-Identifier: MIT */
/* Interrupts, context switches, forks and the run queue: /proc/stat without its CPU lines. */
#include <string.h>

#include "host.h"

struct field {
	const char *word;
	struct host_family family;
};
static const struct field fields[] = {
	{"intr", HOST_COUNTER("node_intr_total", "Total number of interrupts serviced.")},
	{"ctxt", HOST_COUNTER("node_context_switches_total", "Total number of context switches.")},
	{"btime", HOST_GAUGE("node_boot_time_seconds", "Node boot time, in unixtime.")},
	{"processes", HOST_COUNTER("node_forks_total", "Total number of forks.")},
	{"procs_running", HOST_GAUGE("node_procs_running", "Number of processes in runnable state.")},
	{"procs_blocked", HOST_GAUGE("node_procs_blocked", "Number of processes blocked waiting for I/O to complete.")},
};
static const struct host_family softirqs_family =
	HOST_COUNTER("node_softirqs_total", "Number of softirq calls.", "vector");
static const char *const vectors[] = {"hi",           "timer",   "net_tx", "net_rx",  "block",
				      "block_iopoll", "tasklet", "sched",  "hrtimer", "rcu"};

static void softirqs_sample(struct host *host, struct text *line)
{
	uint64_t value;
	text_u64(line, &value); /* the sum of all */
	for (size_t i = 0; i < HOST_COUNT_OF(vectors) && text_u64(line, &value); i++)
		host_u64(host, &softirqs_family, value, vectors[i]);
}

static void line_sample(struct host *host, struct text *line)
{
	uint64_t value;
	const char *word = text_word(line);
	if (word && host->options->stat_softirq && !strcmp(word, "softirq")) {
		softirqs_sample(host, line);
		return;
	}
	for (size_t i = 0; word && i < HOST_COUNT_OF(fields); i++) {
		if (strcmp(word, fields[i].word) != 0)
			continue;
		if (text_u64(line, &value))
			host_u64(host, &fields[i].family, value);
		else
			host_skip(host);
		return;
	}
}

static int stat_collect(struct host *host)
{
	struct text text, line;
	int r = host_read(host, HOST_PROC, "stat", &text);
	if (r)
		return r;
	while (text_line(&text, &line))
		if (!text_take(&line, "cpu"))
			line_sample(host, &line);
	return 0;
}

const struct host_ops host_stat = {.collect = stat_collect};
