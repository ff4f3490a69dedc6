/* SPDX-License-Identifier: MIT */
/* Native buckets as the formats want them: runs of buckets ("spans") without the long empty stretches.
 *
 *     struct native_walk walk = native_positive(value);
 *     while (native_next(&walk, &bucket))
 *         ...
 *
 * A stretch of one or two empty buckets is walked through, a longer one is left out and begins a new span.
 */
#ifndef AGENTD_EXPOSE_NATIVE_H
#define AGENTD_EXPOSE_NATIVE_H

#include "snapshot/builder.h"

struct native_walk {
	const uint64_t *parts; /* part_count buckets, and one more for greater values */
	uint32_t part_count;
	int32_t first;    /* the index of the first bucket */
	int32_t overflow; /* the index of the last */
	uint32_t next;    /* part */
	int64_t last;     /* index handed out last */
	bool started;
};

struct native_bucket {
	uint64_t count;
	bool span;      /* begins a span, */
	int32_t offset; /* so far behind the one before; of the first its index */
};

/* Walks over the buckets of a value with native ones. */
struct native_walk native_positive(const struct composite *value);
struct native_walk native_negative(const struct composite *value);
bool native_next(struct native_walk *walk, struct native_bucket *bucket);

/* The next span: its offset, and its length in buckets. Uses up the buckets. */
bool native_next_span(struct native_walk *walk, int32_t *offset, uint32_t *length);

#endif
