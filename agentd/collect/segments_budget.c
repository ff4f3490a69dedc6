/* SPDX-License-Identifier: MIT */
/* Shapes by user. */
#include "segments_budget.h"

#include <stdlib.h>
#include <string.h>

#include "host_hash.h"
#include "snapshot/shape_table.h"

void shape_budget_fini(struct shape_budget *budget)
{
	free(budget->users);
	hash_set_fini(&budget->charged);
	*budget = (struct shape_budget){0};
}

static struct budget_user *user_find(struct shape_budget *budget, uid_t uid)
{
	for (size_t i = 0; i < budget->user_count; i++)
		if (budget->users[i].uid == uid)
			return &budget->users[i];
	struct budget_user *users = reallocarray(budget->users, budget->user_count + 1, sizeof(*users));
	if (!users)
		return NULL;
	budget->users = users;
	users[budget->user_count] = (struct budget_user){.uid = uid};
	return &users[budget->user_count++];
}

static uint64_t hash_words(uint64_t hash, const void *words, size_t bytes)
{
	uint64_t word;
	for (size_t at = 0; at + sizeof(word) <= bytes; at += sizeof(word)) {
		memcpy(&word, (const char *)words + at, sizeof(word));
		hash = host_hash_mix(hash, word);
	}
	return hash;
}

/* All that a shape is made of, and whose it is. */
static uint64_t request_hash(struct shape_budget *budget, uid_t uid, const struct segment_family *family,
			     int schema_max)
{
	if (!budget->seed)
		budget->seed = host_hash_seed();
	uint64_t hash = host_hash_mix(budget->seed, (uint64_t)uid << 32 | (uint64_t)family->kind << 16 |
							    (uint64_t)family->value << 8 | (uint8_t)schema_max);
	if (family->buckets)
		hash = hash_words(hash, family->buckets, family->buckets->record.bytes);
	if (family->quantiles)
		hash = hash_words(hash, family->quantiles, family->item_count * sizeof(double));
	for (uint32_t i = 0; family->states && i < family->item_count; i++)
		hash = host_hash_add(hash, family->states[i]);
	return hash;
}

enum catalog_conflict shape_budget_init(struct shape_budget *budget, uid_t uid, struct family_shape *fitted,
					struct catalog *catalog, const struct segment_family *family, int schema_max)
{
	*fitted = (struct family_shape){0};
	if (!family->buckets && !family->states)
		return family_shape_init(fitted, catalog, family, schema_max);
	uint64_t hash = request_hash(budget, uid, family, schema_max);
	if (hash_set_has(&budget->charged, hash))
		return family_shape_init(fitted, catalog, family, schema_max);
	struct budget_user *user = user_find(budget, uid);
	if (!user)
		return CATALOG_NO_MEMORY;
	if (user->shapes >= BUDGET_SHAPES_MAX || user->bytes >= BUDGET_BYTES_MAX)
		return CATALOG_LIMIT;
	enum catalog_conflict conflict = family_shape_init(fitted, catalog, family, schema_max);
	/* One that could not be remembered is charged again: the safe side. */
	if (!conflict) {
		hash_set_add(&budget->charged, hash);
		user->shapes++;
		user->bytes += shape_entry(fitted->shape)->bytes;
	}
	return conflict;
}
