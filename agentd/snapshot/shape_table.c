/* SPDX-License-Identifier: MIT */
/* The shape table: linear probing over pointers; few shapes, looked up when a series is new. */
#include "shape_table.h"

#include <stdlib.h>
#include <string.h>

void shape_table_fini(struct shape_table *table)
{
	for (uint32_t at = 0; at < table->slot_count; at++)
		free(table->slots[at]);
	free(table->slots);
	*table = (struct shape_table){0};
}

const struct shape *shape_table_find(const struct shape_table *table, uint64_t hash, const void *key, size_t key_len)
{
	if (!table->slot_count)
		return NULL;
	uint32_t mask = table->slot_count - 1;
	for (uint32_t at = (uint32_t)hash & mask; table->slots[at]; at = (at + 1) & mask) {
		const struct shape_entry *entry = table->slots[at];
		if (entry->hash == hash && entry->key_len == key_len && !memcmp(entry->key, key, key_len))
			return &entry->shape;
	}
	return NULL;
}

static void slot_fill(struct shape_table *table, struct shape_entry *entry)
{
	uint32_t mask = table->slot_count - 1;
	uint32_t at = (uint32_t)entry->hash & mask;
	while (table->slots[at])
		at = (at + 1) & mask;
	table->slots[at] = entry;
	table->used++;
}

/* Room for one more shape at a load of three quarters. */
static bool slots_reserve(struct shape_table *table)
{
	if ((table->used + 1) * 4 <= table->slot_count * 3)
		return true;
	struct shape_table grown = {.slot_count = table->slot_count ? 2 * table->slot_count : 16};
	grown.slots = calloc(grown.slot_count, sizeof(struct shape_entry *));
	if (!grown.slots)
		return false;
	for (uint32_t at = 0; at < table->slot_count; at++)
		if (table->slots[at])
			slot_fill(&grown, table->slots[at]);
	grown.bytes = table->bytes + (grown.slot_count - table->slot_count) * sizeof(struct shape_entry *);
	free(table->slots);
	*table = grown;
	return true;
}

enum catalog_conflict shape_table_add(struct shape_table *table, uint64_t hash, const void *key, size_t key_len,
				      const struct shape **shape)
{
	if (table->used >= SHAPE_TABLE_SHAPES_MAX)
		return CATALOG_LIMIT;
	if (!slots_reserve(table))
		return CATALOG_NO_MEMORY;
	struct shape_entry *entry = shape_entry_new(hash, key, key_len);
	if (!entry)
		return CATALOG_NO_MEMORY;
	if (entry->bytes > SHAPE_TABLE_BYTES_MAX || table->bytes > SHAPE_TABLE_BYTES_MAX - entry->bytes) {
		free(entry);
		return CATALOG_LIMIT;
	}
	slot_fill(table, entry);
	table->bytes += entry->bytes;
	*shape = &entry->shape;
	return CATALOG_OK;
}
