/* SPDX-License-Identifier: MIT */
/* The hot path: what runs on every update, inlined into the caller.
 *
 * Include <mstat/mstat.h>, not this file. Each function here exists a second time in libmstat under the same name, for
 * other languages and for builds without inlining. A handle's layout and what is done with it here is ABI: compiled
 * into applications.
 *
 * Every function may be called by any thread at any time, in signal handlers, after fork, in any clone; none makes a
 * system call (but for the first update on a CPU or in a process), takes a lock, allocates or changes errno.
 */
#ifndef MSTAT_RECORD_H
#define MSTAT_RECORD_H

#include <mstat/atomic.h>
#include <mstat/rseq.h>
#include <mstat/segment.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef MSTAT_INLINE
#define MSTAT_INLINE extern inline __attribute__((__gnu_inline__, __always_inline__))
#endif
#define MSTAT_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* What an update needs of its series.
 *    0: offset    u32   byte offset of the cell in each row; changes when the series is removed, hence read in the
 * section 4: index     u32   the library's own, and MSTAT_HANDLE_STAMPED
 */
struct mstat_handle {
	uint32_t offset;
	uint32_t index;
};

typedef struct mstat_counter {
	struct mstat_handle handle;
} mstat_counter;

typedef struct mstat_counter_f64 {
	struct mstat_handle handle;
} mstat_counter_f64;

typedef struct mstat_gauge {
	struct mstat_handle handle;
} mstat_gauge;

typedef struct mstat_gauge_f64 {
	struct mstat_handle handle;
} mstat_gauge_f64;

/* What an update needs of its process. Set once by the library's constructor, before any code that could use it:
 * constant for everybody else, so that a compiler keeps it in registers through a loop. 0: rseq_offset  distance of a
 * thread's struct rseq from its thread pointer 8: rows         row addresses, one a CPU; a zero says "ask the slow path
 * first". They lie in memory that a forked child sees as zeros. rows[-1] is the process' gauge row.
 */
struct mstat_hot {
	intptr_t rseq_offset;
	char *const *rows;
};
#pragma GCC visibility push(default)
extern const struct mstat_hot mstat_hot;

/* Slow paths: first use on a CPU, an interrupted section, no rseq, a value that is refused. */
void mstat_add_slow(mstat_counter *counter, uint64_t n);
void mstat_add_f64_slow(mstat_counter_f64 *counter, double n);
void mstat_gauge_set_slow(mstat_gauge *gauge, int64_t value);
void mstat_gauge_add_slow(mstat_gauge *gauge, int64_t n);
void mstat_gauge_f64_set_slow(mstat_gauge_f64 *gauge, double value);
void mstat_gauge_f64_add_slow(mstat_gauge_f64 *gauge, double n);
#pragma GCC visibility pop

#if MSTAT_HAVE_RSEQ
MSTAT_HELPER struct mstat_rseq *mstat_rseq_self(void)
{
#if defined(__x86_64__)
	/* One instruction where a compiler without __builtin_thread_pointer would need a call. */
	char *thread;
	__asm__("movq %%fs:0, %0" : "=r"(thread));
	return (struct mstat_rseq *)(thread + mstat_hot.rseq_offset);
#else
	return (struct mstat_rseq *)((char *)__builtin_thread_pointer() + mstat_hot.rseq_offset);
#endif
}
#endif

/* Adds n to a counter. Cost: about a plain add to memory. Wraps at 2^64. */
MSTAT_INLINE void mstat_add(mstat_counter *counter, uint64_t n)
{
#if MSTAT_HAVE_RSEQ
	if (!MSTAT_UNLIKELY(!mstat_rseq_add_u64(mstat_rseq_self(), mstat_hot.rows, &counter->handle.offset, n)))
		return;
#endif
	mstat_add_slow(counter, n);
}

/* Adds 1 to a counter. */
MSTAT_INLINE void mstat_inc(mstat_counter *counter)
{
	mstat_add(counter, 1);
}

/* Adds a non-negative finite number to a floating-point counter; others are refused and counted. */
MSTAT_INLINE void mstat_add_f64(mstat_counter_f64 *counter, double n)
{
#if MSTAT_HAVE_RSEQ
	if (!MSTAT_UNLIKELY(!(n >= 0 && n <= __DBL_MAX__)) &&
	    !MSTAT_UNLIKELY(!mstat_rseq_add_f64(mstat_rseq_self(), mstat_hot.rows, &counter->handle.offset, n)))
		return;
#endif
	mstat_add_f64_slow(counter, n);
}

/* The cell of a gauge in this process' row; NULL before the process' first use of a gauge. */
MSTAT_HELPER uint64_t *mstat_gauge_cell(const struct mstat_handle *handle)
{
	char *row = mstat_load_relaxed(&mstat_hot.rows[-1]);
	return MSTAT_UNLIKELY(!row) ? (uint64_t *)0 : (uint64_t *)(row + mstat_load_relaxed(&handle->offset));
}

/* Top bit of mstat_handle.index: the family merges by the last value, each store is stamped with its time. */
#define MSTAT_HANDLE_STAMPED 0x80000000u

/* Sets a gauge. Cost: one store; where the family merges by `last`, also a read of the coarse clock. */
MSTAT_INLINE void mstat_gauge_set(mstat_gauge *gauge, int64_t value)
{
	uint64_t *cell = mstat_gauge_cell(&gauge->handle);
	if (MSTAT_UNLIKELY(!cell || (gauge->handle.index & MSTAT_HANDLE_STAMPED)))
		mstat_gauge_set_slow(gauge, value);
	else
		mstat_store_relaxed(cell, mstat_shm_gauge_from_i64(value));
}

/* Adds n (which may be negative) to this process' value of a gauge. Cost: one locked add. */
MSTAT_INLINE void mstat_gauge_add(mstat_gauge *gauge, int64_t n)
{
	uint64_t *cell = mstat_gauge_cell(&gauge->handle);
	if (MSTAT_UNLIKELY(!cell || (gauge->handle.index & MSTAT_HANDLE_STAMPED) ||
			   mstat_load_relaxed(cell) == MSTAT_SHM_GAUGE_UNSET))
		mstat_gauge_add_slow(gauge, n);
	else
		mstat_add_relaxed(cell, (uint64_t)n);
}

MSTAT_INLINE void mstat_gauge_sub(mstat_gauge *gauge, int64_t n)
{
	mstat_gauge_add(gauge, (int64_t)(0 - (uint64_t)n));
}

MSTAT_INLINE void mstat_gauge_inc(mstat_gauge *gauge)
{
	mstat_gauge_add(gauge, 1);
}

MSTAT_INLINE void mstat_gauge_dec(mstat_gauge *gauge)
{
	mstat_gauge_add(gauge, -1);
}

/* Sets a floating-point gauge; NaN and the infinities are values like any other. */
MSTAT_INLINE void mstat_gauge_f64_set(mstat_gauge_f64 *gauge, double value)
{
	uint64_t *cell = mstat_gauge_cell(&gauge->handle);
	if (MSTAT_UNLIKELY(!cell || (gauge->handle.index & MSTAT_HANDLE_STAMPED)))
		mstat_gauge_f64_set_slow(gauge, value);
	else
		mstat_store_relaxed(cell, mstat_shm_gauge_from_f64(value));
}

/* Adds to this process' value of a floating-point gauge. Cost: one compare-and-exchange. */
MSTAT_INLINE void mstat_gauge_f64_add(mstat_gauge_f64 *gauge, double n)
{
	mstat_gauge_f64_add_slow(gauge, n);
}

MSTAT_INLINE void mstat_gauge_f64_sub(mstat_gauge_f64 *gauge, double n)
{
	mstat_gauge_f64_add_slow(gauge, -n);
}

#ifdef __cplusplus
}
#endif
#endif
