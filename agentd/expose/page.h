/* SPDX-License-Identifier: MIT */
/* Rendered pages: collected once, rendered and compressed once per variant, served to many.
 *
 * A variant is a format, an escaping, with or without created timestamps, and an encoding. page_get() hands out an
 * immutable, reference-counted body whose collection began at most `fresh_ns` before the question; concurrent callers
 * that miss wait for one collection and one rendering. All variants are made from the same snapshot, compressed ones
 * from the plain body.
 *
 * A question may also ask for less: only what some collectors have (then only those run, into a snapshot of their own,
 * which is shared in the same way), or only the samples that pass a filter (then the body is the caller's alone). Both
 * cost whoever asks, and nothing the others.
 */
#ifndef AGENTD_EXPOSE_PAGE_H
#define AGENTD_EXPOSE_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "compress.h"
#include "format.h"
#include "snapshot/snapshot.h"

/* Collectors, one bit each, as whoever runs them has numbered them. */
#define PAGE_COLLECTORS_MAX 256u
struct page_collectors {
	uint64_t bits[PAGE_COLLECTORS_MAX / 64];
};

static inline void page_collectors_add(struct page_collectors *collectors, unsigned index)
{
	collectors->bits[index / 64] |= UINT64_C(1) << index % 64;
}
static inline bool page_collectors_have(const struct page_collectors *collectors, unsigned index)
{
	return collectors->bits[index / 64] >> index % 64 & 1;
}

/* What a collection is asked for. */
struct page_collection {
	const struct page_collectors *collectors; /* NULL: all of them */
	int64_t deadline_ns;                      /* from now; 0: as configured */
};

struct page_question {
	enum format format;
	enum escaping escaping;
	bool created;
	enum encoding encoding;
	struct page_collection collection;  /* the deadline of whoever comes first counts for all who wait with him */
	const struct format_filter *filter; /* NULL: everything; may be called by the asking thread only */
};

struct page {
	const char *body;
	size_t len;
	enum encoding encoding; /* IDENTITY for a small body, whatever was asked for */
	char content_type[FORMAT_CONTENT_TYPE_MAX];
	/* What `carrier_new` made of it; lives as long as the page. */
	void *carrier;
};

struct page_options {
	/* Makes a snapshot and returns it with a reference (NULL on failure). Called by one thread at a time. */
	struct snapshot *(*collect)(void *context, const struct page_collection *collection);
	void *context;
	int64_t fresh_ns;
	/* Both or none: makes something that a server can send many times of a page, once in the life of the page. It
	 * takes over the body (malloc'ed), also on failure (NULL: out of memory), and may keep it for longer than the
	 * page lives. */
	void *(*carrier_new)(const struct page *page);
	void (*carrier_free)(void *carrier);
};

struct page_cache;

struct page_cache *page_cache_new(const struct page_options *options);
void page_cache_free(struct page_cache *cache); /* NULL is fine */

/* The page with a reference for the caller, or NULL (out of memory, or the collection failed). Thread-safe; may wait
 * for a collection. */
const struct page *page_get(struct page_cache *cache, const struct page_question *question);

/* The same if it is there and fresh, else NULL at once. Cost: some 60 ns. */
const struct page *page_get_ready(struct page_cache *cache, const struct page_question *question);
void page_put(const struct page *page); /* NULL is fine */

/* The snapshot that a page would be rendered from, with a reference, or NULL. Thread-safe; may wait for a collection.
 */
struct snapshot *page_snapshot_get(struct page_cache *cache, const struct page_collection *collection);

/* Lets go of bodies, snapshots and compressors that nobody has asked for in the last second; called by the agent's
 * timer. */
void page_cache_trim(struct page_cache *cache);

/* Figures for the agent's own metrics. */
struct page_cache_stats {
	uint64_t renders; /* bodies rendered, filtered ones included */
	uint64_t compressions;
	uint64_t shared;     /* requests served from a body that was there already */
	uint64_t body_bytes; /* of the last plain body of everything */
	uint64_t render_ns_total;
	uint64_t compress_ns_total;
	uint64_t waiting; /* callers that wait for another's work now */
};
struct page_cache_stats page_cache_stats(struct page_cache *cache);

#endif
