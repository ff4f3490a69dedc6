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
/* The short read-side functions of liburcu inlined, as its licence allows to compatible ones. */
#define _LGPL_SOURCE
#include <urcu/urcu-bp.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "private.h"

#define KEY_BLOCK 16u
#define TABLE_FIRST 64u

/* ---- memory ---- */

/* From the kernel, not malloc: an application's malloc may be held by another thread at a raw clone(), or be our
 * caller. */
static void *pages_alloc(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return memory == MAP_FAILED ? NULL : memory;
}

static struct {
	char *next;
	size_t left;
} private_chunk;

void *mstat_private_alloc(size_t bytes)
{
	bytes = (bytes + KEY_BLOCK - 1) / KEY_BLOCK * KEY_BLOCK;
	if (private_chunk.left < bytes) {
		size_t chunk = mstat_max(bytes, (size_t)64 << 10);
		char *memory = pages_alloc(chunk);
		if (!memory)
			return NULL;
		private_chunk.next = memory;
		private_chunk.left = chunk;
	}
	void *memory = private_chunk.next;
	private_chunk.next += bytes;
	private_chunk.left -= bytes;
	return memory;
}

static size_t table_bytes(uint64_t buckets)
{
	return sizeof(struct mstat_table) + buckets * sizeof(struct mstat_bucket);
}

static struct mstat_table *table_new(uint64_t buckets)
{
	struct mstat_table *table = pages_alloc(table_bytes(buckets));
	if (table)
		table->mask = buckets - 1;
	return table;
}

struct mstat_index *mstat_index_new(void)
{
	struct mstat_index *index = pages_alloc(sizeof(*index));
	const char *random = (const char *)getauxval(AT_RANDOM);
	if (!index)
		return NULL;
	/* Values of labels may come from outside: nobody should be able to choose them so that they collide. */
	index->seed = mstat_monotonic_ns();
	if (random)
		memcpy(&index->seed, random + 8, sizeof(index->seed));
	index->synced = MSTAT_SHM_ARENA_FIRST;
	index->table = table_new(TABLE_FIRST);
	index->by_index = pages_alloc(mstat_root.layout.series_max * sizeof(*index->by_index));
	if (!index->table || !index->by_index) {
		mstat_index_free(index);
		return NULL;
	}
	/* A new chunk: in a child of fork the inherited one may have been cut in the middle of a change. */
	private_chunk.left = 0;
	return index;
}

void mstat_index_free(struct mstat_index *index)
{
	if (!index)
		return;
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

struct block {
	uint64_t low, high;
};

static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_block(uint64_t hash, struct block block)
{
	return hash_mix(block.low ^ 0x9e3779b97f4a7c15ull ^ hash, block.high ^ 0xc2b2ae3d27d4eb4full);
}

static inline uint64_t hash_begin(const struct mstat_index *index, uint32_t family)
{
	return index->seed ^ ((uint64_t)family + 1) * 0xff51afd7ed558ccdull;
}

/* The next 16 bytes of a string, zeros behind its end; *ended says that the end is among them. */
static inline struct block block_next(const char *text, bool *ended)
{
	struct block block = {0, 0};
	size_t len = strnlen(text, KEY_BLOCK);
	memcpy(&block, text, len);
	*ended = len < KEY_BLOCK;
	return block;
}

#if defined(__SSE2__) && !defined(__SANITIZE_ADDRESS__)
/* The first block in a few instructions, where reading 16 bytes cannot leave the page that the string begins on. */
static const unsigned char block_masks[32] = {255, 255, 255, 255, 255, 255, 255, 255,
					      255, 255, 255, 255, 255, 255, 255, 255};

static inline struct block block_first(const char *text, bool *ended)
{
	if (((uintptr_t)text & 4095) > 4096 - KEY_BLOCK)
		return block_next(text, ended);
	__m128i bytes = _mm_loadu_si128((const __m128i *)text);
	unsigned int zeros = (unsigned int)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_setzero_si128()));
	struct block block;
	*ended = zeros != 0;
	if (zeros) {
		unsigned int len = (unsigned int)__builtin_ctz(zeros);
		bytes = _mm_and_si128(bytes, _mm_loadu_si128((const __m128i *)(block_masks + KEY_BLOCK - len)));
	}
	_mm_storeu_si128((__m128i *)&block, bytes);
	return block;
}
#else
static inline struct block block_first(const char *text, bool *ended)
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

/* The key that is looked for. Where every value fits one block (15 bytes and the NUL), all blocks are read once and
 * kept; longer ones are streamed, for the hash and again for the comparison. */
struct key {
	uint64_t order;
	const char *const *values;
	uint32_t count;
	uint32_t family;
	bool short_values;
	struct block blocks[MSTAT_LABELS_MAX];
};

static uint64_t key_hash_long(uint64_t hash, const struct key *key)
{
	for (uint32_t i = 0; i < key->count; i++) {
		const char *text = value_in_order(key->values, key->order, i);
		bool ended;
		for (hash = hash_block(hash, block_first(text, &ended)); !ended;
		     hash = hash_block(hash, block_next(text, &ended)))
			text += KEY_BLOCK;
	}
	return hash;
}

static inline uint64_t key_hash(uint64_t hash, struct key *key)
{
	uint64_t begin = hash;
	for (uint32_t i = 0; i < key->count; i++) {
		bool ended;
		key->blocks[i] = block_first(value_in_order(key->values, key->order, i), &ended);
		if (MSTAT_UNLIKELY(!ended)) {
			key->short_values = false;
			return key_hash_long(begin, key);
		}
		hash = hash_block(hash, key->blocks[i]);
	}
	key->short_values = true;
	return hash;
}

static inline bool block_equal(const unsigned char *have, struct block want)
{
	struct block block;
	memcpy(&block, have, KEY_BLOCK);
	return ((block.low ^ want.low) | (block.high ^ want.high)) == 0;
}

static bool key_equal_long(const struct mstat_node *node, const struct key *key)
{
	const unsigned char *have = node->key;
	for (uint32_t i = 0; i < key->count; i++) {
		const char *text = value_in_order(key->values, key->order, i);
		bool ended = false;
		for (bool first = true; !ended; first = false, have += KEY_BLOCK, text += KEY_BLOCK)
			if (!block_equal(have, first ? block_first(text, &ended) : block_next(text, &ended)))
				return false;
	}
	return true;
}

static inline bool key_equal(const struct mstat_node *node, const struct key *key)
{
	if (MSTAT_UNLIKELY(!key->short_values))
		return key_equal_long(node, key);
	for (uint32_t i = 0; i < key->count; i++)
		if (!block_equal(node->key + i * KEY_BLOCK, key->blocks[i]))
			return false;
	/* Equal hashes of other lengths: all blocks of this key end in a NUL, so a longer key differs in one of them.
	 */
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
	uint64_t hash = key_hash(hash_begin(index, family), &key);
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

static bool index_put(struct mstat_index *index, struct mstat_node *node)
{
	if ((index->count + 1) * 2 > index->table->mask + 1 && !index_grow(index))
		return false;
	table_put(index->table, node);
	index->count++;
	return true;
}

/* ---- strings ---- */

static uint32_t text_hash(const char *text, size_t len)
{
	uint64_t hash = len;
	for (; len > KEY_BLOCK; len -= KEY_BLOCK, text += KEY_BLOCK) {
		struct block block;
		memcpy(&block, text, KEY_BLOCK);
		hash = hash_block(hash, block);
	}
	struct block rest = {0, 0};
	memcpy(&rest, text, len);
	hash = hash_block(hash, rest);
	return (uint32_t)(hash ^ hash >> 32);
}

static bool strings_put(struct mstat_index *index, uint32_t offset)
{
	if (!index->strings || (index->string_count + 1) * 2 > index->string_mask + 1) {
		uint32_t *old = index->strings, old_mask = index->string_mask, size = old ? (old_mask + 1) * 2 : 1024;
		uint32_t *strings = pages_alloc(size * sizeof(*strings));
		if (!strings)
			return false;
		index->strings = strings, index->string_mask = size - 1, index->string_count = 0;
		for (uint32_t i = 0; old && i <= old_mask; i++)
			if (old[i])
				strings_put(index, old[i]);
		if (old)
			munmap(old, (old_mask + 1) * sizeof(*old));
	}
	const struct mstat_shm_string *string = mstat_arena(offset);
	uint32_t i = text_hash(string->text, string->len) & index->string_mask;
	while (index->strings[i])
		i = (i + 1) & index->string_mask;
	index->strings[i] = offset;
	index->string_count++;
	return true;
}

static uint32_t strings_find(const struct mstat_index *index, const char *text, size_t len)
{
	if (!index->strings)
		return 0;
	for (uint32_t i = text_hash(text, len) & index->string_mask; index->strings[i];
	     i = (i + 1) & index->string_mask) {
		const struct mstat_shm_string *string = mstat_arena(index->strings[i]);
		if (string->len == len && !memcmp(string->text, text, len))
			return index->strings[i];
	}
	return 0;
}

uint32_t mstat_string_intern(struct mstat_index *index, const char *text, size_t len)
{
	uint32_t offset = strings_find(index, text, len);
	if (offset)
		return offset;
	uint32_t bytes = (uint32_t)((offsetof(struct mstat_shm_string, text) + len + 1 + 7) / 8 * 8);
	struct mstat_shm_string *string = mstat_arena_reserve(bytes);
	if (!string)
		return 0;
	memset(string, 0, bytes); /* a registrant that died may have left bytes here */
	string->record.bytes = bytes;
	string->record.kind = MSTAT_SHM_RECORD_STRING;
	string->len = (uint32_t)len;
	memcpy(string->text, text, len);
	offset = (uint32_t)mstat_header()->arena_published;
	mstat_arena_publish(bytes);
	return mstat_index_sync(index) ? offset : 0;
}

/* ---- understanding the arena ---- */

static bool string_valid(uint32_t offset)
{
	uint64_t end = mstat_header()->arena_published;
	if (offset % 8 || offset < MSTAT_SHM_ARENA_FIRST || offset + sizeof(struct mstat_shm_string) > end)
		return false;
	const struct mstat_shm_string *string = mstat_arena(offset);
	return string->record.kind == MSTAT_SHM_RECORD_STRING && string->record.bytes <= end - offset &&
	       string->len < string->record.bytes - offsetof(struct mstat_shm_string, text) &&
	       !string->text[string->len];
}

static struct mstat_family_state *family_by_record(const struct mstat_index *index, uint32_t record)
{
	uint32_t low = 0, high = index->family_count;
	/* Families stand in the arena in the order of their ordinals. */
	while (low < high) {
		uint32_t middle = (low + high) / 2;
		if (index->families[middle]->record < record)
			low = middle + 1;
		else
			high = middle;
	}
	return low < index->family_count && index->families[low]->record == record ? index->families[low] : NULL;
}

static bool family_learn(struct mstat_index *index, uint32_t offset, const struct mstat_shm_family *record)
{
	uint32_t room = record->record.bytes - (uint32_t)sizeof(*record);
	if (record->record.bytes < sizeof(*record) || record->label_count > MSTAT_LABELS_MAX ||
	    room < record->label_count * 4u || record->ordinal != index->family_count ||
	    index->family_count == MSTAT_FAMILIES_MAX || !string_valid(record->name) || !string_valid(record->help) ||
	    !string_valid(record->unit))
		return false;
	for (uint32_t i = 0; i < record->label_count; i++)
		if (!string_valid(record->label_names[i]))
			return false;
	struct mstat_family_state *family = mstat_private_alloc(sizeof(*family));
	if (!family)
		return false;
	*family = (struct mstat_family_state){.record = offset,
					      .ordinal = record->ordinal,
					      .kind = record->kind,
					      .value = record->value,
					      .merge = record->merge,
					      .flags = record->flags,
					      .label_count = record->label_count,
					      .series_limit = record->series_limit};
	index->families[index->family_count++] = family;
	return true;
}

/* Fills the key; returns its length. With a NULL key only the length. */
static uint32_t key_from_record(const struct mstat_shm_series *record, unsigned char *key)
{
	uint32_t bytes = 0;
	for (uint32_t i = 0; i < record->label_count; i++) {
		const struct mstat_shm_string *value = mstat_arena(record->label_values[i]);
		uint32_t padded = (value->len + KEY_BLOCK) / KEY_BLOCK * KEY_BLOCK;
		if (key) {
			memset(key + bytes, 0, padded);
			memcpy(key + bytes, value->text, value->len);
		}
		bytes += padded;
	}
	return bytes;
}

static void handle_fill(struct mstat_node *node, const struct mstat_family_state *family)
{
	node->handle.offset = node->cell * MSTAT_CELL_BYTES;
	node->handle.index = node->index;
	if (family->kind == MSTAT_SHM_GAUGE && family->merge == MSTAT_SHM_MERGE_LAST)
		node->handle.index |= MSTAT_HANDLE_STAMPED;
}

static bool series_record_valid(const struct mstat_shm_series *record, const struct mstat_family_state *family)
{
	const struct mstat_layout *layout = &mstat_root.layout;
	uint32_t cells = family->kind == MSTAT_SHM_COUNTER ? layout->cell_max : layout->gauge_cell_max - 1;
	if (record->record.bytes < sizeof(*record) + record->label_count * 4ull ||
	    record->index >= layout->series_max || record->cell >= cells)
		return false;
	for (uint32_t i = 0; i < record->label_count; i++)
		if (!string_valid(record->label_values[i]))
			return false;
	return true;
}

static bool series_learn(struct mstat_index *index, const struct mstat_shm_series *record)
{
	struct mstat_family_state *family = family_by_record(index, record->family);
	bool overflow = record->record.flags & MSTAT_SHM_SERIES_OVERFLOW;
	if (!family || record->label_count != (overflow ? 0 : family->label_count) ||
	    !series_record_valid(record, family))
		return false;
	uint32_t key_bytes = key_from_record(record, NULL);
	struct mstat_node *node = mstat_private_alloc(sizeof(*node) + key_bytes);
	if (!node)
		return false;
	*node = (struct mstat_node){.family = family->ordinal,
				    .index = record->index,
				    .cell = record->cell,
				    .value_count = record->label_count,
				    .key_bytes = key_bytes};
	key_from_record(record, node->key);
	node->hash = hash_begin(index, family->ordinal);
	for (uint32_t at = 0; at < key_bytes; at += KEY_BLOCK) {
		struct block block;
		memcpy(&block, node->key + at, KEY_BLOCK);
		node->hash = hash_block(node->hash, block);
	}
	handle_fill(node, family);
	index->by_index[node->index] = node;
	if (overflow) {
		family->overflow = node;
		return true;
	}
	family->live++;
	return index_put(index, node);
}

bool mstat_index_sync(struct mstat_index *index)
{
	uint64_t end = mstat_load_acquire(&mstat_header()->arena_published); /* pairs with mstat_arena_publish() */
	while (index->synced < end) {
		uint32_t offset = (uint32_t)index->synced;
		const struct mstat_shm_record *record = mstat_arena(offset);
		uint64_t bytes = record->bytes;
		bool learned = true;
		if (bytes < sizeof(struct mstat_shm_record) || bytes % 8 || bytes > end - offset)
			return false;
		if (record->kind == MSTAT_SHM_RECORD_STRING)
			learned = string_valid(offset) && strings_put(index, offset);
		else if (record->kind == MSTAT_SHM_RECORD_FAMILY)
			learned = family_learn(index, offset, mstat_arena(offset));
		else if (record->kind == MSTAT_SHM_RECORD_SERIES)
			learned = series_learn(index, mstat_arena(offset));
		if (!learned)
			return false;
		index->synced += bytes;
	}
	return true;
}
