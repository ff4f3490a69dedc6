/* SPDX-License-Identifier: MIT */
/* Counters and buckets: the sum of a cell over all rows that have it. Rows pass through the scan's scratch in pieces,
 * so that memory grows with the cells and not with the CPUs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

/* What a read costs besides its bytes: keeps a file of endless empty rows from taking a system call for each. */
#define ROW_COST_BYTES 512

static uint64_t add_f64_bits(uint64_t one, uint64_t other)
{
	double sum;
	double value;

	memcpy(&sum, &one, sizeof(sum));
	memcpy(&value, &other, sizeof(value));
	sum += value;
	memcpy(&one, &sum, sizeof(one));
	return one;
}

/* A bit for each cell that a live series uses as f64 (a counter's, or the sums in front of buckets); NULL without an
 * error where no series does. */
static enum segment_refusal f64_cells(struct segment_scan *scan, uint8_t **bitmap)
{
	const struct segment *segment = scan->segment;
	size_t bytes = segment->private->cell_count / 8 + 1;

	for (uint32_t i = 0; i < segment->series_count; i++) {
		const struct segment_series *series = &segment->series[i];
		const struct segment_family *family = &segment->families[series->family];
		uint32_t cells = family->sums ? family->sums : 1;
		if (!series->readable || !mstat_shm_kind_in_rows(family->kind) || family->value != MSTAT_SHM_F64 ||
		    series->cell >= segment->private->cell_count || cells > segment->private->cell_count - series->cell)
			continue;
		if (!*bitmap && scan_charge(scan, bytes))
			return SEGMENT_REFUSED_BUDGET;
		if (!*bitmap)
			*bitmap = calloc(1, bytes);
		if (!*bitmap) {
			scan->error = ENOMEM;
			return SEGMENT_REFUSED_READ;
		}
		for (uint32_t cell = series->cell; cell < series->cell + cells; cell++)
			(*bitmap)[cell / 8] |= (uint8_t)(1u << cell % 8);
	}
	return SEGMENT_REFUSED_NONE;
}

static void cells_add(struct segment_scan *scan, const uint8_t *is_f64, uint32_t first, uint32_t count)
{
	uint64_t *sums = scan->segment->private->cells + first;

	if (!is_f64) {
		for (uint32_t i = 0; i < count; i++)
			sums[i] += scan->cells[i];
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		uint32_t cell = first + i;
		if (is_f64[cell / 8] & (1u << cell % 8))
			sums[i] = add_f64_bits(sums[i], scan->cells[i]);
		else
			sums[i] += scan->cells[i];
	}
}

static enum segment_refusal row_add(struct segment_scan *scan, const uint8_t *is_f64, uint64_t row, uint32_t cells)
{
	uint64_t offset = region_offset(scan, MSTAT_SHM_REGION_ROWS, row);
	uint64_t cost = (uint64_t)cells * 8 + ROW_COST_BYTES;
	enum segment_refusal refusal = SEGMENT_REFUSED_NONE;

	if (cost > scan->rows_bytes)
		return scan_refuse(scan, SEGMENT_REFUSED_BUDGET, offset);
	scan->rows_bytes -= cost;
	for (uint64_t first = 0; !refusal && first < cells; first += SCAN_CELLS) {
		uint64_t count = cells - first < SCAN_CELLS ? cells - first : SCAN_CELLS;
		refusal = scan_copy(scan, scan->cells, count * 8, offset + first * 8);
		if (!refusal)
			cells_add(scan, is_f64, (uint32_t)first, (uint32_t)count);
	}
	return refusal;
}

static enum segment_refusal rows_add(struct segment_scan *scan, const uint8_t *is_f64)
{
	const struct mstat_shm_header *header = &scan->segment->header;
	uint64_t rows = (uint64_t)header->cpu_count + header->shared_row_count;
	uint32_t stride = region_of(scan->segment, MSTAT_SHM_REGION_ROW_STATES)->stride;
	enum segment_refusal refusal = scan_charge(scan, rows * stride);
	uint64_t count = 0;

	for (uint64_t first = 0; !refusal && first < rows; first += count) {
		count = rows - first;
		refusal = scan_table(scan, MSTAT_SHM_REGION_ROW_STATES, first, &count);
		for (uint64_t i = 0; !refusal && i < count; i++) {
			uint64_t populated = *(const uint64_t *)((const char *)scan->table + i * stride);
			/* A row is populated up to its state; beyond lie holes that nobody has counted in. */
			if (populated > header->cells_published)
				populated = header->cells_published;
			if (populated)
				refusal = row_add(scan, is_f64, first + i, (uint32_t)populated);
		}
	}
	return refusal;
}

enum segment_refusal rows_sum(struct segment_scan *scan)
{
	struct segment_private *private = scan->segment->private;
	uint32_t cells = scan->segment->header.cells_published;
	uint8_t *is_f64 = NULL;

	enum segment_refusal refusal = scan_charge(scan, (uint64_t)cells * 8);
	if (!refusal)
		refusal = scan_reserve(scan, (void **)&private->cells, sizeof(*private->cells), cells,
				       &private->cell_capacity);
	if (refusal)
		return refusal;
	private->cell_count = cells;
	if (cells)
		memset(private->cells, 0, (size_t)cells * 8);
	refusal = f64_cells(scan, &is_f64);
	if (!refusal && cells)
		refusal = rows_add(scan, is_f64);
	free(is_f64);
	return refusal;
}
