/* SPDX-License-Identifier: MIT */
/* Which allocations of a program fail; shared between it and its test. See preload_malloc.c. */
#ifndef TESTS_PRELOAD_MALLOC_H
#define TESTS_PRELOAD_MALLOC_H

#include <stdint.h>

struct fail_plan {
	uint64_t made;     /* allocations asked for until now */
	uint64_t from, to; /* by number, from 1: these fail; 0, 0: none */
	uint64_t failed;
};

#endif
