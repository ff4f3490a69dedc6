/* SPDX-License-Identifier: MIT */
/* A set of hashes of 64 bits. */
#include "hash_set.h"

#include <stdlib.h>

void hash_set_fini(struct hash_set *set)
{
	free(set->slots);
	*set = (struct hash_set){0};
}

/* Zero marks free slots, so it is stored as another hash; mixed-up hashes are rarer than broken memory. */
static uint64_t stored(uint64_t hash)
{
	return hash ? hash : 1;
}

/* The slot that has the hash, or the free one where it belongs. */
static size_t slot_of(const struct hash_set *set, uint64_t hash)
{
	size_t at = (hash ^ hash >> 32) & (set->slot_count - 1);
	while (set->slots[at] && set->slots[at] != hash)
		at = (at + 1) & (set->slot_count - 1);
	return at;
}

bool hash_set_has(const struct hash_set *set, uint64_t hash)
{
	return set->slot_count && set->slots[slot_of(set, stored(hash))];
}

static bool slots_reserve(struct hash_set *set)
{
	if ((set->count + 1) * 4 <= set->slot_count * 3)
		return true;
	struct hash_set grown = {.slot_count = set->slot_count ? 2 * set->slot_count : 16};
	grown.slots = calloc(grown.slot_count, sizeof(*grown.slots));
	if (!grown.slots)
		return false;
	for (size_t i = 0; i < set->slot_count; i++)
		if (set->slots[i])
			grown.slots[slot_of(&grown, set->slots[i])] = set->slots[i];
	grown.count = set->count;
	free(set->slots);
	*set = grown;
	return true;
}

bool hash_set_add(struct hash_set *set, uint64_t hash)
{
	if (hash_set_has(set, hash))
		return true;
	if (!slots_reserve(set))
		return false;
	set->slots[slot_of(set, stored(hash))] = stored(hash);
	set->count++;
	return true;
}
