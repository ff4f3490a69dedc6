/* SPDX-License-Identifier: MIT */
/* The composite values of one collection: records of variable length in one block of words, which grows while they are
 * merged and is read-only in a snapshot. */
#ifndef AGENTD_SNAPSHOT_COMPOSITE_SET_H
#define AGENTD_SNAPSHOT_COMPOSITE_SET_H

#include "builder.h"

struct composite_set {
	uint64_t *words;
	size_t used;
	size_t capacity;
	size_t line_bytes; /* see snapshot_composite_bytes() */
};

void composite_set_clear(struct composite_set *set);
void composite_set_fini(struct composite_set *set);

/* Makes room for a number of words; false when out of memory. */
bool composite_set_reserve(struct composite_set *set, size_t words);

/* Copies a value of a series whose text has text_len and name_len bytes; its place goes to *at. False when out of
 * memory. */
bool composite_set_add(struct composite_set *set, const struct composite *value, size_t text_len, size_t name_len,
		       size_t *at);

/* Merges another value of the same series into the one at a place. False if its shape is another. */
bool composite_set_merge(struct composite_set *set, size_t at, const struct composite *value);

/* Ends the collection: the block gets its final size, parts their pointers, counts and sums their values. */
void composite_set_settle(struct composite_set *set);

/* The value at a place, after composite_set_settle(); before, all but parts, count and sum is good. */
const struct composite *composite_set_get(const struct composite_set *set, size_t at);

#endif
