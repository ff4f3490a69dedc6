/* SPDX-License-Identifier: MIT */
/* Sockets in use: /proc/net/sockstat and sockstat6. */
#include <string.h>
#include <unistd.h>

#include "host.h"

static const struct host_family used_family =
	HOST_GAUGE("node_sockstat_sockets_used", "Number of IPv4 sockets in use.");

static void field_sample(struct host *host, const char *protocol, const char *field, uint64_t value)
{
	char name[128];
	const struct host_family family = {.name = host_format(name, "node_sockstat_%s_%s", protocol, field),
					   .help = "Number of %s sockets in state %s.",
					   .type = METRIC_GAUGE,
					   .help_words = {protocol, field}};
	host_u64(host, &family, value);
}

/* "TCP: inuse 4 orphan 0 mem 1" */
static void line_sample(struct host *host, struct text *line)
{
	static uint64_t page_bytes;
	const char *protocol = text_until(line, ':'), *field;
	if (!page_bytes)
		page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	if (!protocol) {
		host_skip(host);
		return;
	}
	while ((field = text_word(line))) {
		uint64_t value;
		if (!text_u64(line, &value)) {
			host_skip(host);
			return;
		}
		if (!strcmp(protocol, "sockets") && !strcmp(field, "used"))
			host_u64(host, &used_family, value);
		else
			field_sample(host, protocol, field, value);
		if (!strcmp(field, "mem"))
			field_sample(host, protocol, "mem_bytes", value * page_bytes);
	}
}

static int sockstat_collect(struct host *host)
{
	static const char *const paths[] = {"net/sockstat", "net/sockstat6"};
	struct text text, line;
	int first_error = 0;
	size_t found = 0;
	for (size_t i = 0; i < HOST_COUNT_OF(paths); i++) {
		int r = host_read(host, HOST_PROC, paths[i], &text);
		if (r && !first_error)
			first_error = r;
		if (r)
			continue;
		found++;
		while (text_line(&text, &line))
			line_sample(host, &line);
	}
	return found ? 0 : first_error;
}

const struct host_ops host_sockstat = {.collect = sockstat_collect};
