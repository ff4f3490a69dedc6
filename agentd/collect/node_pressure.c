/* SPDX-License-Identifier: MIT */
/* Pressure stall information: /proc/pressure. */
#include <string.h>

#include "host.h"

struct source {
	const char *path;
	const char *word; /* of its line */
	struct host_family family;
};
static const struct source sources[] = {
	{"pressure/cpu", "some",
	 HOST_COUNTER("node_pressure_cpu_waiting_seconds_total",
		      "Total time in seconds that processes have waited for CPU time")},
	{"pressure/io", "some",
	 HOST_COUNTER("node_pressure_io_waiting_seconds_total",
		      "Total time in seconds that processes have waited due to IO congestion")},
	{"pressure/io", "full",
	 HOST_COUNTER("node_pressure_io_stalled_seconds_total",
		      "Total time in seconds no process could make progress due to IO congestion")},
	{"pressure/memory", "some",
	 HOST_COUNTER("node_pressure_memory_waiting_seconds_total",
		      "Total time in seconds that processes have waited for memory")},
	{"pressure/memory", "full",
	 HOST_COUNTER("node_pressure_memory_stalled_seconds_total",
		      "Total time in seconds no process could make progress due to memory congestion")},
	{"pressure/irq", "full",
	 HOST_COUNTER("node_pressure_irq_stalled_seconds_total",
		      "Total time in seconds no process could make progress due to IRQ congestion")},
};

static void line_sample(struct host *host, const char *path, struct text *line)
{
	uint64_t total_us;
	const char *word = text_word(line);
	for (size_t i = 0; word && i < HOST_COUNT_OF(sources); i++) {
		if (strcmp(sources[i].path, path) != 0 || strcmp(sources[i].word, word) != 0)
			continue;
		char *total = text_rest(line);
		total = strstr(total, "total=");
		if (total && word_u64(total + strlen("total="), &total_us))
			host_f64(host, &sources[i].family, (double)total_us / 1e6);
		else
			host_skip(host);
		return;
	}
}

static int pressure_collect(struct host *host)
{
	struct text text, line;
	size_t found = 0;
	for (size_t i = 0; i < HOST_COUNT_OF(sources); i++) {
		if (i && !strcmp(sources[i].path, sources[i - 1].path))
			continue;
		/* Without CONFIG_PSI there is none, under psi=0 the read fails, and irq came later than the others. */
		if (host_read(host, HOST_PROC, sources[i].path, &text))
			continue;
		found++;
		while (text_line(&text, &line))
			line_sample(host, sources[i].path, &line);
	}
	return found ? 0 : -ENODATA;
}

const struct host_ops host_pressure = {.collect = pressure_collect};
