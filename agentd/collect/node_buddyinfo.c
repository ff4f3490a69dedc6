/* SPDX-License-Identifier: MIT */
/* Free memory blocks by size: /proc/buddyinfo. */
#include <stdio.h>

#include "host.h"

static const struct host_family blocks_family =
	HOST_GAUGE("node_buddyinfo_blocks", "Count of free blocks according to size.", "node", "zone", "size");

/* "Node 0, zone   Normal   4381   1093    185": blocks of one page, two, four, ... */
static void zone_sample(struct host *host, struct text *line)
{
	char size[16];
	uint64_t blocks;
	const char *node = text_take(line, "Node") ? text_until(line, ',') : NULL;
	const char *word = node ? text_word(line) : NULL; /* "zone" */
	const char *zone = word ? text_word(line) : NULL;
	if (!zone) {
		host_skip(host);
		return;
	}
	for (unsigned order = 0; text_u64(line, &blocks); order++)
		host_u64(host, &blocks_family, blocks, node, zone, host_format(size, "%u", order));
}

static int buddyinfo_collect(struct host *host)
{
	struct text text, line;
	int r = host_read(host, HOST_PROC, "buddyinfo", &text);
	if (r)
		return r;
	while (text_line(&text, &line))
		zone_sample(host, &line);
	return 0;
}

const struct host_ops host_buddyinfo = {.collect = buddyinfo_collect};
