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
 *    0: offset    u32   byte offset of the (first) cell in each row; changes when the series is removed, hence read in
 *                       the section
 *    4: index     u32   the library's own, and MSTAT_HANDLE_STAMPED
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

/* From a value to its bucket in a few instructions: a table gives the first bucket that a value's leading bits (of its
 * double: exponent and 5 bits of the mantissa) allow, one comparison whether it is that one or the next. Made by the
 * library for each family.
 *     0: fast_max   u64    greater values are for the slow path: integers, or the bits of doubles (and with them
 *                          negative values, NaN and the infinities); 0 where bounds are too close to each other
 *     8: low, high  u64    each the bits of a double; for the table, values beyond them count as these
 *    24: base       u32    of doubles: leading bits of `low`
 *    28: close      u32    two bounds share a cell of the table somewhere: one more comparison
 *    32: count      u32    bounds; there is one bucket more
 *    36: negative   u32    doubles: values below zero are taken
 *    40: table      u16[2048]
 *  4136: bounds     u64[count + 1]  integers, or the bits of doubles; the last is the greatest u64
 */
#define MSTAT_MAP_CELLS 2048u
#define MSTAT_MAP_SHIFT 47
#define MSTAT_MAP_BASE_INTEGER (1023u << 5)
struct mstat_map {
	uint64_t fast_max;
	uint64_t low;
	uint64_t high;
	uint32_t base;
	uint32_t close;
	uint32_t count;
	uint32_t negative;
	uint16_t table[MSTAT_MAP_CELLS];
	uint64_t bounds[];
};

typedef struct mstat_histogram {
	struct mstat_handle handle;
	const struct mstat_map *map;
} mstat_histogram;

typedef struct mstat_histogram_f64 {
	struct mstat_handle handle;
	const struct mstat_map *map;
} mstat_histogram_f64;

/* What an update needs of its process. Set once by the library's constructor, before any code that could use it:
 * constant for everybody else, so that a compiler keeps it in registers through a loop.
 *    0: rseq_offset  distance of a thread's struct rseq from its thread pointer
 *    8: rows         row addresses, one a CPU; a zero says "ask the slow path first". They lie in memory that a forked
 *                    child sees as zeros. rows[-1] and rows[-2] are always zero, rows[-3] is the process' gauge row.
 */
#define MSTAT_GAUGE_ROW (-3)
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
/* `done` says what the hot path has done: 0 nothing, 1 the bucket. */
void mstat_observe_slow(mstat_histogram *histogram, int64_t value, int done);
void mstat_observe_f64_slow(mstat_histogram_f64 *histogram, double value, int done);
void mstat_gauge_max_slow(mstat_gauge *gauge, int64_t value);
void mstat_gauge_min_slow(mstat_gauge *gauge, int64_t value);
void mstat_gauge_f64_max_slow(mstat_gauge_f64 *gauge, double value);
void mstat_gauge_f64_min_slow(mstat_gauge_f64 *gauge, double value);
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
	char *row = mstat_load_relaxed(&mstat_hot.rows[MSTAT_GAUGE_ROW]);
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

/* Raises a gauge to a value if it is lower or was never set: a high-water mark. Use merge MSTAT_MAX. Cost: a load and a
 * comparison where the mark stands, a compare-and-exchange where it moves. */
MSTAT_INLINE void mstat_gauge_max(mstat_gauge *gauge, int64_t value)
{
	uint64_t *cell = mstat_gauge_cell(&gauge->handle);
	/* Flipped, integers order as unsigned ones, and "never set" is the least. */
	if (MSTAT_UNLIKELY(!cell || mstat_load_relaxed(cell) < mstat_shm_gauge_from_i64(value)))
		mstat_gauge_max_slow(gauge, value);
}

/* Lowers a gauge to a value if it is higher or was never set: a low-water mark. Use merge MSTAT_MIN. */
MSTAT_INLINE void mstat_gauge_min(mstat_gauge *gauge, int64_t value)
{
	uint64_t *cell = mstat_gauge_cell(&gauge->handle);
	if (MSTAT_UNLIKELY(!cell || mstat_load_relaxed(cell) - 1 >= mstat_shm_gauge_from_i64(value)))
		mstat_gauge_min_slow(gauge, value);
}

/* The same for floating-point gauges; NaN is passed over. */
MSTAT_INLINE void mstat_gauge_f64_max(mstat_gauge_f64 *gauge, double value)
{
	uint64_t *cell = mstat_gauge_cell(&gauge->handle);
	if (MSTAT_UNLIKELY(!cell || !(mstat_shm_gauge_to_f64(mstat_load_relaxed(cell)) >= value) ||
			   mstat_load_relaxed(cell) == MSTAT_SHM_GAUGE_UNSET))
		mstat_gauge_f64_max_slow(gauge, value);
}

MSTAT_INLINE void mstat_gauge_f64_min(mstat_gauge_f64 *gauge, double value)
{
	uint64_t *cell = mstat_gauge_cell(&gauge->handle);
	if (MSTAT_UNLIKELY(!cell || !(mstat_shm_gauge_to_f64(mstat_load_relaxed(cell)) <= value) ||
			   mstat_load_relaxed(cell) == MSTAT_SHM_GAUGE_UNSET))
		mstat_gauge_f64_min_slow(gauge, value);
}

/* The bucket of an integer in [0, map->fast_max]. */
MSTAT_HELPER uint64_t mstat_map_find(const struct mstat_map *map, uint64_t value)
{
	double above = (double)((int64_t)value + 1); /* at least 1: one table serves from 0 on */
	uint64_t bits;
	__builtin_memcpy(&bits, &above, sizeof(bits));
	uint64_t bucket = map->table[(bits >> MSTAT_MAP_SHIFT) - MSTAT_MAP_BASE_INTEGER];
	bucket += value > map->bounds[bucket];
	if (MSTAT_UNLIKELY(map->close))
		bucket += value > map->bounds[bucket];
	return bucket;
}

/* The bucket of a double by its bits, in [0, map->fast_max]. */
MSTAT_HELPER uint64_t mstat_map_find_f64(const struct mstat_map *map, uint64_t bits)
{
	uint64_t within = bits < map->low ? map->low : bits;
	within = within > map->high ? map->high : within;
	uint64_t bucket = map->table[(within >> MSTAT_MAP_SHIFT) - map->base];
	bucket += bits > map->bounds[bucket];
	if (MSTAT_UNLIKELY(map->close))
		bucket += bits > map->bounds[bucket];
	return bucket;
}

/* Observes a value in the family's recorded unit: nanoseconds for durations. For histograms and summaries. Cost: a few
 * counter adds. Negative values are refused and counted. */
MSTAT_INLINE void mstat_observe(mstat_histogram *histogram, int64_t value)
{
	int done = 0;
#if MSTAT_HAVE_RSEQ
	const struct mstat_map *map = histogram->map;
	/* The constant is for compilers: they would warn of the place in the table that it does not have. */
	if (!(__builtin_constant_p(value < 0) && value < 0) && !MSTAT_UNLIKELY((uint64_t)value > map->fast_max)) {
		done = mstat_rseq_observe_u64(mstat_rseq_self(), mstat_hot.rows, &histogram->handle.offset,
					      mstat_map_find(map, (uint64_t)value), (uint64_t)value);
		if (!MSTAT_UNLIKELY(done != 2))
			return;
	}
#endif
	mstat_observe_slow(histogram, value, done);
}

/* Durations, into a family that records nanoseconds and exposes seconds. */
MSTAT_INLINE void mstat_observe_ns(mstat_histogram *histogram, int64_t ns)
{
	mstat_observe(histogram, ns);
}

MSTAT_INLINE void mstat_observe_us(mstat_histogram *histogram, int64_t us)
{
	mstat_observe(histogram, us * 1000);
}

MSTAT_INLINE void mstat_observe_ms(mstat_histogram *histogram, int64_t ms)
{
	mstat_observe(histogram, ms * 1000000);
}

/* Observes a double in base units. NaN and the infinities are refused and counted, so are negative values where the
 * family does not take them. Cost: as above, and the addition of a double to one of four cells. */
MSTAT_INLINE void mstat_observe_f64(mstat_histogram_f64 *histogram, double value)
{
	int done = 0;
#if MSTAT_HAVE_RSEQ
	const struct mstat_map *map = histogram->map;
	uint64_t bits;
	__builtin_memcpy(&bits, &value, sizeof(bits));
	if (!MSTAT_UNLIKELY(bits > map->fast_max)) {
		done = mstat_rseq_observe_f64(mstat_rseq_self(), mstat_hot.rows, &histogram->handle.offset,
					      mstat_map_find_f64(map, bits), value);
		if (!MSTAT_UNLIKELY(done != 2))
			return;
	}
#endif
	mstat_observe_f64_slow(histogram, value, done);
}

#ifdef __cplusplus
}
#endif
#endif
