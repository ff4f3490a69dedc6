/* SPDX-License-Identifier: MIT */
/* Gauges: one owner row a process. Slow paths of set and add, and what becomes of a dead process' values. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "private.h"

static uint64_t gauge_row_offset(uint32_t row)
{
	return mstat_root.layout.gauges_off + (uint64_t)row * mstat_root.layout.gauge_stride;
}

/* Segment's lock held. Rows of all claimed slots, and row 0, grow together. */
int mstat_gauge_rows_extend(uint32_t cells)
{
	uint64_t page = mstat_page_bytes();
	uint64_t have = (mstat_header()->gauge_cells_published * 8ull + page - 1) / page * page;
	uint64_t want = (cells * 8ull + page - 1) / page * page;
	if (want <= have)
		return 0;
	int reason = mstat_populate(gauge_row_offset(0) + have, want - have);
	for (uint32_t slot = 0; slot < mstat_root.layout.process_max && !reason; slot++) {
		uint32_t state = mstat_load_relaxed(&mstat_process_slot(slot)->state);
		if (state == 0)
			break;
		if ((state & MSTAT_SHM_PROCESS_MASK) == MSTAT_SHM_PROCESS_LIVE)
			reason = mstat_populate(gauge_row_offset(1 + slot) + have, want - have);
	}
	return reason;
}

/* With the segment's lock held. A process that could not get the lock when it attached has no slot yet. */
static char *gauge_row_populate(void)
{
	uint32_t cells = mstat_max(mstat_header()->gauge_cells_published, MSTAT_GAUGE_FIRST);
	if (!mstat_process.slot)
		mstat_slot_claim();
	if (!mstat_process.slot)
		return NULL;
	int reason = mstat_populate(gauge_row_offset(mstat_process.slot), cells * 8ull);
	if (!reason)
		return mstat_gauge_row(mstat_process.slot);
	mstat_refuse(reason);
	return NULL;
}

/* This process' row, with all its cells. The first gauge of a process comes here. */
static char *gauge_row_activate(void)
{
	struct mstat_signals signals;
	char *row = NULL;
	if (!mstat_attach() || mstat_process.slot_refused)
		return NULL;
	mstat_signals_block(&signals);
	if (mstat_segment_lock()) {
		row = gauge_row_populate();
		mstat_segment_unlock();
	}
	/* release: pairs with the dependent load in mstat_gauge_cell() */
	if (row)
		mstat_store_release(&mstat_process.gauge_row, row);
	mstat_signals_restore(&signals);
	return row;
}

uint64_t *mstat_gauge_own_cell(const struct mstat_handle *handle)
{
	char *row = mstat_load_relaxed(&mstat_process.gauge_row);
	if (mstat_is_no_handle(handle))
		return NULL;
	if (!row)
		row = gauge_row_activate();
	return row ? (uint64_t *)(row + mstat_load_relaxed(&handle->offset)) : NULL;
}

static uint64_t coarse_ns(void)
{
	struct timespec now = {0};
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void gauge_stamp(const struct mstat_handle *handle, uint64_t *cell)
{
	if (handle->index & MSTAT_HANDLE_STAMPED)
		mstat_store_relaxed(cell + 1, coarse_ns());
}

static void gauge_store(const struct mstat_handle *handle, uint64_t bits)
{
	int saved_errno = errno;
	uint64_t *cell = mstat_gauge_own_cell(handle);
	if (cell) {
		mstat_store_relaxed(cell, bits);
		gauge_stamp(handle, cell);
	}
	errno = saved_errno;
}

void mstat_gauge_set_slow(mstat_gauge *gauge, int64_t value)
{
	gauge_store(&gauge->handle, mstat_shm_gauge_from_i64(value));
}

void mstat_gauge_f64_set_slow(mstat_gauge_f64 *gauge, double value)
{
	gauge_store(&gauge->handle, mstat_shm_gauge_from_f64(value));
}

void mstat_gauge_add_slow(mstat_gauge *gauge, int64_t n)
{
	int saved_errno = errno;
	uint64_t *cell = mstat_gauge_own_cell(&gauge->handle);
	if (cell) {
		/* A gauge that was never set starts at 0, whoever of several threads comes first. */
		uint64_t unset = MSTAT_SHM_GAUGE_UNSET;
		mstat_cas_relaxed(cell, &unset, mstat_shm_gauge_from_i64(0));
		mstat_add_relaxed(cell, (uint64_t)n);
		gauge_stamp(&gauge->handle, cell);
	}
	errno = saved_errno;
}

void mstat_gauge_f64_add_slow(mstat_gauge_f64 *gauge, double n)
{
	int saved_errno = errno;
	uint64_t *cell = mstat_gauge_own_cell(&gauge->handle);
	if (cell) {
		uint64_t old = mstat_load_relaxed(cell), sum;
		do {
			double value = old == MSTAT_SHM_GAUGE_UNSET ? 0 : mstat_shm_gauge_to_f64(old);
			sum = mstat_shm_gauge_from_f64(value + n);
		} while (!mstat_cas_relaxed(cell, &old, sum));
		gauge_stamp(&gauge->handle, cell);
	}
	errno = saved_errno;
}

/* A mark moves only while it is on the wrong side of a value; `unset` and NaN are on the wrong side of all. */
#define MARK_MOVE(decode, encode, right)                                                                               \
	int saved_errno = errno;                                                                                       \
	uint64_t *cell = mstat_gauge_own_cell(&gauge->handle);                                                         \
	uint64_t old = cell ? mstat_load_relaxed(cell) : 0;                                                            \
	while (cell && value == value && (old == MSTAT_SHM_GAUGE_UNSET || !(decode(old) right value)) &&               \
	       !mstat_cas_relaxed(cell, &old, encode(value)))                                                          \
		continue;                                                                                              \
	if (cell)                                                                                                      \
		gauge_stamp(&gauge->handle, cell);                                                                     \
	errno = saved_errno

void mstat_gauge_max_slow(mstat_gauge *gauge, int64_t value)
{
	MARK_MOVE(mstat_shm_gauge_to_i64, mstat_shm_gauge_from_i64, >=);
}

void mstat_gauge_min_slow(mstat_gauge *gauge, int64_t value)
{
	MARK_MOVE(mstat_shm_gauge_to_i64, mstat_shm_gauge_from_i64, <=);
}

void mstat_gauge_f64_max_slow(mstat_gauge_f64 *gauge, double value)
{
	MARK_MOVE(mstat_shm_gauge_to_f64, mstat_shm_gauge_from_f64, >=);
}

void mstat_gauge_f64_min_slow(mstat_gauge_f64 *gauge, double value)
{
	MARK_MOVE(mstat_shm_gauge_to_f64, mstat_shm_gauge_from_f64, <=);
}

/* ---- values of the dead ---- */

static bool gauge_first_wins(uint8_t merge, uint8_t type, uint64_t kept, uint64_t dead)
{
	bool less = type == MSTAT_SHM_F64 ? mstat_shm_gauge_to_f64(kept) < mstat_shm_gauge_to_f64(dead)
					  : mstat_shm_gauge_to_i64(kept) < mstat_shm_gauge_to_i64(dead);
	return merge == MSTAT_SHM_MERGE_MIN ? less : !less;
}

static uint64_t gauge_sum(uint8_t type, uint64_t kept, uint64_t dead)
{
	if (type == MSTAT_SHM_F64)
		return mstat_shm_gauge_from_f64(mstat_shm_gauge_to_f64(kept) + mstat_shm_gauge_to_f64(dead));
	return mstat_shm_gauge_from_i64(
		(int64_t)((uint64_t)mstat_shm_gauge_to_i64(kept) + (uint64_t)mstat_shm_gauge_to_i64(dead)));
}

/* Merges one value into row 0. The dead cell is emptied first: should this process be killed in between, one gauge
 * value of a dead process is missing, and never counted twice. */
static void gauge_keep(const struct mstat_shm_family *family, uint64_t *kept, uint64_t *dead)
{
	uint64_t value =
		mstat_exchange_acquire(dead, MSTAT_SHM_GAUGE_UNSET); /* pairs with nothing: the writer is dead */
	uint64_t have = mstat_load_relaxed(kept);
	bool stamped = family->merge == MSTAT_SHM_MERGE_LAST;
	if (value == MSTAT_SHM_GAUGE_UNSET)
		return;
	if (have == MSTAT_SHM_GAUGE_UNSET)
		have = value;
	else if (family->merge == MSTAT_SHM_MERGE_SUM)
		have = gauge_sum(family->value, have, value);
	else if (stamped ? mstat_load_relaxed(dead + 1) < mstat_load_relaxed(kept + 1)
			 : gauge_first_wins(family->merge, family->value, have, value))
		return;
	else
		have = value;
	mstat_store_relaxed(kept, have);
	if (stamped)
		mstat_store_relaxed(kept + 1, mstat_load_relaxed(dead + 1));
}

void mstat_gauges_retire(uint32_t slot)
{
	struct mstat_shm_header *header = mstat_header();
	uint64_t *kept = (uint64_t *)mstat_gauge_row(0), *dead = (uint64_t *)mstat_gauge_row(1 + slot);
	if (header->gauge_cells_published <= MSTAT_GAUGE_FIRST ||
	    mstat_populate(gauge_row_offset(1 + slot), header->gauge_cells_published * 8ull))
		return;
	for (uint32_t index = 0; index < header->series_published; index++) {
		const struct mstat_shm_series *series = mstat_arena(mstat_entry(index)->record);
		const struct mstat_shm_family *family = mstat_arena(series->family);
		if (family->kind == MSTAT_SHM_GAUGE && !(family->flags & MSTAT_SHM_FAMILY_LIVE))
			gauge_keep(family, kept + series->cell, dead + series->cell);
	}
	memset(dead, 0, header->gauge_cells_published * 8ull);
}
