/* SPDX-License-Identifier: MIT */
/* A set of hashes of 64 bits: what was seen before. Grows only. Not thread-safe. */
#ifndef AGENTD_COLLECT_HASH_SET_H
#define AGENTD_COLLECT_HASH_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeros are an empty set. */
struct hash_set {
	uint64_t *slots; /* linear probing; 0: free */
	size_t slot_count;
	size_t count;
};

void hash_set_fini(struct hash_set *set);

bool hash_set_has(const struct hash_set *set, uint64_t hash);
/* False when out of memory. Fine if it is there already. */
bool hash_set_add(struct hash_set *set, uint64_t hash);

#endif
