/* SPDX-License-Identifier: MIT */
/* Gauges: the rows of the processes, copied together with the table that says whose they are, and merged on demand by
 * the rule of the family.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

/* A process that ends moves its values to row 0 and frees its slot: in the midst of it a value would be seen twice or
 * not at all. That it happens three times during three short copies is taken for what there is. */
#define GAUGE_ATTEMPTS 3

static enum segment_refusal gauge_row_copy(struct segment_scan *scan, uint64_t row, uint64_t index)
{
	struct segment_private *private = scan->segment->private;
	uint64_t bytes = (uint64_t) private->gauge_cells * 8;

	return scan_copy(scan, private->gauges + index * private->gauge_cells, bytes,
			 region_offset(scan, MSTAT_SHM_REGION_GAUGES, row));
}

static enum segment_refusal gauge_rows_copy(struct segment_scan *scan)
{
	struct segment *segment = scan->segment;
	struct segment_private *private = segment->private;
	uint64_t rows = (uint64_t)segment->process_count + 1;

	private->gauge_cells = segment->header.gauge_cells_published;
	if (!private->gauge_cells)
		return SEGMENT_REFUSED_NONE;
	enum segment_refusal refusal = scan_charge(scan, rows * private->gauge_cells * 8);
	if (!refusal)
		refusal = scan_reserve(scan, (void **)&private->gauges, sizeof(*private->gauges),
				       rows * private->gauge_cells, &private->gauge_capacity);
	if (!refusal)
		refusal = gauge_row_copy(scan, 0, 0);
	for (uint32_t i = 0; !refusal && i < segment->process_count; i++)
		refusal = gauge_row_copy(scan, (uint64_t)segment->processes[i].slot + 1, (uint64_t)i + 1);
	return refusal;
}

enum segment_refusal gauges_read(struct segment_scan *scan)
{
	struct segment *segment = scan->segment;
	uint64_t slots = segment->header.process_max;
	uint64_t stride = region_of(segment, MSTAT_SHM_REGION_PROCESSES)->stride;
	uint32_t *states = NULL;
	bool unchanged = false;

	segment->private->gauge_cells = 0;
	enum segment_refusal refusal = scan_charge(scan, slots * (2 * stride + sizeof(*states)));
	if (refusal)
		return refusal;
	states = malloc((slots + 1) * sizeof(*states));
	if (!states) {
		scan->error = ENOMEM;
		return SEGMENT_REFUSED_READ;
	}
	for (int attempt = 0; !refusal && !unchanged && attempt < GAUGE_ATTEMPTS; attempt++) {
		refusal = processes_read(scan, states);
		/* Pairs with the release of slot_take(): rows are copied after the slots that own them. */
		mstat_fence_acquire();
		if (!refusal)
			refusal = gauge_rows_copy(scan);
		mstat_fence_acquire();
		if (!refusal)
			refusal = processes_unchanged(scan, states, &unchanged);
	}
	if (refusal) {
		/* Rows and processes no longer belong together. */
		segment->process_count = 0;
		segment->private->gauge_cells = 0;
	}
	free(states);
	processes_ask_liveness(scan);
	return refusal;
}

uint64_t gauge_row_cell(const struct segment *segment, size_t row, uint32_t cell)
{
	const struct segment_private *private = segment->private;

	return cell < private->gauge_cells ? private->gauges[row * private->gauge_cells + cell] : MSTAT_SHM_GAUGE_UNSET;
}

/* What one row says of a series. */
static struct segment_value row_value(const struct segment *segment, const struct segment_series *series, size_t row)
{
	const struct segment_private *private = segment->private;
	bool last = segment->families[series->family].merge == MSTAT_SHM_MERGE_LAST;
	struct segment_value value = {0};

	if (series->cell >= private->gauge_cells || last > private->gauge_cells - series->cell - 1)
		return value;
	const uint64_t *cell = private->gauges + row * private->gauge_cells + series->cell;
	value.present = cell[0] != MSTAT_SHM_GAUGE_UNSET;
	if (value.present)
		value.bits = cell[0] ^ MSTAT_SHM_GAUGE_FLIP;
	if (value.present && last)
		value.time_ns = cell[1];
	return value;
}

static double to_f64(uint64_t bits)
{
	double value;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

static uint64_t sum_of(const struct segment_family *family, uint64_t one, uint64_t other)
{
	if (family->value != MSTAT_SHM_F64)
		return one + other;
	double sum = to_f64(one) + to_f64(other);
	memcpy(&one, &sum, sizeof(one));
	return one;
}

/* NaN is below and above nothing: it stands only where no process has a number. */
static bool is_less(const struct segment_family *family, uint64_t one, uint64_t other)
{
	if (family->value != MSTAT_SHM_F64)
		return (int64_t)one < (int64_t)other;
	return to_f64(one) < to_f64(other) || (to_f64(other) != to_f64(other) && to_f64(one) == to_f64(one));
}

static bool is_greater(const struct segment_family *family, uint64_t one, uint64_t other)
{
	if (family->value != MSTAT_SHM_F64)
		return (int64_t)one > (int64_t)other;
	return to_f64(one) > to_f64(other) || (to_f64(other) != to_f64(other) && to_f64(one) == to_f64(one));
}

static void value_merge(const struct segment_family *family, struct segment_value *merged, struct segment_value value)
{
	if (!value.present)
		return;
	if (!merged->present) {
		*merged = value;
		return;
	}
	if (family->kind == MSTAT_SHM_STATE_SET) {
		merged->bits |= value.bits;
		return;
	}
	switch (family->merge) {
	case MSTAT_SHM_MERGE_SUM:
		merged->bits = sum_of(family, merged->bits, value.bits);
		break;
	case MSTAT_SHM_MERGE_MIN:
		if (is_less(family, value.bits, merged->bits))
			*merged = value;
		break;
	case MSTAT_SHM_MERGE_MAX:
		if (is_greater(family, value.bits, merged->bits))
			*merged = value;
		break;
	default:
		if (value.time_ns > merged->time_ns)
			*merged = value;
	}
}

struct segment_value gauge_merge(const struct segment *segment, const struct segment_series *series)
{
	const struct segment_family *family = &segment->families[series->family];
	struct segment_value merged = {0};

	if (family->merge == MSTAT_SHM_MERGE_EACH)
		return merged;
	if (!family->live)
		merged = row_value(segment, series, 0);
	for (uint32_t i = 0; i < segment->process_count; i++)
		if (!family->live || segment->processes[i].live)
			value_merge(family, &merged, row_value(segment, series, (size_t)i + 1));
	return merged;
}

struct segment_value segment_value_of_process(const struct segment *segment, uint32_t series, uint32_t process)
{
	struct segment_value none = {0};

	if (series >= segment->series_count || process >= segment->process_count || !segment->series[series].readable ||
	    segment->families[segment->series[series].family].kind != MSTAT_SHM_GAUGE)
		return none;
	return row_value(segment, &segment->series[series], (size_t)process + 1);
}
