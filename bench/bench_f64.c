/* SPDX-License-Identifier: MIT */
/* What does an add to a floating-point counter cost, beside a bare dependent double add through memory? */
#include <mstat/mstat.h>

#include "bench_prometheus_cpp.h"
#include "cells.h"
#include "harness.h"
#include "scratch.h"

MSTAT_COUNTER_F64(seconds, "bench_seconds_total", "A floating-point counter of the benchmark.");

static struct cells own_cells[CELLS_THREADS];
static struct cells shared_cells;

static void own_add(void *context, unsigned thread, uint64_t operations)
{
	(void)context;
	uint64_t *cell = own_cells[thread].cell;
	for (uint64_t i = 0; i < operations; i++)
		cell_add_f64(cell, 1.5);
}

static void mstat_add_loop(void *context, unsigned thread, uint64_t operations)
{
	(void)thread;
	mstat_counter_f64 *counter = context;
	for (uint64_t i = 0; i < operations; i++)
		mstat_add_f64(counter, 1.5);
}

static void locked_add(void *context, unsigned thread, uint64_t operations)
{
	(void)context, (void)thread;
	for (uint64_t i = 0; i < operations; i++)
		cell_add_f64_locked(&shared_cells.cell[0], 1.5);
}

int main(int argc, char **argv)
{
	bench_begin("what does an add to a floating-point counter cost?", argc, argv);
	scratch_segment_open(scratch_directory(), 1024);
	mstat_counter_f64 *counter = mstat_counter_f64_with(&seconds);
	scratch_segment_check();
	void *peer = PROMETHEUS_CPP(prometheus_cpp_counters_new(1));
	const struct bench_case cases[] = {
		{.name = "bare double add, a cell of its own a thread", .loop = own_add},
		{.name = "mstat_add_f64", .loop = mstat_add_loop, .context = counter},
		{.name = "compare-and-exchange add, one cell", .loop = locked_add},
		{.name = "prometheus-cpp Counter::Increment(double)",
		 .loop = PROMETHEUS_CPP(prometheus_cpp_counter_add_f64),
		 .context = peer},
	};
	for (unsigned threads = 1; threads <= 4; threads *= 2)
		bench_group("1 counter", "ns/op", threads, cases, sizeof(cases) / sizeof(*cases));
	prometheus_cpp_free(peer);
	return bench_end();
}
