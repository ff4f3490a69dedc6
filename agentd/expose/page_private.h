/* SPDX-License-Identifier: MIT */
/* What the files of the page cache share: page.c has the bodies, page_values.c the snapshots that they are made of. */
#ifndef AGENTD_EXPOSE_PAGE_PRIVATE_H
#define AGENTD_EXPOSE_PAGE_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>

#include "page.h"

#define PAGE_TRIM_AFTER_NS INT64_C(1000000000)

/* Snapshots: of everything, and of the selections of collectors that were asked for last. */
#define PAGE_VALUES_MAX 4u
#define PAGE_VALUES_ALL 0u

struct page_values {
	struct page_collectors collectors; /* not of PAGE_VALUES_ALL */
	struct snapshot *snapshot;         /* NULL: none */
	int64_t time_ns;                   /* CLOCK_MONOTONIC at the beginning of the collection */
	int64_t used_ns;
};

/* The page comes first: callers have a pointer to it. */
struct page_body {
	struct page page;
	void (*carrier_free)(void *carrier);
	uint32_t references;
	int64_t time_ns; /* of its values */
};

#define PAGE_VARIANTS (FORMAT_COUNT * ESCAPING_COUNT * 2 * ENCODING_COUNT)

/* The newest body of a variant. */
struct page_slot {
	struct page_body *body; /* NULL: none */
	int64_t used_ns;        /* when somebody last asked for it */
	int64_t failed_ns;      /* when the last attempt that gave none ended; 0: none did */
	bool making;
};

struct page_cache {
	struct page_options options;
	pthread_mutex_t lock;  /* of all below */
	pthread_cond_t landed; /* a collection or a body has come to its end */
	struct page_slot slots[PAGE_VARIANTS];
	struct page_values values[PAGE_VALUES_MAX];
	bool collecting;
	int64_t failed_ns;             /* when the last collection that failed ended; 0: none did */
	struct compressor *compressor; /* NULL: none, or in use */
	int64_t compressor_used_ns;
	struct page_cache_stats stats;
};

int64_t page_clock_ns(void);

/* Young enough for somebody who asked at `asked_ns`. */
static inline bool page_time_fresh(const struct page_cache *cache, int64_t time_ns, int64_t asked_ns)
{
	return asked_ns - time_ns < cache->options.fresh_ns;
}

/* Called with the lock, which is open while a collection lasts: the values with a reference, or NULL. */
struct snapshot *page_values_get(struct page_cache *cache, const struct page_collection *collection, int64_t asked_ns,
				 int64_t *time_ns);

/* Called with the lock: waits until something has landed. */
void page_wait(struct page_cache *cache);

/* Called with the lock: takes out the bodies that are not fresh for anybody who asks from now on. They are chained by
 * page_bodies_put(), which is called without it. */
struct page_bodies {
	struct page_body *bodies[PAGE_VARIANTS];
	size_t count;
};
void page_bodies_take_stale(struct page_cache *cache, struct page_bodies *bodies);
void page_bodies_put(struct page_bodies *bodies);

#endif
