/* SPDX-License-Identifier: MIT */
/* Native buckets: from parts to spans. */
#include "native.h"

#define GAP_MAX 2 /* two zeros are no longer than a span */

static struct native_walk walk_of(const struct composite *value, uint32_t part, int32_t first, uint32_t count)
{
	return (struct native_walk){
		.parts = value->parts + part,
		.part_count = count,
		.first = first,
		.overflow = shape_overflow_index(value->shape->buckets.schema),
	};
}

struct native_walk native_positive(const struct composite *value)
{
	const struct shape_native *buckets = &value->shape->buckets;
	return walk_of(value, shape_positive(value->shape), buckets->positive_first, buckets->positive_count);
}

struct native_walk native_negative(const struct composite *value)
{
	const struct shape_native *buckets = &value->shape->buckets;
	return walk_of(value, shape_negative(value->shape), buckets->negative_first, buckets->negative_count);
}

bool native_next(struct native_walk *walk, struct native_bucket *bucket)
{
	while (walk->next <= walk->part_count && !walk->parts[walk->next])
		walk->next++;
	if (walk->next > walk->part_count)
		return false;
	int64_t index = walk->next < walk->part_count ? (int64_t)walk->first + walk->next : walk->overflow;
	int64_t gap = index - walk->last - 1;
	if (walk->started && gap > 0 && gap <= GAP_MAX) {
		walk->last++;
		*bucket = (struct native_bucket){0};
		return true;
	}
	bucket->count = walk->parts[walk->next++];
	bucket->span = !walk->started || gap > 0;
	bucket->offset = (int32_t)(walk->started ? gap : index);
	walk->started = true;
	walk->last = index;
	return true;
}

bool native_next_span(struct native_walk *walk, int32_t *offset, uint32_t *length)
{
	struct native_bucket bucket;
	if (!native_next(walk, &bucket))
		return false;
	*offset = bucket.offset;
	*length = 1;
	for (;;) {
		struct native_walk before = *walk;
		if (!native_next(walk, &bucket))
			return true;
		if (bucket.span) {
			*walk = before; /* it begins the next span */
			return true;
		}
		++*length;
	}
}
