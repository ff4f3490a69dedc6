/* SPDX-License-Identifier: MIT */
/* What does an observation cost: explicit, exponential and both kinds of buckets, integers and doubles, summaries? And
 * what do the other updates that are more than an add?
 *
 * Values are read from an array in the loop, because the cost of finding a bucket depends on how well the value can be
 * foretold; the loop that only reads them is a row of its own.
 */
#include <stdio.h>

#include <mstat/mstat.h>

#include "bench_prometheus_cpp.h"
#include "cells.h"
#include "harness.h"
#include "observe_values.h"
#include "scratch.h"

MSTAT_COUNTER(events, "bench_events_total", "A counter of the benchmark.", "number");
MSTAT_HISTOGRAM(explicit_ns, "bench_explicit_seconds", "Default bounds, nanoseconds.");
MSTAT_HISTOGRAM_AS(native_ns, MSTAT_NATIVE, "bench_native_seconds", "", "Exponential buckets, nanoseconds.");
MSTAT_HISTOGRAM_AS(both_ns, MSTAT_BOTH, "bench_both_seconds", "", "Both kinds of buckets, nanoseconds.");
MSTAT_HISTOGRAM_F64(explicit_f64, "bench_explicit_f64_seconds", "Default bounds, doubles.");
MSTAT_HISTOGRAM_F64_AS(native_f64, MSTAT_NATIVE, "bench_native_f64_seconds", "", "Exponential buckets, doubles.");
MSTAT_HISTOGRAM_F64_AS(both_f64, MSTAT_BOTH, "bench_both_f64_seconds", "", "Both kinds of buckets, doubles.");
MSTAT_SUMMARY(summary_ns, "bench_summary_seconds", "A summary, nanoseconds.");
MSTAT_SUMMARY_F64(summary_f64, "bench_summary_f64_seconds", "A summary, doubles.");
MSTAT_GAUGE_AS(high_water, MSTAT_MAX, "bench_high_water", "", "A gauge that rises.");
static const char *const phase_names[] = {"starting", "serving", "draining", NULL};
MSTAT_STATE_SET(phases, phase_names, "bench_phase", "A state set of the benchmark.");

static struct cells own_cells[CELLS_THREADS];
static struct observe_values varying, constant;

/* What a loop observes, and into what. */
struct target {
	void *handle;
	const struct observe_values *values;
};

static void bare_add(void *context, unsigned thread, uint64_t operations)
{
	const struct target *target = context;
	const int64_t *values = target->values->ns;
	uint64_t *cell = own_cells[thread].cell;
	for (uint64_t i = 0; i < operations; i++) {
		__asm__ volatile("" : : "r"(values[i % OBSERVE_VALUES]));
		cell_add(cell);
	}
}

static void read_only(void *context, unsigned thread, uint64_t operations)
{
	const struct target *target = context;
	const int64_t *values = target->values->ns;
	(void)thread;
	for (uint64_t i = 0; i < operations; i++)
		__asm__ volatile("" : : "r"(values[i % OBSERVE_VALUES]));
}

static void count(void *context, unsigned thread, uint64_t operations)
{
	const struct target *target = context;
	mstat_counter *counter = target->handle;
	const int64_t *values = target->values->ns;
	(void)thread;
	for (uint64_t i = 0; i < operations; i++) {
		__asm__ volatile("" : : "r"(values[i % OBSERVE_VALUES]));
		mstat_inc(counter);
	}
}

static void observe_ns(void *context, unsigned thread, uint64_t operations)
{
	const struct target *target = context;
	mstat_histogram *histogram = target->handle;
	const int64_t *values = target->values->ns;
	(void)thread;
	for (uint64_t i = 0; i < operations; i++)
		mstat_observe_ns(histogram, values[i % OBSERVE_VALUES]);
}

static void observe_f64(void *context, unsigned thread, uint64_t operations)
{
	const struct target *target = context;
	mstat_histogram_f64 *histogram = target->handle;
	const double *values = target->values->seconds;
	(void)thread;
	for (uint64_t i = 0; i < operations; i++)
		mstat_observe_f64(histogram, values[i % OBSERVE_VALUES]);
}

static void observe_run(const char *name, unsigned threads, const struct observe_values *values)
{
	struct target targets[] = {
		{NULL, values},
		{mstat_counter_with(&events, "0"), values},
		{mstat_histogram_with(&explicit_ns), values},
		{mstat_histogram_with(&native_ns), values},
		{mstat_histogram_with(&both_ns), values},
		{mstat_histogram_f64_with(&explicit_f64), values},
		{mstat_histogram_f64_with(&native_f64), values},
		{mstat_histogram_f64_with(&both_f64), values},
		{mstat_histogram_find(&summary_ns, NULL, 0), values},
		{mstat_histogram_f64_find(&summary_f64, NULL, 0), values},
	};
	void *peer_histogram = PROMETHEUS_CPP(prometheus_cpp_histogram_new(values));
	void *peer_summary = PROMETHEUS_CPP(prometheus_cpp_summary_new(values));
	const struct bench_case cases[] = {
		{.name = "bare add, a cell of its own a thread", .loop = bare_add, .context = &targets[0]},
		{.name = "the loop alone, reading a value", .loop = read_only, .context = &targets[0]},
		{.name = "mstat_inc", .loop = count, .context = &targets[1]},
		{.name = "mstat_observe_ns, explicit", .loop = observe_ns, .context = &targets[2]},
		{.name = "mstat_observe_ns, exponential", .loop = observe_ns, .context = &targets[3]},
		{.name = "mstat_observe_ns, both", .loop = observe_ns, .context = &targets[4]},
		{.name = "mstat_observe_ns, summary", .loop = observe_ns, .context = &targets[8]},
		{.name = "mstat_observe_f64, explicit", .loop = observe_f64, .context = &targets[5]},
		{.name = "mstat_observe_f64, exponential", .loop = observe_f64, .context = &targets[6]},
		{.name = "mstat_observe_f64, both", .loop = observe_f64, .context = &targets[7]},
		{.name = "mstat_observe_f64, summary", .loop = observe_f64, .context = &targets[9]},
		{.name = "prometheus-cpp Histogram::Observe",
		 .loop = PROMETHEUS_CPP(prometheus_cpp_histogram_observe),
		 .context = peer_histogram},
		{.name = "prometheus-cpp Summary::Observe",
		 .loop = PROMETHEUS_CPP(prometheus_cpp_summary_observe),
		 .context = peer_summary},
	};
	bench_group(name, "ns/op", threads, cases, sizeof(cases) / sizeof(*cases));
	prometheus_cpp_free(peer_summary);
	prometheus_cpp_free(peer_histogram);
}

/* ---- updates that are more than an add ---- */

static void gauge_max_stands(void *context, unsigned thread, uint64_t operations)
{
	mstat_gauge *gauge = context;
	(void)thread;
	mstat_gauge_max(gauge, INT64_MAX);
	for (uint64_t i = 0; i < operations; i++)
		mstat_gauge_max(gauge, (int64_t)i);
}

static void gauge_max_rises(void *context, unsigned thread, uint64_t operations)
{
	mstat_gauge *gauge = context;
	(void)thread;
	mstat_gauge_set(gauge, 0);
	for (uint64_t i = 0; i < operations; i++)
		mstat_gauge_max(gauge, (int64_t)i + 1);
}

static void state_set_only(void *context, unsigned thread, uint64_t operations)
{
	mstat_state_set *set = context;
	(void)thread;
	for (uint64_t i = 0; i < operations; i++)
		mstat_state_set_only(set, (unsigned)(i % 3));
}

static void observe_exemplar(void *context, unsigned thread, uint64_t operations)
{
	const uint8_t trace_id[16] = {1}, span_id[8] = {2};
	const struct mstat_exemplar exemplar = {.trace_id = trace_id, .span_id = span_id};
	mstat_histogram *histogram = context;
	(void)thread;
	for (uint64_t i = 0; i < operations; i++)
		mstat_observe_exemplar(histogram, varying.ns[i % OBSERVE_VALUES], &exemplar);
}

static void clock_read(void *context, unsigned thread, uint64_t operations)
{
	(void)context, (void)thread;
	for (uint64_t i = 0; i < operations; i++)
		__asm__ volatile("" : : "r"(mstat_now_ns()));
}

#if defined(__x86_64__)
#define TIME_STAMP_COUNTER time_stamp_counter
static void time_stamp_counter(void *context, unsigned thread, uint64_t operations)
{
	(void)context, (void)thread;
	for (uint64_t i = 0; i < operations; i++)
		__asm__ volatile("" : : "r"(__builtin_ia32_rdtsc()));
}
#else
#define TIME_STAMP_COUNTER NULL
#endif

static void timer(void *context, unsigned thread, uint64_t operations)
{
	mstat_histogram *histogram = context;
	(void)thread;
	for (uint64_t i = 0; i < operations; i++) {
		struct mstat_timer running = mstat_timer_start(histogram);
		mstat_timer_stop(&running);
	}
}

#define BATCH 8u

static void batch(void *context, unsigned thread, uint64_t operations)
{
	const struct mstat_update *updates = context;
	(void)thread;
	for (uint64_t i = 0; i < operations; i++)
		mstat_batch(updates, BATCH);
}

static void one_by_one(void *context, unsigned thread, uint64_t operations)
{
	const struct mstat_update *updates = context;
	(void)thread;
	for (uint64_t i = 0; i < operations; i++)
		for (unsigned k = 0; k < BATCH; k++)
			mstat_add(updates[k].handle, updates[k].u64);
}

static void bare_store(void *context, unsigned thread, uint64_t operations)
{
	(void)context;
	for (uint64_t i = 0; i < operations; i++)
		cell_set(own_cells[thread].cell, i);
}

static void others_run(void)
{
	struct mstat_update updates[BATCH];
	for (unsigned i = 0; i < BATCH; i++) {
		char number[16];
		snprintf(number, sizeof(number), "%u", i);
		updates[i] = (struct mstat_update){
			.operation = MSTAT_ADD, .handle = mstat_counter_with(&events, number), .u64 = 1};
	}
	mstat_gauge *gauge = mstat_gauge_with(&high_water);
	mstat_histogram *histogram = mstat_histogram_with(&explicit_ns);
	const struct bench_case cases[] = {
		{.name = "bare store, a cell of its own", .loop = bare_store},
		{.name = "mstat_gauge_max, the mark stands", .loop = gauge_max_stands, .context = gauge},
		{.name = "mstat_gauge_max, the mark rises", .loop = gauge_max_rises, .context = gauge},
		{.name = "mstat_state_set_only", .loop = state_set_only, .context = mstat_state_set_with(&phases)},
		{.name = "mstat_observe_exemplar", .loop = observe_exemplar, .context = histogram},
		{.name = "clock_gettime, CLOCK_MONOTONIC", .loop = clock_read},
		{.name = "time-stamp counter", .loop = TIME_STAMP_COUNTER},
		{.name = "mstat_timer_start, mstat_timer_stop", .loop = timer, .context = histogram},
		{.name = "mstat_batch of 8 adds, each", .loop = batch, .context = updates, .items = BATCH},
		{.name = "8 times mstat_add, each", .loop = one_by_one, .context = updates, .items = BATCH},
	};
	bench_group("other updates", "ns/op", 1, cases, sizeof(cases) / sizeof(*cases));
}

int main(int argc, char **argv)
{
	bench_begin("what does an observation cost?", argc, argv);
	scratch_segment_open(scratch_directory(), 1024);
	observe_values_fill(&varying, &constant);
	for (unsigned threads = 1; threads <= 4; threads *= 2)
		observe_run("values that vary", threads, &varying);
	for (unsigned threads = 1; threads <= 4; threads *= 2)
		observe_run("one value", threads, &constant);
	others_run();
	scratch_segment_check();
	return bench_end();
}
