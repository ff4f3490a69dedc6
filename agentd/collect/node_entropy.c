/* SPDX-License-Identifier: MIT */
/* The kernel's entropy pool: /proc/sys/kernel/random. */
#include "host.h"

static const struct host_family available_family =
	HOST_GAUGE("node_entropy_available_bits", "Bits of available entropy.");
static const struct host_family size_family = HOST_GAUGE("node_entropy_pool_size_bits", "Bits of entropy pool.");

static int entropy_collect(struct host *host)
{
	uint64_t value;
	int r = host_read_u64(host, HOST_PROC, "sys/kernel/random/entropy_avail", &value);
	if (r)
		return r;
	host_u64(host, &available_family, value);
	r = host_read_u64(host, HOST_PROC, "sys/kernel/random/poolsize", &value);
	if (!r)
		host_u64(host, &size_family, value);
	return r;
}

const struct host_ops host_entropy = {.collect = entropy_collect};
