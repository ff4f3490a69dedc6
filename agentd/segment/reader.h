/* SPDX-License-Identifier: MIT */
/* The distrustful reader: one segment file, copied, checked and understood.
 *
 * Everything is read by pread into private, 8-aligned memory and only the copy is parsed: the file may be truncated,
 * rewritten or a lie at any time without consequences beyond this one segment. See include/mstat/segment.h for the
 * layout and the reader's rules R1 to R4.
 *
 * A reader keeps what it has understood: families and series are parsed once, when the published lengths have grown;
 * a steady read copies values only. The arena's strings are needed just while somebody resolves new series and may be
 * dropped (segment_drop_strings) until the next growth.
 *
 * Not thread-safe: one owner at a time. Never logs; a bad byte is data (segment->state, segment->refusal).
 */
#ifndef AGENTD_SEGMENT_READER_H
#define AGENTD_SEGMENT_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <mstat/segment.h>

enum segment_state {
#define SEGMENT_STATE(name, word, text) SEGMENT_##name,
#include "states.def"
#undef SEGMENT_STATE
	SEGMENT_STATE_COUNT
};

enum segment_refusal {
#define SEGMENT_REFUSAL(name, label, state, text) SEGMENT_REFUSED_##name,
#include "refusals.def"
#undef SEGMENT_REFUSAL
	SEGMENT_REFUSAL_COUNT
};

const char *segment_state_word(enum segment_state state);
const char *segment_state_text(enum segment_state state);
const char *segment_refusal_label(enum segment_refusal refusal);
const char *segment_refusal_text(enum segment_refusal refusal);

/* What a segment may cost. */
struct segment_limits {
	uint64_t file_bytes_max;   /* apparent size of the file */
	uint64_t memory_bytes_max; /* what is kept of one segment */
	uint64_t rows_bytes_max;   /* counter rows read of it, which pass through a buffer: rows grow with the CPUs */
	uint32_t series_max;
	uint32_t string_bytes_max; /* of one name, label value or help text */
};

extern const struct segment_limits segment_limits_default;

struct segment_family {
	uint32_t record_off; /* arena offset, the identity within the segment */
	uint8_t kind;        /* MSTAT_SHM_COUNTER ... MSTAT_SHM_STATE_SET */
	uint8_t value;       /* MSTAT_SHM_U64, _I64, _F64 */
	uint8_t merge;       /* MSTAT_SHM_MERGE_* */
	bool live;           /* gauges and their kin: values of dead processes do not count */
	uint16_t label_count;
	uint32_t series_limit;
	uint32_t cells;    /* of one series */
	uint32_t sums;     /* those of them in front of the buckets */
	uint32_t ttl_s;    /* 0: for ever */
	uint32_t window_s; /* summaries */
	uint64_t created_ns;
	const char *name; /* these live as long as the segment */
	const char *help;
	const char *unit;
	const char **label_names;
	const struct mstat_shm_buckets *buckets; /* valid by mstat_buckets_valid(); NULL: the kind has none */
	uint32_t item_count;
	const double *quantiles; /* summaries: item_count, ascending, each in [0, 1] */
	const char **states;     /* state sets: item_count */
};

struct segment_series {
	uint32_t family; /* index in segment->families */
	uint32_t record_off;
	uint32_t cell;       /* the first */
	uint32_t state;      /* the entry's state word of the last read */
	uint64_t created_ns; /* of the last read */
	bool overflow;
	bool readable; /* LIVE and unchanged during the last read: the value counts */
};

struct segment_process {
	uint32_t slot;
	uint32_t pid;
	uint32_t pid_ns;
	uint64_t start_ticks;
	bool live;
};

/* Bits of one value, and whether there is one. */
struct segment_value {
	uint64_t bits;    /* u64, i64 or f64 by family->value; plain, not flipped */
	uint64_t time_ns; /* MERGE_LAST: CLOCK_MONOTONIC of the store */
	bool present;
};

/* The value of a histogram, summary or gauge histogram. */
struct segment_distribution {
	uint64_t sum;            /* u64, i64 or f64 bits by family->value; in recorded units */
	const uint64_t *buckets; /* counts of the cells of mstat_partition(); i64 for gauge histograms */
	uint32_t bucket_count;
	bool present;
};

/* An exemplar, checked: labels are `name="value",...` by the rules of the exposition formats. */
struct segment_exemplar {
	uint32_t series;
	uint32_t bucket;    /* cell of the partition; 0 for counters */
	double value;       /* in base units */
	uint64_t time_ns;   /* CLOCK_REALTIME */
	const char *labels; /* not terminated */
	uint32_t labels_len;
};

struct segment {
	/* where */
	char *name; /* file name within the directory */
	dev_t device;
	ino_t inode;
	uid_t uid;
	uint64_t file_bytes;
	uint64_t allocated_bytes; /* memory it really uses (st_blocks) */
	uint64_t bytes_read;      /* by all reads so far */

	/* verdict */
	enum segment_state state;
	enum segment_refusal refusal;
	int error;               /* errno behind OPEN and READ */
	uint64_t refusal_offset; /* where in the file, for CORRUPT ones */

	/* who */
	struct mstat_shm_header header; /* the private copy of the last read */
	char *service;
	char *version;

	/* what */
	struct segment_family *families;
	uint32_t family_count;
	struct segment_series *series; /* indexed as the SERIES region */
	uint32_t series_count;
	uint64_t record_changes; /* how often a known series became another one, which no honest writer does: whoever
				    keeps something by index has to forget it */
	struct segment_process *processes; /* claimed slots of the last read */
	uint32_t process_count;

	struct segment_private *private; /* buffers of the implementation */

	/* What the owner of the segment keeps with it; freed with the segment. */
	void *user;
	void (*user_free)(void *user);
};

/* A segment that has not been read: state UNREAD. NULL when out of memory. */
struct segment *segment_new(const char *name);
void segment_free(struct segment *segment);

/* Opens directory_fd/name with openat2 (no symlinks, nothing beneath another mount, no blocking), checks the file, asks
 * for liveness, reads and checks. Returns segment->state. Cost: 5 us and 44 us a MiB copied. Holds no descriptor
 * afterwards. */
enum segment_state segment_read(struct segment *segment, int directory_fd, const struct segment_limits *limits);

/* The same on an open descriptor, without the checks of the name; for the fold, which holds a lock on the descriptor
 * (liveness is then DEAD by definition: `assume_dead`). */
enum segment_state segment_read_fd(struct segment *segment, int fd, const struct segment_limits *limits,
				   bool assume_dead);

/* The label values of a series, in the order of its family's label_names; NULL for the overflow series (which has none)
 * and after segment_drop_strings() until the segment grows. Valid until the next read. */
const char *const *segment_labels(struct segment *segment, uint32_t series);

/* Frees the copy of the arena (its bytes come back when it grows). */
void segment_drop_strings(struct segment *segment);

/* Makes the arena's strings available again for all series: the next read copies the whole arena. */
void segment_want_strings(struct segment *segment);

/* The value of a series at the last read: a counter's sum over the rows, a gauge merged over the processes by its
 * family's rule (not for MERGE_EACH: see below), the states of a state set or-ed; not for kinds with buckets. present
 * is false for a gauge that nobody has set, an overflow series that was never used, or a series that is not readable.
 */
struct segment_value segment_value(const struct segment *segment, uint32_t series);

/* The same for kinds with buckets; valid until the next call of this function or the next read. */
struct segment_distribution segment_distribution(struct segment *segment, uint32_t series);

/* The exemplars of readable series at the last read; valid until the next. */
size_t segment_exemplars(const struct segment *segment, const struct segment_exemplar **exemplars);

/* The value that one process (index in segment->processes) has of a gauge. */
struct segment_value segment_value_of_process(const struct segment *segment, uint32_t series, uint32_t process);

/* Memory that the reader keeps for this segment. */
size_t segment_memory_bytes(const struct segment *segment);

#endif
