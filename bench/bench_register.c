/* SPDX-License-Identifier: MIT */
/* What does the registration of a series cost? Each figure comes from a process of its own with a fresh segment. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mstat/mstat.h>

#include "bench_prometheus_cpp.h"
#include "child.h"
#include "harness.h"
#include "scratch.h"

MSTAT_COUNTER(requests, "bench_requests_total", "Requests of the benchmark.", "method", "status", "route");

#define SERIES_MAX 65536u

struct size {
	const char *directory;
	const struct label_set *sets;
	size_t count;
};

static double per_series_ns(int64_t start_ns, const struct size *size)
{
	return (double)(bench_now_ns() - start_ns) / (double)size->count;
}

/* The least that a registry must do: keep the label values. */
static double strings_copy(void *context)
{
	const struct size *size = context;
	int64_t start_ns = bench_now_ns();
	for (size_t i = 0; i < size->count; i++)
		for (size_t label = 0; label < LABEL_COUNT; label++) {
			char *copy = strdup(size->sets[i].values[label]);
			if (!copy)
				bench_fail("no memory for %zu label sets", size->count);
			__asm__ volatile("" : : "r"(copy) : "memory");
		}
	return per_series_ns(start_ns, size);
}

static double mstat_register(void *context)
{
	const struct size *size = context;
	scratch_segment_open(size->directory, SERIES_MAX);
	int64_t start_ns = bench_now_ns();
	for (size_t i = 0; i < size->count; i++)
		mstat_counter_find(&requests, size->sets[i].values, LABEL_COUNT);
	double result = per_series_ns(start_ns, size);
	scratch_segment_check();
	return result;
}

#ifdef BENCH_HAVE_PROMETHEUS_CPP
static double peer_register(void *context)
{
	const struct size *size = context;
	int64_t start_ns = bench_now_ns();
	prometheus_cpp_register(size->sets, size->count);
	return per_series_ns(start_ns, size);
}

static double peer_in_child(void *context)
{
	return child_measure(peer_register, context);
}
#endif

static double strings_in_child(void *context)
{
	return child_measure(strings_copy, context);
}

/* A dead segment would be adopted with all its series: each round begins in an empty directory. */
static double mstat_in_child(void *context)
{
	const struct size *size = context;
	double result = child_measure(mstat_register, context);
	scratch_clear(size->directory);
	return result;
}

int main(int argc, char **argv)
{
	static const size_t counts[] = {1000, 10000, 50000};
	bench_begin("what does the registration of a series with three labels cost?", argc, argv);
	const char *directory = scratch_directory();
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		if (bench_quick() && counts[i] > 1000)
			continue;
		struct label_set *sets = label_sets_new(counts[i]);
		struct size size = {directory, sets, counts[i]};
		const struct bench_case cases[] = {
			{.name = "copying the label values (strdup)", .measure = strings_in_child, .context = &size},
			{.name = "mstat_counter_find, new series", .measure = mstat_in_child, .context = &size},
			{.name = "prometheus-cpp Family::Add, new series",
			 .measure = PROMETHEUS_CPP(peer_in_child),
			 .context = &size},
		};
		char name[48];
		snprintf(name, sizeof(name), "%zu series", size.count);
		bench_group(name, "ns/series", 1, cases, sizeof(cases) / sizeof(*cases));
		label_sets_free(sets);
	}
	return bench_end();
}
