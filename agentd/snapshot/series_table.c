/* SPDX-License-Identifier: MIT */
/* The series table: linear probing over tagged 32-bit slots; removal moves later slots back, so there are no marks of
 * removed ones that could fill the table under churn. */
#include "series_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SLOT_REF_MASK 0xffffffu
#define SLOT_TAG_SHIFT 24

/* Odd constants without structure: the fractional parts of the golden ratio and of the square root of 2. */
#define MIX_A UINT64_C(0x9e3779b97f4a7c15)
#define MIX_B UINT64_C(0x6a09e667f3bcc909)

void series_table_init(struct series_table *table)
{
	*table = (struct series_table){.seed = MIX_A};
	/* Without entropy the table still works; only the protection against chosen keys is gone. */
	uint64_t seed;
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) == sizeof(seed))
		table->seed = seed;
}

void series_table_fini(struct series_table *table)
{
	free(table->slots);
	*table = (struct series_table){0};
}

/* Both halves of a 128-bit product, folded: every bit of the input reaches every bit of the result. */
static uint64_t mix(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 product = (unsigned __int128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t series_hash(const struct series_table *table, const char *text, size_t len)
{
	uint64_t hash = table->seed ^ len;
	uint64_t word;
	for (; len >= sizeof(word); text += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, text, sizeof(word));
		hash = mix(hash ^ word, MIX_A ^ table->seed);
	}
	word = 0;
	memcpy(&word, text, len);
	return mix(hash ^ word, MIX_B ^ table->seed);
}

static uint32_t slot_make(uint64_t hash, series_ref series)
{
	return (uint32_t)(hash >> 56) << SLOT_TAG_SHIFT | (series + 1);
}

static series_ref slot_series(uint32_t slot)
{
	return (slot & SLOT_REF_MASK) - 1;
}

static uint32_t slot_home(const struct series_table *table, uint64_t hash)
{
	return (uint32_t)hash & (table->slot_count - 1);
}

static uint32_t slot_after(const struct series_table *table, uint32_t at)
{
	return (at + 1) & (table->slot_count - 1);
}

series_ref series_table_find(const struct series_table *table, const struct store *store, uint64_t hash,
			     const char *text, size_t len)
{
	if (!table->slot_count)
		return SERIES_NONE;
	uint32_t tag = (uint32_t)(hash >> 56);
	for (uint32_t at = slot_home(table, hash); table->slots[at]; at = slot_after(table, at)) {
		if (table->slots[at] >> SLOT_TAG_SHIFT != tag)
			continue;
		series_ref series = slot_series(table->slots[at]);
		const struct store_entry *entry = store_entry(store, series);
		if (entry->text_len == len && !memcmp(entry->text, text, len))
			return series;
	}
	return SERIES_NONE;
}

static uint64_t entry_hash(const struct series_table *table, const struct store *store, uint32_t slot)
{
	const struct store_entry *entry = store_entry(store, slot_series(slot));
	return series_hash(table, entry->text, entry->text_len);
}

bool series_table_reserve(struct series_table *table, const struct store *store)
{
	/* At 13/16 a search for an absent key looks at some 15 neighbouring slots: one or two cache lines. */
	if ((uint64_t)(table->used + 1) * 16 <= (uint64_t)table->slot_count * 13)
		return true;
	struct series_table grown = *table;
	grown.slot_count = table->slot_count ? 2 * table->slot_count : 64;
	grown.used = 0;
	grown.slots = calloc(grown.slot_count, sizeof(*grown.slots));
	if (!grown.slots)
		return false;
	for (uint32_t at = 0; at < table->slot_count; at++)
		if (table->slots[at])
			series_table_insert(&grown, entry_hash(table, store, table->slots[at]),
					    slot_series(table->slots[at]));
	free(table->slots);
	*table = grown;
	return true;
}

void series_table_insert(struct series_table *table, uint64_t hash, series_ref series)
{
	uint32_t at = slot_home(table, hash);
	while (table->slots[at])
		at = slot_after(table, at);
	table->slots[at] = slot_make(hash, series);
	table->used++;
}

static uint32_t slot_find(const struct series_table *table, const struct store *store, series_ref series)
{
	const struct store_entry *entry = store_entry(store, series);
	uint32_t at = slot_home(table, series_hash(table, entry->text, entry->text_len));
	while (slot_series(table->slots[at]) != series) {
		assert(table->slots[at]);
		at = slot_after(table, at);
	}
	return at;
}

void series_table_remove(struct series_table *table, const struct store *store, series_ref series)
{
	uint32_t hole = slot_find(table, store, series);
	uint32_t mask = table->slot_count - 1;
	for (uint32_t at = slot_after(table, hole); table->slots[at]; at = slot_after(table, at)) {
		/* A slot may fill the hole unless its home lies behind the hole: a search would miss it there. */
		uint32_t home = slot_home(table, entry_hash(table, store, table->slots[at]));
		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		table->slots[hole] = table->slots[at];
		hole = at;
	}
	table->slots[hole] = 0;
	table->used--;
}
