/* SPDX-License-Identifier: MIT */
/* What a host collector works with: its life, its samples, its skips. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include <mstat/atomic.h>

#include "host_hash.h"
#include "host_private.h"

int host_private_new(const char *name, struct host_buffer *buffer, struct host_private **own)
{
	struct host_private *fresh = calloc(1, sizeof(*fresh));
	if (!fresh)
		return -ENOMEM;
	fresh->name = name;
	fresh->buffer = buffer;
	*own = fresh;
	return 0;
}

void host_private_free(struct host_private *own)
{
	if (!own)
		return;
	host_files_close(own);
	host_netlink_close(own);
	for (size_t i = 0; i < HOST_LISTS; i++) {
		free(own->lists[i].bytes.bytes);
		free(own->lists[i].names);
	}
	host_sink_fini(&own->sink);
	free(own);
}

void host_skip(struct host *host)
{
	mstat_add_relaxed(&host->own->skipped, 1);
}

void host_sample(struct host *host, const struct host_family *family, const char *const *values, struct number number)
{
	if (!host_sink_sample(&host->own->sink, family, values, number))
		host_skip(host);
}

const char *host_print(char *out, size_t size, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(out, size, format, arguments);
	va_end(arguments);
	return out;
}

uint64_t host_hash_seed(void)
{
	uint64_t seed;
	/* Before the kernel has any randomness to give, an address that it chose is the next best. */
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = (uintptr_t)&seed;
	return seed | 1;
}
