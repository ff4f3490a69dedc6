/* SPDX-License-Identifier: MIT */
/* Bare cells: memory and the plainest instructions on it, which every measurement of an update is compared with. */
#ifndef BENCH_CELLS_H
#define BENCH_CELLS_H

#include <stdint.h>

#include <mstat/atomic.h>

#define CELLS_THREADS 64u
#define CELLS_ROTATION 64u /* a power of two */

/* The cells of one thread, on cache lines of its own. 128: processors fetch lines in pairs. */
struct cells {
	uint64_t cell[CELLS_ROTATION];
} __attribute__((aligned(128)));

/* An add that the compiler can neither fold into the next one nor leave out. */
static inline void cell_add(uint64_t *cell)
{
#if defined(__x86_64__)
	__asm__ volatile("addq $1, %0" : "+m"(*cell) : : "cc");
#else
	*(volatile uint64_t *)cell += 1;
#endif
}

/* The same for a double: load, add, store. */
static inline void cell_add_f64(uint64_t *cell, double n)
{
#if defined(__x86_64__)
	__asm__ volatile("movsd %0, %%xmm15\n\taddsd %1, %%xmm15\n\tmovsd %%xmm15, %0"
			 : "+m"(*cell)
			 : "x"(n)
			 : "xmm15");
#else
	*(volatile double *)cell += n;
#endif
}

static inline void cell_add_locked(uint64_t *cell)
{
	mstat_add_relaxed(cell, 1);
}

/* What the C library of most peers does: load, add, compare and exchange until nobody came between. */
static inline void cell_add_f64_locked(uint64_t *cell, double n)
{
	uint64_t old = mstat_load_relaxed(cell), bits;
	do {
		double value;
		__builtin_memcpy(&value, &old, sizeof(value));
		value += n;
		__builtin_memcpy(&bits, &value, sizeof(bits));
	} while (!mstat_cas_relaxed(cell, &old, bits));
}

/* A store that stays one store an iteration. */
static inline void cell_set(uint64_t *cell, uint64_t value)
{
#if defined(__x86_64__)
	__asm__ volatile("movq %1, %0" : "=m"(*cell) : "r"(value));
#else
	*(volatile uint64_t *)cell = value;
#endif
}

#endif
