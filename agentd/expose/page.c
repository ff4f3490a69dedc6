/* SPDX-License-Identifier: MIT */
/* Rendered pages: one flight (collection and rendering) at a time; who comes meanwhile waits for its result. */
#include "page.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include <mstat/atomic.h>

#include "text.h"

#define TRIM_AFTER_NS INT64_C(1000000000)

/* The page comes first: callers have a pointer to it. */
struct body {
	struct page page;
	uint32_t references;
	int64_t time_ns; /* CLOCK_MONOTONIC of the values */
};

struct page_cache {
	struct snapshot *(*collect)(void *context);
	void *context;
	int64_t fresh_ns;

	pthread_mutex_t lock; /* of all below */
	pthread_cond_t landed;
	struct body *body; /* the newest, or NULL */
	int64_t used_ns;   /* when somebody last asked for it */
	bool flying;
	int64_t failed_ns; /* when the last flight that gave no body came down; 0: none did */
	struct page_cache_stats stats;
};

static int64_t monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

struct page_cache *page_cache_new(struct snapshot *(*collect)(void *context), void *context, int64_t fresh_ns)
{
	struct page_cache *cache = calloc(1, sizeof(*cache));
	if (!cache)
		return NULL;
	cache->collect = collect;
	cache->context = context;
	cache->fresh_ns = fresh_ns;
	pthread_mutex_init(&cache->lock, NULL);
	pthread_cond_init(&cache->landed, NULL);
	return cache;
}

static void body_put(struct body *body)
{
	/* The release pairs with the acquire of whoever takes the last reference away. */
	if (!body || mstat_sub_release(&body->references, 1) != 1)
		return;
	mstat_load_acquire(&body->references); /* pairs with the releases of all earlier holders */
	free((char *)body->page.body);
	free(body);
}

void page_put(const struct page *page)
{
	body_put((struct body *)page);
}

void page_cache_free(struct page_cache *cache)
{
	if (!cache)
		return;
	body_put(cache->body);
	pthread_cond_destroy(&cache->landed);
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

/* Collects and renders; NULL on failure. Adds to *render_ns. */
static struct body *body_make(struct page_cache *cache, uint64_t *render_ns)
{
	struct body *body = calloc(1, sizeof(*body));
	/* What the body says is as old as the beginning of its collection. */
	const int64_t collect_ns = monotonic_ns();
	struct snapshot *snapshot = cache->collect(cache->context);
	char *text = NULL;
	int error = -1;
	if (body && snapshot) {
		int64_t start_ns = monotonic_ns();
		error = text_render(snapshot, &text, &body->page.len);
		*render_ns += (uint64_t)(monotonic_ns() - start_ns);
		body->time_ns = collect_ns;
	}
	snapshot_unref(snapshot);
	if (error) {
		free(body);
		return NULL;
	}
	body->page.body = text;
	body->page.content_type = TEXT_CONTENT_TYPE;
	body->references = 1;
	return body;
}

/* One flight. Called with the lock, which is open while the flight lasts. */
static void flight(struct page_cache *cache)
{
	struct body *old = cache->body;
	uint64_t render_ns = 0;
	cache->body = NULL;
	cache->flying = true;
	pthread_mutex_unlock(&cache->lock);
	/* Before the new body exists: the agent's peak is one body unless a slow client holds the old one. */
	body_put(old);
	struct body *body = body_make(cache, &render_ns);
	pthread_mutex_lock(&cache->lock);
	cache->flying = false;
	cache->body = body;
	if (body) {
		cache->stats.renders++;
		cache->stats.render_ns_total += render_ns;
		cache->stats.body_bytes = body->page.len;
	} else {
		cache->failed_ns = monotonic_ns();
	}
	pthread_cond_broadcast(&cache->landed);
}

/* The cache's body with one more reference. */
static const struct page *body_share(struct page_cache *cache)
{
	mstat_add_relaxed(&cache->body->references, 1);
	cache->used_ns = monotonic_ns();
	return &cache->body->page;
}

/* Young enough for somebody who asked at `asked_ns`. */
static bool time_fresh(const struct page_cache *cache, int64_t time_ns, int64_t asked_ns)
{
	return asked_ns - time_ns < cache->fresh_ns;
}

const struct page *page_get(struct page_cache *cache)
{
	const struct page *page = NULL;
	const int64_t asked_ns = monotonic_ns();
	pthread_mutex_lock(&cache->lock);
	for (;;) {
		cache->stats.waiting++;
		while (cache->flying)
			pthread_cond_wait(&cache->landed, &cache->lock);
		cache->stats.waiting--;
		if (cache->body && time_fresh(cache, cache->body->time_ns, asked_ns)) {
			page = body_share(cache);
			break;
		}
		/* The failure of a flight that this caller has waited for is its own too, or else each of many would
		 * collect in its turn. */
		if (cache->failed_ns >= asked_ns)
			break;
		flight(cache);
		cache->stats.shared -= cache->body != NULL;
	}
	cache->stats.shared += page != NULL;
	pthread_mutex_unlock(&cache->lock);
	return page;
}

void page_cache_trim(struct page_cache *cache)
{
	struct body *unused = NULL;
	pthread_mutex_lock(&cache->lock);
	if (cache->body && monotonic_ns() - cache->used_ns >= TRIM_AFTER_NS) {
		unused = cache->body;
		cache->body = NULL;
	}
	pthread_mutex_unlock(&cache->lock);
	body_put(unused);
}

struct page_cache_stats page_cache_stats(struct page_cache *cache)
{
	pthread_mutex_lock(&cache->lock);
	struct page_cache_stats stats = cache->stats;
	pthread_mutex_unlock(&cache->lock);
	return stats;
}
