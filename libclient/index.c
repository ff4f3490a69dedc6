/* SPDX-License-Identifier: MIT */
/* The private index: what this process knows of the segment's families and series, for finding them fast.
 *
 * It is made from the arena alone, by each process for itself: a child of fork cannot use its parent's (another thread
 * may have been changing it, and a fork copies page by page), so it reads the arena again.
 *
 * Readers take no lock. A bucket is published by its node pointer; tables grow by copy and stay readable until a grace
 * period has passed (mstat_remove) or for ever: together they are no larger than the current one.
 */
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

/* The short read-side functions of liburcu inlined, as its licence allows to compatible ones. Not for sanitizers: its
 * reader structs are aligned to less than their type says. */
#ifndef SANITIZED
#define _LGPL_SOURCE
#endif
#include <urcu/urcu-bp.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "key.h"
#include "private.h"

#define TABLE_FIRST 64u

static size_t table_bytes(uint64_t buckets)
{
	return sizeof(struct mstat_table) + buckets * sizeof(struct mstat_bucket);
}

static struct mstat_table *table_new(uint64_t buckets)
{
	struct mstat_table *table = mstat_pages_alloc(table_bytes(buckets));
	if (table)
		table->mask = buckets - 1;
	return table;
}

struct mstat_index *mstat_index_new(void)
{
	struct mstat_index *index = mstat_pages_alloc(sizeof(*index));
	const char *random = (const char *)getauxval(AT_RANDOM);
	if (!index)
		return NULL;
	/* Values of labels may come from outside: nobody should be able to choose them so that they collide. */
	index->seed = mstat_monotonic_ns();
	if (random)
		memcpy(&index->seed, random + 8, sizeof(index->seed));
	index->synced = MSTAT_SHM_ARENA_FIRST;
	index->table = table_new(TABLE_FIRST);
	index->by_index = mstat_pages_alloc(mstat_root.layout.series_max * sizeof(*index->by_index));
	index->owners = mstat_pages_alloc(mstat_root.layout.cell_max * sizeof(*index->owners));
	if (!index->table || !index->by_index || !index->owners) {
		mstat_index_free(index);
		return NULL;
	}
	/* A new chunk: in a child of fork the inherited one may have been cut in the middle of a change. */
	mstat_private_reset();
	return index;
}

void mstat_index_free(struct mstat_index *index)
{
	if (!index)
		return;
	if (index->owners)
		munmap(index->owners, mstat_root.layout.cell_max * sizeof(*index->owners));
	if (index->by_index)
		munmap(index->by_index, mstat_root.layout.series_max * sizeof(*index->by_index));
	for (struct mstat_table *table = index->table; table;) {
		struct mstat_table *retired = table->retired;
		munmap(table, table_bytes(table->mask + 1));
		table = retired;
	}
	if (index->strings)
		munmap(index->strings, (index->string_mask + 1) * sizeof(*index->strings));
	munmap(index, sizeof(*index));
}

struct mstat_index *mstat_index_ready(void)
{
	struct mstat_index *index = mstat_process.index;
	if (!index) {
		index = mstat_index_new();
		/* release: pairs with the acquire in mstat_series_find() */
		mstat_store_release(&mstat_process.index, index);
	}
	return index;
}

/* ---- keys ---- */

#if defined(__SSE2__) && !defined(SANITIZED)
/* The same in a few instructions, where reading 16 bytes cannot leave the page that they begin on. */
static const unsigned char block_masks[32] = {255, 255, 255, 255, 255, 255, 255, 255,
					      255, 255, 255, 255, 255, 255, 255, 255};

static inline struct mstat_block block_read(const char *text, bool *ended)
{
	if (((uintptr_t)text & 4095) > 4096 - MSTAT_KEY_BLOCK)
		return block_next(text, ended);
	__m128i bytes = _mm_loadu_si128((const __m128i *)text);
	unsigned int zeros = (unsigned int)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_setzero_si128()));
	struct mstat_block block;
	*ended = zeros != 0;
	if (zeros) {
		unsigned int len = (unsigned int)__builtin_ctz(zeros);
		bytes = _mm_and_si128(bytes, _mm_loadu_si128((const __m128i *)(block_masks + MSTAT_KEY_BLOCK - len)));
	}
	_mm_storeu_si128((__m128i *)&block, bytes);
	return block;
}
#else
static inline struct mstat_block block_read(const char *text, bool *ended)
{
	return block_next(text, ended);
}
#endif

/* Which of the caller's values belongs to canonical label i: four bits each. */
static inline const char *value_in_order(const char *const *values, uint64_t order, size_t i)
{
	const char *value = values[order >> (4 * i) & 15];
	return value ? value : "";
}

/* The key that is looked for. Its blocks are read once and kept for the comparison; a key of more blocks than fit is
 * streamed, for the hash and again for the comparison. */
#define BLOCKS_KEPT 24u

struct key {
	uint64_t order;
	const char *const *values;
	uint32_t count;
	uint32_t family;
	uint32_t block_count; /* 0: not kept */
	struct mstat_block blocks[BLOCKS_KEPT];
};

static uint64_t key_hash_long(uint64_t hash, const struct key *key)
{
	for (uint32_t i = 0; i < key->count; i++) {
		const char *text = value_in_order(key->values, key->order, i);
		bool ended;
		do {
			hash = mstat_hash_block(hash, block_read(text, &ended));
			text += MSTAT_KEY_BLOCK;
		} while (!ended);
	}
	return hash;
}

static inline uint64_t key_hash(uint64_t hash, struct key *key)
{
	const uint64_t begin = hash;
	uint32_t n = 0;
	for (uint32_t i = 0; i < key->count; i++) {
		const char *text = value_in_order(key->values, key->order, i);
		bool ended;
		do {
			if (MSTAT_UNLIKELY(n == BLOCKS_KEPT)) {
				key->block_count = 0;
				return key_hash_long(begin, key);
			}
			key->blocks[n] = block_read(text, &ended);
			hash = mstat_hash_block(hash, key->blocks[n++]);
			text += MSTAT_KEY_BLOCK;
		} while (!ended);
	}
	key->block_count = n;
	return hash;
}

static inline bool block_equal(const unsigned char *have, struct mstat_block want)
{
	struct mstat_block block;
	memcpy(&block, have, MSTAT_KEY_BLOCK);
	return ((block.low ^ want.low) | (block.high ^ want.high)) == 0;
}

/* A longer key never runs past the node's: a block of the node that ends a value differs from one that does not. */
static bool key_equal_long(const struct mstat_node *node, const struct key *key)
{
	const unsigned char *have = node->key;
	for (uint32_t i = 0; i < key->count; i++) {
		const char *text = value_in_order(key->values, key->order, i);
		bool ended;
		do {
			if (!block_equal(have, block_read(text, &ended)))
				return false;
			have += MSTAT_KEY_BLOCK;
			text += MSTAT_KEY_BLOCK;
		} while (!ended);
	}
	return true;
}

static inline bool key_equal(const struct mstat_node *node, const struct key *key)
{
	if (MSTAT_UNLIKELY(!key->block_count && key->count))
		return key_equal_long(node, key);
	if (node->key_bytes != key->block_count * MSTAT_KEY_BLOCK)
		return false;
	for (uint32_t i = 0; i < key->block_count; i++)
		if (!block_equal(node->key + i * MSTAT_KEY_BLOCK, key->blocks[i]))
			return false;
	return true;
}

/* ---- the table ---- */

static inline struct mstat_node *table_find(const struct mstat_index *index, uint64_t hash, const struct key *key)
{
	/* acquire: pairs with the release in index_grow() */
	const struct mstat_table *table = mstat_load_acquire(&index->table);
	for (uint64_t i = hash & table->mask;; i = (i + 1) & table->mask) {
		/* acquire: pairs with the release in table_put(); hash and node were written before */
		struct mstat_node *node = mstat_load_acquire(&table->buckets[i].node);
		if (!node)
			return NULL;
		if (table->buckets[i].hash == hash && node->family == key->family && node->value_count == key->count &&
		    key_equal(node, key))
			return node;
	}
}

struct mstat_node *mstat_index_find(const struct mstat_index *index, uint32_t family, uint64_t order,
				    const char *const *values, size_t count)
{
	struct key key;
	key.order = order;
	key.values = values;
	key.count = (uint32_t)count;
	key.family = family;
	bool rcu = mstat_load_relaxed(&mstat_process.rcu) != 0;
	uint64_t hash = key_hash(mstat_hash_begin(index, family), &key);
	if (rcu)
		urcu_bp_read_lock();
	struct mstat_node *node = table_find(index, hash, &key);
	if (rcu)
		urcu_bp_read_unlock();
	return node;
}

static void table_put(struct mstat_table *table, struct mstat_node *node)
{
	uint64_t i = node->hash & table->mask;
	while (table->buckets[i].node)
		i = (i + 1) & table->mask;
	table->buckets[i].hash = node->hash;
	mstat_store_release(&table->buckets[i].node, node); /* pairs with the acquire in table_find() */
}

static bool index_grow(struct mstat_index *index)
{
	struct mstat_table *old = index->table, *table = table_new((old->mask + 1) * 2);
	if (!table)
		return false;
	for (uint64_t i = 0; i <= old->mask; i++)
		if (old->buckets[i].node)
			table_put(table, old->buckets[i].node);
	table->retired = old;
	mstat_store_release(&index->table, table); /* pairs with the acquire in table_find() */
	return true;
}

bool mstat_index_put(struct mstat_index *index, struct mstat_node *node)
{
	if ((index->count + 1) * 2 > index->table->mask + 1 && !index_grow(index))
		return false;
	table_put(index->table, node);
	index->count++;
	return true;
}
