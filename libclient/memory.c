/* SPDX-License-Identifier: MIT */
/* Private memory of a process: pages from the kernel, and a bump allocator for what is never given back. */
#include <sys/mman.h>

#include "private.h"

/* From the kernel, not malloc: an application's malloc may be held by another thread at a raw clone(), or be our
 * caller. */
void *mstat_pages_alloc(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return memory == MAP_FAILED ? NULL : memory;
}

static struct {
	char *next;
	size_t left;
} private_chunk;

void *mstat_private_alloc(size_t bytes)
{
	bytes = (bytes + MSTAT_KEY_BLOCK - 1) / MSTAT_KEY_BLOCK * MSTAT_KEY_BLOCK;
	if (private_chunk.left < bytes) {
		size_t chunk = mstat_max(bytes, (size_t)64 << 10);
		char *memory = mstat_pages_alloc(chunk);
		if (!memory)
			return NULL;
		private_chunk.next = memory;
		private_chunk.left = chunk;
	}
	void *memory = private_chunk.next;
	private_chunk.next += bytes;
	private_chunk.left -= bytes;
	return memory;
}

void mstat_private_reset(void)
{
	private_chunk.left = 0;
}
