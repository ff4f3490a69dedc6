/* SPDX-License-Identifier: MIT */
/* Summaries: quantiles over a sliding window, out of counts that only grow.
 *
 * A summary is an exponential histogram in its segments. At each collection the cells of all its sources are added up
 * and compared with those of the collection before; what came in between belongs to the current of WINDOW_STEPS steps
 * of the window. Quantiles are of the observations in the last WINDOW_STEPS steps, the current one among them: of the
 * last 4/5 to 5/5 of the window. Count and sum are those since the beginning. Between two collections that are further
 * apart than the window the quantiles are of what came in between.
 *
 * The value of a quantile q of n observations is that of the cell where the observation of rank ceil(q * n), at least
 * the first, lies: the geometric mean of the least and the greatest value that the cell takes; 0 for the zero bucket,
 * the last finite bound for what is beyond; mirrored for negative values. Within the range of the buckets its relative
 * error is at most 2^(1 / 2^(schema+1)) - 1: 2.2 % with schema 4, the default. NaN: no observation in the window.
 *
 * A series that is seen for the first time and was created within the window begins with all it has, an older one with
 * nothing. Where a cell has become less (a series was removed, totals expired), the past is dropped and it begins anew
 * in the same way.
 *
 * One thread at a time.
 */
#ifndef AGENTD_COLLECT_SEGMENTS_WINDOWS_H
#define AGENTD_COLLECT_SEGMENTS_WINDOWS_H

#include "segment/reader.h"
#include "snapshot/builder.h"

#define WINDOW_STEPS 5u

/* What the cells of a family mean; one for all families with the same buckets. */
struct window_layout;
/* The state of one merged series: 36 bytes for each cell between the first and the last that is not zero (in blocks of
 * 16), and 150 bytes. */
struct window;

/* What all windows share; zeros are fine to begin with. */
struct windows {
	bool whole_life; /* every series begins with all it has: for a reader that looks once */
	uint64_t collection;
	int64_t now_ns;   /* CLOCK_MONOTONIC */
	uint64_t wall_ns; /* CLOCK_REALTIME */
	size_t bytes;     /* of all cells and layouts */
	struct window_layout *layouts;
	double *scratch; /* of one window: the observations in it, by cell; then the quantiles */
	size_t scratch_count;
};

/* Memory of all cells and layouts. What is beyond it has a count and a sum, but no quantiles, and is counted as
 * CATALOG_LIMIT. */
#define WINDOWS_BYTES_MAX ((size_t)64 << 20)

/* All layouts must have been put back, all windows freed. */
void windows_fini(struct windows *windows);

/* NULL when out of memory or beyond WINDOWS_BYTES_MAX, or if the family has no buckets. */
struct window_layout *window_layout_get(struct windows *windows, const struct segment_family *family);
void window_layout_put(struct windows *windows, struct window_layout *layout); /* NULL is fine */

/* Begins a collection. */
void windows_begin(struct windows *windows, int64_t now_ns, uint64_t wall_ns);

/* What a source has of a series. */
struct window_share {
	struct window_layout *layout;
	const struct shape *shape; /* QUANTILES */
	const struct segment_family *family;
	const struct segment_distribution *value;
	uint64_t created_ns;
};

/* Adds a source's share of a series to *window, which is made if it is NULL. Of sources that want other quantiles or
 * another window the last one decides. CATALOG_OK; CATALOG_CONFLICT_SHAPE: its cells are others than those of the first
 * source of this collection; CATALOG_NO_MEMORY: the share is left out; CATALOG_LIMIT: it counts, but for the quantiles.
 * Cost: some 0.4 ns a cell. */
enum catalog_conflict windows_add(struct windows *windows, struct window **window, const struct window_share *share);

/* Ends a collection for one window that something was added to: moves it on, and gives the value to the series unless
 * that is SERIES_NONE. Cost: some 3 ns a cell between the first and the last that is not zero. */
void window_expose(struct windows *windows, struct window *window, struct builder *builder, series_ref series);
/* Whether something was added in this collection. */
bool window_touched(const struct windows *windows, const struct window *window);

/* NULL is fine. The windows that it was made by must still be there. */
void window_free(struct window *window);

#endif
