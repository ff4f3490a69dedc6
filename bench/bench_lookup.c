/* SPDX-License-Identifier: MIT */
/* What does an update cost that looks its series up by three label values, beside one through a handle got once? */
#include <stdlib.h>

#include <mstat/mstat.h>

#include "bench_prometheus_cpp.h"
#include "harness.h"
#include "scratch.h"

#define SETS_MAX 64u /* a power of two */

MSTAT_COUNTER(requests, "bench_requests_total", "Requests of the benchmark.", "method", "status", "route");

static mstat_counter *handles[SETS_MAX];

struct rotation {
	const struct label_set *sets;
	size_t count; /* a power of two */
};

static void handle_increment(void *context, unsigned thread, uint64_t operations)
{
	(void)thread;
	const struct rotation *rotation = context;
	size_t mask = rotation->count - 1;
	for (uint64_t i = 0; i < operations; i++)
		mstat_inc(handles[i & mask]);
}

static void lookup_increment(void *context, unsigned thread, uint64_t operations)
{
	(void)thread;
	const struct rotation *rotation = context;
	size_t mask = rotation->count - 1;
	for (uint64_t i = 0; i < operations; i++) {
		const char *const *values = rotation->sets[i & mask].values;
		mstat_inc(mstat_counter_with(&requests, values[0], values[1], values[2]));
	}
}

static void rotation_run(const char *name, struct rotation rotation, unsigned threads)
{
	void *peer = PROMETHEUS_CPP(prometheus_cpp_lookup_new(rotation.sets, rotation.count));
	const struct bench_case cases[] = {
		{.name = "mstat_inc of handles got once", .loop = handle_increment, .context = &rotation},
		{.name = "mstat_inc(mstat_counter_with(3 labels))", .loop = lookup_increment, .context = &rotation},
		{.name = "prometheus-cpp Family::Add().Increment",
		 .loop = PROMETHEUS_CPP(prometheus_cpp_lookup_increment),
		 .context = peer},
	};
	bench_group(name, "ns/op", threads, cases, sizeof(cases) / sizeof(*cases));
	prometheus_cpp_free(peer);
}

int main(int argc, char **argv)
{
	bench_begin("what does an update cost that looks its series up by three labels?", argc, argv);
	scratch_segment_open(scratch_directory(), 1024);
	struct label_set *sets = label_sets_new(SETS_MAX);
	for (size_t i = 0; i < SETS_MAX; i++)
		handles[i] = mstat_counter_find(&requests, sets[i].values, LABEL_COUNT);
	scratch_segment_check();
	for (unsigned threads = 1; threads <= 2; threads++)
		rotation_run("1 label set", (struct rotation){sets, 1}, threads);
	for (unsigned threads = 1; threads <= 2; threads++)
		rotation_run("64 label sets in rotation", (struct rotation){sets, SETS_MAX}, threads);
	label_sets_free(sets);
	return bench_end();
}
