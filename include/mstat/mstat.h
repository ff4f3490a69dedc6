/* SPDX-License-Identifier: MIT */
/* mstat: metrics without system calls.
 *
 *     #include <mstat/mstat.h>
 *
 *     MSTAT_COUNTER(requests, "http_requests_total", "HTTP requests served.", "method", "status");
 *
 *     int main(void)
 *     {
 *             mstat_counter *get_ok = mstat_counter_with(&requests, "GET", "200");   // once: a handle
 *             mstat_inc(get_ok);                                                     // about a plain add
 *             mstat_inc(mstat_counter_with(&requests, "GET", "404"));                // looked up per call
 *     }
 *
 * Declare a family (MSTAT_COUNTER, MSTAT_GAUGE and their kin), get the handle of a series by its label values, update
 * it (record.h). Values live in a shared-memory segment (segment.h) that mstatd and mstat read. No call is needed to
 * start or to stop; mstat_open() is there for those who want to choose names, directory or limits.
 *
 * Promises to the application
 *  - A handle is never NULL. Where something failed, it is one whose updates are dropped and counted, and
 *    mstat_status() tells why.
 *  - Nothing here aborts, logs, raises a signal, changes errno or leaves a descriptor open.
 *  - Every function may be called from any thread. What says "signal-safe" may be called in a signal handler. Children
 *    made by fork, vfork, posix_spawn or a raw clone() go on counting in their parent's segment, exactly.
 *  - Programs with elevated privileges (AT_SECURE) ignore the environment.
 *
 * Environment: MSTAT_DIR (segment directory), OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES (service.name,
 * service.version). Default of the service name: the name of the program.
 */
#ifndef MSTAT_MSTAT_H
#define MSTAT_MSTAT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <mstat/record.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

#define MSTAT_VERSION_MAJOR 0
#define MSTAT_VERSION_MINOR 1
#define MSTAT_VERSION "0.1.0"

#define MSTAT_LABELS_MAX 16

/* Why something was refused. reasons.def has the texts. */
enum mstat_reason {
#define MSTAT_REASON(number, name, label, text) MSTAT_REASON_##name = number,
#include <mstat/reasons.def>
#undef MSTAT_REASON
};

/* How the values that several processes have of one gauge become one (gauges only). Add MSTAT_LIVE to count the values
 * of live processes only. */
enum mstat_merge {
	MSTAT_SUM = MSTAT_SHM_MERGE_SUM,
	MSTAT_MIN = MSTAT_SHM_MERGE_MIN,
	MSTAT_MAX = MSTAT_SHM_MERGE_MAX,
	MSTAT_LAST = MSTAT_SHM_MERGE_LAST, /* the value that was set last, by CLOCK_MONOTONIC_COARSE */
	MSTAT_EACH = MSTAT_SHM_MERGE_EACH, /* one series a process, with a pid label */
	MSTAT_LIVE = 0x80,
};

/* A family: what a declaration says, and the library's place in it. Static storage; filled by the macros below. */
struct mstat_family {
	/* [a-zA-Z_:][a-zA-Z0-9_:]*; of a counter with or without "_total": both name the same family */
	const char *name;
	const char *help; /* UTF-8 */
	const char *unit; /* "" or the base unit in which the name ends: "seconds", "bytes" */
	uint8_t kind;     /* MSTAT_SHM_COUNTER, MSTAT_SHM_GAUGE */
	uint8_t value;    /* MSTAT_SHM_U64, MSTAT_SHM_I64, MSTAT_SHM_F64 */
	uint8_t merge;    /* enum mstat_merge */
	uint8_t reserved;
	uint32_t series_limit;                         /* 0: the segment's default */
	const char *label_names[MSTAT_LABELS_MAX + 1]; /* in the order in which `_with` takes the values */
	/* The library's; 0: what it found, and the order of the labels. Two words that no page boundary parts. */
	uint64_t state[2] __attribute__((aligned(16)));
};

typedef struct mstat_counter_family {
	struct mstat_family family;
} mstat_counter_family;
typedef struct mstat_counter_f64_family {
	struct mstat_family family;
} mstat_counter_f64_family;
typedef struct mstat_gauge_family {
	struct mstat_family family;
} mstat_gauge_family;
typedef struct mstat_gauge_f64_family {
	struct mstat_family family;
} mstat_gauge_f64_family;

/* Declares a family: identifier, exposed name, help text, label names. Usable at file scope or as a static in a
 * function.
 *
 * Counters only grow. MSTAT_COUNTER counts in u64, MSTAT_COUNTER_F64 adds doubles (8 times dearer: the limit of a
 * dependent floating-point addition). Gauges go up and down; MSTAT_GAUGE holds an i64, MSTAT_GAUGE_F64 a double, both
 * merged as the sum over live processes. The _AS forms choose the merge rule, the _UNIT forms name the unit. Two
 * declarations of one name are the same family when type, unit and label names (in any order) agree. */
#define MSTAT_FAMILY_INIT(kind, value, merge, name, unit, help, ...)                                                   \
	{                                                                                                              \
		{                                                                                                      \
			name, help, unit, kind, value, merge, 0, 0, {__VA_ARGS__},                                     \
			{                                                                                              \
				0, 0                                                                                   \
			}                                                                                              \
		}                                                                                                      \
	}
#define MSTAT_COUNTER(identifier, name, ...) MSTAT_COUNTER_UNIT(identifier, name, "", __VA_ARGS__)
#define MSTAT_COUNTER_UNIT(identifier, name, unit, ...)                                                                \
	static mstat_counter_family identifier =                                                                       \
		MSTAT_FAMILY_INIT(MSTAT_SHM_COUNTER, MSTAT_SHM_U64, MSTAT_SUM, name, unit, __VA_ARGS__, 0)
#define MSTAT_COUNTER_F64(identifier, name, ...) MSTAT_COUNTER_F64_UNIT(identifier, name, "", __VA_ARGS__)
#define MSTAT_COUNTER_F64_UNIT(identifier, name, unit, ...)                                                            \
	static mstat_counter_f64_family identifier =                                                                   \
		MSTAT_FAMILY_INIT(MSTAT_SHM_COUNTER, MSTAT_SHM_F64, MSTAT_SUM, name, unit, __VA_ARGS__, 0)
#define MSTAT_GAUGE(identifier, name, ...) MSTAT_GAUGE_AS(identifier, MSTAT_SUM | MSTAT_LIVE, name, "", __VA_ARGS__)
#define MSTAT_GAUGE_AS(identifier, merge, name, unit, ...)                                                             \
	static mstat_gauge_family identifier =                                                                         \
		MSTAT_FAMILY_INIT(MSTAT_SHM_GAUGE, MSTAT_SHM_I64, merge, name, unit, __VA_ARGS__, 0)
#define MSTAT_GAUGE_F64(identifier, name, ...)                                                                         \
	MSTAT_GAUGE_F64_AS(identifier, MSTAT_SUM | MSTAT_LIVE, name, "", __VA_ARGS__)
#define MSTAT_GAUGE_F64_AS(identifier, merge, name, unit, ...)                                                         \
	static mstat_gauge_f64_family identifier =                                                                     \
		MSTAT_FAMILY_INIT(MSTAT_SHM_GAUGE, MSTAT_SHM_F64, merge, name, unit, __VA_ARGS__, 0)

/* Finds or makes the series of a family with these label values, in the order of the declaration.
 *
 * Cost: a hash of the values and one probe (15 to 20 ns for three labels) when the series exists; microseconds
 * and a lock shared by the process tree when it is made. Thread- and fork-safe; signal-safe. The handle stays valid for
 * the life of the process; after mstat_remove() its updates are dropped and counted until the same label values are
 * asked for again. Values beyond the length limit or not UTF-8, and series beyond a limit, get the family's overflow
 * series. */
mstat_counter *mstat_counter_find(mstat_counter_family *family, const char *const *values, size_t count);
mstat_counter_f64 *mstat_counter_f64_find(mstat_counter_f64_family *family, const char *const *values, size_t count);
mstat_gauge *mstat_gauge_find(mstat_gauge_family *family, const char *const *values, size_t count);
mstat_gauge_f64 *mstat_gauge_f64_find(mstat_gauge_f64_family *family, const char *const *values, size_t count);

/* The same with the values as arguments: mstat_counter_with(&requests, "GET", "200"). */
#ifndef __cplusplus
#define MSTAT_VALUES_(...) ((const char *const[]){__VA_ARGS__})
#define MSTAT_WITH_(find, family, ...)                                                                                 \
	find((family), MSTAT_VALUES_("", ##__VA_ARGS__) + 1,                                                           \
	     sizeof(MSTAT_VALUES_("", ##__VA_ARGS__)) / sizeof(const char *) - 1)
#define mstat_counter_with(family, ...) MSTAT_WITH_(mstat_counter_find, family, ##__VA_ARGS__)
#define mstat_counter_f64_with(family, ...) MSTAT_WITH_(mstat_counter_f64_find, family, ##__VA_ARGS__)
#define mstat_gauge_with(family, ...) MSTAT_WITH_(mstat_gauge_find, family, ##__VA_ARGS__)
#define mstat_gauge_f64_with(family, ...) MSTAT_WITH_(mstat_gauge_f64_find, family, ##__VA_ARGS__)
#endif

/* Removes the series with these label values: it is exposed no longer, and this process tree's share of its value with
 * it. Asked for again, it is a new series from zero where this process is the only one of the tree, and goes on from
 * its old value where there are others (they may be writing to it). A cell is given to another series only after a
 * grace period, and only while one process maps the segment. Returns 1 if there was such a series, else 0. Cost: it
 * waits for a grace period (up to milliseconds). Thread-safe; not signal-safe. */
int mstat_remove(struct mstat_family *family, const char *const *values, size_t count);

/* What mstat_open() takes; zeros mean defaults. */
struct mstat_options {
	size_t size;                /* sizeof(struct mstat_options): lets the struct grow */
	const char *service;        /* service name; default OTEL_SERVICE_NAME, then the program's name */
	const char *version;        /* service.version */
	const char *directory;      /* segment directory; default MSTAT_DIR, /run/mstat, $XDG_RUNTIME_DIR/mstat,
				       /dev/shm/mstat-UID */
	uint32_t series_max;        /* series of the segment; 65536 */
	uint32_t family_series_max; /* series of one family; 16384 */
	uint32_t label_bytes_max;   /* bytes of one label value; 1024 */
	uint32_t process_max;       /* processes of the tree that use gauges; 256 */
	uint32_t gauge_max;         /* gauge cells; 4096 */
	uint32_t arena_bytes;       /* descriptors; 16 MiB (address space, not memory) */
};

/* Opens the segment with options, before the first use of a handle. Returns 0, or the mstat_reason for which values are
 * kept in private memory (or, for OPTIONS, for which the options were not used). Thread-safe; not signal-safe. */
int mstat_open(const struct mstat_options *options);

/* What became of the segment. */
struct mstat_status {
	int reason;      /* mstat_reason of the first failure to open, or 0 */
	int error;       /* its errno, or 0 */
	int exposed;     /* 1: a segment that readers see; 0: private memory */
	int last_reason; /* mstat_reason of the latest refusal of any kind in this process, or 0 */
	char path[4096]; /* of the segment, or "" */
};

/* Fills *status. Opens nothing. Thread- and signal-safe. */
void mstat_status(struct mstat_status *status);

/* How often this process tree was refused something for a reason. Thread- and signal-safe. */
uint64_t mstat_drops(int reason);

/* One sentence for a reason; never NULL. */
const char *mstat_reason_text(int reason);

/* "0.1.0": of the library that is loaded. */
const char *mstat_version(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}

#if __cplusplus >= 201103L
template <class... Values> inline mstat_counter *mstat_counter_with(mstat_counter_family *family, Values... values)
{
	const char *const list[] = {"", values...};
	return mstat_counter_find(family, list + 1, sizeof...(values));
}

template <class... Values>
inline mstat_counter_f64 *mstat_counter_f64_with(mstat_counter_f64_family *family, Values... values)
{
	const char *const list[] = {"", values...};
	return mstat_counter_f64_find(family, list + 1, sizeof...(values));
}

template <class... Values> inline mstat_gauge *mstat_gauge_with(mstat_gauge_family *family, Values... values)
{
	const char *const list[] = {"", values...};
	return mstat_gauge_find(family, list + 1, sizeof...(values));
}

template <class... Values>
inline mstat_gauge_f64 *mstat_gauge_f64_with(mstat_gauge_f64_family *family, Values... values)
{
	const char *const list[] = {"", values...};
	return mstat_gauge_f64_find(family, list + 1, sizeof...(values));
}
#endif
#endif
#endif
