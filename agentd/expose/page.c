/* SPDX-License-Identifier: MIT */
/* Rendered pages: the bodies, one for each variant; who asks for one that is being made waits for it. */
#include "page.h"

#include <stdlib.h>
#include <time.h>

#include <mstat/atomic.h>

#include "page_private.h"

int64_t page_clock_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

struct page_cache *page_cache_new(const struct page_options *options)
{
	struct page_cache *cache = calloc(1, sizeof(*cache));
	if (!cache)
		return NULL;
	cache->options = *options;
	pthread_mutex_init(&cache->lock, NULL);
	pthread_cond_init(&cache->landed, NULL);
	return cache;
}

/* ---- bodies ----------------------------------------------------------------------------------------------------- */

static void body_put(struct page_body *body)
{
	/* The release pairs with the acquire of whoever takes the last reference away. */
	if (!body || mstat_sub_release(&body->references, 1) != 1)
		return;
	mstat_load_acquire(&body->references); /* pairs with the releases of all earlier holders */
	if (body->page.carrier)
		body->carrier_free(body->page.carrier);
	else
		free((char *)body->page.body);
	free(body);
}

static struct page_body *body_ref(struct page_body *body)
{
	mstat_add_relaxed(&body->references, 1);
	return body;
}

void page_put(const struct page *page)
{
	body_put((struct page_body *)page);
}

/* Takes `text` (malloc'ed) over, also on failure. */
static struct page_body *body_new(struct page_cache *cache, const struct page_question *question,
				  enum encoding encoding, char *text, size_t len, int64_t time_ns)
{
	struct page_body *body = calloc(1, sizeof(*body));
	if (!body) {
		free(text);
		return NULL;
	}
	body->page = (struct page){.body = text, .len = len, .encoding = encoding};
	format_content_type(question->format, question->escaping, body->page.content_type);
	body->references = 1;
	body->time_ns = time_ns;
	body->carrier_free = cache->options.carrier_free;
	if (!cache->options.carrier_new)
		return body;
	body->page.carrier = cache->options.carrier_new(&body->page);
	if (body->page.carrier)
		return body;
	free(body);
	return NULL;
}

void page_bodies_take_stale(struct page_cache *cache, struct page_bodies *bodies)
{
	const int64_t now_ns = page_clock_ns();
	for (size_t i = 0; i < PAGE_VARIANTS; i++) {
		struct page_slot *slot = &cache->slots[i];
		if (!slot->body || page_time_fresh(cache, slot->body->time_ns, now_ns))
			continue;
		bodies->bodies[bodies->count++] = slot->body;
		slot->body = NULL;
	}
}

void page_bodies_put(struct page_bodies *bodies)
{
	for (size_t i = 0; i < bodies->count; i++)
		body_put(bodies->bodies[i]);
}

void page_cache_free(struct page_cache *cache)
{
	if (!cache)
		return;
	for (size_t i = 0; i < PAGE_VARIANTS; i++)
		body_put(cache->slots[i].body);
	for (size_t i = 0; i < PAGE_VALUES_MAX; i++)
		snapshot_unref(cache->values[i].snapshot);
	compressor_free(cache->compressor);
	pthread_cond_destroy(&cache->landed);
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

/* ---- making one ------------------------------------------------------------------------------------------------- */

/* Called with the lock, which is open meanwhile; takes the reference to the snapshot over. NULL on failure. */
static struct page_body *body_render(struct page_cache *cache, const struct page_question *question,
				     struct snapshot *snapshot, int64_t time_ns)
{
	const struct format_options options = {question->format, question->escaping, question->created,
					       question->filter};
	char *text;
	size_t len;
	struct page_body *body = NULL;
	pthread_mutex_unlock(&cache->lock);
	const int64_t start_ns = page_clock_ns();
	const int r = format_render(snapshot, &options, &text, &len);
	const int64_t render_ns = page_clock_ns() - start_ns;
	snapshot_unref(snapshot);
	if (!r)
		body = body_new(cache, question, ENCODING_IDENTITY, text, len, time_ns);
	pthread_mutex_lock(&cache->lock);
	cache->stats.renders += body != NULL;
	cache->stats.render_ns_total += (uint64_t)render_ns;
	return body;
}

/* Called with the lock, which is open meanwhile; takes the plain body's reference over. Small ones are their own
 * compressed form. NULL on failure. */
static struct page_body *body_compress(struct page_cache *cache, const struct page_question *question,
				       struct page_body *plain)
{
	if (plain->page.len < COMPRESS_BYTES_MIN)
		return plain;
	struct compressor *compressor = cache->compressor;
	struct page_body *body = NULL;
	char *text;
	size_t len;
	cache->compressor = NULL;
	pthread_mutex_unlock(&cache->lock);
	const int64_t start_ns = page_clock_ns();
	if (!compressor)
		compressor = compressor_new();
	if (compressor &&
	    !compress_body(compressor, question->encoding, plain->page.body, plain->page.len, &text, &len))
		body = body_new(cache, question, question->encoding, text, len, plain->time_ns);
	body_put(plain);
	const int64_t end_ns = page_clock_ns();
	pthread_mutex_lock(&cache->lock);
	struct compressor *spare = cache->compressor;
	cache->compressor = compressor;
	cache->compressor_used_ns = end_ns;
	cache->stats.compressions += body != NULL;
	cache->stats.compress_ns_total += (uint64_t)(end_ns - start_ns);
	compressor_free(spare); /* of somebody who compressed at the same time */
	return body;
}

/* ---- shared bodies ---------------------------------------------------------------------------------------------- */

static struct page_slot *slot_of(struct page_cache *cache, const struct page_question *question)
{
	const bool tells = question->format == FORMAT_OPENMETRICS_0_0_1 || question->format == FORMAT_OPENMETRICS_1_0;
	const size_t created = tells && question->created; /* elsewhere it changes nothing */
	const size_t index = (((size_t)question->format * ESCAPING_COUNT + (size_t)question->escaping) * 2 + created) *
				     ENCODING_COUNT +
			     (size_t)question->encoding;
	return &cache->slots[index];
}

void page_wait(struct page_cache *cache)
{
	cache->stats.waiting++;
	pthread_cond_wait(&cache->landed, &cache->lock);
	cache->stats.waiting--;
}

static struct page_body *slot_share(struct page_cache *cache, struct page_slot *slot, int64_t asked_ns)
{
	if (!slot->body || !page_time_fresh(cache, slot->body->time_ns, asked_ns))
		return NULL;
	slot->used_ns = asked_ns;
	return body_ref(slot->body);
}

static struct page_body *shared_get(struct page_cache *cache, const struct page_question *question, int64_t asked_ns,
				    bool *made);

/* Makes the body of a slot that is marked as being made. */
static struct page_body *slot_make(struct page_cache *cache, const struct page_question *question, int64_t asked_ns)
{
	if (question->encoding != ENCODING_IDENTITY) {
		struct page_question plain = *question;
		plain.encoding = ENCODING_IDENTITY;
		bool made;
		struct page_body *body = shared_get(cache, &plain, asked_ns, &made);
		return body ? body_compress(cache, question, body) : NULL;
	}
	int64_t time_ns;
	struct snapshot *snapshot = page_values_get(cache, &question->collection, asked_ns, &time_ns);
	struct page_body *body = snapshot ? body_render(cache, question, snapshot, time_ns) : NULL;
	if (body)
		cache->stats.body_bytes = body->page.len;
	return body;
}

static void slot_fill(struct page_cache *cache, struct page_slot *slot, const struct page_question *question,
		      int64_t asked_ns)
{
	slot->making = true;
	struct page_body *body = slot_make(cache, question, asked_ns), *old = slot->body;
	slot->making = false;
	if (body)
		slot->body = body;
	else
		slot->failed_ns = page_clock_ns();
	if (body)
		body_put(old);
	pthread_cond_broadcast(&cache->landed);
}

/* Called with the lock, which is open while this waits or makes: the body with a reference, or NULL. */
static struct page_body *shared_get(struct page_cache *cache, const struct page_question *question, int64_t asked_ns,
				    bool *made)
{
	struct page_slot *slot = slot_of(cache, question);
	*made = false;
	for (;;) {
		struct page_body *body = slot_share(cache, slot, asked_ns);
		/* The failure of an attempt that this caller has waited for is its own too, or else each of many
		 * would try in its turn. */
		if (body || slot->failed_ns >= asked_ns)
			return body;
		if (slot->making) {
			page_wait(cache);
			continue;
		}
		slot_fill(cache, slot, question, asked_ns);
		*made = true;
	}
}

/* ---- questions -------------------------------------------------------------------------------------------------- */

/* Called with the lock: a body for one caller. */
static struct page_body *private_get(struct page_cache *cache, const struct page_question *question, int64_t asked_ns)
{
	int64_t time_ns;
	struct snapshot *snapshot = page_values_get(cache, &question->collection, asked_ns, &time_ns);
	struct page_body *body = snapshot ? body_render(cache, question, snapshot, time_ns) : NULL;
	if (!body || question->encoding == ENCODING_IDENTITY)
		return body;
	return body_compress(cache, question, body);
}

const struct page *page_get(struct page_cache *cache, const struct page_question *question)
{
	const int64_t asked_ns = page_clock_ns();
	struct page_body *body;
	bool made = true;
	pthread_mutex_lock(&cache->lock);
	if (question->filter || question->collection.collectors)
		body = private_get(cache, question, asked_ns);
	else
		body = shared_get(cache, question, asked_ns, &made);
	cache->stats.shared += body && !made;
	pthread_mutex_unlock(&cache->lock);
	return body ? &body->page : NULL;
}

const struct page *page_get_ready(struct page_cache *cache, const struct page_question *question)
{
	if (question->filter || question->collection.collectors)
		return NULL;
	const int64_t asked_ns = page_clock_ns();
	pthread_mutex_lock(&cache->lock);
	struct page_body *body = slot_share(cache, slot_of(cache, question), asked_ns);
	cache->stats.shared += body != NULL;
	pthread_mutex_unlock(&cache->lock);
	return body ? &body->page : NULL;
}

/* ---- the agent's timer ------------------------------------------------------------------------------------------ */

void page_cache_trim(struct page_cache *cache)
{
	struct page_bodies unused = {.count = 0};
	struct snapshot *snapshots[PAGE_VALUES_MAX];
	struct compressor *compressor = NULL;
	pthread_mutex_lock(&cache->lock);
	const int64_t before_ns = page_clock_ns() - PAGE_TRIM_AFTER_NS;
	for (size_t i = 0; i < PAGE_VARIANTS; i++) {
		struct page_slot *slot = &cache->slots[i];
		if (!slot->body || slot->used_ns > before_ns)
			continue;
		unused.bodies[unused.count++] = slot->body;
		slot->body = NULL;
	}
	for (size_t i = 0; i < PAGE_VALUES_MAX; i++) {
		struct page_values *values = &cache->values[i];
		snapshots[i] = values->used_ns > before_ns ? NULL : values->snapshot;
		if (snapshots[i])
			values->snapshot = NULL;
	}
	if (cache->compressor_used_ns <= before_ns) {
		compressor = cache->compressor;
		cache->compressor = NULL;
	}
	pthread_mutex_unlock(&cache->lock);
	page_bodies_put(&unused);
	for (size_t i = 0; i < PAGE_VALUES_MAX; i++)
		snapshot_unref(snapshots[i]);
	compressor_free(compressor);
}

struct page_cache_stats page_cache_stats(struct page_cache *cache)
{
	pthread_mutex_lock(&cache->lock);
	struct page_cache_stats stats = cache->stats;
	pthread_mutex_unlock(&cache->lock);
	return stats;
}
