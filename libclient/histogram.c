/* SPDX-License-Identifier: MIT */
/* Histograms and summaries: the slow path of an observation; gauge histograms. */
#include <errno.h>

#include "private.h"

static bool observation_impossible(const struct mstat_handle *handle)
{
	return mstat_is_no_handle(handle) || !mstat_attach();
}

/* Bucket first, as in the hot path: whoever dies in between has counted and not summed, and a mean is a little low,
 * never the count wrong. */
void mstat_observe_slow(mstat_histogram *histogram, int64_t value, int done)
{
	int saved_errno = errno;
	if (observation_impossible(&histogram->handle))
		goto out;
	if (value < 0) {
		mstat_refuse(MSTAT_REASON_OBSERVATION);
		goto out;
	}
	if (!done)
		mstat_row_add_u64(&histogram->handle,
				  (MSTAT_SHM_SUMS_U64 + mstat_map_search(histogram->map, (uint64_t)value)) * 8ull, 1);
	mstat_row_add_u64(&histogram->handle, 0, (uint64_t)value);
out:
	errno = saved_errno;
}

void mstat_observe_f64_slow(mstat_histogram_f64 *histogram, double value, int done)
{
	int saved_errno = errno;
	if (observation_impossible(&histogram->handle))
		goto out;
	if (!mstat_map_takes(histogram->map, value)) {
		mstat_refuse(MSTAT_REASON_OBSERVATION);
		goto out;
	}
	uint32_t bucket = mstat_map_search_f64(histogram->map, value);
	if (!done)
		mstat_row_add_u64(&histogram->handle, (MSTAT_SHM_SUMS_F64 + bucket) * 8ull, 1);
	mstat_row_add_f64(&histogram->handle, bucket % MSTAT_SHM_SUMS_F64 * 8ull, value);
out:
	errno = saved_errno;
}

/* ---- gauge histograms ---- */

static void gauge_cell_add(uint64_t *cell, int64_t n)
{
	uint64_t unset = MSTAT_SHM_GAUGE_UNSET;
	mstat_cas_relaxed(cell, &unset, mstat_shm_gauge_from_i64(0));
	mstat_add_relaxed(cell, (uint64_t)n);
}

static void gauge_histogram_change(const mstat_gauge_histogram *histogram, int64_t value, int64_t sign)
{
	int saved_errno = errno;
	uint64_t *cell = mstat_gauge_own_cell(&histogram->handle);
	if (cell && value < 0) {
		mstat_refuse(MSTAT_REASON_OBSERVATION);
	} else if (cell) {
		gauge_cell_add(cell + 1 + mstat_map_search(histogram->map, (uint64_t)value), sign);
		gauge_cell_add(cell, sign * value);
	}
	errno = saved_errno;
}

void mstat_gauge_histogram_add(mstat_gauge_histogram *histogram, int64_t value)
{
	gauge_histogram_change(histogram, value, 1);
}

void mstat_gauge_histogram_remove(mstat_gauge_histogram *histogram, int64_t value)
{
	gauge_histogram_change(histogram, value, -1);
}
