/* SPDX-License-Identifier: MIT */
/* A copy of the options that outlives the configuration, for threads that are stuck. Reference-counted. */
#ifndef AGENTD_COLLECT_HOST_SHARED_H
#define AGENTD_COLLECT_HOST_SHARED_H

#include "host_options.h"

struct host_shared {
	struct host_options options;
	uint64_t references;
};

/* A deep copy with one reference, or NULL when out of memory. */
struct host_shared *host_shared_new(const struct host_options *options);
void host_shared_ref(struct host_shared *shared);
void host_shared_unref(struct host_shared *shared); /* NULL is fine; any thread */

#endif
