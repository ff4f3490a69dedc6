/* SPDX-License-Identifier: MIT */
/* The text arena: memory for many short byte strings of unequal length that come and go in bulk.
 *
 * Strings are cut from chunks in granules of 8 bytes, without a header: the owner knows the length. A freed string is
 * kept for the next one of its size; a chunk without a string left goes back to the system. Long strings have memory
 * of their own. One thread at a time.
 */
#ifndef AGENTD_SNAPSHOT_TEXT_ARENA_H
#define AGENTD_SNAPSHOT_TEXT_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#define TEXT_ARENA_GRANULE_BYTES 8u
#define TEXT_ARENA_BYTES_MAX 512u /* longer ones are malloc'ed */
#define TEXT_ARENA_CLASS_COUNT (TEXT_ARENA_BYTES_MAX / TEXT_ARENA_GRANULE_BYTES)

struct text_chunk;
struct text_freed;

struct text_arena {
	struct text_chunk *chunks;
	char *next; /* where the newest chunk is free, up to `end` */
	char *end;
	struct text_freed *free[TEXT_ARENA_CLASS_COUNT];
	size_t chunk_count;
	bool chunk_emptied; /* some chunk has no string left: text_arena_trim() has something to do */
};

/* `*arena` must be zero. Nothing is allocated before the first string. */
void text_arena_fini(struct text_arena *arena);

/* Room for len bytes (8-aligned), or NULL when out of memory. */
char *text_arena_alloc(struct text_arena *arena, size_t len);
void text_arena_free(struct text_arena *arena, char *text, size_t len);

/* Gives empty chunks back. Cost: linear in the freed strings that are kept, only if a chunk became empty. */
void text_arena_trim(struct text_arena *arena);

/* Address space taken by chunks; what was never written is not resident. */
size_t text_arena_bytes(const struct text_arena *arena);

#endif
