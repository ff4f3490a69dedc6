/* SPDX-License-Identifier: MIT */
/* The SERIES table, read before and after the rows. The first pass learns what each series is, the second one finds
 * out which of them stayed what they were while their cells were copied: only those are readable.
 */
#include "private.h"

static bool state_is_live(uint32_t state)
{
	return (state & MSTAT_SHM_STATE_MASK) == MSTAT_SHM_STATE_LIVE;
}

static bool cell_is_sound(const struct mstat_shm_header *header, const struct segment_family *family, uint32_t cell,
			  bool published)
{
	bool in_rows = mstat_shm_kind_in_rows(family->kind);
	uint32_t end = in_rows     ? published ? header->cells_published : header->cell_max
		       : published ? header->gauge_cells_published
				   : header->gauge_cell_max;

	return cell >= (in_rows ? MSTAT_SHM_CELL_FIRST : 0) && cell < end && family->cells <= end - cell;
}

static bool labels_are_sound(const struct segment_private *private, const struct segment_family *family,
			     const struct mstat_shm_series *record, bool overflow)
{
	if (record->label_count != (overflow ? 0 : family->label_count))
		return false;
	for (uint32_t i = 0; i < record->label_count; i++)
		if (!arena_string(private, record->label_values[i]))
			return false;
	return true;
}

/* What an entry's record says of a series. `*early` is set instead of a refusal where the record or its cell lies
 * beyond the published lengths that this scan knows but within the region: lengths may have grown since. */
static enum segment_refusal series_resolve(const struct segment *segment, uint32_t index,
					   const struct mstat_shm_entry *entry, struct segment_series *series,
					   bool *early)
{
	const struct segment_private *private = segment->private;
	const struct mstat_shm_series *record = arena_series(private, entry->record);

	if (!record) {
		*early = entry->record >= segment->header.arena_published &&
			 entry->record < region_of(segment, MSTAT_SHM_REGION_ARENA)->bytes;
		return SEGMENT_REFUSED_SERIES;
	}
	uint32_t family = family_find(segment, record->family);
	bool overflow = record->record.flags & MSTAT_SHM_SERIES_OVERFLOW;
	if (family == UINT32_MAX || record->index != index ||
	    !labels_are_sound(private, &segment->families[family], record, overflow))
		return SEGMENT_REFUSED_SERIES;
	if (!cell_is_sound(&segment->header, &segment->families[family], record->cell, true)) {
		*early = cell_is_sound(&segment->header, &segment->families[family], record->cell, false);
		return SEGMENT_REFUSED_SERIES;
	}
	series->family = family;
	series->record_off = entry->record;
	series->cell = record->cell;
	series->overflow = overflow;
	return SEGMENT_REFUSED_NONE;
}

/* The header was copied while the writer may have been at it: a series can be newer than the other lengths beside its
 * own. Then they have grown by now; if they have not, the series is a lie. Asked once a scan. */
static bool lengths_have_grown(struct segment_scan *scan)
{
	const struct mstat_shm_header *before = &scan->segment->header;
	struct mstat_shm_header now;

	if (!scan->lengths_grown && !scan_copy(scan, &now, sizeof(now), 0))
		scan->lengths_grown = now.arena_published != before->arena_published ||
				      now.cells_published != before->cells_published ||
				      now.gauge_cells_published != before->gauge_cells_published;
	return scan->lengths_grown;
}

/* Takes over one entry. *early: the rest of the table has to wait for the next scan. */
static enum segment_refusal entry_take(struct segment_scan *scan, uint32_t index, const struct mstat_shm_entry *entry,
				       bool *early)
{
	struct segment *segment = scan->segment;
	struct segment_series *series = &segment->series[index];
	bool known = index < segment->series_count;

	if (known && !segment->private->arena && series->record_off != entry->record) {
		/* It says something else than what was understood, and the text is not at hand. */
		series->readable = false;
		series->state = MSTAT_SHM_STATE_FREE;
		segment->private->want_strings = true;
		return SEGMENT_REFUSED_NONE;
	}
	if (!known || series->record_off != entry->record) {
		struct segment_series found = {0};
		enum segment_refusal refusal = series_resolve(segment, index, entry, &found, early);
		if (refusal) {
			*early = *early && lengths_have_grown(scan);
			return *early ? SEGMENT_REFUSED_NONE : refusal;
		}
		*series = found;
		segment->series_count += !known;
		segment->record_changes += known;
	}
	if ((entry->state & MSTAT_SHM_STATE_MASK) > MSTAT_SHM_STATE_REMOVED)
		return SEGMENT_REFUSED_SERIES;
	series->state = entry->state;
	series->created_ns = entry->created_ns;
	series->readable = state_is_live(entry->state);
	return SEGMENT_REFUSED_NONE;
}

static const struct mstat_shm_entry *entry_of(const struct segment_scan *scan, uint64_t index)
{
	uint32_t stride = region_of(scan->segment, MSTAT_SHM_REGION_SERIES)->stride;
	return (const void *)((const char *)scan->table + index * stride);
}

/* Each of many series may name the same thousands of cells, at a few bytes for the writer; who looks at all of them
 * must not pay more than the budget says. Cells in rows pass from one series to the next, perhaps during this scan, and
 * are taken from the budget; those in gauge rows, which are added up once a process, never do: they cannot be more than
 * were published. */
static enum segment_refusal distribution_charge(struct segment_scan *scan, const struct segment_series *series)
{
	const struct segment_family *family = &scan->segment->families[series->family];

	if (!series->readable || !family->buckets)
		return SEGMENT_REFUSED_NONE;
	if (mstat_shm_kind_in_rows(family->kind))
		return scan_charge(scan, family->cells * 8ull);
	scan->gauge_cells += family->cells;
	return scan->gauge_cells > scan->segment->header.gauge_cells_published ? SEGMENT_REFUSED_SERIES
									       : SEGMENT_REFUSED_NONE;
}

enum segment_refusal series_read_before(struct segment_scan *scan)
{
	struct segment *segment = scan->segment;
	uint64_t published = segment->header.series_published;
	uint32_t stride = region_of(segment, MSTAT_SHM_REGION_SERIES)->stride;
	uint64_t count = 0;

	enum segment_refusal refusal = scan_charge(scan, published * (sizeof(*segment->series) + 2 * (uint64_t)stride));
	if (!refusal)
		refusal = scan_reserve(scan, (void **)&segment->series, sizeof(*segment->series), published,
				       &segment->private->series_capacity);
	for (uint64_t first = 0; !refusal && first < published; first += count) {
		count = published - first;
		refusal = scan_table(scan, MSTAT_SHM_REGION_SERIES, first, &count);
		for (uint64_t i = 0; !refusal && i < count; i++) {
			bool early = false;
			refusal = entry_take(scan, (uint32_t)(first + i), entry_of(scan, i), &early);
			if (!refusal && !early)
				refusal = distribution_charge(scan, &segment->series[first + i]);
			if (refusal)
				scan_refuse(scan, refusal, region_offset(scan, MSTAT_SHM_REGION_SERIES, first + i));
			if (early && first + i >= segment->series_count)
				return SEGMENT_REFUSED_NONE;
			if (early)
				segment->series[first + i].readable = false;
		}
	}
	return refusal;
}

enum segment_refusal series_read_after(struct segment_scan *scan)
{
	struct segment *segment = scan->segment;
	enum segment_refusal refusal = SEGMENT_REFUSED_NONE;
	uint64_t count = 0;

	for (uint64_t first = 0; !refusal && first < segment->series_count; first += count) {
		count = segment->series_count - first;
		refusal = scan_table(scan, MSTAT_SHM_REGION_SERIES, first, &count);
		for (uint64_t i = 0; !refusal && i < count; i++) {
			struct segment_series *series = &segment->series[first + i];
			/* The time, too: the first copy may have had an old one beside the state of a series come back.
			 */
			series->readable = series->readable && entry_of(scan, i)->state == series->state &&
					   entry_of(scan, i)->created_ns == series->created_ns;
		}
	}
	return refusal;
}
