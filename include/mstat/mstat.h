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
 * Not here: gauges with a callback. A reader of shared memory cannot call into the application; set the gauge where its
 * value changes, or let a thread or a timer that is there anyway set it.
 *
 * Environment: MSTAT_DIR (segment directory), OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES (service.name,
 * service.version), MSTAT_DISABLE (families that are off: names with `*`, separated by commas). Default of the service
 * name: the name of the program.
 */
#ifndef MSTAT_MSTAT_H
#define MSTAT_MSTAT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

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

#define MSTAT_BOUNDS_MAX 64
#define MSTAT_QUANTILES_MAX 16

/* The buckets of a histogram or summary. Zeros mean defaults. For families with a choice of their own:
 *
 *     static const struct mstat_buckets sizes = {.scale = 1, MSTAT_BOUNDS(1e3, 1e4, 1e5, 1e6)};
 *     MSTAT_HISTOGRAM_AS(body, &sizes, "http_response_size_bytes", "bytes", "Size of responses.");
 */
struct mstat_buckets {
	/* Base units in one recorded integer: 1e-9 for nanoseconds exposed as seconds. Default: 1e-9 where the name
	 * ends in "_seconds", else 1. Of no meaning for doubles. */
	double scale;
	/* Upper bounds, inclusive, ascending, in base units; +Inf is implied. Default, unless exponential is set: 0.005
	 * to 10, as all Prometheus libraries have it. */
	uint32_t bound_count;
	/* Exponential ("native") buckets, 2^schema of them for each doubling, from min to max; with bounds: both. What
	 * is less than min goes to the zero bucket, what is greater than max to the last one, up to +Inf. Default: 1e-6
	 * to 1e3. */
	uint8_t exponential;
	int8_t schema;    /* -4 to 8; 3: bounds 9 % apart */
	uint8_t negative; /* doubles: takes values below zero too; implied by a bound below zero */
	uint8_t reserved;
	double min;
	double max;
	double bounds[MSTAT_BOUNDS_MAX];
};
#define MSTAT_BOUNDS(...) .bound_count = sizeof((double[]){__VA_ARGS__}) / sizeof(double), .bounds = {__VA_ARGS__}

/* What a summary exposes. The agent computes the quantiles over a sliding window that moves in 5 steps; the application
 * pays for a histogram. With the default buckets (schema 4) a quantile is at most 2.2 % off. Default: 0.5, 0.9, 0.99
 * over 600 seconds. */
struct mstat_quantiles {
	uint32_t window_s;
	uint32_t count;
	double quantiles[MSTAT_QUANTILES_MAX];
};

#pragma GCC visibility push(default)
extern const struct mstat_buckets mstat_buckets_native; /* schema 3, 1e-6 to 1e3 */
extern const struct mstat_buckets mstat_buckets_both;   /* the same and the default bounds */
#pragma GCC visibility pop
#define MSTAT_NATIVE (&mstat_buckets_native)
#define MSTAT_BOTH (&mstat_buckets_both)

/* A family: what a declaration says, and the library's place in it. Static storage; filled by the macros below. Before
 * its first use `series_limit` and `ttl_s` may be set: requests.family.ttl_s = 3600. */
struct mstat_family {
	/* [a-zA-Z_:][a-zA-Z0-9_:]*; of a counter with or without "_total", of an info with or without "_info": both
	 * name the same family */
	const char *name;
	const char *help;      /* UTF-8 */
	const char *unit;      /* "" or the base unit in which the name ends: "seconds", "bytes" */
	uint8_t kind;          /* MSTAT_SHM_COUNTER ... MSTAT_SHM_STATE_SET */
	uint8_t value;         /* MSTAT_SHM_U64, MSTAT_SHM_I64, MSTAT_SHM_F64 */
	uint8_t merge;         /* enum mstat_merge */
	uint8_t asked;         /* the library's: MSTAT_DISABLE was looked at */
	uint32_t series_limit; /* 0: the segment's default */
	/* A series whose value has not changed for so many seconds is exposed no longer, until it changes again; its
	 * count goes on. 0: for ever. */
	uint32_t ttl_s;
	uint32_t disabled; /* mstat_enable() */
	const struct mstat_buckets *buckets;
	const struct mstat_quantiles *quantiles;
	const char *const *states;                     /* NULL ends them */
	const char *label_names[MSTAT_LABELS_MAX + 1]; /* in the order in which `_with` takes the values */
	/* The library's; 0: what it found, and the order of the labels. Two words that no page boundary parts. */
	uint64_t state[2] __attribute__((aligned(16)));
};

/* The handles that are not updated inline. */
typedef struct mstat_gauge_histogram {
	struct mstat_handle handle;
	const struct mstat_map *map;
} mstat_gauge_histogram;
typedef struct mstat_info {
	struct mstat_handle handle;
} mstat_info;
typedef struct mstat_state_set {
	struct mstat_handle handle;
} mstat_state_set;

/* MSTAT_INSTRUMENT(type): mstat_TYPE_family, and mstat_TYPE_find() which gives an mstat_TYPE. */
#define MSTAT_INSTRUMENTS(INSTRUMENT)                                                                                  \
	INSTRUMENT(counter)                                                                                            \
	INSTRUMENT(counter_f64)                                                                                        \
	INSTRUMENT(gauge)                                                                                              \
	INSTRUMENT(gauge_f64)                                                                                          \
	INSTRUMENT(histogram)                                                                                          \
	INSTRUMENT(histogram_f64)                                                                                      \
	INSTRUMENT(gauge_histogram)                                                                                    \
	INSTRUMENT(info)                                                                                               \
	INSTRUMENT(state_set)

#define MSTAT_FAMILY_TYPE(type)                                                                                        \
	typedef struct mstat_##type##_family {                                                                         \
		struct mstat_family family;                                                                            \
	} mstat_##type##_family;
MSTAT_INSTRUMENTS(MSTAT_FAMILY_TYPE)
#undef MSTAT_FAMILY_TYPE

/* Declares a family: identifier, exposed name, help text, label names. Usable at file scope or as a static in a
 * function.
 *
 * Counters only grow. MSTAT_COUNTER counts in u64, MSTAT_COUNTER_F64 adds doubles (8 times dearer: the limit of a
 * dependent floating-point addition). Gauges go up and down; MSTAT_GAUGE holds an i64, MSTAT_GAUGE_F64 a double, both
 * merged as the sum over live processes. The _AS forms choose the merge rule, the _UNIT forms name the unit. Two
 * declarations of one name are the same family when type, unit, buckets and label names (in any order) agree. */
#define MSTAT_FAMILY_INIT(kind, value, merge, buckets, quantiles, states, name, unit, help, ...)                       \
	{                                                                                                              \
		{                                                                                                      \
			name, help, unit, kind, value, merge, 0, 0, 0, 0, buckets, quantiles, states, {__VA_ARGS__},   \
			{                                                                                              \
				0, 0                                                                                   \
			}                                                                                              \
		}                                                                                                      \
	}
#define MSTAT_COUNTER(identifier, name, ...) MSTAT_COUNTER_UNIT(identifier, name, "", __VA_ARGS__)
#define MSTAT_COUNTER_UNIT(identifier, name, unit, ...)                                                                \
	static mstat_counter_family identifier =                                                                       \
		MSTAT_FAMILY_INIT(MSTAT_SHM_COUNTER, MSTAT_SHM_U64, MSTAT_SUM, 0, 0, 0, name, unit, __VA_ARGS__, 0)
#define MSTAT_COUNTER_F64(identifier, name, ...) MSTAT_COUNTER_F64_UNIT(identifier, name, "", __VA_ARGS__)
#define MSTAT_COUNTER_F64_UNIT(identifier, name, unit, ...)                                                            \
	static mstat_counter_f64_family identifier =                                                                   \
		MSTAT_FAMILY_INIT(MSTAT_SHM_COUNTER, MSTAT_SHM_F64, MSTAT_SUM, 0, 0, 0, name, unit, __VA_ARGS__, 0)
#define MSTAT_GAUGE(identifier, name, ...) MSTAT_GAUGE_AS(identifier, MSTAT_SUM | MSTAT_LIVE, name, "", __VA_ARGS__)
#define MSTAT_GAUGE_AS(identifier, merge, name, unit, ...)                                                             \
	static mstat_gauge_family identifier =                                                                         \
		MSTAT_FAMILY_INIT(MSTAT_SHM_GAUGE, MSTAT_SHM_I64, merge, 0, 0, 0, name, unit, __VA_ARGS__, 0)
#define MSTAT_GAUGE_F64(identifier, name, ...)                                                                         \
	MSTAT_GAUGE_F64_AS(identifier, MSTAT_SUM | MSTAT_LIVE, name, "", __VA_ARGS__)
#define MSTAT_GAUGE_F64_AS(identifier, merge, name, unit, ...)                                                         \
	static mstat_gauge_f64_family identifier =                                                                     \
		MSTAT_FAMILY_INIT(MSTAT_SHM_GAUGE, MSTAT_SHM_F64, merge, 0, 0, 0, name, unit, __VA_ARGS__, 0)

/* Histograms. MSTAT_HISTOGRAM records integers (mstat_observe; mstat_observe_ns and its kin for durations) and exposes
 * base units: exact sums, and several times cheaper than MSTAT_HISTOGRAM_F64, which records doubles
 * (mstat_observe_f64). The _AS forms choose the buckets: &their_struct, MSTAT_NATIVE or MSTAT_BOTH.
 * Memory: 8 bytes a bucket, for each CPU that the program runs on. */
#define MSTAT_HISTOGRAM(identifier, name, ...) MSTAT_HISTOGRAM_AS(identifier, 0, name, "", __VA_ARGS__)
#define MSTAT_HISTOGRAM_AS(identifier, buckets, name, unit, ...)                                                       \
	static mstat_histogram_family identifier = MSTAT_FAMILY_INIT(MSTAT_SHM_HISTOGRAM, MSTAT_SHM_U64, MSTAT_SUM,    \
								     buckets, 0, 0, name, unit, __VA_ARGS__, 0)
#define MSTAT_HISTOGRAM_F64(identifier, name, ...) MSTAT_HISTOGRAM_F64_AS(identifier, 0, name, "", __VA_ARGS__)
#define MSTAT_HISTOGRAM_F64_AS(identifier, buckets, name, unit, ...)                                                   \
	static mstat_histogram_f64_family identifier = MSTAT_FAMILY_INIT(                                              \
		MSTAT_SHM_HISTOGRAM, MSTAT_SHM_F64, MSTAT_SUM, buckets, 0, 0, name, unit, __VA_ARGS__, 0)

/* Summaries: declared with quantiles, updated as histograms. Their buckets decide the error and must be exponential;
 * default: schema 4, from 1e-7 to 1e3. */
#define MSTAT_SUMMARY(identifier, name, ...) MSTAT_SUMMARY_AS(identifier, 0, 0, name, "", __VA_ARGS__)
#define MSTAT_SUMMARY_AS(identifier, quantiles, buckets, name, unit, ...)                                              \
	static mstat_histogram_family identifier = MSTAT_FAMILY_INIT(                                                  \
		MSTAT_SHM_SUMMARY, MSTAT_SHM_U64, MSTAT_SUM, buckets, quantiles, 0, name, unit, __VA_ARGS__, 0)
#define MSTAT_SUMMARY_F64(identifier, name, ...) MSTAT_SUMMARY_F64_AS(identifier, 0, 0, name, "", __VA_ARGS__)
#define MSTAT_SUMMARY_F64_AS(identifier, quantiles, buckets, name, unit, ...)                                          \
	static mstat_histogram_f64_family identifier = MSTAT_FAMILY_INIT(                                              \
		MSTAT_SHM_SUMMARY, MSTAT_SHM_F64, MSTAT_SUM, buckets, quantiles, 0, name, unit, __VA_ARGS__, 0)

/* Gauge histograms: how things that are there now are distributed (ages of queued items, sizes of open files). Integers
 * with a scale, as histograms; what is put in by mstat_gauge_histogram_add() is taken out by _remove(). Summed over
 * live processes. */
#define MSTAT_GAUGE_HISTOGRAM(identifier, name, ...) MSTAT_GAUGE_HISTOGRAM_AS(identifier, 0, name, "", __VA_ARGS__)
#define MSTAT_GAUGE_HISTOGRAM_AS(identifier, buckets, name, unit, ...)                                                 \
	static mstat_gauge_histogram_family identifier =                                                               \
		MSTAT_FAMILY_INIT(MSTAT_SHM_GAUGE_HISTOGRAM, MSTAT_SHM_I64, MSTAT_SUM | MSTAT_LIVE, buckets, 0, 0,     \
				  name, unit, __VA_ARGS__, 0)

/* Info: labels that describe the program, with the value 1 while a process that set it lives.
 *     MSTAT_INFO(build, "gateway_build_info", "What was built.", "version", "revision");
 *     mstat_info_set(mstat_info_with(&build, "1.2.3", "5aa8a1"));                                          */
#define MSTAT_INFO(identifier, name, ...)                                                                              \
	static mstat_info_family identifier = MSTAT_FAMILY_INIT(MSTAT_SHM_INFO, MSTAT_SHM_I64, MSTAT_MAX | MSTAT_LIVE, \
								0, 0, 0, name, "", __VA_ARGS__, 0)

/* State sets: which of a few named states are on; several processes: on where any of them has it on.
 *     static const char *const phases[] = {"starting", "serving", "draining", NULL};
 *     MSTAT_STATE_SET(phase, phases, "gateway_phase", "What the gateway is doing.");                       */
#define MSTAT_STATE_SET(identifier, states, name, ...)                                                                 \
	static mstat_state_set_family identifier = MSTAT_FAMILY_INIT(                                                  \
		MSTAT_SHM_STATE_SET, MSTAT_SHM_I64, MSTAT_MAX | MSTAT_LIVE, 0, 0, states, name, "", __VA_ARGS__, 0)

/* Finds or makes the series of a family with these label values, in the order of the declaration.
 *
 * Cost: a hash of the values and one probe (15 to 20 ns for three labels) when the series exists; microseconds
 * and a lock shared by the process tree when it is made. Thread- and fork-safe; signal-safe. The handle stays valid for
 * the life of the process; after mstat_remove() its updates are dropped and counted until the same label values are
 * asked for again. Values beyond the length limit or not UTF-8, and series beyond a limit, get the family's overflow
 * series. */
#define MSTAT_FIND(type)                                                                                               \
	mstat_##type *mstat_##type##_find(mstat_##type##_family *family, const char *const *values, size_t count);
MSTAT_INSTRUMENTS(MSTAT_FIND)
#undef MSTAT_FIND

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
#define mstat_histogram_with(family, ...) MSTAT_WITH_(mstat_histogram_find, family, ##__VA_ARGS__)
#define mstat_histogram_f64_with(family, ...) MSTAT_WITH_(mstat_histogram_f64_find, family, ##__VA_ARGS__)
#define mstat_gauge_histogram_with(family, ...) MSTAT_WITH_(mstat_gauge_histogram_find, family, ##__VA_ARGS__)
#define mstat_info_with(family, ...) MSTAT_WITH_(mstat_info_find, family, ##__VA_ARGS__)
#define mstat_state_set_with(family, ...) MSTAT_WITH_(mstat_state_set_find, family, ##__VA_ARGS__)
#endif

/* ---- conditional families ---- */

/* Whether a family is on: one load and a branch that is predicted. Guards what only feeds it:
 *     if (mstat_enabled(&details))
 *             mstat_inc(mstat_counter_with(&details, expensive_name()));                                   */
#define mstat_enabled(declared) (!MSTAT_UNLIKELY(mstat_load_relaxed(&(declared)->family.disabled)))

/* Turns a family on or off for this process: while it is off, `_with` gives a handle whose updates are dropped and not
 * counted. Handles from before stay as they are. Families that MSTAT_DISABLE names are off from their first use on,
 * until they are turned on after it. Thread- and signal-safe. */
void mstat_enable(struct mstat_family *family, int enabled);

/* ---- gauge histograms, infos, state sets ---- */

/* Cost: two locked adds. Negative values are refused and counted. Thread- and signal-safe, as all below. */
void mstat_gauge_histogram_add(mstat_gauge_histogram *histogram, int64_t value);
void mstat_gauge_histogram_remove(mstat_gauge_histogram *histogram, int64_t value);

void mstat_info_set(mstat_info *info);

/* States are numbered as declared. _only turns all others off, in one store. Others are refused and counted. */
void mstat_state_set_on(mstat_state_set *set, unsigned int state);
void mstat_state_set_off(mstat_state_set *set, unsigned int state);
void mstat_state_set_only(mstat_state_set *set, unsigned int state);

/* ---- exemplars ---- */

/* What an update belongs to. NULL for what there is not. */
struct mstat_exemplar {
	const uint8_t *trace_id;   /* 16 bytes */
	const uint8_t *span_id;    /* 8 bytes */
	const char *const *labels; /* name, value, name, value ... NULL */
};

/* An update and its exemplar: the latest one of a counter or bucket is exposed, with value and time. The update counts
 * even where the exemplar is refused (more than 128 characters by OpenMetrics' rule, or somebody is writing to its slot
 * right now), which is counted. Never waits. Cost: some 200 ns more than the update alone. */
void mstat_add_exemplar(mstat_counter *counter, uint64_t n, const struct mstat_exemplar *exemplar);
void mstat_add_f64_exemplar(mstat_counter_f64 *counter, double n, const struct mstat_exemplar *exemplar);
void mstat_observe_exemplar(mstat_histogram *histogram, int64_t value, const struct mstat_exemplar *exemplar);
void mstat_observe_f64_exemplar(mstat_histogram_f64 *histogram, double value, const struct mstat_exemplar *exemplar);

/* ---- several updates in one call ---- */

enum mstat_operation {
	MSTAT_ADD,         /* counter, u64 */
	MSTAT_ADD_F64,     /* counter_f64, f64 */
	MSTAT_SET,         /* gauge, i64 */
	MSTAT_SET_F64,     /* gauge_f64, f64 */
	MSTAT_GAUGE_ADD,   /* gauge, i64 */
	MSTAT_OBSERVE,     /* histogram, i64 */
	MSTAT_OBSERVE_F64, /* histogram_f64, f64 */
};
struct mstat_update {
	enum mstat_operation operation;
	void *handle; /* of the operation's type */
	union {
		uint64_t u64;
		int64_t i64;
		double f64;
	};
};
/* For callers to whom a call is dear (other languages). Not atomic as a whole. Unknown operations are passed over. */
void mstat_batch(const struct mstat_update *updates, size_t count);

/* ---- timers ---- */

/* CLOCK_MONOTONIC through the vDSO: the same on all CPUs and machines, without calibration. Its cost (about 20 ns) is
 * the timer's; bench/ has it beside the bare time-stamp counter. */
static inline int64_t mstat_now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* struct mstat_timer t = mstat_timer_start(h); ... mstat_timer_stop(&t);   observes once, returns the nanoseconds. */
struct mstat_timer {
	mstat_histogram *histogram; /* NULL: stopped */
	int64_t begin_ns;
};
static inline struct mstat_timer mstat_timer_start(mstat_histogram *histogram)
{
	struct mstat_timer timer = {histogram, mstat_now_ns()};
	return timer;
}
static inline int64_t mstat_timer_stop(struct mstat_timer *timer)
{
	int64_t elapsed_ns = mstat_now_ns() - timer->begin_ns;
	if (timer->histogram)
		mstat_observe_ns(timer->histogram, elapsed_ns);
	timer->histogram = 0;
	return elapsed_ns;
}
static inline void mstat_timer_end_(struct mstat_timer *timer)
{
	mstat_timer_stop(timer);
}
/* MSTAT_TIME(h); observes the time from here to the end of the block, however it is left (but by longjmp or exit). */
#define MSTAT_TIME(histogram) MSTAT_TIME_(histogram, __LINE__)
#define MSTAT_TIME_(histogram, line) MSTAT_TIME__(histogram, line)
#define MSTAT_TIME__(histogram, line)                                                                                  \
	__attribute__((cleanup(mstat_timer_end_), unused)) struct mstat_timer mstat_timer_##line =                     \
		mstat_timer_start(histogram)

/* ---- removal, opening, status ---- */

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
	uint32_t gauge_max;         /* gauge cells; 16384 */
	uint32_t arena_bytes;       /* descriptors; 16 MiB (address space, not memory) */
	uint32_t cell_max;          /* counter and bucket cells in a row; 524288 (address space, not memory) */
	uint32_t exemplar_max;      /* exemplars; 512 */
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
#define MSTAT_WITH(type)                                                                                               \
	template <class... Values>                                                                                     \
	inline mstat_##type *mstat_##type##_with(mstat_##type##_family *family, Values... values)                      \
	{                                                                                                              \
		const char *const list[] = {"", values...};                                                            \
		return mstat_##type##_find(family, list + 1, sizeof...(values));                                       \
	}
MSTAT_INSTRUMENTS(MSTAT_WITH)
#undef MSTAT_WITH
#endif
#endif
#endif
