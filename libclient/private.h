/* SPDX-License-Identifier: MIT */
/* What the files of libmstat share. Nothing here is visible to applications.
 *
 * Three places hold state:
 *  - the segment (include/mstat/segment.h): shared with the process tree and with readers;
 *  - mstat_root: where the segment is mapped; written once, before the first handle is given out, on one page of its
 * own, so that a fork in another thread sees all of it or nothing;
 *  - mstat_process: what belongs to this process alone. A child made by fork or by a raw clone() sees zeros there
 *    (MADV_WIPEONFORK): its first update on each CPU finds no row, takes the slow path and attaches the new process.
 *
 * Order of locks: mstat_process.lock, then the segment's lock. Both are held with all signals blocked, so that no
 * handler can run into its own thread's lock.
 */
#ifndef LIBCLIENT_PRIVATE_H
#define LIBCLIENT_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mstat/mstat.h>

#define MSTAT_CPU_MAX 8192 /* no kernel numbers more CPUs */
#define MSTAT_SHARED_ROWS 4u
#define MSTAT_FAMILIES_MAX 4096u
#define MSTAT_CELL_BYTES 8u
#define MSTAT_KEY_BLOCK 16u
#define MSTAT_GAUGE_FIRST 2u /* gauge cells 0 and 1 take the updates of removed gauges */

#define mstat_min(a, b) ((a) < (b) ? (a) : (b))
#define mstat_max(a, b) ((a) > (b) ? (a) : (b))

/* ---- where the segment is (root.c, open.c) ---- */

/* Sizes and places of the regions, computed from options and the machine; equal layouts can adopt each other. */
struct mstat_layout {
	uint64_t file_bytes;
	uint64_t arena_off, arena_bytes;
	uint64_t entries_off;
	uint64_t row_states_off;
	uint64_t processes_off;
	uint64_t rows_off;
	uint64_t gauges_off;
	uint64_t exemplars_off;
	uint32_t exemplar_max;
	uint32_t row_stride;
	uint32_t gauge_stride;
	uint32_t cpu_count;
	uint32_t cell_max;
	uint32_t series_max;
	uint32_t family_series_max;
	uint32_t process_max;
	uint32_t gauge_cell_max;
	uint32_t label_bytes_max;
};

struct mstat_root {
	char *base;
	uint64_t ready; /* base and all else here are final; release in mstat_attach(), acquire in mstat_root_ready() */
	struct mstat_layout layout;
	uint64_t reuse_epoch; /* of the segment when this process last looked; a child inherits it */
	int32_t reason;       /* of the first failure to open */
	int32_t error;
	uint32_t exposed;
	uint32_t forked; /* this process has forked: its children may hold its handles */
	int32_t made_fd; /* of a file that has no name yet, or -1 */
	char path[1024];
};

extern struct mstat_root mstat_root;

static inline bool mstat_root_ready(void)
{
	return mstat_load_acquire(&mstat_root.ready) != 0; /* pairs with the release in mstat_attach() */
}

static inline struct mstat_shm_header *mstat_header(void)
{
	return (struct mstat_shm_header *)mstat_root.base;
}

static inline void *mstat_arena(uint32_t offset)
{
	return mstat_root.base + mstat_root.layout.arena_off + offset;
}

static inline struct mstat_shm_entry *mstat_entry(uint32_t index)
{
	return (struct mstat_shm_entry *)(mstat_root.base + mstat_root.layout.entries_off) + index;
}

static inline uint64_t *mstat_row_state(uint32_t row)
{
	return (uint64_t *)(mstat_root.base + mstat_root.layout.row_states_off) + row;
}

static inline char *mstat_row(uint32_t row)
{
	return mstat_root.base + mstat_root.layout.rows_off + (uint64_t)row * mstat_root.layout.row_stride;
}

static inline struct mstat_shm_process *mstat_process_slot(uint32_t slot)
{
	return (struct mstat_shm_process *)(mstat_root.base + mstat_root.layout.processes_off) + slot;
}

/* Row 0 keeps the values of dead processes, row 1 + slot belongs to the process in the slot. */
static inline char *mstat_gauge_row(uint32_t row)
{
	return mstat_root.base + mstat_root.layout.gauges_off + (uint64_t)row * mstat_root.layout.gauge_stride;
}

/* Opens the segment (or private memory) if nobody has; returns whether there is one. Caller holds mstat_process.lock.
 */
bool mstat_root_open(const struct mstat_options *options);

/* directory.c: tries the candidates in order. Returns an O_PATH descriptor and fills path (of the directory), or -1
 * with *reason and *error. */
int mstat_directory_open(const char *wanted, char *path, size_t path_size, int *reason, int *error);

/* identity.c */
void mstat_identity_service(const char *wanted, char *out, size_t out_size);
void mstat_identity_version(const char *wanted, char *out, size_t out_size);
void mstat_identity_uuid(uint8_t uuid[16]);
void mstat_identity_boot(uint8_t boot_id[16]);
uint64_t mstat_identity_start_ticks(uint32_t pid); /* 0 when unknown */
uint32_t mstat_identity_pid_namespace(void);
uint32_t mstat_identity_cpu_count(void);
uint64_t mstat_realtime_ns(void);
uint64_t mstat_monotonic_ns(void);

static inline struct mstat_shm_exemplar *mstat_exemplar_slot(uint32_t slot)
{
	return (struct mstat_shm_exemplar *)(mstat_root.base + mstat_root.layout.exemplars_off) + slot;
}

/* populate.c: makes the pages of a range exist, so that no write to them can fault. 0, or the reason. Never shrinks. */
int mstat_populate(uint64_t offset, uint64_t bytes);
size_t mstat_page_bytes(void);

/* ---- this process (process.c) ---- */

struct mstat_index;

struct mstat_process {
	uint64_t attached; /* 0 in a new process; release in mstat_attach(), acquire in mstat_attached() */
	uint64_t lock;
	struct mstat_index *index; /* release in mstat_index_ready(), acquire in mstat_series_find() */
	uint32_t slot;             /* 1 + slot in the segment's process table; 0: none */
	uint32_t rcu;              /* lookups and locked adds are read-side sections: this process may reuse cells */
	uint32_t stale;            /* forked from a process that has reused cells since */
	int32_t last_reason;
	uint32_t slot_refused;    /* no slot was free: gauges of this process stay private */
	uint32_t exemplars;       /* 1: the pages of the exemplars exist */
	uint64_t lock_timeout_ns; /* until then, registrations do not wait for the segment's lock */
	char padding[4096 - 7 * 8 - 3 * 8];
	char *gauge_row;  /* mstat_hot.rows[MSTAT_GAUGE_ROW] */
	char *no_rows[2]; /* of CPUs -1 and -2: never set */
	char *rows[MSTAT_CPU_MAX];
} __attribute__((aligned(65536))); /* what is wiped at a fork ends with it, whatever the size of a page */
_Static_assert(offsetof(struct mstat_process, gauge_row) ==
		       offsetof(struct mstat_process, rows) + MSTAT_GAUGE_ROW * (long)sizeof(char *),
	       "the gauge row is where record.h looks for it");
_Static_assert(offsetof(struct mstat_process, rows) == 4096, "the rows begin on a page");
_Static_assert(sizeof(struct mstat_process) % 65536 == 0, "nothing else lies on the pages that a child sees as zeros");

extern struct mstat_process mstat_process;

/* Attaches this process to the segment, opening it first if need be. Returns false when there is no memory at all.
 * Takes mstat_process.lock. */
bool mstat_attach(void);

static inline bool mstat_attached(void)
{
	return mstat_load_acquire(&mstat_process.attached) != 0; /* pairs with the release in mstat_attach() */
}

/* slots.c: the table of processes. Callers hold the segment's lock. */
void mstat_slot_claim(void);
bool mstat_slot_is_only(void); /* no other process of the tree has a slot */
bool mstat_slot_alive(uint32_t slot);
void mstat_slots_retire_all(void); /* after adoption: everybody in the table is dead */

/* ---- locks (lock.c) ---- */

/* All signals blocked; raw, so that libc's internal signals (cancellation) are too. */
struct mstat_signals {
	uint64_t mask;
};
void mstat_signals_block(struct mstat_signals *signals);
void mstat_signals_restore(const struct mstat_signals *signals);

/* A lock word: holder's thread id << 32 | tag << 1 | waiters. It is taken over when `holder_dead` says so. Returns
 * false at the timeout. Signals are blocked. */
bool mstat_lock_take(uint64_t *word, uint32_t tag, bool (*holder_dead)(uint64_t word), int64_t timeout_ns);
void mstat_lock_release(uint64_t *word);

/* mstat_process.lock and the segment's lock, with signals. */
bool mstat_process_lock(struct mstat_signals *signals);
void mstat_process_unlock(const struct mstat_signals *signals);
bool mstat_segment_lock(void);
void mstat_segment_unlock(void);

/* ---- rows and gauges (rows.c, gauges.c) ---- */

/* The row of a CPU for this process: populated on first use; NULL when it cannot be. */
char *mstat_row_activate(uint32_t cpu);

/* Extends every row in use so that `cells` cells exist; 0 or the reason. Caller holds the segment's lock. */
int mstat_rows_extend(uint32_t cells);
int mstat_gauge_rows_extend(uint32_t cells);
void mstat_gauges_retire(uint32_t slot); /* a dead process' values: kept ones go to row 0 */
void mstat_rseq_setup(void);
/* Complete adds to the cell `at` bytes behind the handle's. */
void mstat_row_add_u64(const struct mstat_handle *handle, uint64_t at, uint64_t n);
void mstat_row_add_f64(const struct mstat_handle *handle, uint64_t at, double n);
/* This process' cell of a gauge, NULL where it has none. */
uint64_t *mstat_gauge_own_cell(const struct mstat_handle *handle);
bool mstat_rseq_fence(void); /* every thread of this process has left the section that it was in */

/* ---- names (names.c) ---- */

int mstat_name_check(const char *name, uint8_t kind, size_t *base_len); /* reason, or 0; without "_total" */
int mstat_unit_check(const char *unit, const char *name, size_t base_len);
bool mstat_label_name_valid(const char *name);
bool mstat_utf8_valid(const char *text, size_t len);

/* ---- registry (registry.c, index.c) ---- */

/* What a process knows of a series. The handle comes first: its address is what applications hold. */
struct mstat_node {
	struct mstat_handle handle;
	const struct mstat_map *map; /* of histograms and their kin: the rest of their handle */
	uint64_t hash;
	uint32_t family; /* ordinal */
	uint32_t index;  /* in SERIES */
	uint32_t cell;
	uint32_t value_count;
	uint32_t key_bytes;
	uint32_t states; /* how many a state set has */
	/* The label values, each in blocks of 16 bytes, padded with at least one NUL: equal keys are equal bytes. */
	unsigned char key[] __attribute__((aligned(16)));
};

struct mstat_family_state {
	uint32_t record; /* arena offset */
	uint32_t ordinal;
	uint8_t kind, value, merge, flags;
	uint16_t label_count;
	uint32_t cells;  /* of one series */
	uint32_t states; /* of a state set */
	const struct mstat_map *map;
	uint32_t series_limit;
	uint32_t live; /* series, at most; recounted when the limit seems to be reached */
	uint32_t full; /* a lookup that misses gets the overflow series at once */
	struct mstat_node *overflow;
};

struct mstat_bucket {
	uint64_t hash;
	struct mstat_node *node; /* release in table_put(), acquire in table_find() */
};

struct mstat_table {
	uint64_t mask;
	struct mstat_table *retired; /* smaller tables that readers may still use */
	struct mstat_bucket buckets[];
};

struct mstat_free {
	uint32_t cell, cells;
};

struct mstat_index {
	struct mstat_table *table; /* release in index_grow(), acquire in table_find() */
	uint64_t count;
	uint64_t synced; /* arena bytes understood */
	struct mstat_family_state *families[MSTAT_FAMILIES_MAX];
	uint32_t family_count;
	uint32_t *strings; /* open-addressed set of arena offsets */
	uint32_t string_mask, string_count;
	struct mstat_free *free_cells; /* of removed series whose grace period is over */
	uint32_t free_count, free_capacity;
	/* Where the late updates of removed histograms go: as many cells as the largest of them has. */
	uint32_t sink_cell, sink_cells;
	struct mstat_node **by_index; /* SERIES index -> node */
	/* Counter cell -> 1 + SERIES index of its owner; 0: nobody. A removed series owns its cell until it is given
	 * back, after the grace period; one that comes back may use its old cell only while it owns it. */
	uint32_t *owners;
	uint64_t seed;
};

/* This process' index, made if need be; NULL when out of memory. mstat_process.lock held. */
struct mstat_index *mstat_index_ready(void);

struct mstat_index *mstat_index_new(void);        /* NULL when out of memory */
void mstat_index_free(struct mstat_index *index); /* before it was published */

/* Understands what the tree has registered since; false when the arena is not as it should be. mstat_process.lock held.
 */
bool mstat_index_sync(struct mstat_index *index);

/* The node of a series, or NULL. Lock-free; under RCU where mstat_process.rcu says so. */
struct mstat_node *mstat_index_find(const struct mstat_index *index, uint32_t family, uint64_t order,
				    const char *const *values, size_t count);

/* Offset of an interned string, adding it to the arena if need be; 0 when the arena is full. Segment's lock held. */
uint32_t mstat_string_intern(struct mstat_index *index, const char *text, size_t len);

/* Room for a record at the end of the arena, and its publication. NULL when full. Segment's lock held. */
void *mstat_arena_reserve(uint32_t bytes);
void mstat_arena_publish(uint32_t bytes);

/* Private memory that is never given back: a handle may be held for ever. */
void *mstat_private_alloc(size_t bytes);
void mstat_private_reset(void); /* the rest of the current chunk is not used: a fork may have cut it in a change */

/* Zeroed pages from the kernel, for munmap(); NULL when there are none. */
void *mstat_pages_alloc(size_t bytes);

bool mstat_strings_put(struct mstat_index *index, uint32_t offset);
bool mstat_index_put(struct mstat_index *index, struct mstat_node *node);

/* buckets.c */
/* What a declaration says of buckets, as a record (of at most MSTAT_BUCKETS_RECORD_MAX bytes); 0 or the reason. */
#define MSTAT_BUCKETS_RECORD_MAX (sizeof(struct mstat_shm_buckets) + MSTAT_BOUNDS_MAX * sizeof(double))
int mstat_buckets_declare(const struct mstat_family *family, struct mstat_shm_buckets *record);
/* The map of a record, in private memory; NULL for a record that is not valid and when there is no memory left. */
const struct mstat_map *mstat_map_make(const struct mstat_shm_buckets *record, uint8_t value);
/* The bucket of any value, by search. */
uint32_t mstat_map_search(const struct mstat_map *map, uint64_t value);
uint32_t mstat_map_search_f64(const struct mstat_map *map, double value);
/* Whether a family observes such a double: finite, and not below zero where it does not take that. */
bool mstat_map_takes(const struct mstat_map *map, double value);
/* Cells of a series in front of its buckets. */
static inline uint32_t mstat_sums_of(uint8_t kind, uint8_t value)
{
	return kind != MSTAT_SHM_GAUGE_HISTOGRAM && value == MSTAT_SHM_F64 ? MSTAT_SHM_SUMS_F64 : MSTAT_SHM_SUMS_U64;
}

/* enable.c: whether MSTAT_DISABLE names the family. */
bool mstat_family_unwanted(const struct mstat_family *family);

/* Cells that exist in every row in use; 0 and a reason when there are none. Segment's lock held. */
uint32_t mstat_cells_alloc(struct mstat_index *index, bool in_rows, uint32_t cells, int *reason);

/* families.c: fills declared->state; 0 or the reason. Segment's lock held, index in step. */
int mstat_family_resolve(struct mstat_index *index, struct mstat_family *declared);

/* registry.c: appends the record of a series and publishes it; 0 or the reason. Segment's lock held, index in step. */
int mstat_series_make(struct mstat_index *index, const struct mstat_family_state *family, const uint32_t *value_offsets,
		      uint32_t value_count, uint16_t flags);

/* Finds or makes; the overflow series or one of mstat_no_handle on failure. */
struct mstat_handle *mstat_series_find(struct mstat_family *family, const char *const *values, size_t count);
/* The handles of nothing: their updates go to the sink cells. */
enum mstat_nothing { MSTAT_NOTHING_U64, MSTAT_NOTHING_F64, MSTAT_NOTHING_HISTOGRAM, MSTAT_NOTHING_HISTOGRAM_F64 };
extern struct mstat_histogram mstat_no_handle[4];
static inline bool mstat_is_no_handle(const struct mstat_handle *handle)
{
	return (uintptr_t)handle - (uintptr_t)mstat_no_handle < sizeof(mstat_no_handle);
}

/* ---- refusals (status.c) ---- */

/* Counts a refusal (in the segment, so that readers see it) and remembers it as this process' last. */
void mstat_refuse(int reason);

/* Opening failed: values stay private. */
void mstat_root_fail(int reason, int error);
int mstat_reason_of_errno(int error);

#endif
