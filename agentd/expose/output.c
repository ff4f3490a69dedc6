/* SPDX-License-Identifier: MIT */
/* The body of an answer: memory that suits small and huge ones. */
#include "output.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#define HUGE_PAGE_BYTES ((size_t)2 << 20)
#define HUGE_BODY_BYTES_MIN (2 * HUGE_PAGE_BYTES)

/* Fresh memory is half the cost of a large body if it comes in pages of 4 KiB: the kernel clears and maps each by a
 * fault of its own. Small bodies stay small. */
static char *body_alloc(size_t bytes)
{
	void *memory;
	if (bytes < HUGE_BODY_BYTES_MIN)
		return malloc(bytes);
	if (posix_memalign(&memory, HUGE_PAGE_BYTES, bytes))
		return NULL;
	madvise(memory, bytes & ~(HUGE_PAGE_BYTES - 1), MADV_HUGEPAGE); /* a hint; without it only slower */
	return memory;
}

int output_init(struct output *output, size_t bytes)
{
	char *body = body_alloc(bytes + 1); /* malloc(0) may be NULL */
	if (!body)
		return -ENOMEM;
	*output = (struct output){.bytes = body, .at = body, .end = body + bytes};
	return 0;
}

void output_fini(struct output *output)
{
	free(output->bytes);
	*output = (struct output){0};
}

bool output_grow(struct output *output, size_t bytes)
{
	size_t used = (size_t)(output->at - output->bytes);
	size_t capacity = 2 * (size_t)(output->end - output->bytes);
	if (capacity < used + bytes)
		capacity = used + bytes;
	char *grown = realloc(output->bytes, capacity);
	if (!grown)
		return false;
	*output = (struct output){.bytes = grown, .at = grown + used, .end = grown + capacity};
	return true;
}

void output_take(struct output *output, char **body, size_t *len)
{
	size_t used = (size_t)(output->at - output->bytes);
	char *shrunk = realloc(output->bytes, used ? used : 1);
	*body = shrunk ? shrunk : output->bytes;
	*len = used;
	*output = (struct output){0};
}
