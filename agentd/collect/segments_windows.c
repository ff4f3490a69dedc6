/* SPDX-License-Identifier: MIT */
/* Sliding windows over the cells of summaries. */
#include "segments_windows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <mstat/bucket.h>

#include "segments_window_layout.h"
#include "snapshot/precise_sum.h"

#define CELLS_BLOCK 16u /* cells are kept by so many: an octave of schema 4 */

struct window {
	struct windows *windows;
	struct window_layout *layout;
	const struct shape *shape;
	uint64_t touched; /* the collection that added to it last */
	uint64_t created_ns;
	uint32_t window_s;
	bool begun;
	bool starved;           /* cells were left out: no quantiles */
	enum number_type value; /* of the sum */
	uint64_t count;         /* these of this collection so far */
	uint64_t sum;
	struct precise_sum sum_f64;
	int64_t step_ns;
	int64_t step; /* the current one: CLOCK_MONOTONIC / step_ns */
	/* The cells from `first` on: now[cells], before[cells], then as floats came[WINDOW_STEPS][cells]: a step's
	 * counts need no more than 24 bits to be exact enough, and they can be of any size. */
	uint32_t first, cells;
	uint64_t *now;
};

#define CELL_BYTES (2 * sizeof(uint64_t) + WINDOW_STEPS * sizeof(float))

static uint64_t *window_before(const struct window *window)
{
	return window->now + window->cells;
}

static float *window_came(const struct window *window, int64_t step)
{
	return (float *)(window->now + 2 * (size_t)window->cells) + (uint64_t)step % WINDOW_STEPS * window->cells;
}

/* ---- cells ---- */

static void cells_free(struct window *window)
{
	window->windows->bytes -= window->cells * CELL_BYTES;
	free(window->now);
	window->now = NULL;
	window->first = window->cells = 0;
}

/* Takes over what there is into more cells. */
static void cells_move(struct window *grown, const struct window *window)
{
	size_t at = window->first - grown->first;
	if (!window->cells)
		return;
	memcpy(grown->now + at, window->now, window->cells * sizeof(*window->now));
	memcpy(window_before(grown) + at, window_before(window), window->cells * sizeof(*window->now));
	for (unsigned int step = 0; step < WINDOW_STEPS; step++)
		memcpy(window_came(grown, step) + at, window_came(window, step), window->cells * sizeof(float));
}

/* Room for the cells [low, high). */
static enum catalog_conflict cells_reserve(struct window *window, uint32_t low, uint32_t high)
{
	uint32_t end = window->first + window->cells;
	if (low >= window->first && high <= end && window->cells)
		return CATALOG_OK;
	struct window grown = *window;
	low = low / CELLS_BLOCK * CELLS_BLOCK;
	high = (high + CELLS_BLOCK - 1) / CELLS_BLOCK * CELLS_BLOCK;
	grown.first = window->cells && window->first < low ? window->first : low;
	grown.cells = (window->cells && end > high ? end : high) - grown.first;
	size_t more = (grown.cells - window->cells) * CELL_BYTES;
	if (window->windows->bytes + more > WINDOWS_BYTES_MAX)
		return CATALOG_LIMIT;
	grown.now = calloc(grown.cells, CELL_BYTES);
	if (!grown.now)
		return CATALOG_NO_MEMORY;
	cells_move(&grown, window);
	free(window->now);
	window->now = grown.now;
	window->first = grown.first;
	window->cells = grown.cells;
	window->windows->bytes += more;
	return CATALOG_OK;
}

/* ---- adding ---- */

static struct window *window_new(struct windows *windows, struct window_layout *layout)
{
	struct window *window = calloc(1, sizeof(*window));
	if (!window)
		return NULL;
	window->windows = windows;
	window->layout = layout;
	layout->users++;
	return window;
}

void window_free(struct window *window)
{
	if (!window)
		return;
	cells_free(window);
	window_layout_put(window->windows, window->layout);
	free(window);
}

static void past_drop(struct window *window)
{
	cells_free(window);
	window->begun = false;
}

/* The first share of a collection. */
static void window_touch(struct windows *windows, struct window *window, struct window_layout *layout)
{
	if (window->layout != layout) {
		past_drop(window);
		window_layout_put(windows, window->layout);
		window->layout = layout;
		layout->users++;
	}
	window->touched = windows->collection;
	window->created_ns = UINT64_MAX;
	window->starved = false;
	window->count = window->sum = 0;
	window->sum_f64 = (struct precise_sum){0};
	if (window->cells)
		memset(window->now, 0, window->cells * sizeof(*window->now));
}

static void sum_add(struct window *window, const struct window_share *share)
{
	window->value = share->family->value == MSTAT_SHM_F64   ? NUMBER_F64
			: share->family->value == MSTAT_SHM_I64 ? NUMBER_I64
								: NUMBER_U64;
	if (window->value == NUMBER_F64)
		precise_sum_add(&window->sum_f64, mstat_f64_of_bits(share->value->sum));
	else
		window->sum += share->value->sum;
}

static enum catalog_conflict cells_add(struct window *window, const struct segment_distribution *value)
{
	uint32_t low = 0, high = value->bucket_count;
	uint64_t count = 0;
	if (high > window->layout->cell_count)
		high = window->layout->cell_count;
	while (high && !value->buckets[high - 1])
		high--;
	while (low < high && !value->buckets[low])
		low++;
	if (low == high)
		return CATALOG_OK;
	enum catalog_conflict conflict = cells_reserve(window, low, high);
	uint64_t *now = conflict ? NULL : window->now + (low - window->first);
	for (uint32_t i = low; i < high; i++) {
		count += value->buckets[i];
		if (now)
			now[i - low] += value->buckets[i];
	}
	window->count += count;
	window->starved |= conflict != CATALOG_OK;
	return conflict;
}

enum catalog_conflict windows_add(struct windows *windows, struct window **place, const struct window_share *share)
{
	if (!share->layout)
		return CATALOG_NO_MEMORY;
	if (!*place)
		*place = window_new(windows, share->layout);
	struct window *window = *place;
	if (!window)
		return CATALOG_NO_MEMORY;
	if (!window_touched(windows, window))
		window_touch(windows, window, share->layout);
	else if (window->layout != share->layout)
		return CATALOG_CONFLICT_SHAPE;
	window->shape = share->shape;
	window->window_s = share->family->window_s;
	if (share->created_ns && share->created_ns < window->created_ns)
		window->created_ns = share->created_ns;
	sum_add(window, share);
	return cells_add(window, share->value);
}

bool window_touched(const struct windows *windows, const struct window *window)
{
	return window->touched == windows->collection;
}

/* ---- the end of a collection ---- */

static bool created_within(const struct windows *windows, const struct window *window)
{
	uint64_t window_ns = (uint64_t)window->window_s * 1000000000u;
	if (windows->whole_life)
		return true;
	/* One that is newer than the clock was made before that was set back. */
	return window->created_ns != UINT64_MAX &&
	       (window->created_ns > windows->wall_ns || windows->wall_ns - window->created_ns < window_ns);
}

/* What has come since the last collection, into the current step. */
static void cells_take(struct window *window)
{
	uint64_t *before = window_before(window);
	float *came = window_came(window, window->step);
	for (uint32_t i = 0; i < window->cells; i++) {
		came[i] += (float)(window->now[i] - before[i]);
		before[i] = window->now[i];
	}
}

static void window_begin(const struct windows *windows, struct window *window)
{
	for (uint32_t i = 0; i < window->cells; i++)
		window_before(window)[i] = window->now[i];
	for (unsigned int step = 0; step < WINDOW_STEPS; step++)
		memset(window_came(window, step), 0, window->cells * sizeof(float));
	window->begun = true;
	window->step = windows->now_ns / window->step_ns;
	if (!created_within(windows, window))
		return;
	for (uint32_t i = 0; i < window->cells; i++)
		window_came(window, window->step)[i] = (float)window->now[i];
}

static bool gone_back(const struct window *window)
{
	const uint64_t *before = window_before(window);
	bool less = false;
	for (uint32_t i = 0; i < window->cells; i++)
		less |= window->now[i] < before[i];
	return less;
}

/* Clears the steps that begin. */
static void steps_advance(struct window *window, int64_t step)
{
	int64_t from = window->step + 1;
	if (step - from >= (int64_t)WINDOW_STEPS)
		from = step - (int64_t)WINDOW_STEPS + 1;
	for (; from <= step; from++)
		memset(window_came(window, from), 0, window->cells * sizeof(float));
	window->step = step;
}

static void window_advance(const struct windows *windows, struct window *window)
{
	int64_t step_ns = (int64_t)window->window_s * 1000000000 / WINDOW_STEPS;
	step_ns += !step_ns;
	bool same = window->begun && window->step_ns == step_ns;
	window->step_ns = step_ns;
	/* Without cells nothing was ever observed: all that comes is new. */
	if (!window->cells || window->starved) {
		window->begun = !window->starved;
		window->step = windows->now_ns / step_ns;
		return;
	}
	if (!same || gone_back(window)) {
		window_begin(windows, window);
		return;
	}
	steps_advance(window, windows->now_ns / step_ns);
	cells_take(window);
}

/* ---- quantiles ---- */

static bool scratch_reserve(struct windows *windows, size_t count)
{
	if (count <= windows->scratch_count)
		return true;
	double *scratch = reallocarray(windows->scratch, count, sizeof(*scratch));
	if (!scratch)
		return false;
	windows->scratch = scratch;
	windows->scratch_count = count;
	return true;
}

/* The observations in the window, by cell, to the scratch; returns how many. */
static double cells_in_window(const struct windows *windows, const struct window *window)
{
	const float *came = window_came(window, 0);
	double count = 0;
	for (uint32_t i = 0; i < window->cells; i++) {
		double sum = 0;
		for (unsigned int step = 0; step < WINDOW_STEPS; step++)
			sum += (double)came[step * window->cells + i];
		windows->scratch[i] = sum;
		count += sum;
	}
	return count;
}

/* The rounding of q * n must not make the next rank of a whole number. */
static double rank_of(double quantile, double count)
{
	double rank = ceil(quantile * count - count * 0x1p-45);
	return rank < 1 ? 1 : rank;
}

static void quantiles_find(struct windows *windows, const struct window *window, uint64_t *values)
{
	const struct shape *shape = window->shape;
	double count = 0, below = 0;
	uint32_t cell = 0;
	if (!window->starved && window->cells)
		count = cells_in_window(windows, window);
	for (uint32_t i = 0; i < shape->bound_count; i++) {
		values[i] = mstat_f64_bits(__builtin_nan(""));
		if (!(count > 0))
			continue;
		double rank = rank_of(shape->bounds[i], count);
		while (cell + 1 < window->cells && below + windows->scratch[cell] < rank)
			below += windows->scratch[cell++];
		values[i] = mstat_f64_bits(window->layout->values[window->first + cell]);
	}
}

void window_expose(struct windows *windows, struct window *window, struct builder *builder, series_ref series)
{
	window_advance(windows, window);
	if (series == SERIES_NONE)
		return;
	if (!scratch_reserve(windows, (size_t)window->cells + window->shape->bound_count)) {
		builder_count_conflict(builder, CATALOG_NO_MEMORY);
		return;
	}
	uint64_t *parts = (uint64_t *)(windows->scratch + window->cells);
	quantiles_find(windows, window, parts);
	struct composite composite = {.shape = window->shape,
				      .parts = parts,
				      .count = window->count,
				      .sum = {.type = window->value, .u64 = window->sum},
				      .has_sum = true};
	if (window->value == NUMBER_F64)
		composite.sum.f64 = precise_sum_value(&window->sum_f64);
	builder_merge_composite(builder, series, &composite);
}

void windows_begin(struct windows *windows, int64_t now_ns, uint64_t wall_ns)
{
	windows->collection++;
	windows->now_ns = now_ns;
	windows->wall_ns = wall_ns;
}

void windows_fini(struct windows *windows)
{
	free(windows->scratch);
	*windows = (struct windows){0};
}
