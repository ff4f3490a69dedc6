/* SPDX-License-Identifier: MIT */
/* Interned strings of the arena: each text is there once. */
#include <string.h>
#include <sys/mman.h>

#include "key.h"
#include "private.h"

static uint32_t text_hash(const char *text, size_t len)
{
	uint64_t hash = len;
	for (; len > MSTAT_KEY_BLOCK; len -= MSTAT_KEY_BLOCK, text += MSTAT_KEY_BLOCK) {
		struct mstat_block block;
		memcpy(&block, text, MSTAT_KEY_BLOCK);
		hash = mstat_hash_block(hash, block);
	}
	struct mstat_block rest = {0, 0};
	memcpy(&rest, text, len);
	hash = mstat_hash_block(hash, rest);
	return (uint32_t)(hash ^ hash >> 32);
}

bool mstat_strings_put(struct mstat_index *index, uint32_t offset)
{
	if (!index->strings || (index->string_count + 1) * 2 > index->string_mask + 1) {
		uint32_t *old = index->strings, old_mask = index->string_mask, size = old ? (old_mask + 1) * 2 : 1024;
		uint32_t *strings = mstat_pages_alloc(size * sizeof(*strings));
		if (!strings)
			return false;
		index->strings = strings, index->string_mask = size - 1, index->string_count = 0;
		for (uint32_t i = 0; old && i <= old_mask; i++)
			if (old[i])
				mstat_strings_put(index, old[i]);
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
