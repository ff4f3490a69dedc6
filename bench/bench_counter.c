/* SPDX-License-Identifier: MIT */
/* What does a counter add cost, beside a bare add to memory and beside what others do? */
#include <stdio.h>

#include <mstat/mstat.h>

#include "bench_prometheus_cpp.h"
#include "cells.h"
#include "harness.h"
#include "scratch.h"

MSTAT_COUNTER(numbers, "bench_numbers_total", "Counters of the benchmark.", "number");

static struct cells own_cells[CELLS_THREADS];
static struct cells shared_cells;
static mstat_counter *counters[CELLS_ROTATION];
static _Thread_local struct cells thread_cells;

static void own_one(void *context, unsigned thread, uint64_t operations)
{
	(void)context;
	uint64_t *cell = own_cells[thread].cell;
	for (uint64_t i = 0; i < operations; i++)
		cell_add(cell);
}

static void own_rotation(void *context, unsigned thread, uint64_t operations)
{
	(void)context;
	uint64_t *cell = own_cells[thread].cell;
	for (uint64_t i = 0; i < operations; i++)
		cell_add(&cell[i % CELLS_ROTATION]);
}

static void mstat_one(void *context, unsigned thread, uint64_t operations)
{
	(void)thread;
	mstat_counter *counter = context;
	for (uint64_t i = 0; i < operations; i++)
		mstat_inc(counter);
}

static void mstat_rotation(void *context, unsigned thread, uint64_t operations)
{
	(void)thread;
	mstat_counter *const *list = context;
	for (uint64_t i = 0; i < operations; i++)
		mstat_inc(list[i % CELLS_ROTATION]);
}

/* The per-thread counter of liburcu's examples: thread-local memory, summed by whoever walks the registry of threads.
 */
static void thread_one(void *context, unsigned thread, uint64_t operations)
{
	(void)context, (void)thread;
	for (uint64_t i = 0; i < operations; i++)
		cell_add(&thread_cells.cell[0]);
}

static void thread_rotation(void *context, unsigned thread, uint64_t operations)
{
	(void)context, (void)thread;
	for (uint64_t i = 0; i < operations; i++)
		cell_add(&thread_cells.cell[i % CELLS_ROTATION]);
}

static void locked_one(void *context, unsigned thread, uint64_t operations)
{
	(void)context, (void)thread;
	for (uint64_t i = 0; i < operations; i++)
		cell_add_locked(&shared_cells.cell[0]);
}

static void locked_rotation(void *context, unsigned thread, uint64_t operations)
{
	(void)context, (void)thread;
	for (uint64_t i = 0; i < operations; i++)
		cell_add_locked(&shared_cells.cell[i % CELLS_ROTATION]);
}

static void counters_make(void)
{
	for (unsigned i = 0; i < CELLS_ROTATION; i++) {
		char number[16];
		snprintf(number, sizeof(number), "%u", i);
		counters[i] = mstat_counter_with(&numbers, number);
	}
	scratch_segment_check();
}

static void one_run(unsigned threads)
{
	void *peer = PROMETHEUS_CPP(prometheus_cpp_counters_new(1));
	const struct bench_case cases[] = {
		{.name = "bare add, a cell of its own a thread", .loop = own_one},
		{.name = "mstat_inc", .loop = mstat_one, .context = counters[0]},
		{.name = "thread-local add (per-thread counter)", .loop = thread_one},
		{.name = "locked add, one cell", .loop = locked_one},
		{.name = "prometheus-cpp Counter::Increment",
		 .loop = PROMETHEUS_CPP(prometheus_cpp_counter_increment),
		 .context = peer},
	};
	bench_group("1 counter", "ns/op", threads, cases, sizeof(cases) / sizeof(*cases));
	prometheus_cpp_free(peer);
}

static void rotation_run(unsigned threads)
{
	void *peer = PROMETHEUS_CPP(prometheus_cpp_counters_new(CELLS_ROTATION));
	const struct bench_case cases[] = {
		{.name = "bare add, 64 cells of its own a thread", .loop = own_rotation},
		{.name = "mstat_inc", .loop = mstat_rotation, .context = counters},
		{.name = "thread-local add (per-thread counter)", .loop = thread_rotation},
		{.name = "locked add, 64 shared cells", .loop = locked_rotation},
		{.name = "prometheus-cpp Counter::Increment",
		 .loop = PROMETHEUS_CPP(prometheus_cpp_counter_increment),
		 .context = peer},
	};
	bench_group("64 counters in rotation", "ns/op", threads, cases, sizeof(cases) / sizeof(*cases));
	prometheus_cpp_free(peer);
}

int main(int argc, char **argv)
{
	bench_begin("what does a counter add cost?", argc, argv);
	scratch_segment_open(scratch_directory(), 1024);
	counters_make();
	for (unsigned threads = 1; threads <= 4; threads *= 2)
		one_run(threads);
	for (unsigned threads = 1; threads <= 4; threads *= 2)
		rotation_run(threads);
	return bench_end();
}
