/* SPDX-License-Identifier: MIT */
/* The segment: normative description of the shared-memory layout.
 *
 * A segment is one file on a tmpfs. One process tree writes it (libclient), anybody who may read the file can inspect
 * it (agentd/segment). It holds a header, a table of regions and the regions. Nothing in it is a pointer: places are
 * byte offsets, every field has a fixed width and its natural alignment, padding is named and zero. Numbers are in the
 * byte order of the machine that wrote them; `byte_order` tells a reader from another machine to stay away.
 *
 *     +--------------------+ 0
 *     | header             |   identity, sizes, published lengths, drop counters          (1024 bytes)
 *     | region table       |   inside the header, at MSTAT_SHM_REGIONS_OFFSET
 *     +--------------------+
 *     | ARENA              |   append-only records: strings, buckets, lists, families, series
 *     | SERIES             |   one 16-byte entry a series: state word, record, created time
 *     | ROW_STATES         |   one u64 a row: how many of its cells exist
 *     | ROWS               |   counter cells; a row for each CPU, then the shared rows
 *     | PROCESSES          |   one 64-byte slot a process of the tree
 *     | GAUGES             |   gauge cells; row 0 keeps the retired values, row 1+i belongs to process slot i
 *     | EXEMPLARS          |   512 bytes each: what some observations belonged to
 *     +--------------------+
 *
 * Rules for writers
 *  W1. A file gets its name (linkat) only when header, regions and the writer's lock are complete.
 *  W2. Bytes of the arena are written once, beyond `arena_published`; then the length is stored with release.
 *  W3. A series' entry is written, then its `state` is stored with release, then `series_published` with release.
 *  W4. A page is populated before a cell in it is published (`ROW_STATES`, `cells_published`): no write can fault.
 *  W5. A CPU's row is changed only by threads on that CPU inside a restartable sequence; the shared rows only by locked
 *      instructions. The two kinds never meet in one row.
 *  W6. Registration, removal and slot claims of one tree hold `lock`; updates of values hold nothing.
 *  W7. A counter's cell is zeroed and given to another series only after its series' state says REMOVED and every
 *      thread of the one process that may know it has passed a grace period.
 *
 * Rules for readers
 *  R1. Trust nothing; copy, then check the copy (`off > n || len > n - off`), then use the copy.
 *  R2. Read the header, then the arena up to `arena_published`, then SERIES, then the rows, then SERIES again, each by
 *      a read of its own with an acquire fence between: a series counts if its state word is LIVE and the same before
 *      and after.
 *  R3. The value of a counter is the sum of its cell over all rows that have it.
 *  R4. Skip regions of unknown kind, records of unknown kind and compatible flags that are unknown; refuse unknown
 *      incompatible flags and another major version.
 *
 * Liveness: an OFD write lock on byte MSTAT_SHM_LOCK_TREE is held by the mapping of the tree and vanishes with the last
 * process that maps the file. Byte MSTAT_SHM_LOCK_PROCESS + i is held in the same way by the process of slot i alone.
 */
#ifndef MSTAT_SEGMENT_H
#define MSTAT_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

#include <mstat/atomic.h>

#ifdef __cplusplus
#define MSTAT_SHM_ASSERT(condition) static_assert(condition, "segment format")
#else
#define MSTAT_SHM_ASSERT(condition) _Static_assert(condition, "segment format")
#endif

#define MSTAT_SHM_MAGIC 0x474553544154534dull /* "MSTATSEG" in the bytes of a little-endian machine */
#define MSTAT_SHM_BYTE_ORDER 0x01020304u
#define MSTAT_SHM_MAJOR 2
#define MSTAT_SHM_MINOR 0
#define MSTAT_SHM_HEADER_BYTES 1024u
#define MSTAT_SHM_REGIONS_OFFSET 640u
#define MSTAT_SHM_REGION_MAX 12u
#define MSTAT_SHM_REASON_MAX 32u

/* Byte ranges of the OFD locks; they need not exist in the file. */
#define MSTAT_SHM_LOCK_TREE 0
#define MSTAT_SHM_LOCK_PROCESS 0x100000

/* The first cells of every row take updates that belong to no series, so that a late update harms nobody: of counters,
 * and of histograms with one bucket (f64: four sums and the bucket; u64: sum and bucket). */
#define MSTAT_SHM_CELL_SINK_U64 0u
#define MSTAT_SHM_CELL_SINK_F64 1u
#define MSTAT_SHM_CELL_SINK_HISTOGRAM_F64 1u
#define MSTAT_SHM_CELL_SINK_HISTOGRAM_U64 6u
#define MSTAT_SHM_CELL_FIRST 8u

/* Kinds of regions. */
#define MSTAT_SHM_REGION_ARENA 1u
#define MSTAT_SHM_REGION_SERIES 2u
#define MSTAT_SHM_REGION_ROW_STATES 3u
#define MSTAT_SHM_REGION_ROWS 4u
#define MSTAT_SHM_REGION_PROCESSES 5u
#define MSTAT_SHM_REGION_GAUGES 6u
#define MSTAT_SHM_REGION_EXEMPLARS 7u

/* One region: where a kind of data lies.
 *    0: kind      u32   MSTAT_SHM_REGION_*
 *    4: version   u32   of this kind's own layout; 1
 *    8: offset    u64   from the start of the file; a multiple of 8
 *   16: bytes     u64
 *   24: stride    u32   bytes from one element (row, entry, slot) to the next; 1 for the arena
 *   28: reserved  u32   0
 */
struct mstat_shm_region {
	uint32_t kind;
	uint32_t version;
	uint64_t offset;
	uint64_t bytes;
	uint32_t stride;
	uint32_t reserved;
};
MSTAT_SHM_ASSERT(sizeof(struct mstat_shm_region) == 32);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_region, offset) == 8);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_region, bytes) == 16);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_region, stride) == 24);

/* The header, by who writes when.
 *
 *  written before the file has a name, then never (an adopter checks them and leaves them)
 *    0: magic                  u64
 *    8: byte_order             u32   0x01020304
 *   12: major                  u16
 *   14: minor                  u16
 *   16: header_bytes           u32   1024; may grow in a later minor version
 *   20: region_count           u32   <= MSTAT_SHM_REGION_MAX
 *   24: compatible             u32   flags; unknown ones are ignored
 *   28: incompatible           u32   flags; an unknown one refuses the segment
 *   32: file_bytes             u64
 *   40: uuid                   16 bytes, RFC 4122 version 4: the identity of these cells
 *   56: created_ns             u64   CLOCK_REALTIME
 *   64: boot_id                16 bytes: /proc/sys/kernel/random/boot_id
 *   80: uid                    u32   effective user of the creator
 *   84: service_off            u32   arena offset of a string record
 *   88: version_off            u32   arena offset of a string record (service.version; may be empty)
 *   92: cpu_count              u32   rows [0, cpu_count) belong to CPUs
 *   96: shared_row_count       u32   rows [cpu_count, cpu_count + shared_row_count) take locked adds
 *  100: cell_max               u32   cells in a row
 *  104: series_max             u32
 *  108: family_series_max      u32   default limit of a family
 *  112: process_max            u32
 *  116: gauge_cell_max         u32   cells in a gauge row
 *  120: label_bytes_max        u32   of one label value
 *  124: exemplar_max           u32   exemplar slots
 *
 *  written on opening and adoption
 *  128: pid                    u32   hint for joining process metrics, never an identity
 *  132: reserved1              u32
 *  136: start_ticks            u64   field 22 of /proc/PID/stat
 *  144: opened_ns              u64   CLOCK_REALTIME of creation or of the last adoption
 *  152: adoptions              u64
 *  160: reserved2              u64[4]
 *
 *  written on registration, under `lock`
 *  192: lock                   u64   holder: thread id << 32 | (process slot + 1) << 1 | waiters; 0 = free
 *  200: arena_published        u64   bytes; release in mstat_arena_publish(), acquire in readers
 *  208: series_published       u32   entries; release in series_publish(), acquire in readers
 *  212: cells_published        u32   first cell that no series has had
 *  216: gauge_cells_published  u32
 *  220: family_count           u32
 *  224: reuse_epoch            u64   grows when a counter cell is given to another series
 *  232: reserved3              u64[3]
 *
 *  written by locked adds when something was refused
 *  256: drops                  u64[MSTAT_SHM_REASON_MAX]  by mstat_reason (include/mstat/reasons.def)
 *  512: reserved4              u64[16]
 *  640: regions                struct mstat_shm_region[MSTAT_SHM_REGION_MAX]
 * 1024: end
 */
struct mstat_shm_header {
	uint64_t magic;
	uint32_t byte_order;
	uint16_t major;
	uint16_t minor;
	uint32_t header_bytes;
	uint32_t region_count;
	uint32_t compatible;
	uint32_t incompatible;
	uint64_t file_bytes;
	uint8_t uuid[16];
	uint64_t created_ns;
	uint8_t boot_id[16];
	uint32_t uid;
	uint32_t service_off;
	uint32_t version_off;
	uint32_t cpu_count;
	uint32_t shared_row_count;
	uint32_t cell_max;
	uint32_t series_max;
	uint32_t family_series_max;
	uint32_t process_max;
	uint32_t gauge_cell_max;
	uint32_t label_bytes_max;
	uint32_t exemplar_max;

	uint32_t pid;
	uint32_t reserved1;
	uint64_t start_ticks;
	uint64_t opened_ns;
	uint64_t adoptions;
	uint64_t reserved2[4];

	uint64_t lock;
	uint64_t arena_published;
	uint32_t series_published;
	uint32_t cells_published;
	uint32_t gauge_cells_published;
	uint32_t family_count;
	uint64_t reuse_epoch;
	uint64_t reserved3[3];

	uint64_t drops[MSTAT_SHM_REASON_MAX];
	uint64_t reserved4[16];
	struct mstat_shm_region regions[MSTAT_SHM_REGION_MAX];
};
#define MSTAT_SHM_AT(field, where) MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_header, field) == (where))
MSTAT_SHM_ASSERT(sizeof(struct mstat_shm_header) == MSTAT_SHM_HEADER_BYTES);
MSTAT_SHM_AT(magic, 0);
MSTAT_SHM_AT(byte_order, 8);
MSTAT_SHM_AT(major, 12);
MSTAT_SHM_AT(minor, 14);
MSTAT_SHM_AT(header_bytes, 16);
MSTAT_SHM_AT(region_count, 20);
MSTAT_SHM_AT(compatible, 24);
MSTAT_SHM_AT(incompatible, 28);
MSTAT_SHM_AT(file_bytes, 32);
MSTAT_SHM_AT(uuid, 40);
MSTAT_SHM_AT(created_ns, 56);
MSTAT_SHM_AT(boot_id, 64);
MSTAT_SHM_AT(uid, 80);
MSTAT_SHM_AT(service_off, 84);
MSTAT_SHM_AT(version_off, 88);
MSTAT_SHM_AT(cpu_count, 92);
MSTAT_SHM_AT(shared_row_count, 96);
MSTAT_SHM_AT(cell_max, 100);
MSTAT_SHM_AT(series_max, 104);
MSTAT_SHM_AT(family_series_max, 108);
MSTAT_SHM_AT(process_max, 112);
MSTAT_SHM_AT(gauge_cell_max, 116);
MSTAT_SHM_AT(label_bytes_max, 120);
MSTAT_SHM_AT(exemplar_max, 124);
MSTAT_SHM_AT(pid, 128);
MSTAT_SHM_AT(start_ticks, 136);
MSTAT_SHM_AT(opened_ns, 144);
MSTAT_SHM_AT(adoptions, 152);
MSTAT_SHM_AT(lock, 192);
MSTAT_SHM_AT(arena_published, 200);
MSTAT_SHM_AT(series_published, 208);
MSTAT_SHM_AT(cells_published, 212);
MSTAT_SHM_AT(gauge_cells_published, 216);
MSTAT_SHM_AT(family_count, 220);
MSTAT_SHM_AT(reuse_epoch, 224);
MSTAT_SHM_AT(drops, 256);
MSTAT_SHM_AT(regions, MSTAT_SHM_REGIONS_OFFSET);

/* Every record of the arena begins with this. Offset 0 of the arena is no record (8 bytes of zero), so that 0 can mean
 * "none".
 *    0: bytes   u32   of the whole record, a multiple of 8
 *    4: kind    u16   MSTAT_SHM_RECORD_*; a reader skips unknown ones
 *    6: flags   u16
 */
struct mstat_shm_record {
	uint32_t bytes;
	uint16_t kind;
	uint16_t flags;
};
MSTAT_SHM_ASSERT(sizeof(struct mstat_shm_record) == 8);
#define MSTAT_SHM_ARENA_FIRST 8u
#define MSTAT_SHM_RECORD_STRING 1u
#define MSTAT_SHM_RECORD_FAMILY 2u
#define MSTAT_SHM_RECORD_SERIES 3u
#define MSTAT_SHM_RECORD_BUCKETS 4u
#define MSTAT_SHM_RECORD_LIST 5u

/* A string, stored once however often it is used. UTF-8, no NUL inside, one NUL behind it.
 *    0: record  8 bytes
 *    8: len     u32   without the NUL
 *   12: text    len + 1 bytes, then zeros up to record.bytes
 */
struct mstat_shm_string {
	struct mstat_shm_record record;
	uint32_t len;
	char text[4];
};
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_string, len) == 8);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_string, text) == 12);

/* A family: one metric name with its type, help, unit and label names.
 *    0: record        8 bytes
 *    8: name          u32   string; a counter's without "_total"
 *   12: help          u32   string
 *   16: unit          u32   string; empty, or the name ends in "_UNIT"
 *   20: series_limit  u32   series besides the overflow series
 *   24: kind          u8    MSTAT_SHM_COUNTER ... MSTAT_SHM_STATE_SET
 *   25: value         u8    MSTAT_SHM_U64, _I64, _F64
 *   26: merge         u8    gauges: MSTAT_SHM_MERGE_*
 *   27: flags         u8    gauges: MSTAT_SHM_FAMILY_LIVE
 *   28: label_count   u16
 *   30: ordinal       u16   0, 1, 2 ... in the order of registration
 *   32: created_ns    u64   CLOCK_REALTIME; "first by age" between programs
 *   40: buckets       u32   histograms, gauge histograms, summaries: a BUCKETS record; else 0
 *   44: list          u32   state sets: a LIST of strings, the states; summaries: a LIST of f64, the quantiles; else 0
 *   48: ttl_s         u32   a series whose value has not changed for so long is not exposed; 0: for ever
 *   52: window_s      u32   summaries: over which the quantiles are taken; else 0
 *   56: label_names   u32[label_count]   strings, in ascending byte order
 */
struct mstat_shm_family {
	struct mstat_shm_record record;
	uint32_t name;
	uint32_t help;
	uint32_t unit;
	uint32_t series_limit;
	uint8_t kind;
	uint8_t value;
	uint8_t merge;
	uint8_t flags;
	uint16_t label_count;
	uint16_t ordinal;
	uint64_t created_ns;
	uint32_t buckets;
	uint32_t list;
	uint32_t ttl_s;
	uint32_t window_s;
	uint32_t label_names[];
};
MSTAT_SHM_ASSERT(sizeof(struct mstat_shm_family) == 56);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_family, name) == 8);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_family, series_limit) == 20);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_family, kind) == 24);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_family, label_count) == 28);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_family, created_ns) == 32);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_family, buckets) == 40);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_family, list) == 44);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_family, ttl_s) == 48);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_family, window_s) == 52);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_family, label_names) == 56);

/* Kinds, and where their cells are.
 *
 *   COUNTER           rows    one cell
 *   GAUGE             gauges  one cell; merged by LAST two
 *   HISTOGRAM         rows    sums, then one cell a bucket (see BUCKETS); u64: one sum, f64: four, which add up
 *   SUMMARY           rows    the same; exposed as quantiles
 *   GAUGE_HISTOGRAM   gauges  one sum, i64 or f64, then one i64 cell a bucket; merge SUM
 *   INFO              gauges  one cell, 1; merge MAX
 *   STATE_SET         gauges  one cell, bit i says that state i is on; the values of several processes are or-ed
 */
#define MSTAT_SHM_COUNTER 1u
#define MSTAT_SHM_GAUGE 2u
#define MSTAT_SHM_HISTOGRAM 3u
#define MSTAT_SHM_SUMMARY 4u
#define MSTAT_SHM_GAUGE_HISTOGRAM 5u
#define MSTAT_SHM_INFO 6u
#define MSTAT_SHM_STATE_SET 7u

#define MSTAT_SHM_SUMS_U64 1u
#define MSTAT_SHM_SUMS_F64 4u
#define MSTAT_SHM_STATES_MAX 63u
#define MSTAT_SHM_BUCKETS_MAX 4096u /* bounds of one family, of all kinds together */

/* Whether the cells of a kind lie in the counter rows; else they lie in the gauge rows. */
MSTAT_HELPER int mstat_shm_kind_in_rows(unsigned kind)
{
	return kind == MSTAT_SHM_COUNTER || kind == MSTAT_SHM_HISTOGRAM || kind == MSTAT_SHM_SUMMARY;
}

MSTAT_HELPER int mstat_shm_kind_has_buckets(unsigned kind)
{
	return kind == MSTAT_SHM_HISTOGRAM || kind == MSTAT_SHM_SUMMARY || kind == MSTAT_SHM_GAUGE_HISTOGRAM;
}

/* How observations are divided. What the bounds of the cells are follows from it by mstat_partition() (bucket.h).
 *    0: record          8 bytes
 *    8: flags           u32   MSTAT_SHM_BUCKETS_*
 *   12: bound_count     u32   explicit upper bounds
 *   16: schema          i32   exponential buckets: -4 .. 8
 *   20: first           i32   Prometheus' index of the first one above the zero bucket
 *   24: count           u32   how many of them, of each sign
 *   28: reserved        u32   0
 *   32: scale           f64   u64: base units in one recorded unit, such as 1e-9; f64: 1
 *   40: bounds          f64[bound_count]   in base units, finite, ascending
 */
struct mstat_shm_buckets {
	struct mstat_shm_record record;
	uint32_t flags;
	uint32_t bound_count;
	int32_t schema;
	int32_t first;
	uint32_t count;
	uint32_t reserved;
	double scale;
	double bounds[];
};
MSTAT_SHM_ASSERT(sizeof(struct mstat_shm_buckets) == 40);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_buckets, flags) == 8);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_buckets, schema) == 16);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_buckets, scale) == 32);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_buckets, bounds) == 40);
#define MSTAT_SHM_BUCKETS_EXPLICIT 1u    /* the explicit bounds are exposed (also where there are none: just +Inf) */
#define MSTAT_SHM_BUCKETS_EXPONENTIAL 2u /* so are the exponential buckets */
#define MSTAT_SHM_BUCKETS_NEGATIVE 4u    /* values below zero are taken */

/* A list of strings (arena offsets) or numbers (f64 bits).
 *    0: record  8 bytes
 *    8: count   u32
 *   12: reserved u32  0
 *   16: items   u64[count]
 */
struct mstat_shm_list {
	struct mstat_shm_record record;
	uint32_t count;
	uint32_t reserved;
	uint64_t items[];
};
MSTAT_SHM_ASSERT(sizeof(struct mstat_shm_list) == 16);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_list, items) == 16);

#define MSTAT_SHM_U64 1u
#define MSTAT_SHM_I64 2u
#define MSTAT_SHM_F64 3u

#define MSTAT_SHM_MERGE_SUM 1u
#define MSTAT_SHM_MERGE_MIN 2u
#define MSTAT_SHM_MERGE_MAX 3u
#define MSTAT_SHM_MERGE_LAST 4u /* uses two cells: value, then CLOCK_MONOTONIC time of the store in ns */
#define MSTAT_SHM_MERGE_EACH 5u /* one exposed series a process; always live */

#define MSTAT_SHM_FAMILY_LIVE 1u /* values of dead processes do not count */

/* A series: a family and one value for each of its labels.
 *    0: record        8 bytes; flags: MSTAT_SHM_SERIES_OVERFLOW
 *    8: family        u32   arena offset
 *   12: index         u32   its entry in SERIES
 *   16: cell          u32   the first of its cells: in the rows or in the gauge rows
 *   20: label_count   u32   as in the family; 0 for the overflow series
 *   24: label_values  u32[label_count]   strings, in the order of the family's label_names
 */
struct mstat_shm_series {
	struct mstat_shm_record record;
	uint32_t family;
	uint32_t index;
	uint32_t cell;
	uint32_t label_count;
	uint32_t label_values[];
};
MSTAT_SHM_ASSERT(sizeof(struct mstat_shm_series) == 24);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_series, family) == 8);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_series, cell) == 16);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_series, label_values) == 24);

/* Takes the updates beyond a limit; exposed with otel_metric_overflow="true" and no other label, once it was used. */
#define MSTAT_SHM_SERIES_OVERFLOW 1u

/* What changes about a series.
 *    0: state       u32   generation << 2 | MSTAT_SHM_STATE_*; release in series_publish() and series_bury(),
 *                         acquire in readers
 *    4: record      u32   arena offset of the series record
 *    8: created_ns  u64   CLOCK_REALTIME of the series' first value 0
 */
struct mstat_shm_entry {
	uint32_t state;
	uint32_t record;
	uint64_t created_ns;
};
MSTAT_SHM_ASSERT(sizeof(struct mstat_shm_entry) == 16);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_entry, created_ns) == 8);
#define MSTAT_SHM_STATE_FREE 0u
#define MSTAT_SHM_STATE_LIVE 1u
#define MSTAT_SHM_STATE_REMOVED 2u
#define MSTAT_SHM_STATE_MASK 3u

/* A process of the tree.
 *    0: state        u32   generation << 2 | MSTAT_SHM_PROCESS_*; release in slot_take() and slot_retire(),
 *                            acquire in readers
 *    4: flags        u32   MSTAT_SHM_PROCESS_LOCKED
 *    8: pid          u32   in its own PID namespace
 *   12: pid_ns       u32   inode of that namespace
 *   16: start_ticks  u64   field 22 of /proc/PID/stat
 *   24: claimed_ns   u64   CLOCK_REALTIME
 *   32: reserved     u64[4]
 */
struct mstat_shm_process {
	uint32_t state;
	uint32_t flags;
	uint32_t pid;
	uint32_t pid_ns;
	uint64_t start_ticks;
	uint64_t claimed_ns;
	uint64_t reserved[4];
};
MSTAT_SHM_ASSERT(sizeof(struct mstat_shm_process) == 64);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_process, pid) == 8);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_process, start_ticks) == 16);
#define MSTAT_SHM_PROCESS_FREE 0u
#define MSTAT_SHM_PROCESS_CLAIMING 1u
#define MSTAT_SHM_PROCESS_LIVE 2u
#define MSTAT_SHM_PROCESS_MASK 3u
#define MSTAT_SHM_PROCESS_LOCKED 1u /* the process holds byte MSTAT_SHM_LOCK_PROCESS + slot */

/* An exemplar: what one of the updates of a counter or of a bucket belonged to. Slots are found by the cell's number:
 * slot_of(cell) and the MSTAT_SHM_EXEMPLAR_WAYS - 1 behind it. A writer makes `sequence` odd (acquire; who finds it odd
 * goes elsewhere), writes, and makes it even again (release). A reader believes a copy whose sequence is even and whose
 * `check` is that of its bytes: a torn copy has another one.
 *    0: sequence   u32
 *    4: series     u32   index in SERIES
 *    8: cell       u32   of the counter or of the bucket, in the rows; 0: the slot is free
 *   12: labels_len u32   bytes
 *   16: value      u64   f64 bits; of families with a scale in their recorded unit
 *   24: time_ns    u64   CLOCK_REALTIME
 *   32: check      u64   mstat_exemplar_check()
 *   40: labels     `name="value",...` with values escaped as in the exposition formats, no braces, no NUL
 */
#define MSTAT_SHM_EXEMPLAR_LABELS_MAX 472u
struct mstat_shm_exemplar {
	uint32_t sequence;
	uint32_t series;
	uint32_t cell;
	uint32_t labels_len;
	uint64_t value;
	uint64_t time_ns;
	uint64_t check;
	char labels[MSTAT_SHM_EXEMPLAR_LABELS_MAX];
};
MSTAT_SHM_ASSERT(sizeof(struct mstat_shm_exemplar) == 512);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_exemplar, series) == 4);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_exemplar, cell) == 8);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_exemplar, value) == 16);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_exemplar, time_ns) == 24);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_exemplar, check) == 32);
MSTAT_SHM_ASSERT(offsetof(struct mstat_shm_exemplar, labels) == 40);
#define MSTAT_SHM_EXEMPLAR_WAYS 4u
#define MSTAT_SHM_EXEMPLAR_CHARACTERS_MAX 128u /* code points of names and values, by OpenMetrics */

MSTAT_HELPER uint32_t mstat_shm_exemplar_slot(uint32_t cell, uint32_t exemplar_max)
{
	return (uint32_t)((uint64_t)(cell * 2654435769u) * exemplar_max >> 32);
}

/* FNV-1a, 64 bits, over series, cell, value, time and the labels. */
MSTAT_HELPER uint64_t mstat_shm_exemplar_check(const struct mstat_shm_exemplar *exemplar)
{
	uint64_t words[4], hash = 14695981039346656037ull;
	const unsigned char *bytes = (const unsigned char *)words;
	words[0] = (uint64_t)exemplar->series << 32 | exemplar->cell;
	words[1] = exemplar->value;
	words[2] = exemplar->time_ns;
	words[3] = exemplar->labels_len;
	for (uint32_t i = 0; i < sizeof(words); i++)
		hash = (hash ^ bytes[i]) * 1099511628211ull;
	bytes = (const unsigned char *)exemplar->labels;
	for (uint32_t i = 0; i < exemplar->labels_len && i < MSTAT_SHM_EXEMPLAR_LABELS_MAX; i++)
		hash = (hash ^ bytes[i]) * 1099511628211ull;
	return hash;
}

/* Gauge cells hold their value with the top bit inverted, so that the zero of a fresh page means "never set": a process
 * that has not set a gauge takes no part in its minimum, maximum or last value. Inverting the top bit of a two's
 * complement number adds 2^63 modulo 2^64, so that an addition to the cell is an addition to the value. The one value
 * that cannot be stored (INT64_MIN, -0.0) is stored as its neighbour (INT64_MIN + 1, +0.0).
 */
#define MSTAT_SHM_GAUGE_FLIP 0x8000000000000000ull
#define MSTAT_SHM_GAUGE_UNSET 0ull

MSTAT_HELPER uint64_t mstat_shm_gauge_from_i64(int64_t value)
{
	uint64_t bits = (uint64_t)value ^ MSTAT_SHM_GAUGE_FLIP;
	return bits ? bits : 1;
}

MSTAT_HELPER int64_t mstat_shm_gauge_to_i64(uint64_t cell)
{
	return (int64_t)(cell ^ MSTAT_SHM_GAUGE_FLIP);
}

MSTAT_HELPER uint64_t mstat_shm_gauge_from_f64(double value)
{
	uint64_t bits;
	__builtin_memcpy(&bits, &value, sizeof(bits));
	bits ^= MSTAT_SHM_GAUGE_FLIP;
	return bits ? bits : MSTAT_SHM_GAUGE_FLIP;
}

MSTAT_HELPER double mstat_shm_gauge_to_f64(uint64_t cell)
{
	uint64_t bits = cell ^ MSTAT_SHM_GAUGE_FLIP;
	double value;
	__builtin_memcpy(&value, &bits, sizeof(value));
	return value;
}

#undef MSTAT_SHM_AT
#endif
