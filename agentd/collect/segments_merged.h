/* SPDX-License-Identifier: MIT */
/* Merged series: what several sources have in common, for the few series whose past matters (summaries' windows and
 * times to live).
 *
 * References of the catalog are void after a retirement, and a series that is not exposed for a while has none. What
 * lasts is the identity of a merged series: a hash of its family's name and of the labels by which it is exposed.
 */
#ifndef AGENTD_COLLECT_SEGMENTS_MERGED_H
#define AGENTD_COLLECT_SEGMENTS_MERGED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot/catalog.h"

struct window;

struct merged {
	uint64_t identity;     /* 0: a free place; `users` is the next one + 1 */
	uint32_t users;        /* series of sources that are part of it */
	struct window *window; /* summaries, once one was seen */
	series_ref series;     /* summaries: by which it is exposed in this collection, or SERIES_NONE */
	/* segments_ttl.c: the value as a number that changes with it, of this and of the last collection */
	uint64_t digest;
	uint64_t digest_last;
	int64_t changed_ns; /* CLOCK_MONOTONIC; 0: not seen yet */
};

/* Zeros are an empty set. Places of merged series stay what they are as long as these have users. */
struct merged_set {
	struct merged *all;
	uint32_t limit; /* places given out at least once */
	uint32_t capacity;
	uint32_t count;
	uint32_t unused; /* of these, without users */
	uint32_t free;   /* the first free place + 1 */
	uint32_t *table; /* open addressing: place + 1 */
	uint32_t table_size;
};
#define MERGED_NONE UINT32_MAX

void merged_set_fini(struct merged_set *set);

/* Finds or makes, for one user more; MERGED_NONE when out of memory. */
uint32_t merged_get(struct merged_set *set, uint64_t identity);
/* One user less. The state stays until merged_sweep(), for the next user: when references become void, and when a
 * process dies and its totals take over. */
void merged_put(struct merged_set *set, uint32_t place);
/* Forgets what has no users. Cost: nothing where there is none. */
void merged_sweep(struct merged_set *set);

#endif
