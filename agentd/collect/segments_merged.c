/* SPDX-License-Identifier: MIT */
/* Merged series, found by identity. */
#include "segments_merged.h"

#include <assert.h>
#include <stdlib.h>

#include "segments_windows.h"

#define TABLE_SIZE_FIRST 64u

void merged_set_fini(struct merged_set *set)
{
	for (uint32_t i = 0; i < set->limit; i++)
		window_free(set->all[i].window);
	free(set->all);
	free(set->table);
	*set = (struct merged_set){0};
}

/* The place in the table that leads to the identity, or the free one where it belongs. */
static uint32_t slot_of(const struct merged_set *set, uint64_t identity)
{
	uint32_t at = (uint32_t)(identity >> 32) & (set->table_size - 1);
	while (set->table[at] && set->all[set->table[at] - 1].identity != identity)
		at = (at + 1) & (set->table_size - 1);
	return at;
}

/* All that have users, or had some since the last sweep. */
static void table_fill(struct merged_set *set)
{
	for (uint32_t i = 0; i < set->limit; i++)
		if (set->all[i].identity)
			set->table[slot_of(set, set->all[i].identity)] = i + 1;
}

static bool table_reserve(struct merged_set *set)
{
	if ((set->count + 1) * 2 <= set->table_size)
		return true;
	uint32_t size = set->table_size ? 2 * set->table_size : TABLE_SIZE_FIRST;
	uint32_t *table = calloc(size, sizeof(*table));
	if (!table)
		return false;
	free(set->table);
	set->table = table;
	set->table_size = size;
	table_fill(set);
	return true;
}

static bool places_reserve(struct merged_set *set)
{
	if (set->free || set->limit < set->capacity)
		return true;
	uint32_t capacity = set->capacity ? set->capacity + set->capacity / 2 : 32;
	struct merged *all = reallocarray(set->all, capacity, sizeof(*all));
	if (!all)
		return false;
	set->all = all;
	set->capacity = capacity;
	return true;
}

/* One that was forgotten, else a new one. */
static uint32_t place_take(struct merged_set *set)
{
	if (!set->free)
		return set->limit++;
	uint32_t place = set->free - 1;
	set->free = set->all[place].users;
	return place;
}

uint32_t merged_get(struct merged_set *set, uint64_t identity)
{
	identity += !identity; /* 0: a place that is free */
	if (!table_reserve(set) || !places_reserve(set))
		return MERGED_NONE;
	uint32_t slot = slot_of(set, identity);
	if (!set->table[slot]) {
		uint32_t place = place_take(set);
		set->all[place] = (struct merged){.identity = identity, .series = SERIES_NONE};
		set->table[slot] = place + 1;
		set->count++;
		set->unused++;
	}
	struct merged *merged = &set->all[set->table[slot] - 1];
	set->unused -= !merged->users;
	merged->users++;
	return set->table[slot] - 1;
}

void merged_put(struct merged_set *set, uint32_t place)
{
	assert(place < set->limit && set->all[place].users);
	set->unused += !--set->all[place].users;
}

void merged_sweep(struct merged_set *set)
{
	if (!set->unused)
		return;
	for (uint32_t i = 0; i < set->limit; i++) {
		if (!set->all[i].identity || set->all[i].users)
			continue;
		window_free(set->all[i].window);
		set->all[i] = (struct merged){.users = set->free};
		set->free = i + 1;
		set->count--;
	}
	set->unused = 0;
	for (uint32_t i = 0; i < set->table_size; i++)
		set->table[i] = 0;
	table_fill(set);
}
