/* SPDX-License-Identifier: MIT */
/* Loaded before a program: allocations that fail when a test says so. $MSTAT_FAIL_FILE names the file that both map
 * (struct fail_plan). Without it every allocation goes through. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <mstat/atomic.h>

#include "preload_malloc.h"

extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *old, size_t bytes);
extern void *__libc_memalign(size_t alignment, size_t bytes);

static struct fail_plan *plan;

__attribute__((constructor)) static void plan_open(void)
{
	const char *path = getenv("MSTAT_FAIL_FILE");
	const int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	void *mapped = mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (mapped != MAP_FAILED)
		plan = mapped;
}

static int fails(void)
{
	if (!plan)
		return 0;
	const uint64_t number = mstat_add_relaxed(&plan->made, 1) + 1;
	const uint64_t from = mstat_load_relaxed(&plan->from), to = mstat_load_relaxed(&plan->to);
	if (number < from || number > to)
		return 0;
	mstat_add_relaxed(&plan->failed, 1);
	errno = ENOMEM;
	return 1;
}

__attribute__((visibility("default"))) void *malloc(size_t bytes)
{
	return fails() ? NULL : __libc_malloc(bytes);
}

__attribute__((visibility("default"))) void *calloc(size_t count, size_t bytes)
{
	return fails() ? NULL : __libc_calloc(count, bytes);
}

__attribute__((visibility("default"))) void *realloc(void *old, size_t bytes)
{
	return fails() ? NULL : __libc_realloc(old, bytes);
}

__attribute__((visibility("default"))) void *reallocarray(void *old, size_t count, size_t bytes)
{
	size_t all;
	if (__builtin_mul_overflow(count, bytes, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(old, all);
}

__attribute__((visibility("default"))) void *aligned_alloc(size_t alignment, size_t bytes)
{
	return fails() ? NULL : __libc_memalign(alignment, bytes);
}

__attribute__((visibility("default"))) int posix_memalign(void **out, size_t alignment, size_t bytes)
{
	void *made = fails() ? NULL : __libc_memalign(alignment, bytes);
	if (!made)
		return ENOMEM;
	*out = made;
	return 0;
}
