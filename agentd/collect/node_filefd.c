/* SPDX-License-Identifier: MIT */
/* Open files of the whole system: /proc/sys/fs/file-nr. */
#include "host.h"

static const struct host_family allocated_family =
	HOST_GAUGE("node_filefd_allocated", "File descriptor statistics: allocated.");
static const struct host_family maximum_family =
	HOST_GAUGE("node_filefd_maximum", "File descriptor statistics: maximum.");

static int filefd_collect(struct host *host)
{
	struct text text;
	uint64_t allocated, unused, maximum;
	int r = host_read(host, HOST_PROC, "sys/fs/file-nr", &text);
	if (r)
		return r;
	if (!text_u64(&text, &allocated) || !text_u64(&text, &unused) || !text_u64(&text, &maximum)) {
		host_skip(host);
		return -EINVAL;
	}
	host_u64(host, &allocated_family, allocated);
	host_u64(host, &maximum_family, maximum);
	return 0;
}

const struct host_ops host_filefd = {.collect = filefd_collect};
