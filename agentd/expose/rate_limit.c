/* SPDX-License-Identifier: MIT */
/* A rate limit. Instead of tokens the moment is kept at which the bucket is full again: each token taken puts it off by
 * one interval, and the bucket is empty when it is `burst` intervals away (the generic cell rate algorithm). So one
 * word is the whole state, and nothing fills it up in the background. */
#include "rate_limit.h"

#include <mstat/atomic.h>

bool rate_limit_take(struct rate_limit *limit, int64_t now_ns)
{
	if (!limit->interval_ns)
		return true;
	int64_t full_ns = mstat_load_relaxed(&limit->full_ns), next_ns;
	do {
		const int64_t from_ns = full_ns > now_ns ? full_ns : now_ns;
		if (from_ns - now_ns > (limit->burst - 1) * limit->interval_ns)
			return false;
		next_ns = from_ns + limit->interval_ns;
	} while (!mstat_cas_relaxed(&limit->full_ns, &full_ns, next_ns));
	return true;
}
