/* SPDX-License-Identifier: MIT */
/* Shapes: how the value of a histogram, gauge histogram, summary or state set is divided into parts.
 *
 * A shape is immutable and interned in its catalog: equal shapes are one pointer, which lives as long as the catalog
 * and any snapshot of it. A value is `part_count` words of 64 bits beside a shape, in this order:
 *
 *     BUCKETS    classic, if any   bound_count + 1 counts, not cumulative: (-Inf, bounds[0]], ... (bounds[last], +Inf)
 *                native, if any    count of the zero bucket [-zero_threshold, zero_threshold], then
 *                                  positive_count counts of the buckets with index positive_first ..., then
 *                                  the count of greater values; then the same for negative ones
 *     QUANTILES  bound_count values, the bits of a double each
 *     STATES     one word: bit i says that state i is on
 *
 * Where a value has both kinds of buckets, both count the same observations. Native buckets are those of Prometheus:
 * bucket i of schema n covers (2^((i-1)/2^n), 2^(i/2^n)], its negative twin is mirrored.
 */
#ifndef AGENTD_SNAPSHOT_SHAPE_H
#define AGENTD_SNAPSHOT_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum shape_kind { SHAPE_BUCKETS, SHAPE_QUANTILES, SHAPE_STATES };

#define SHAPE_BOUNDS_MAX 4096u
#define SHAPE_STATES_MAX 63u
#define SHAPE_SCHEMA_MIN (-4)
#define SHAPE_SCHEMA_MAX 8
#define SHAPE_NATIVE_MAX 16384u /* buckets of one sign */

struct shape_native {
	int32_t schema;
	double zero_threshold;
	int32_t positive_first;
	uint32_t positive_count;
	int32_t negative_first;
	uint32_t negative_count;
};

/* What is asked of catalog_shape(). Members that a kind has no use for are not looked at; negative zeros are zeros. */
struct shape_request {
	enum shape_kind kind;
	bool classic; /* BUCKETS: there are classic buckets (with bound_count 0: just the one up to +Inf) */
	bool native;  /* BUCKETS: there are native buckets */
	const double
		*bounds; /* classic BUCKETS: finite and strictly ascending; QUANTILES: in [0, 1], strictly ascending */
	uint32_t bound_count;
	struct shape_native buckets; /* native BUCKETS: indices are those of finite doubles, zero_threshold >= 0 */
	/* BUCKETS, QUANTILES: what the sum is multiplied with when it is exposed, finite and above 0. Sums of scaled
	 * histograms are integers (nanoseconds) until then, so that they merge exactly. 1 for sums of doubles. */
	double sum_scale;
	const char *const
		*states; /* STATES: bound_count names, at least one, each UTF-8 and not empty, all different */
};

struct shape {
	enum shape_kind kind;
	bool classic;
	bool native;
	uint32_t part_count;
	uint32_t classic_count; /* bound_count + 1, or 0 */
	uint32_t native_at;     /* index of the first native part (the zero bucket) */
	uint32_t bound_count;
	const double *bounds;
	struct shape_native buckets;
	double sum_scale;
	/* For each bound, and for BUCKETS one more, "+Inf": its text as a label value. bound_text: shortest, "1";
	 * canonical_text: as OpenMetrics wants it, "1.0". STATES: the states' names, escaped as label values. */
	const char *const *bound_text;
	const char *const *canonical_text;
};

/* Indices of a native value's parts. */
static inline uint32_t shape_zero(const struct shape *shape)
{
	return shape->native_at;
}
static inline uint32_t shape_positive(const struct shape *shape) /* positive_count parts, then the greater ones */
{
	return shape->native_at + 1;
}
static inline uint32_t shape_negative(const struct shape *shape) /* negative_count parts, then the greater ones */
{
	return shape->native_at + 1 + shape->buckets.positive_count + 1;
}

/* The Prometheus index of the bucket that values beyond all finite buckets are in: its upper bound is +Inf. */
static inline int32_t shape_overflow_index(int32_t schema)
{
	return schema >= 0 ? (1024 << schema) + 1 : (1024 >> -schema) + 1;
}

#endif
