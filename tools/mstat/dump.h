/* SPDX-License-Identifier: MIT */
/* The raw layout of a segment, printed part by part (dump_*.c).
 *
 * As distrustful as the reader: pread copies, every length checked against what is really there, and counts that a
 * lying header cannot blow up. Unlike the reader it does not give up at the first broken rule: it says where it stopped
 * (dump_stop) and goes on with the next part.
 */
#ifndef MSTAT_TOOL_DUMP_H
#define MSTAT_TOOL_DUMP_H

#include <stdbool.h>
#include <stdint.h>

#include <mstat/segment.h>

/* The regions that this version knows, by kind. */
#define DUMP_REGION_KINDS (MSTAT_SHM_REGION_EXEMPLARS + 1u)

/* Whose a cell is, as far as SERIES tells. */
struct cell_owner {
	uint32_t record; /* arena offset of the series; 0: nobody's */
	uint8_t value;   /* MSTAT_SHM_U64 ... */
	bool stamp;      /* the second cell of a `last` gauge: a time */
	uint32_t bucket; /* 1 + the bucket that it counts; 0: a value or a sum */
};

struct cell_owners {
	struct cell_owner *items;
	uint32_t count; /* published cells that fit their row */
};

struct dump {
	int fd;
	uint64_t file_bytes; /* really there */
	struct mstat_shm_header header;
	uint64_t usable[DUMP_REGION_KINDS];                 /* bytes of the region that are in the file; 0: none */
	struct mstat_shm_region regions[DUMP_REGION_KINDS]; /* by kind */
	uint8_t *arena;                                     /* a copy, 8-aligned */
	uint64_t arena_bytes;
	struct cell_owners counters;
	struct cell_owners gauges;
	uint32_t stops; /* places where it could not go on */
};

/* Copies bytes of the file; false when they are not all there or reading fails. */
bool dump_read(const struct dump *dump, uint64_t offset, uint64_t bytes, void *copy);

/* Prints "! ..." and counts it: a broken rule, or a part that cannot be followed further. */
__attribute__((format(printf, 2, 3))) void dump_stop(struct dump *dump, const char *format, ...);

/* "2026-01-31T12:00:00.123456789Z". */
struct time_text {
	char text[48];
};
struct time_text time_text(uint64_t time_ns);

/* The parts, in order. dump_regions() fills regions and usable, dump_arena() the copy of the arena, dump_series() the
 * owners of cells. */
void dump_header(struct dump *dump);
void dump_regions(struct dump *dump);
void dump_arena(struct dump *dump);
void dump_series(struct dump *dump);
void dump_rows(struct dump *dump);
void dump_processes(struct dump *dump);
void dump_gauges(struct dump *dump);
void dump_exemplars(struct dump *dump);

/* How many elements of a region there are: `wanted`, if the region has room for them at its stride; else what there is,
 * after dump_stop(). element_bytes is the least stride. */
uint32_t dump_elements(struct dump *dump, uint32_t kind, uint32_t wanted, uint32_t element_bytes, const char *what);

/* ---- the arena's records; all answers point into the copy and have been checked against its end ---- */

/* The record at an arena offset, if a whole one of this kind with at least least_bytes is there; else NULL. */
const struct mstat_shm_record *dump_record(const struct dump *dump, uint32_t offset, unsigned kind,
					   uint32_t least_bytes);
const struct mstat_shm_family *dump_family_record(const struct dump *dump, uint32_t offset);
const struct mstat_shm_series *dump_series_record(const struct dump *dump, uint32_t offset);

/* Buckets that are valid for a type of numbers; a list whose items fit into it. */
const struct mstat_shm_buckets *dump_buckets_record(const struct dump *dump, uint32_t offset, uint8_t value);
const struct mstat_shm_list *dump_list_record(const struct dump *dump, uint32_t offset);

/* A string, escaped, in quotes; "(no string at arena+N)" where there is none. malloc'ed. */
char *dump_string_text(const struct dump *dump, uint32_t offset);

/* name{label="value"} of the series at an offset, escaped; malloc'ed. */
char *dump_series_text(const struct dump *dump, uint32_t offset);

#endif
