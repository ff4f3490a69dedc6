/* SPDX-License-Identifier: MIT */
/* The snapshots behind the pages: one collection at a time; who comes meanwhile waits for its result. */
#include "page_private.h"

#include <string.h>

static bool collectors_equal(const struct page_collectors *one, const struct page_collectors *other)
{
	return !memcmp(one, other, sizeof(*one));
}

/* The place of a selection; NULL if it has none. */
static struct page_values *values_find(struct page_cache *cache, const struct page_collectors *collectors)
{
	if (!collectors)
		return &cache->values[PAGE_VALUES_ALL];
	for (size_t i = PAGE_VALUES_ALL + 1; i < PAGE_VALUES_MAX; i++)
		if (cache->values[i].snapshot && collectors_equal(&cache->values[i].collectors, collectors))
			return &cache->values[i];
	return NULL;
}

/* Where the result of a collection goes: the selection's own place, or that of the one unused for longest. */
static struct page_values *values_place(struct page_cache *cache, const struct page_collectors *collectors)
{
	struct page_values *place = values_find(cache, collectors);
	if (place)
		return place;
	place = &cache->values[PAGE_VALUES_ALL + 1];
	for (size_t i = PAGE_VALUES_ALL + 2; i < PAGE_VALUES_MAX; i++)
		if (cache->values[i].used_ns < place->used_ns)
			place = &cache->values[i];
	return place;
}

static void collect(struct page_cache *cache, const struct page_collection *collection)
{
	struct page_bodies stale = {.count = 0};
	struct page_values *values = values_find(cache, collection->collectors);
	struct snapshot *old = NULL;
	if (values) {
		old = values->snapshot;
		values->snapshot = NULL;
	}
	if (!collection->collectors)
		page_bodies_take_stale(cache, &stale);
	cache->collecting = true;
	pthread_mutex_unlock(&cache->lock);
	/* Before the new values exist: the agent's peak is one of each unless a slow client holds the old ones. */
	page_bodies_put(&stale);
	snapshot_unref(old);
	/* What the values say is as old as the beginning of their collection. */
	const int64_t time_ns = page_clock_ns();
	struct snapshot *snapshot = cache->options.collect(cache->options.context, collection);
	pthread_mutex_lock(&cache->lock);
	cache->collecting = false;
	if (snapshot) {
		values = values_place(cache, collection->collectors);
		old = values->snapshot;
		*values = (struct page_values){.snapshot = snapshot, .time_ns = time_ns, .used_ns = page_clock_ns()};
		if (collection->collectors)
			values->collectors = *collection->collectors;
		snapshot_unref(old);
	} else {
		cache->failed_ns = page_clock_ns();
	}
	pthread_cond_broadcast(&cache->landed);
}

struct snapshot *page_values_get(struct page_cache *cache, const struct page_collection *collection, int64_t asked_ns,
				 int64_t *time_ns)
{
	for (;;) {
		struct page_values *values = values_find(cache, collection->collectors);
		if (values && values->snapshot && page_time_fresh(cache, values->time_ns, asked_ns)) {
			snapshot_ref(values->snapshot);
			values->used_ns = page_clock_ns();
			*time_ns = values->time_ns;
			return values->snapshot;
		}
		/* The failure of a collection that this caller has waited for is its own too, or else each of many
		 * would collect in its turn. */
		if (cache->failed_ns >= asked_ns)
			return NULL;
		if (cache->collecting)
			page_wait(cache);
		else
			collect(cache, collection);
	}
}

struct snapshot *page_snapshot_get(struct page_cache *cache, const struct page_collection *collection)
{
	int64_t time_ns;
	const int64_t asked_ns = page_clock_ns();
	pthread_mutex_lock(&cache->lock);
	struct snapshot *snapshot = page_values_get(cache, collection, asked_ns, &time_ns);
	pthread_mutex_unlock(&cache->lock);
	return snapshot;
}
