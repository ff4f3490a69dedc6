/* SPDX-License-Identifier: MIT */
/* A hash of strings by 8 bytes at a time. With a secret seed nobody can choose strings whose hashes are equal. */
#ifndef AGENTD_COLLECT_HOST_HASH_H
#define AGENTD_COLLECT_HOST_HASH_H

#include <stdint.h>
#include <string.h>

static inline uint64_t host_hash_mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

/* Begin with the seed; add any number of strings. */
static inline uint64_t host_hash_add(uint64_t hash, const char *string)
{
	size_t len = strlen(string);
	uint64_t word = 0;
	hash = host_hash_mix(hash, len);
	for (; len >= sizeof(word); len -= sizeof(word), string += sizeof(word)) {
		memcpy(&word, string, sizeof(word));
		hash = host_hash_mix(hash, word);
	}
	word = 0;
	memcpy(&word, string, len);
	return host_hash_mix(hash, word);
}

/* A seed of the process' own. */
uint64_t host_hash_seed(void);

#endif
