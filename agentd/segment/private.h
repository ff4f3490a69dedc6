/* SPDX-License-Identifier: MIT */
/* What the files of the reader share: the kept buffers of a segment, and the scan, which is one read of it.
 *
 * Every step of a scan returns a refusal (SEGMENT_REFUSED_NONE when all is well) and leaves the place in
 * scan->refusal_offset. Nothing here trusts a number of the file before it was compared with what the file really has.
 */
#ifndef AGENTD_SEGMENT_PRIVATE_H
#define AGENTD_SEGMENT_PRIVATE_H

#include "reader.h"

#define SEGMENT_REGION_KINDS (MSTAT_SHM_REGION_EXEMPLARS + 1)

/* As pread(2). Tests and fuzzers put their own function here to change a file between two reads. */
typedef ssize_t (*segment_read_at)(int fd, void *buffer, size_t len, off_t offset);

struct label_pool; /* arrays of label values that segment_labels() has handed out */

struct segment_private {
	segment_read_at read_at;

	/* Identity and lengths of the last accepted read; later reads of the same file must agree with it. */
	bool accepted;
	struct mstat_shm_header accepted_header;
	struct mstat_shm_region regions[SEGMENT_REGION_KINDS]; /* by kind, of the current read */

	/* The copy of the arena, absent when dropped. */
	char *arena;
	uint32_t arena_len;
	uint8_t *strings;      /* a bit for each 8 bytes of the arena: a checked string record begins here */
	uint32_t arena_walked; /* bytes of this copy whose records are checked */
	uint32_t arena_parsed; /* bytes whose families are known, in any copy */
	bool want_strings;
	struct label_pool *labels;

	size_t family_capacity;
	uint64_t family_bytes; /* what families and their strings take */
	size_t series_capacity;

	uint64_t *cells; /* sums of the counter cells, u64 or f64 bits as their series say */
	uint32_t cell_count;
	size_t cell_capacity;

	/* Gauge rows as they are in the file: row 0 the retired values, row 1 + k those of segment->processes[k]. */
	uint64_t *gauges;
	uint32_t gauge_cells; /* cells in each of these rows */
	size_t gauge_capacity;
	size_t process_capacity;

	uint64_t *merged; /* a gauge histogram's cells over all processes, for segment_distribution() */
	size_t merged_capacity;

	struct mstat_shm_exemplar *exemplar_slots; /* the copy of the table, while there are exemplars */
	struct segment_exemplar *exemplars;        /* what of it is sound */
	size_t exemplar_slot_capacity, exemplar_capacity, exemplar_count;
};

/* Scratch memory of a scan: tables (entries, slots, row states) and cells pass through it in pieces. */
#define SCAN_TABLE_BYTES 32768u
#define SCAN_CELLS 4096u

struct segment_scan {
	struct segment *segment;
	int fd;
	const struct segment_limits *limits;
	bool tree_live;
	bool lengths_grown;    /* the header says more now than when this scan copied it */
	uint64_t budget_bytes; /* what may still be kept */
	uint64_t rows_bytes;   /* what may still be read of the rows */
	uint64_t gauge_cells;  /* of the distributions in gauge rows that were met so far */
	uint64_t refusal_offset;
	int error;
	uint64_t table[SCAN_TABLE_BYTES / 8];
	uint64_t cells[SCAN_CELLS];
};

/* read.c: the primitives of a scan. */
enum segment_refusal scan_refuse(struct segment_scan *scan, enum segment_refusal refusal, uint64_t offset);
/* Copies exactly len bytes; SIZE where the file ends before, READ on an error. */
enum segment_refusal scan_copy(struct segment_scan *scan, void *buffer, uint64_t len, uint64_t offset);
/* Takes bytes from the budget before they are allocated or copied; BUDGET when it does not have them. */
enum segment_refusal scan_charge(struct segment_scan *scan, uint64_t bytes);
/* Makes an array hold at least `count` elements; *array and *capacity are untouched on failure (READ with ENOMEM). */
enum segment_refusal scan_reserve(struct segment_scan *scan, void **array, size_t element_bytes, size_t count,
				  size_t *capacity);
/* Copies elements [first, first + *count) of a table into scan->table, as many as fit; *count receives how many. */
enum segment_refusal scan_table(struct segment_scan *scan, uint32_t kind, uint64_t first, uint64_t *count);
/* File offset of an element. */
uint64_t region_offset(const struct segment_scan *scan, uint32_t kind, uint64_t index);

/* attach.c */
/* A descriptor or -errno. `plain` skips openat2, as where the kernel has none. */
int attach_open(int directory_fd, const char *name, bool plain);
enum segment_refusal attach_check(struct segment *segment, int fd, bool named, int *error);
/* Whether somebody holds a write lock on a byte of the file. */
bool attach_locked(int fd, uint64_t byte);

/* header.c */
enum segment_refusal header_read(struct segment_scan *scan);

/* arena.c: copies what is needed of the arena. */
enum segment_refusal arena_read(struct segment_scan *scan, bool *extended);

/* parse.c */
/* Checks the records that the copy has gained and keeps their families. */
enum segment_refusal arena_parse(struct segment_scan *scan);
/* The BUCKETS or LIST record at an offset of the copy, complete, or NULL. */
const struct mstat_shm_buckets *arena_buckets(const struct segment_private *private, uint32_t off, uint8_t value);
const struct mstat_shm_list *arena_list(const struct segment_private *private, uint32_t off);
/* The text of a checked string record, NULL where there is none. */
const char *arena_string(const struct segment_private *private, uint32_t off);
/* The series record at an offset of the copy, bounds checked; NULL where there is none. */
const struct mstat_shm_series *arena_series(const struct segment_private *private, uint32_t off);
uint32_t family_find(const struct segment *segment, uint32_t record_off); /* UINT32_MAX: none */
void families_free(struct segment *segment);

/* labels.c */
void labels_free(struct segment_private *private);

/* series.c */
enum segment_refusal series_read_before(struct segment_scan *scan);
enum segment_refusal series_read_after(struct segment_scan *scan);

/* rows.c */
enum segment_refusal rows_sum(struct segment_scan *scan);

/* processes.c */
/* Fills segment->processes from the table and `states` with the state word of every slot. */
enum segment_refusal processes_read(struct segment_scan *scan, uint32_t *states);
/* Compares the table with `states`. */
enum segment_refusal processes_unchanged(struct segment_scan *scan, const uint32_t *states, bool *unchanged);
void processes_ask_liveness(struct segment_scan *scan);

/* gauges.c */
enum segment_refusal gauges_read(struct segment_scan *scan);
/* A cell of row `row` of the copy: 0 where nobody has set it. */
uint64_t gauge_row_cell(const struct segment *segment, size_t row, uint32_t cell);

/* exemplars.c */
enum segment_refusal exemplars_read(struct segment_scan *scan);
/* Whether a text is `name="value",...`, escaped, UTF-8, of at most 128 characters. */
bool exemplar_labels_sound(const char *labels, size_t len);
struct segment_value gauge_merge(const struct segment *segment, const struct segment_series *series);

/* strings.c */
bool text_is_utf8(const char *text, size_t len); /* no NUL, nothing overlong, no surrogates */
bool name_is_metric(const char *name);
bool name_is_label(const char *name);
size_t label_name_len(const char *text, size_t len);    /* of the label name that a text begins with; 0: none */
bool name_has_unit(const char *name, const char *unit); /* an empty unit, or the name ends in "_UNIT" */

/* segment.c */
void segment_forget(struct segment *segment);
enum segment_state refusal_state(enum segment_refusal refusal);

static inline const struct mstat_shm_region *region_of(const struct segment *segment, uint32_t kind)
{
	return &segment->private->regions[kind];
}

#endif
