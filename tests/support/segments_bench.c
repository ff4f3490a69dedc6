/* SPDX-License-Identifier: MIT */
/* The collector of segments for tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "segments_bench.h"

static int64_t slept_ns;

static int64_t bench_clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec + slept_ns;
}

void bench_sleep(double seconds)
{
	slept_ns += (int64_t)(seconds * 1e9);
}

static void bench_open(struct segments_bench *bench)
{
	char *error = NULL;
	if (segments_open(&bench->options, &bench->segments, &error))
		fail_msg("%s", error);
	bench->catalog = catalog_new(10000);
	bench->builder = builder_new(bench->catalog);
	assert_non_null(bench->builder);
}

static void bench_close(struct segments_bench *bench)
{
	snapshot_unref(bench->snapshot);
	segments_close(bench->segments);
	builder_free(bench->builder);
	catalog_free(bench->catalog);
	bench->snapshot = NULL;
	bench->segments = NULL;
}

void bench_reopen(struct segments_bench *bench)
{
	bench_close(bench);
	bench_open(bench);
}

int bench_setup(void **state)
{
	struct segments_bench *bench = calloc(1, sizeof(*bench));
	if (!bench || scratch_setup((void **)&bench->scratch))
		return -1;
	slept_ns = 0;
	bench->directories[0] = bench->scratch->segments;
	bench->options = (struct segments_options){.directories = bench->directories,
						   .directory_count = 1,
						   .keep_dead_ns = INT64_C(3600000000000),
						   .services_max = 100,
						   .limits = segment_limits_default,
						   .entries_max = 1000,
						   .folding = true,
						   .clock_ns = bench_clock_ns};
	bench_open(bench);
	*state = bench;
	return 0;
}

int bench_teardown(void **state)
{
	struct segments_bench *bench = *state;
	bench_close(bench);
	int r = scratch_teardown((void **)&bench->scratch);
	free(bench);
	return r;
}

void bench_collect(struct segments_bench *bench)
{
	builder_begin(bench->builder);
	assert_int_equal(segments_collect(bench->segments, bench->builder), 0);
	snapshot_unref(bench->snapshot);
	bench->snapshot = builder_freeze(bench->builder);
	assert_non_null(bench->snapshot);
}

bool bench_find(const struct segments_bench *bench, const char *text, struct snapshot_sample *sample)
{
	for (size_t i = 0; i < snapshot_sample_count(bench->snapshot); i++) {
		*sample = snapshot_sample(bench->snapshot, i);
		if (sample->text_len == strlen(text) && !memcmp(sample->text, text, sample->text_len))
			return true;
	}
	return false;
}

int64_t bench_now(const struct segments_bench *bench, const char *text)
{
	struct snapshot_sample sample;
	if (!bench_find(bench, text, &sample))
		return -1;
	return sample.number.type == NUMBER_F64 ? (int64_t)sample.number.f64 : sample.number.i64;
}

int64_t bench_value(struct segments_bench *bench, const char *text)
{
	bench_collect(bench);
	return bench_now(bench, text);
}

static const struct composite *composite_of(const struct segments_bench *bench, const char *text)
{
	struct snapshot_sample sample;
	if (!bench_find(bench, text, &sample) || !sample.composite)
		fail_msg("there is no %s", text);
	return sample.composite;
}

uint64_t bench_count(const struct segments_bench *bench, const char *text)
{
	return composite_of(bench, text)->count;
}

double bench_quantile(const struct segments_bench *bench, const char *text, uint32_t index)
{
	const struct composite *composite = composite_of(bench, text);
	double value;
	assert_true(index < composite->shape->part_count);
	memcpy(&value, &composite->parts[index], sizeof(value));
	return value;
}

unsigned int bench_samples(const struct segments_bench *bench, const char *beginning)
{
	unsigned int count = 0;
	for (size_t i = 0; i < snapshot_sample_count(bench->snapshot); i++)
		count += !strncmp(snapshot_sample(bench->snapshot, i).text, beginning, strlen(beginning));
	return count;
}
