/* SPDX-License-Identifier: MIT */
/* The demo's metric families and the numbers of their series.
 *
 * The series of a ledger family has a number, 0 to series_count() - 1: the family's place plus its label values as
 * digits of mixed radix. Parent and workers compute the same number, so shared memory can hold arrays by series.
 *
 * All handles are made by the parent before it forks: a handle is valid in children, and series that exist from the
 * start at 0 let rate() see the first increment.
 */
#ifndef DEMO_FAMILIES_H
#define DEMO_FAMILIES_H

#include <stdbool.h>
#include <stdint.h>

#include <mstat/mstat.h>

#include "labels.h"

enum family_id {
#define DEMO_COUNTER(id, ...) FAMILY_##id,
#define DEMO_COUNTER_F64(id, ...) FAMILY_##id,
#define DEMO_PLAIN_COUNTER(...)
#define DEMO_PLAIN_GAUGE(...)
#include "families.def"
#undef DEMO_COUNTER
#undef DEMO_COUNTER_F64
#undef DEMO_PLAIN_COUNTER
#undef DEMO_PLAIN_GAUGE
	FAMILY_COUNT
};

#define FAMILY_LABELS_MAX 3
#define SERIES_MAX 768u

/* Makes all handles. Call once, after mstat_open() and before fork. */
void families_init(void);

/* How many numbers there are; below SERIES_MAX. */
uint32_t series_count(void);

/* The number of a series; label values as indices in their domains, unused ones 0. Thread-safe. */
uint32_t series_number(enum family_id family, unsigned first, unsigned second, unsigned third);

/* Is there a series of this number? Combinations that cannot occur have none. */
bool series_exists(uint32_t series);

/* Adds to a series, in units: 1, or 2^-30 of a floating-point family. Thread- and fork-safe. */
void series_add(uint32_t series, uint64_t units);

/* Byte offset of the series' cell in each row of the segment (include/mstat/record.h). */
uint32_t series_cell_offset(uint32_t series);

/* One cell's bits as units. */
uint64_t series_units(uint32_t series, uint64_t cell);

/* Writes name{label="value",...} of a series for a message. */
void series_print(uint32_t series, char *text, uint32_t text_bytes);

/* Families that are changed directly, by state or layer. */
struct process_metrics {
	mstat_counter *connections[CONNECTION_COUNT];
	mstat_gauge *connections_active[CONNECTION_COUNT];
	mstat_gauge *connections_keepalive[CONNECTION_COUNT];
	mstat_gauge *active_connections;
	mstat_gauge *active_threads;
	mstat_gauge *max_threads;
	mstat_gauge *cache_entries[LAYER_COUNT];
	mstat_gauge *cache_size[LAYER_COUNT];
	mstat_gauge *cache_capacity[LAYER_COUNT];
	mstat_gauge *active_workflows;
};
extern struct process_metrics process_metrics;

#endif
