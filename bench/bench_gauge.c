/* SPDX-License-Identifier: MIT */
/* What do setting a gauge and adding to it cost? All threads of a process share the process' cell of a gauge; so do
 * the threads of the baselines here. */
#include <mstat/mstat.h>

#include "bench_prometheus_cpp.h"
#include "cells.h"
#include "harness.h"
#include "scratch.h"

MSTAT_GAUGE(level, "bench_level", "A gauge of the benchmark.");
MSTAT_GAUGE_F64(ratio, "bench_ratio", "A floating-point gauge of the benchmark.");
MSTAT_GAUGE_AS(newest, MSTAT_LAST, "bench_newest", "", "A gauge whose last value counts.");

static struct cells shared_cells;

static void bare_set(void *context, unsigned thread, uint64_t operations)
{
	(void)context, (void)thread;
	for (uint64_t i = 0; i < operations; i++)
		cell_set(&shared_cells.cell[0], i);
}

static void locked_add(void *context, unsigned thread, uint64_t operations)
{
	(void)context, (void)thread;
	for (uint64_t i = 0; i < operations; i++)
		cell_add_locked(&shared_cells.cell[0]);
}

static void locked_add_f64(void *context, unsigned thread, uint64_t operations)
{
	(void)context, (void)thread;
	for (uint64_t i = 0; i < operations; i++)
		cell_add_f64_locked(&shared_cells.cell[0], 1.5);
}

static void mstat_set(void *context, unsigned thread, uint64_t operations)
{
	(void)thread;
	mstat_gauge *gauge = context;
	for (uint64_t i = 0; i < operations; i++)
		mstat_gauge_set(gauge, (int64_t)i);
}

static void mstat_set_f64(void *context, unsigned thread, uint64_t operations)
{
	(void)thread;
	mstat_gauge_f64 *gauge = context;
	for (uint64_t i = 0; i < operations; i++)
		mstat_gauge_f64_set(gauge, (double)(int64_t)i);
}

static void mstat_gauge_add_loop(void *context, unsigned thread, uint64_t operations)
{
	(void)thread;
	mstat_gauge *gauge = context;
	for (uint64_t i = 0; i < operations; i++)
		mstat_gauge_add(gauge, 1);
}

static void mstat_gauge_f64_add_loop(void *context, unsigned thread, uint64_t operations)
{
	(void)thread;
	mstat_gauge_f64 *gauge = context;
	for (uint64_t i = 0; i < operations; i++)
		mstat_gauge_f64_add(gauge, 1.5);
}

static void set_run(unsigned threads, void *peer)
{
	const struct bench_case cases[] = {
		{.name = "bare store, one cell", .loop = bare_set},
		{.name = "mstat_gauge_set", .loop = mstat_set, .context = mstat_gauge_with(&level)},
		{.name = "mstat_gauge_f64_set", .loop = mstat_set_f64, .context = mstat_gauge_f64_with(&ratio)},
		{.name = "mstat_gauge_set, merged by last", .loop = mstat_set, .context = mstat_gauge_with(&newest)},
		{.name = "prometheus-cpp Gauge::Set",
		 .loop = PROMETHEUS_CPP(prometheus_cpp_gauge_set),
		 .context = peer},
	};
	bench_group("set", "ns/op", threads, cases, sizeof(cases) / sizeof(*cases));
}

static void add_run(unsigned threads, void *peer)
{
	const struct bench_case cases[] = {
		{.name = "locked add, one cell", .loop = locked_add},
		{.name = "mstat_gauge_add", .loop = mstat_gauge_add_loop, .context = mstat_gauge_with(&level)},
		{.name = "compare-and-exchange add of a double", .loop = locked_add_f64},
		{.name = "mstat_gauge_f64_add",
		 .loop = mstat_gauge_f64_add_loop,
		 .context = mstat_gauge_f64_with(&ratio)},
		{.name = "prometheus-cpp Gauge::Increment",
		 .loop = PROMETHEUS_CPP(prometheus_cpp_gauge_add),
		 .context = peer},
	};
	bench_group("add", "ns/op", threads, cases, sizeof(cases) / sizeof(*cases));
}

int main(int argc, char **argv)
{
	bench_begin("what do setting a gauge and adding to it cost?", argc, argv);
	scratch_segment_open(scratch_directory(), 1024);
	void *peer = PROMETHEUS_CPP(prometheus_cpp_gauge_new());
	for (unsigned threads = 1; threads <= 2; threads++)
		set_run(threads, peer);
	for (unsigned threads = 1; threads <= 2; threads++)
		add_run(threads, peer);
	scratch_segment_check();
	prometheus_cpp_free(peer);
	return bench_end();
}
