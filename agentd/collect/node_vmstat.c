/* SPDX-License-Identifier: MIT */
/* Virtual memory statistics: /proc/vmstat. */

#include "host.h"

static int vmstat_open(struct host *host)
{
	struct host_pattern **fields = (struct host_pattern **)&host->state;
	char why[256];
	return host_pattern_new(host->options->vmstat_fields, fields, why, sizeof(why));
}

static void vmstat_close(struct host *host)
{
	host_pattern_free(host->state);
}

static int vmstat_collect(struct host *host)
{
	struct text text, line;
	char name[128];
	int r = host_read(host, HOST_PROC, "vmstat", &text);
	if (r)
		return r;
	while (text_line(&text, &line)) {
		const char *field = text_word(&line);
		double value;
		if (field && !host_pattern_match(host->state, field))
			continue;
		if (!field || !text_f64(&line, &value)) {
			host_skip(host);
			continue;
		}
		const struct host_family family = {.name = host_format(name, "node_vmstat_%s", field),
						   .help = "/proc/vmstat information field %s.",
						   .help_words = {field}};
		host_f64(host, &family, value);
	}
	return 0;
}

const struct host_ops host_vmstat = {.collect = vmstat_collect, .open = vmstat_open, .close = vmstat_close};
