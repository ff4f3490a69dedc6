/* SPDX-License-Identifier: MIT */
/* The kernel's slabs: /proc/slabinfo. */
#include "host.h"

/* By column of the file. */
static const struct host_family families[] = {
	HOST_GAUGE("node_slabinfo_active_objects", "The number of objects that are currently active (i.e., in use).",
		   "slab"),
	HOST_GAUGE("node_slabinfo_objects",
		   "The total number of allocated objects (i.e., objects that are both in use and not in use).",
		   "slab"),
	HOST_GAUGE("node_slabinfo_object_size_bytes", "The size of objects in this slab, in bytes.", "slab"),
	HOST_GAUGE("node_slabinfo_objects_per_slab", "The number of objects stored in each slab.", "slab"),
	HOST_GAUGE("node_slabinfo_pages_per_slab", "The number of pages allocated for each slab.", "slab"),
};

static void slab_sample(struct host *host, struct text *line)
{
	uint64_t values[HOST_COUNT_OF(families)];
	const char *slab = text_word(line);
	if (!slab || *slab == '#')
		return;
	for (size_t i = 0; i < HOST_COUNT_OF(families); i++) {
		if (!text_u64(line, &values[i])) {
			host_skip(host);
			return;
		}
	}
	for (size_t i = 0; i < HOST_COUNT_OF(families); i++)
		host_u64(host, &families[i], values[i], slab);
}

static int slabinfo_collect(struct host *host)
{
	struct text text, line;
	int r = host_read(host, HOST_PROC, "slabinfo", &text);
	if (r)
		return r;
	text_line(&text, &line); /* the version */
	while (text_line(&text, &line))
		slab_sample(host, &line);
	return 0;
}

const struct host_ops host_slabinfo = {.collect = slabinfo_collect};
