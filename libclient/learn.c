/* SPDX-License-Identifier: MIT */
/* Understanding the arena: what the tree has registered becomes this process' index.
 *
 * The arena may be that of a dead run that is to be adopted: every record is checked before it is believed.
 */
#include <string.h>

#include "key.h"
#include "private.h"

static bool string_valid(uint32_t offset)
{
	uint64_t end = mstat_header()->arena_published;
	if (offset % 8 || offset < MSTAT_SHM_ARENA_FIRST || offset + sizeof(struct mstat_shm_string) > end)
		return false;
	const struct mstat_shm_string *string = mstat_arena(offset);
	const char *text = string->text; /* longer than the array that the layout names */
	return string->record.kind == MSTAT_SHM_RECORD_STRING && string->record.bytes <= end - offset &&
	       string->len < string->record.bytes - offsetof(struct mstat_shm_string, text) && !text[string->len];
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

/* The record of that kind at an offset, complete, or NULL. */
static const void *record_at(uint32_t offset, uint16_t kind, uint32_t bytes_min)
{
	uint64_t end = mstat_header()->arena_published;
	if (offset % 8 || offset < MSTAT_SHM_ARENA_FIRST || offset + (uint64_t)bytes_min > end)
		return NULL;
	const struct mstat_shm_record *record = mstat_arena(offset);
	return record->kind == kind && record->bytes >= bytes_min && record->bytes <= end - offset ? record : NULL;
}

/* Buckets, states and the number of cells of a family's series; false when the record is not as it should be. */
static bool family_learn_details(struct mstat_family_state *family, const struct mstat_shm_family *record)
{
	family->cells = record->kind == MSTAT_SHM_GAUGE && record->merge == MSTAT_SHM_MERGE_LAST ? 2 : 1;
	if (mstat_shm_kind_has_buckets(record->kind)) {
		const struct mstat_shm_buckets *buckets =
			record_at(record->buckets, MSTAT_SHM_RECORD_BUCKETS, sizeof(*buckets));
		family->map = buckets ? mstat_map_make(buckets, record->value) : NULL;
		if (!family->map)
			return false;
		family->cells = mstat_sums_of(record->kind, record->value) + family->map->count + 1;
	}
	if (record->kind == MSTAT_SHM_STATE_SET || record->kind == MSTAT_SHM_SUMMARY) {
		const struct mstat_shm_list *list = record_at(record->list, MSTAT_SHM_RECORD_LIST, sizeof(*list));
		if (!list || (list->record.bytes - sizeof(*list)) / sizeof(list->items[0]) < list->count)
			return false;
		for (uint32_t i = 0; record->kind == MSTAT_SHM_STATE_SET && i < list->count; i++)
			if (list->items[i] > UINT32_MAX || !string_valid((uint32_t)list->items[i]))
				return false;
		family->states = record->kind == MSTAT_SHM_STATE_SET ? list->count : 0;
	}
	return true;
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
	if (!family_learn_details(family, record))
		return false;
	index->families[index->family_count] = family;
	mstat_store_release(&index->family_count, index->family_count + 1); /* pairs with mstat_series_find() */
	return true;
}

/* Fills the key; returns its length. With a NULL key only the length. */
static uint32_t key_from_record(const struct mstat_shm_series *record, unsigned char *key)
{
	uint32_t bytes = 0;
	for (uint32_t i = 0; i < record->label_count; i++) {
		const struct mstat_shm_string *value = mstat_arena(record->label_values[i]);
		uint32_t padded = (value->len + MSTAT_KEY_BLOCK) / MSTAT_KEY_BLOCK * MSTAT_KEY_BLOCK;
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
	node->map = family->map;
	node->states = family->states;
	if (family->kind == MSTAT_SHM_GAUGE && family->merge == MSTAT_SHM_MERGE_LAST)
		node->handle.index |= MSTAT_HANDLE_STAMPED;
}

static bool series_record_valid(const struct mstat_shm_series *record, const struct mstat_family_state *family)
{
	const struct mstat_layout *layout = &mstat_root.layout;
	uint32_t cells = mstat_shm_kind_in_rows(family->kind) ? layout->cell_max : layout->gauge_cell_max;
	if (record->record.bytes < sizeof(*record) + record->label_count * 4ull ||
	    record->index >= layout->series_max || record->cell >= cells || cells - record->cell < family->cells)
		return false;
	for (uint32_t i = 0; i < record->label_count; i++)
		if (!string_valid(record->label_values[i]))
			return false;
	return true;
}

static struct mstat_node *node_twin(const struct mstat_index *index, const struct mstat_node *node)
{
	const struct mstat_table *table = index->table;
	for (uint64_t i = node->hash & table->mask; table->buckets[i].node; i = (i + 1) & table->mask) {
		struct mstat_node *other = table->buckets[i].node;
		if (other->hash == node->hash && other->family == node->family && other->key_bytes == node->key_bytes &&
		    !memcmp(other->key, node->key, node->key_bytes))
			return other;
	}
	return NULL;
}

/* A series that was removed has come back with a new record, because its cell has another owner: the node moves, and
 * with it the handles that applications hold. */
static void node_move(struct mstat_index *index, struct mstat_node *node, const struct mstat_node *to)
{
	index->by_index[node->index] = NULL;
	index->by_index[to->index] = node;
	node->cell = to->cell;
	mstat_store_relaxed(&node->index, to->index);
	mstat_store_relaxed(&node->handle.index, to->handle.index);
	mstat_store_release(&node->handle.offset, to->handle.offset); /* pairs with loads in record.h */
}

/* Of several series that have had a cell, the live one owns it; where none is live, any one may have it back. */
static void cell_learn(struct mstat_index *index, const struct mstat_node *node)
{
	bool live = (mstat_entry(node->index)->state & MSTAT_SHM_STATE_MASK) == MSTAT_SHM_STATE_LIVE;
	if (live || !index->owners[node->cell])
		index->owners[node->cell] = node->index + 1;
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
	node->hash = mstat_hash_begin(index, family->ordinal);
	for (uint32_t at = 0; at < key_bytes; at += MSTAT_KEY_BLOCK) {
		struct mstat_block block;
		memcpy(&block, node->key + at, MSTAT_KEY_BLOCK);
		node->hash = mstat_hash_block(node->hash, block);
	}
	handle_fill(node, family);
	if (mstat_shm_kind_in_rows(family->kind))
		cell_learn(index, node);
	struct mstat_node *twin = overflow ? NULL : node_twin(index, node);
	family->live += !overflow;
	if (twin) {
		node_move(index, twin, node);
		return true;
	}
	index->by_index[node->index] = node;
	if (overflow) {
		mstat_store_release(&family->overflow, node); /* pairs with the acquire in overflow_handle() */
		return true;
	}
	return mstat_index_put(index, node);
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
			learned = string_valid(offset) && mstat_strings_put(index, offset);
		else if (record->kind == MSTAT_SHM_RECORD_FAMILY)
			learned = family_learn(index, offset, mstat_arena(offset));
		else if (record->kind == MSTAT_SHM_RECORD_SERIES)
			learned = series_learn(index, mstat_arena(offset));
		if (!learned)
			return false;
		mstat_store_relaxed(&index->synced, index->synced + bytes);
	}
	return true;
}
