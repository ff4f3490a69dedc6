/* SPDX-License-Identifier: MIT */
/* mstat dump: the series entries; on the way it learns whose each cell is. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <mstat/bucket.h>

#include "dump.h"
#include "inspection.h"
#include "report.h"

/* Prepares for the cells that a row can hold; a lying number is cut to what one row of the region has. */
static void owners_init(struct dump *dump, struct cell_owners *owners, uint32_t kind, uint32_t published)
{
	uint64_t row_bytes = dump->regions[kind].stride;
	if (row_bytes > dump->usable[kind])
		row_bytes = dump->usable[kind];
	uint64_t room = row_bytes / sizeof(uint64_t);
	uint64_t limit = segment_limits_default.memory_bytes_max / sizeof(struct cell_owner);
	owners->count = published;
	if (owners->count > room)
		owners->count = (uint32_t)room;
	if (owners->count > limit)
		owners->count = (uint32_t)limit;
	if (owners->count < published)
		dump_stop(dump, "%" PRIu32 " %s cells are published; %" PRIu32 " are looked at", published,
			  kind == MSTAT_SHM_REGION_ROWS ? "counter" : "gauge", owners->count);
	owners->items = need(calloc((size_t)owners->count + 1, sizeof(*owners->items)));
}

/* How many cells the series of a family have, and how many of them are sums; false for buckets that are not valid. */
static bool family_cells(const struct dump *dump, const struct mstat_shm_family *family, uint32_t *sums,
			 uint32_t *cells)
{
	*sums = 1;
	*cells = family->kind == MSTAT_SHM_GAUGE && family->merge == MSTAT_SHM_MERGE_LAST ? 2 : 1;
	if (!mstat_shm_kind_has_buckets(family->kind))
		return true;
	const struct mstat_shm_buckets *buckets = dump_buckets_record(dump, family->buckets, family->value);
	if (!buckets)
		return false;
	double *uppers = need(calloc(MSTAT_PARTITION_MAX, sizeof(*uppers)));
	if (family->value == MSTAT_SHM_F64 && family->kind != MSTAT_SHM_GAUGE_HISTOGRAM)
		*sums = MSTAT_SHM_SUMS_F64;
	*cells = *sums + mstat_partition(buckets, family->value != MSTAT_SHM_F64, uppers) + 1;
	free(uppers);
	return true;
}

static void owner_note(struct dump *dump, const struct mstat_shm_series *series, uint32_t record)
{
	const struct mstat_shm_family *family = dump_family_record(dump, series->family);
	uint32_t sums, cells;
	if (!family)
		return;
	struct cell_owners *owners = mstat_shm_kind_in_rows(family->kind) ? &dump->counters : &dump->gauges;
	if (!family_cells(dump, family, &sums, &cells)) {
		dump_stop(dump, "the buckets of its family are not valid (arena+%" PRIu32 ")", family->buckets);
		return;
	}
	if (series->cell >= owners->count) {
		dump_stop(dump, "cell %" PRIu32 " is not among the published ones", series->cell);
		return;
	}
	if (cells > owners->count - series->cell) {
		dump_stop(dump, "cell %" PRIu32 ": %" PRIu32 " of its %" PRIu32 " cells are published", series->cell,
			  owners->count - series->cell, cells);
		cells = owners->count - series->cell;
	}
	for (uint32_t i = 0; i < cells; i++) {
		struct cell_owner owner = {record, family->value, false, 0};
		if (mstat_shm_kind_has_buckets(family->kind) && i >= sums) {
			owner.bucket = i - sums + 1;
			owner.value = mstat_shm_kind_in_rows(family->kind) ? MSTAT_SHM_U64 : MSTAT_SHM_I64;
		} else if (family->kind == MSTAT_SHM_GAUGE && i) {
			owner.value = MSTAT_SHM_U64;
			owner.stamp = true;
		}
		owners->items[series->cell + i] = owner;
	}
}

static const char *entry_state(uint32_t state)
{
	static const char *const words[] = {"free", "live", "removed", "(unknown)"};
	return words[state & MSTAT_SHM_STATE_MASK];
}

static void entry_print(struct dump *dump, uint32_t index, uint64_t offset, const struct mstat_shm_entry *entry)
{
	char *text = dump_series_text(dump, entry->record);
	printf("  %10" PRIu64 "  entry %-6" PRIu32 " %s generation %" PRIu32 " created %s arena+%" PRIu32 " %s\n",
	       offset, index, entry_state(entry->state), entry->state >> 2, time_text(entry->created_ns).text,
	       entry->record, text);
	free(text);
	const struct mstat_shm_series *series = dump_series_record(dump, entry->record);
	if (!series)
		dump_stop(dump, "offset %" PRIu64 ": the entry leads to no series record", offset);
	else if (series->index != index)
		dump_stop(dump, "offset %" PRIu64 ": its record says that it belongs to entry %" PRIu32, offset,
			  series->index);
	else if ((entry->state & MSTAT_SHM_STATE_MASK) == MSTAT_SHM_STATE_LIVE)
		owner_note(dump, series, entry->record);
}

void dump_series(struct dump *dump)
{
	const struct mstat_shm_region *region = &dump->regions[MSTAT_SHM_REGION_SERIES];
	puts("\nseries");
	owners_init(dump, &dump->counters, MSTAT_SHM_REGION_ROWS, dump->header.cells_published);
	owners_init(dump, &dump->gauges, MSTAT_SHM_REGION_GAUGES, dump->header.gauge_cells_published);
	uint32_t count = dump_elements(dump, MSTAT_SHM_REGION_SERIES, dump->header.series_published,
				       sizeof(struct mstat_shm_entry), "series");
	for (uint32_t i = 0; i < count; i++) {
		struct mstat_shm_entry entry;
		uint64_t offset = region->offset + (uint64_t)i * region->stride;
		/* A corrupt count can name the whole file; an entry that says nothing ends the walk. */
		if (!dump_read(dump, offset, sizeof(entry), &entry)) {
			dump_stop(dump, "offset %" PRIu64 ": reading failed", offset);
			return;
		}
		if (entry.state == 0 && entry.record == 0) {
			dump_stop(dump, "offset %" PRIu64 ": an empty entry among the %" PRIu32 " published ones",
				  offset, dump->header.series_published);
			return;
		}
		entry_print(dump, i, offset, &entry);
	}
}
