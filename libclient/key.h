/* SPDX-License-Identifier: MIT */
/* Keys: texts as blocks of 16 bytes, padded with at least one NUL, and their hash. */
#ifndef LIBCLIENT_KEY_H
#define LIBCLIENT_KEY_H

#include <string.h>

#include "private.h"

struct mstat_block {
	uint64_t low, high;
};

static inline uint64_t mstat_hash_mix(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t mstat_hash_block(uint64_t hash, struct mstat_block block)
{
	return mstat_hash_mix(block.low ^ 0x9e3779b97f4a7c15ull ^ hash, block.high ^ 0xc2b2ae3d27d4eb4full);
}

static inline uint64_t mstat_hash_begin(const struct mstat_index *index, uint32_t family)
{
	return index->seed ^ ((uint64_t)family + 1) * 0xff51afd7ed558ccdull;
}

/* The next 16 bytes of a string, zeros behind its end; *ended says that the end is among them. */
static inline struct mstat_block block_next(const char *text, bool *ended)
{
	struct mstat_block block = {0, 0};
	size_t len = strnlen(text, MSTAT_KEY_BLOCK);
	memcpy(&block, text, len);
	*ended = len < MSTAT_KEY_BLOCK;
	return block;
}

#endif
