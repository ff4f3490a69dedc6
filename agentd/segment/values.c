/* SPDX-License-Identifier: MIT */
/* The value of a series at the last read. */
#include <stdlib.h>
#include <string.h>

#include "private.h"

static struct segment_value counter_value(const struct segment *segment, const struct segment_series *series)
{
	struct segment_value value = {0};

	if (series->cell >= segment->private->cell_count)
		return value;
	value.bits = segment->private->cells[series->cell];
	/* An overflow series exists from the start; it is shown once it took an update. */
	value.present = !series->overflow || value.bits;
	return value;
}

struct segment_value segment_value(const struct segment *segment, uint32_t series)
{
	struct segment_value none = {0};

	if (series >= segment->series_count || !segment->series[series].readable)
		return none;
	const struct segment_family *family = &segment->families[segment->series[series].family];
	if (family->buckets)
		return none;
	if (mstat_shm_kind_in_rows(family->kind))
		return counter_value(segment, &segment->series[series]);
	return gauge_merge(segment, &segment->series[series]);
}

/* ---- distributions ---- */

static bool any_count(const struct segment_distribution *distribution)
{
	for (uint32_t i = 0; i < distribution->bucket_count; i++)
		if (distribution->buckets[i])
			return true;
	return false;
}

static uint64_t sum_cells(const struct segment_family *family, const uint64_t *cells)
{
	double sum = 0, part;
	uint64_t bits = cells[0];

	if (family->value != MSTAT_SHM_F64)
		return bits;
	for (uint32_t i = 0; i < family->sums; i++) {
		memcpy(&part, &cells[i], sizeof(part));
		sum += part;
	}
	memcpy(&bits, &sum, sizeof(bits));
	return bits;
}

/* The cells of a gauge histogram, added up over the live processes; NULL where none of them has set one. */
static const uint64_t *gauge_cells_merge(struct segment *segment, const struct segment_series *series, uint32_t cells)
{
	struct segment_private *private = segment->private;
	bool present = false;

	if (private->merged_capacity < cells) {
		uint64_t *merged = reallocarray(private->merged, cells, sizeof(*merged));
		if (!merged)
			return NULL;
		private->merged = merged;
		private->merged_capacity = cells;
	}
	memset(private->merged, 0, cells * sizeof(*private->merged));
	for (uint32_t i = 0; i < segment->process_count; i++) {
		if (!segment->processes[i].live)
			continue;
		for (uint32_t cell = 0; cell < cells; cell++) {
			uint64_t bits = gauge_row_cell(segment, (size_t)i + 1, series->cell + cell);
			if (bits == MSTAT_SHM_GAUGE_UNSET)
				continue;
			private->merged[cell] += (uint64_t)mstat_shm_gauge_to_i64(bits);
			present = true;
		}
	}
	/* Adding and taking out are not one step: what is short for a moment is none. */
	for (uint32_t cell = 1; cell < cells; cell++)
		if (private->merged[cell] >> 63)
	private->merged[cell] = 0;
	return present ? private->merged : NULL;
}

struct segment_distribution segment_distribution(struct segment *segment, uint32_t number)
{
	struct segment_distribution none = {0};
	const uint64_t *cells = NULL;

	if (number >= segment->series_count || !segment->series[number].readable)
		return none;
	const struct segment_series *series = &segment->series[number];
	const struct segment_family *family = &segment->families[series->family];
	if (!family->buckets)
		return none;
	if (!mstat_shm_kind_in_rows(family->kind))
		cells = gauge_cells_merge(segment, series, family->cells);
	else if (series->cell < segment->private->cell_count &&
		 family->cells <= segment->private->cell_count - series->cell)
		cells = segment->private->cells + series->cell;
	if (!cells)
		return none;
	struct segment_distribution distribution = {.sum = sum_cells(family, cells),
						    .buckets = cells + family->sums,
						    .bucket_count = family->cells - family->sums};
	/* An overflow series exists from the start; it is shown once it took an update. */
	distribution.present = !series->overflow || any_count(&distribution);
	return distribution;
}
