/* SPDX-License-Identifier: MIT */
/* Rendered pages: collected and rendered once, served to many.
 *
 * page_get() hands out an immutable, reference-counted body whose collection began at most `fresh_ns`
 * before the call; concurrent callers that miss wait for one collection and one rendering.
 */
#ifndef AGENTD_EXPOSE_PAGE_H
#define AGENTD_EXPOSE_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "snapshot/snapshot.h"

struct page {
	const char *body;
	size_t len;
	const char *content_type;
};

struct page_cache;

/* `collect` publishes a fresh snapshot and returns it with a reference (NULL on failure); it is called by one thread at
 * a time. */
struct page_cache *page_cache_new(struct snapshot *(*collect)(void *context), void *context, int64_t fresh_ns);
void page_cache_free(struct page_cache *cache);

/* The page with a reference for the caller, or NULL (out of memory, or the collection failed). Thread-safe. */
const struct page *page_get(struct page_cache *cache);
void page_put(const struct page *page);

/* Lets go of a body that nobody has asked for in the last second; called by the agent's timer. */
void page_cache_trim(struct page_cache *cache);

/* Figures for the agent's own metrics. */
struct page_cache_stats {
	uint64_t renders;
	uint64_t shared;     /* requests served from a body that was there already */
	uint64_t body_bytes; /* of the last body */
	uint64_t render_ns_total;
	uint64_t waiting; /* callers that wait for a collection now */
};
struct page_cache_stats page_cache_stats(struct page_cache *cache);

#endif
