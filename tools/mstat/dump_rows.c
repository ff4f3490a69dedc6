/* SPDX-License-Identifier: MIT */
/* mstat dump: the cells, row by row, and the process slots. Cells that are 0 were never used and are not printed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dump.h"
#include "inspection.h"
#include "report.h"
#include "samples.h"

/* One row of cells, where it lies and how its numbers are to be read. */
struct row {
	uint64_t offset;
	const struct cell_owners *owners;
	uint32_t count;
	bool gauges;
};

static struct number cell_number(const struct cell_owner *owner, uint64_t cell, bool gauge)
{
	struct segment_family family = {.value = owner->value ? owner->value : MSTAT_SHM_U64};
	return family_number(&family, gauge && !owner->stamp ? cell ^ MSTAT_SHM_GAUGE_FLIP : cell);
}

/* What a cell of no live series is for; malloc'ed. */
static char *cell_purpose(uint32_t index, bool gauge)
{
	if (gauge)
		return need_strdup(index < 2 ? "(updates of removed gauges)" : "(of no live series)");
	if (index == MSTAT_SHM_CELL_SINK_U64)
		return need_strdup("(updates of removed series)");
	if (index == MSTAT_SHM_CELL_SINK_F64)
		return need_strdup("(updates of removed floating-point series)");
	if (index < MSTAT_SHM_CELL_FIRST)
		return need_strdup("(observations of no series)");
	return need_strdup("(of no live series)");
}

static void cell_print(const struct dump *dump, const struct row *row, uint32_t index, uint64_t cell)
{
	struct cell_owner owner = row->owners->items[index];
	char *text = owner.record ? dump_series_text(dump, owner.record) : cell_purpose(index, row->gauges);
	char part[32] = "";
	if (!owner.record && !row->gauges && index == MSTAT_SHM_CELL_SINK_F64)
		owner.value = MSTAT_SHM_F64;
	if (owner.bucket)
		snprintf(part, sizeof(part), " bucket %" PRIu32, owner.bucket - 1);
	printf("  %10" PRIu64 "    cell %-6" PRIu32 " 0x%016" PRIx64 " %s%s %s%s\n",
	       row->offset + index * sizeof(uint64_t), index, cell,
	       number_text(cell_number(&owner, cell, row->gauges)).text, owner.stamp ? " ns" : "", text, part);
	free(text);
}

/* Prints a row under its heading; a gauge row in which nothing was set is left out. */
static void row_print(struct dump *dump, const struct row *row, const char *heading)
{
	uint64_t *cells = need(calloc((size_t)row->count + 1, sizeof(*cells)));
	bool is_read = dump_read(dump, row->offset, row->count * sizeof(*cells), cells);
	uint32_t first = 0;
	while (first < row->count && !cells[first])
		first++;
	if (!row->gauges || first < row->count || !is_read)
		printf("  %10" PRIu64 "  %s\n", row->offset, heading);
	if (!is_read)
		dump_stop(dump, "offset %" PRIu64 ": reading the row failed", row->offset);
	for (uint32_t i = first; i < row->count; i++)
		if (cells[i])
			cell_print(dump, row, i, cells[i]);
	free(cells);
}

/* Cells of a row whose state says `populated`; a row may have fewer than are published. */
static void counter_row_print(struct dump *dump, uint32_t index, uint64_t populated)
{
	const struct mstat_shm_region *rows = &dump->regions[MSTAT_SHM_REGION_ROWS];
	struct row row = {rows->offset + (uint64_t)index * rows->stride, &dump->counters, dump->counters.count, false};
	bool shared = index >= dump->header.cpu_count;
	char heading[96];
	if (row.count > populated)
		row.count = (uint32_t)populated;
	snprintf(heading, sizeof(heading), "row %" PRIu32 " (%s %" PRIu32 "), %" PRIu64 " cells", index,
		 shared ? "shared" : "cpu", shared ? index - dump->header.cpu_count : index, populated);
	row_print(dump, &row, heading);
}

void dump_rows(struct dump *dump)
{
	const struct mstat_shm_region *states = &dump->regions[MSTAT_SHM_REGION_ROW_STATES];
	uint64_t wanted = (uint64_t)dump->header.cpu_count + dump->header.shared_row_count;
	puts("\nrows");
	if (wanted > UINT32_MAX)
		wanted = UINT32_MAX;
	uint32_t count = dump_elements(dump, MSTAT_SHM_REGION_ROWS, (uint32_t)wanted, sizeof(uint64_t), "rows");
	count = dump_elements(dump, MSTAT_SHM_REGION_ROW_STATES, count, sizeof(uint64_t), "row states");
	for (uint32_t i = 0; i < count; i++) {
		uint64_t populated = 0;
		if (!dump_read(dump, states->offset + (uint64_t)i * states->stride, sizeof(populated), &populated)) {
			dump_stop(dump, "reading the state of row %" PRIu32 " failed", i);
			return;
		}
		/* A row's cells are read after its state; pairs with the release that publishes the state. */
		mstat_fence_acquire();
		if (populated)
			counter_row_print(dump, i, populated);
	}
}

static void process_print(uint64_t offset, uint32_t slot, const struct mstat_shm_process *process)
{
	static const char *const words[] = {"free", "claiming", "live", "(unknown)"};
	printf("  %10" PRIu64 "  slot %-4" PRIu32 " %s generation %" PRIu32 " pid %" PRIu32 " pid_ns %" PRIu32
	       " start_ticks %" PRIu64 " claimed %s%s\n",
	       offset, slot, words[process->state & MSTAT_SHM_PROCESS_MASK], process->state >> 2, process->pid,
	       process->pid_ns, process->start_ticks, time_text(process->claimed_ns).text,
	       process->flags & MSTAT_SHM_PROCESS_LOCKED ? " locked" : "");
}

void dump_processes(struct dump *dump)
{
	const struct mstat_shm_region *region = &dump->regions[MSTAT_SHM_REGION_PROCESSES];
	puts("\nprocesses");
	uint32_t count = dump_elements(dump, MSTAT_SHM_REGION_PROCESSES, dump->header.process_max,
				       sizeof(struct mstat_shm_process), "process slots");
	for (uint32_t i = 0; i < count; i++) {
		struct mstat_shm_process process;
		uint64_t offset = region->offset + (uint64_t)i * region->stride;
		if (!dump_read(dump, offset, sizeof(process), &process)) {
			dump_stop(dump, "offset %" PRIu64 ": reading failed", offset);
			return;
		}
		if (process.state)
			process_print(offset, i, &process);
	}
}

void dump_gauges(struct dump *dump)
{
	const struct mstat_shm_region *region = &dump->regions[MSTAT_SHM_REGION_GAUGES];
	puts("\ngauges");
	/* Row 0 besides the rows of the slots; without a gauge there is nothing in them. */
	uint32_t wanted =
		dump->gauges.count && dump->header.process_max < UINT32_MAX ? dump->header.process_max + 1 : 0;
	uint32_t count = dump_elements(dump, MSTAT_SHM_REGION_GAUGES, wanted, sizeof(uint64_t), "gauge rows");
	for (uint32_t i = 0; i < count; i++) {
		struct row row = {region->offset + (uint64_t)i * region->stride, &dump->gauges, dump->gauges.count,
				  true};
		char heading[48] = "row 0 (retired values)";
		if (i > 0)
			snprintf(heading, sizeof(heading), "row %" PRIu32 " (slot %" PRIu32 ")", i, i - 1);
		row_print(dump, &row, heading);
	}
}
