/* SPDX-License-Identifier: MIT */
/* The text arena: chunks, found from a string's address by masking, and lists of freed strings by size. */
#include "text_arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#define CHUNK_BYTES ((size_t)256 << 10)

struct text_chunk {
	struct text_chunk *next;
	size_t live; /* strings that are in use */
};

/* Stands in the bytes of a freed string. */
struct text_freed {
	struct text_freed *next;
};
_Static_assert(sizeof(struct text_freed) <= TEXT_ARENA_GRANULE_BYTES, "a freed string of one granule holds its link");

static size_t arena_round(size_t len)
{
	return len ? (len + TEXT_ARENA_GRANULE_BYTES - 1) & ~(size_t)(TEXT_ARENA_GRANULE_BYTES - 1)
		   : TEXT_ARENA_GRANULE_BYTES;
}

static size_t arena_class(size_t rounded)
{
	return rounded / TEXT_ARENA_GRANULE_BYTES - 1;
}

static struct text_chunk *chunk_of(const void *text)
{
	return (struct text_chunk *)((uintptr_t)text & ~(uintptr_t)(CHUNK_BYTES - 1));
}

/* Maps twice the size and cuts what hangs over: chunks are aligned to their size, so that chunk_of() needs no table.
 * Anonymous memory costs only the pages that are written, which keeps a small agent small. */
static struct text_chunk *chunk_map(void)
{
	char *map = mmap(NULL, 2 * CHUNK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return NULL;
	size_t before = (CHUNK_BYTES - (uintptr_t)map % CHUNK_BYTES) % CHUNK_BYTES;
	if (before)
		munmap(map, before);
	munmap(map + before + CHUNK_BYTES, CHUNK_BYTES - before);
	return (struct text_chunk *)(map + before);
}

static bool arena_grow(struct text_arena *arena)
{
	struct text_chunk *chunk = chunk_map();
	if (!chunk)
		return false;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	arena->next = (char *)(chunk + 1);
	arena->end = (char *)chunk + CHUNK_BYTES;
	arena->chunk_count++;
	return true;
}

void text_arena_fini(struct text_arena *arena)
{
	for (struct text_chunk *chunk = arena->chunks, *next; chunk; chunk = next) {
		next = chunk->next;
		munmap(chunk, CHUNK_BYTES);
	}
	*arena = (struct text_arena){0};
}

char *text_arena_alloc(struct text_arena *arena, size_t len)
{
	size_t rounded = arena_round(len);
	if (rounded > TEXT_ARENA_BYTES_MAX)
		return malloc(rounded);
	struct text_freed **list = &arena->free[arena_class(rounded)];
	char *text = (char *)*list;
	if (text) {
		*list = (*list)->next;
	} else {
		if ((size_t)(arena->end - arena->next) < rounded && !arena_grow(arena))
			return NULL;
		text = arena->next;
		arena->next += rounded;
	}
	chunk_of(text)->live++;
	return text;
}

void text_arena_free(struct text_arena *arena, char *text, size_t len)
{
	size_t rounded = arena_round(len);
	if (rounded > TEXT_ARENA_BYTES_MAX) {
		free(text);
		return;
	}
	struct text_freed *freed = (struct text_freed *)text;
	freed->next = arena->free[arena_class(rounded)];
	arena->free[arena_class(rounded)] = freed;
	assert(chunk_of(text)->live > 0);
	if (--chunk_of(text)->live == 0)
		arena->chunk_emptied = true;
}

/* Drops the freed strings that lie in empty chunks from their lists; else they would be handed out after munmap. */
static void arena_forget_freed(struct text_arena *arena)
{
	for (size_t class = 0; class < TEXT_ARENA_CLASS_COUNT; class ++) {
		struct text_freed **link = &arena->free[class];
		while (*link) {
			if (chunk_of(*link)->live)
				link = &(*link)->next;
			else
				*link = (*link)->next;
		}
	}
}

void text_arena_trim(struct text_arena *arena)
{
	if (!arena->chunk_emptied)
		return;
	arena->chunk_emptied = false;
	arena_forget_freed(arena);
	struct text_chunk **link = &arena->chunks;
	while (*link) {
		struct text_chunk *chunk = *link;
		if (chunk->live) {
			link = &chunk->next;
			continue;
		}
		*link = chunk->next;
		/* `next` may equal the end of a full chunk, hence the comparison by `end`. */
		if (arena->end == (char *)chunk + CHUNK_BYTES)
			arena->next = arena->end = NULL;
		munmap(chunk, CHUNK_BYTES);
		arena->chunk_count--;
	}
}

size_t text_arena_bytes(const struct text_arena *arena)
{
	return arena->chunk_count * CHUNK_BYTES;
}
