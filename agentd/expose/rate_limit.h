/* SPDX-License-Identifier: MIT */
/* A rate limit: a bucket of `burst` tokens, into which one comes back each `interval`. */
#ifndef AGENTD_EXPOSE_RATE_LIMIT_H
#define AGENTD_EXPOSE_RATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct rate_limit {
	int64_t interval_ns; /* 0: no limit */
	int64_t burst;       /* 1 or more */
	int64_t full_ns;     /* when the bucket is full again; 0 at first: it is full. Atomic. */
};

/* Takes a token; false if there is none. `now_ns` is CLOCK_MONOTONIC. Thread-safe, without a lock. */
bool rate_limit_take(struct rate_limit *limit, int64_t now_ns);

#endif
