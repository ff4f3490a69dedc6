/* SPDX-License-Identifier: MIT */
/* Summaries' windows: quantiles against exact ones, and what enters and leaves a window. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <mstat/bucket.h>

#include "collect/segments_windows.h"
#include "snapshot/snapshot.h"

#define WINDOW_S 600
#define STEP_S (WINDOW_S / (double)WINDOW_STEPS)
#define ERROR_MAX 0.022
#define OLD_NS 1 /* created long ago */
#define WALL_NS UINT64_C(1700000000000000000)

static const double quantiles[] = {0, 0.5, 0.9, 0.99, 1};
enum { QUANTILE_COUNT = sizeof(quantiles) / sizeof(quantiles[0]) };

/* What one source has. */
struct source_cells {
	uint64_t cells[MSTAT_PARTITION_MAX];
	double sum;
	uint64_t sum_u64;
};

struct bench {
	struct windows windows;
	struct window *window;
	struct catalog *catalog;
	struct builder *builder;
	series_ref series;
	const struct shape *shape;
	struct mstat_shm_buckets *buckets;
	struct segment_family family;
	struct window_layout *layout;
	double uppers[MSTAT_PARTITION_MAX];
	uint32_t upper_count;
	double now_s;
	uint64_t created_ns;
	enum catalog_conflict conflict; /* of the last share */
	/* as it is exposed */
	double values[QUANTILE_COUNT];
	uint64_t count;
	double sum;
};

/* As libmstat declares a summary by default, and with negative values. */
static void family_declare(struct bench *bench, uint8_t value, double scale, uint32_t flags)
{
	*bench->buckets = (struct mstat_shm_buckets){
		.record = {.bytes = sizeof(*bench->buckets), .kind = MSTAT_SHM_RECORD_BUCKETS},
		.flags = MSTAT_SHM_BUCKETS_EXPONENTIAL | flags,
		.schema = 4,
		.first = mstat_bucket_index(4, 1e-7) + 1,
		.scale = scale};
	bench->buckets->count = (uint32_t)(mstat_bucket_index(4, 1e3) - bench->buckets->first) + 1;
	assert_true(mstat_buckets_valid(bench->buckets, sizeof(*bench->buckets), value));
	bench->family = (struct segment_family){.kind = MSTAT_SHM_SUMMARY,
						.value = value,
						.window_s = WINDOW_S,
						.buckets = bench->buckets,
						.quantiles = quantiles,
						.item_count = QUANTILE_COUNT};
	window_layout_put(&bench->windows, bench->layout);
	bench->layout = window_layout_get(&bench->windows, &bench->family);
	assert_non_null(bench->layout);
	bench->upper_count = mstat_partition(bench->buckets, value != MSTAT_SHM_F64, bench->uppers);
	const struct shape_request request = {
		.kind = SHAPE_QUANTILES, .bounds = quantiles, .bound_count = QUANTILE_COUNT, .sum_scale = scale};
	assert_int_equal(catalog_shape(bench->catalog, &request, &bench->shape), CATALOG_OK);
}

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	const struct family_request request = {.name = "latency", .type = METRIC_SUMMARY};
	family_ref family;
	bench->buckets = calloc(1, sizeof(*bench->buckets));
	bench->catalog = catalog_new(1000);
	bench->builder = builder_new(bench->catalog);
	bench->now_s = 1e6;
	bench->created_ns = OLD_NS;
	assert_int_equal(catalog_family(bench->catalog, &request, &family), CATALOG_OK);
	assert_int_equal(catalog_series(bench->catalog, family, NULL, 0, &bench->series), CATALOG_OK);
	family_declare(bench, MSTAT_SHM_F64, 1, 0);
	*state = bench;
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;
	window_free(bench->window);
	window_layout_put(&bench->windows, bench->layout);
	assert_int_equal(bench->windows.bytes, 0);
	windows_fini(&bench->windows);
	builder_free(bench->builder);
	catalog_free(bench->catalog);
	free(bench->buckets);
	free(bench);
	return 0;
}

static void observe(const struct bench *bench, struct source_cells *source, double value, uint64_t times)
{
	uint32_t cell = 0;
	while (cell < bench->upper_count && bench->uppers[cell] < value)
		cell++;
	source->cells[cell] += times;
	source->sum += value * (double)times;
	source->sum_u64 += (uint64_t)(value / bench->buckets->scale + 0.5) * times;
}

static void share_add(struct bench *bench, const struct source_cells *source)
{
	struct segment_distribution value = {.sum = bench->family.value == MSTAT_SHM_F64 ? mstat_f64_bits(source->sum)
											 : source->sum_u64,
					     .buckets = source->cells,
					     .bucket_count = bench->upper_count + 1,
					     .present = true};
	const struct window_share share = {.layout = bench->layout,
					   .shape = bench->shape,
					   .family = &bench->family,
					   .value = &value,
					   .created_ns = bench->created_ns};
	bench->conflict = windows_add(&bench->windows, &bench->window, &share);
}

static void sample_take(struct bench *bench, const struct snapshot *snapshot)
{
	assert_int_equal(snapshot_sample_count(snapshot), 1);
	const struct composite *composite = snapshot_sample(snapshot, 0).composite;
	memcpy(bench->values, composite->parts, sizeof(bench->values));
	bench->count = composite->count;
	bench->sum = composite->sum.type == NUMBER_F64 ? composite->sum.f64
						       : (double)composite->sum.u64 * composite->shape->sum_scale;
}

/* A collection of these sources, `later_s` after the last one. */
static void collect_two(struct bench *bench, double later_s, const struct source_cells *one,
			const struct source_cells *other)
{
	bench->now_s += later_s;
	windows_begin(&bench->windows, (int64_t)(bench->now_s * 1e9), WALL_NS);
	builder_begin(bench->builder);
	share_add(bench, one);
	if (other)
		share_add(bench, other);
	window_expose(&bench->windows, bench->window, bench->builder, bench->series);
	struct snapshot *snapshot = builder_freeze(bench->builder);
	sample_take(bench, snapshot);
	snapshot_unref(snapshot);
}

static void collect(struct bench *bench, double later_s, const struct source_cells *source)
{
	collect_two(bench, later_s, source, NULL);
}

static void assert_near(double have, double want)
{
	if (!(fabs(have - want) <= ERROR_MAX * fabs(want)))
		fail_msg("%.17g is not %.17g by 2.2 %%", have, want);
}

/* ---- values against exact ones ---- */

enum { OBSERVATIONS = 20000 };

static int by_value(const void *a, const void *b)
{
	const double left = *(const double *)a, right = *(const double *)b;
	return (left > right) - (left < right);
}

/* 0.2 us to 500 s, in different ways. */
static double random_value(int way)
{
	double uniform = drand48();
	switch (way) {
	case 0:
		return 1e-3 + uniform;
	case 1:
		return 2e-7 * pow(2.5e9, uniform);
	case 2:
		return 1e-3 - 2e-4 * log(uniform + 1e-12);
	default:
		return uniform < 0.5 ? 0.010 : 0.250;
	}
}

static void exact_check(struct bench *bench, int way, int count)
{
	static double observed[OBSERVATIONS];
	struct source_cells source = {.sum = 0};
	bench->created_ns = WALL_NS;
	for (int i = 0; i < count; i++) {
		observed[i] = random_value(way);
		if (bench->family.value != MSTAT_SHM_F64)
			observed[i] = floor(observed[i] / bench->buckets->scale) * bench->buckets->scale;
		observe(bench, &source, observed[i], 1);
	}
	collect(bench, 0, &source);
	qsort(observed, (size_t)count, sizeof(observed[0]), by_value);
	for (int i = 0; i < QUANTILE_COUNT; i++) {
		int rank = (int)ceil(quantiles[i] * count - 1e-9);
		assert_near(bench->values[i], observed[rank ? rank - 1 : 0]);
	}
	assert_int_equal(bench->count, count);
	assert_true(fabs(bench->sum - source.sum) <= 1e-9 * source.sum);
	window_free(bench->window);
	bench->window = NULL;
}

static void exact_checks(struct bench *bench)
{
	static const int counts[] = {1, 2, 3, 10, 99, 100, 101, 1000, OBSERVATIONS};
	const long seed = (long)time(NULL);
	print_message("seed %ld\n", seed);
	srand48(seed);
	for (int way = 0; way < 4; way++)
		for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
			exact_check(bench, way, counts[i]);
}

static void test_quantiles_of_doubles_are_within_the_stated_error(void **state)
{
	exact_checks(*state);
}

static void test_quantiles_of_nanoseconds_are_within_the_stated_error(void **state)
{
	struct bench *bench = *state;
	family_declare(bench, MSTAT_SHM_U64, 1e-9, 0);
	exact_checks(bench);
}

/* A cell between 1 and 2 takes but one integer: 2. */
static void test_quantiles_of_few_small_integers_are_exact(void **state)
{
	struct bench *bench = *state;
	family_declare(bench, MSTAT_SHM_U64, 1, 0);
	bench->created_ns = WALL_NS;
	for (unsigned int value = 0; value < 20; value++) {
		struct source_cells source = {.sum = 0};
		observe(bench, &source, value, 7);
		collect(bench, 0, &source);
		assert_true(fabs(bench->values[2] - value) < 1e-12);
		window_free(bench->window);
		bench->window = NULL;
	}
}

static void test_values_out_of_range_have_the_zero_or_the_last_bound(void **state)
{
	struct bench *bench = *state;
	struct source_cells source = {.sum = 0};
	bench->created_ns = WALL_NS;
	observe(bench, &source, 1e-9, 10);
	observe(bench, &source, 1e6, 90);
	collect(bench, 0, &source);
	assert_true(bench->values[0] == 0);
	assert_true(bench->values[1] == bench->uppers[bench->upper_count - 1]);
	assert_true(bench->values[4] >= 1e3 && bench->values[4] < 1e3 * (1 + 2 * ERROR_MAX));
}

static void test_negative_values_are_mirrored(void **state)
{
	struct bench *bench = *state;
	struct source_cells source = {.sum = 0};
	family_declare(bench, MSTAT_SHM_F64, 1, MSTAT_SHM_BUCKETS_NEGATIVE);
	bench->created_ns = WALL_NS;
	observe(bench, &source, -1e9, 1);
	observe(bench, &source, -7.5, 90);
	observe(bench, &source, 0, 8);
	observe(bench, &source, 3.3, 1);
	collect(bench, 0, &source);
	assert_true(bench->values[0] <= -1e3 && bench->values[0] > -1.1e3);
	assert_near(bench->values[1], -7.5);
	assert_near(bench->values[2], -7.5);
	assert_true(bench->values[3] == 0);
	assert_near(bench->values[4], 3.3);
}

/* ---- what is in the window ---- */

static void test_old_series_begins_with_nothing_and_a_new_one_with_all(void **state)
{
	struct bench *bench = *state;
	struct source_cells source = {.sum = 0};
	observe(bench, &source, 2, 10);
	collect(bench, 0, &source);
	assert_true(isnan(bench->values[1]));
	assert_int_equal(bench->count, 10);
	observe(bench, &source, 5, 1);
	collect(bench, 15, &source);
	assert_near(bench->values[0], 5);
	window_free(bench->window);
	bench->window = NULL;
	bench->created_ns = WALL_NS - (WINDOW_S - 1) * UINT64_C(1000000000);
	collect(bench, 0, &source);
	assert_near(bench->values[1], 2);
	assert_near(bench->values[4], 5);
}

static void test_observations_leave_the_window_after_its_length(void **state)
{
	struct bench *bench = *state;
	struct source_cells source = {.sum = 0};
	bench->now_s = 1e6; /* a step begins */
	collect(bench, 0, &source);
	assert_true(isnan(bench->values[1]));
	observe(bench, &source, 1, 10);
	collect(bench, 1, &source);
	for (unsigned int step = 1; step < WINDOW_STEPS; step++) {
		observe(bench, &source, 2, 1);
		collect(bench, STEP_S, &source);
		assert_near(bench->values[0], 1);
		assert_near(bench->values[4], 2);
	}
	collect(bench, STEP_S, &source);
	assert_near(bench->values[0], 2);
	assert_int_equal(bench->count, 10 + WINDOW_STEPS - 1);
	collect(bench, WINDOW_S, &source);
	for (int i = 0; i < QUANTILE_COUNT; i++)
		assert_true(isnan(bench->values[i]));
	assert_int_equal(bench->count, 10 + WINDOW_STEPS - 1);
	assert_true(bench->sum == 10 + 2 * (WINDOW_STEPS - 1));
}

static void test_collections_further_apart_than_the_window_show_what_came_in_between(void **state)
{
	struct bench *bench = *state;
	struct source_cells source = {.sum = 0};
	collect(bench, 0, &source);
	for (int value = 1; value < 5; value++) {
		observe(bench, &source, value, 3);
		collect(bench, 10 * WINDOW_S, &source);
		assert_near(bench->values[0], value);
		assert_near(bench->values[4], value);
	}
}

static void test_shares_of_several_sources_add_up_in_any_order(void **state)
{
	struct bench *bench = *state;
	struct source_cells one = {.sum = 0}, other = {.sum = 0};
	collect_two(bench, 0, &one, &other);
	for (int i = 0; i < 100; i++) {
		observe(bench, &one, 0.1, 1);
		observe(bench, &other, 0.7, 3);
		if (i % 2)
			collect_two(bench, 1, &one, &other);
		else
			collect_two(bench, 1, &other, &one);
	}
	assert_int_equal(bench->count, 400);
	assert_near(bench->values[0], 0.1);
	assert_near(bench->values[1], 0.7);
	assert_true(bench->sum == one.sum + other.sum);
	/* A fold: all of it comes from one source now. */
	for (uint32_t i = 0; i <= bench->upper_count; i++)
		one.cells[i] += other.cells[i];
	one.sum += other.sum;
	collect(bench, 1, &one);
	assert_int_equal(bench->count, 400);
	assert_near(bench->values[0], 0.1);
	assert_near(bench->values[1], 0.7);
}

static void test_cells_that_become_less_drop_the_past(void **state)
{
	struct bench *bench = *state;
	struct source_cells source = {.sum = 0}, removed = {.sum = 0};
	collect(bench, 0, &source);
	observe(bench, &source, 1, 10);
	observe(bench, &source, 8, 10);
	collect(bench, 1, &source);
	assert_near(bench->values[0], 1);
	observe(bench, &removed, 8, 9);
	collect(bench, 1, &removed);
	assert_true(isnan(bench->values[0]));
	assert_int_equal(bench->count, 9);
	observe(bench, &removed, 8, 1);
	collect(bench, 1, &removed);
	assert_near(bench->values[0], 8);
	/* One that was removed and came back within the window is new. */
	bench->created_ns = WALL_NS;
	memset(&removed, 0, sizeof(removed));
	observe(bench, &removed, 3, 2);
	collect(bench, 1, &removed);
	assert_near(bench->values[0], 3);
	assert_near(bench->values[4], 3);
}

static void test_source_with_other_cells_is_refused(void **state)
{
	struct bench *bench = *state;
	struct source_cells source = {.sum = 0};
	struct window_layout *first = bench->layout;
	bench->layout = NULL;
	observe(bench, &source, 1, 1);
	family_declare(bench, MSTAT_SHM_F64, 1, MSTAT_SHM_BUCKETS_NEGATIVE);
	struct window_layout *second = bench->layout;
	assert_ptr_not_equal(first, second);
	windows_begin(&bench->windows, 1, WALL_NS);
	bench->layout = first;
	share_add(bench, &source);
	assert_int_equal(bench->conflict, CATALOG_OK);
	bench->layout = second;
	share_add(bench, &source);
	assert_int_equal(bench->conflict, CATALOG_CONFLICT_SHAPE);
	window_layout_put(&bench->windows, first);
}

static void test_window_of_other_length_begins_anew(void **state)
{
	struct bench *bench = *state;
	struct source_cells source = {.sum = 0};
	collect(bench, 0, &source);
	observe(bench, &source, 1, 10);
	collect(bench, 1, &source);
	assert_near(bench->values[0], 1);
	bench->family.window_s = 60;
	collect(bench, 1, &source);
	assert_true(isnan(bench->values[0]));
	observe(bench, &source, 2, 1);
	collect(bench, 1, &source);
	assert_near(bench->values[0], 2);
	bench->family.window_s = 6000;
	collect(bench, 1, &source);
	assert_true(isnan(bench->values[0]));
}

/* ---- memory ---- */

static void test_steady_window_takes_no_more_memory(void **state)
{
	struct bench *bench = *state;
	struct source_cells source = {.sum = 0};
	const size_t layouts = bench->windows.bytes;
	collect(bench, 0, &source);
	assert_int_equal(bench->windows.bytes, layouts);
	observe(bench, &source, 0.001, 1);
	observe(bench, &source, 0.0013, 1);
	collect(bench, 1, &source);
	const size_t bytes = bench->windows.bytes;
	/* Two blocks of 16 cells at most. */
	assert_true(bytes - layouts <= 32 * 36);
	for (int i = 0; i < 1000; i++) {
		observe(bench, &source, 0.0012, 1);
		collect(bench, 7, &source);
	}
	assert_int_equal(bench->windows.bytes, bytes);
}

static void test_without_memory_count_and_sum_are_right_and_quantiles_unknown(void **state)
{
	struct bench *bench = *state;
	struct source_cells source = {.sum = 0};
	const size_t bytes = bench->windows.bytes;
	collect(bench, 0, &source);
	observe(bench, &source, 1, 10);
	bench->windows.bytes = WINDOWS_BYTES_MAX;
	collect(bench, 1, &source);
	assert_int_equal(bench->conflict, CATALOG_LIMIT);
	assert_true(isnan(bench->values[1]));
	assert_int_equal(bench->count, 10);
	assert_true(bench->sum == 10);
	/* There is some again: what comes from now on. */
	bench->windows.bytes = bytes;
	collect(bench, 1, &source);
	assert_true(isnan(bench->values[1]));
	observe(bench, &source, 4, 1);
	collect(bench, 1, &source);
	assert_near(bench->values[0], 4);
	assert_int_equal(bench->count, 11);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_quantiles_of_doubles_are_within_the_stated_error),
		TEST(test_quantiles_of_nanoseconds_are_within_the_stated_error),
		TEST(test_quantiles_of_few_small_integers_are_exact),
		TEST(test_values_out_of_range_have_the_zero_or_the_last_bound),
		TEST(test_negative_values_are_mirrored),
		TEST(test_old_series_begins_with_nothing_and_a_new_one_with_all),
		TEST(test_observations_leave_the_window_after_its_length),
		TEST(test_collections_further_apart_than_the_window_show_what_came_in_between),
		TEST(test_shares_of_several_sources_add_up_in_any_order),
		TEST(test_cells_that_become_less_drop_the_past),
		TEST(test_source_with_other_cells_is_refused),
		TEST(test_window_of_other_length_begins_anew),
		TEST(test_steady_window_takes_no_more_memory),
		TEST(test_without_memory_count_and_sum_are_right_and_quantiles_unknown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
