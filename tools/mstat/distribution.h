/* SPDX-License-Identifier: MIT */
/* What people want to know of a histogram or summary: count, sum, mean, a few quantiles, the buckets. */
#ifndef MSTAT_TOOL_DISTRIBUTION_H
#define MSTAT_TOOL_DISTRIBUTION_H

#include <jansson.h>

#include "segment/reader.h"
#include "snapshot/snapshot.h"

struct distribution {
	uint64_t count;
	struct number sum; /* in base units */
	bool has_sum;
	/* Buckets in ascending order, each from the upper bound before to its own, the last up to +Inf; none of a
	 * summary whose quantiles the agent computed. */
	size_t bucket_count;
	double *uppers;
	uint64_t *counts;
	size_t quantile_count;
	double *quantiles;
	double *values; /* of the quantiles */
};

/* Of a merged value with buckets or quantiles, or of one in a segment; free with distribution_free(). The finer kind of
 * buckets is taken where there are both; a family without quantiles of its own gets the median, 0.9 and 0.99. */
struct distribution *distribution_of_composite(const struct composite *value);
struct distribution *distribution_of_segment(const struct segment_family *family,
					     const struct segment_distribution *value);
void distribution_free(struct distribution *distribution);

/* "count 3, sum 0.015, mean 0.005, p50 0.0042, p90 0.0098, p99 0.01"; `brief` leaves out count and sum. malloc'ed. */
char *distribution_text(const struct distribution *distribution, bool brief);

/* Sets count, sum, quantiles and the buckets that are not empty. */
void distribution_json(const struct distribution *distribution, json_t *object);

/* A family's buckets in words: "11 bounds, 0.005 to 10", "exponential, schema 3, 1e-06 to 1024"; malloc'ed. */
char *buckets_text(const struct mstat_shm_buckets *buckets);

#endif
