/* SPDX-License-Identifier: MIT */
/* Values of histograms, summaries and state sets: how they merge and what a snapshot has of them. */
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "snapshot/builder_private.h"
#include "snapshot/snapshot.h"

struct fixture {
	struct catalog *catalog;
	struct builder *builder;
	const struct shape *buckets; /* bounds 1 and 2 */
	const struct shape *native;
	const struct shape *quantiles; /* 0.5 and 0.9 */
	const struct shape *states;    /* up, down, new */
};

static const struct shape *shape_made(struct catalog *catalog, const struct shape_request *request)
{
	const struct shape *shape;
	assert_int_equal(catalog_shape(catalog, request, &shape), CATALOG_OK);
	return shape;
}

static int fixture_setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct catalog *catalog = fixture->catalog = catalog_new(100000);
	fixture->builder = builder_new(catalog);
	fixture->buckets = shape_made(catalog, &(struct shape_request){.kind = SHAPE_BUCKETS,
								       .classic = true,
								       .bounds = (const double[]){1, 2},
								       .bound_count = 2,
								       .sum_scale = 1});
	fixture->native = shape_made(catalog, &(struct shape_request){.kind = SHAPE_BUCKETS,
								      .native = true,
								      .buckets = {.positive_count = 2},
								      .sum_scale = 1});
	fixture->quantiles = shape_made(catalog, &(struct shape_request){.kind = SHAPE_QUANTILES,
									 .bounds = (const double[]){0.5, 0.9},
									 .bound_count = 2,
									 .sum_scale = 1});
	fixture->states = shape_made(catalog, &(struct shape_request){.kind = SHAPE_STATES,
								      .states = (const char *[]){"up", "down", "new"},
								      .bound_count = 3});
	builder_begin(fixture->builder);
	*state = fixture;
	return 0;
}

static int fixture_teardown(void **state)
{
	struct fixture *fixture = *state;
	builder_free(fixture->builder);
	catalog_free(fixture->catalog);
	free(fixture);
	return 0;
}

static series_ref series_made(struct fixture *fixture, const char *name, enum metric_type type, const char *value)
{
	family_ref family;
	series_ref series;
	struct family_request request = {.name = name, .help = "Help.", .type = type};
	assert_int_equal(catalog_family(fixture->catalog, &request, &family), CATALOG_OK);
	assert_int_equal(catalog_series(fixture->catalog, family, &(struct label){"a", value}, 1, &series), CATALOG_OK);
	return series;
}

static struct number u64(uint64_t value)
{
	return (struct number){.type = NUMBER_U64, .u64 = value};
}

static struct number f64(double value)
{
	return (struct number){.type = NUMBER_F64, .f64 = value};
}

static uint64_t bits(double value)
{
	uint64_t word;
	memcpy(&word, &value, sizeof(word));
	return word;
}

static double value_of(uint64_t word)
{
	double value;
	memcpy(&value, &word, sizeof(value));
	return value;
}

static void merge_buckets(struct fixture *fixture, series_ref series, const uint64_t *parts, struct number sum)
{
	builder_merge_composite(
		fixture->builder, series,
		&(struct composite){.shape = fixture->buckets, .parts = parts, .sum = sum, .has_sum = true});
}

static void test_composite_of_buckets_adds_counts_and_sums(void **state)
{
	struct fixture *fixture = *state;
	series_ref a = series_made(fixture, "x", METRIC_HISTOGRAM, "1");
	series_ref b = series_made(fixture, "x", METRIC_HISTOGRAM, "2");
	uint64_t parts[] = {1, 2, 3};
	merge_buckets(fixture, a, parts, u64(1));
	memcpy(parts, (uint64_t[]){10, 20, 30}, sizeof(parts)); /* they were copied */
	merge_buckets(fixture, b, parts, f64(0.5));
	merge_buckets(fixture, a, parts, u64(UINT64_MAX));
	struct snapshot *snapshot = builder_freeze(fixture->builder);
	struct snapshot_sample sample = snapshot_sample(snapshot, 0);
	assert_non_null(sample.composite);
	assert_ptr_equal(sample.composite->shape, fixture->buckets);
	assert_memory_equal(sample.composite->parts, ((uint64_t[]){11, 22, 33}), sizeof(parts));
	assert_int_equal(sample.composite->count, 66);
	assert_int_equal(sample.composite->sum.type, NUMBER_U64);
	assert_int_equal(sample.composite->sum.u64, 0); /* integers wrap, they are never rounded */
	sample = snapshot_sample(snapshot, 1);
	assert_memory_equal(sample.composite->parts, parts, sizeof(parts));
	assert_true(sample.composite->sum.type == NUMBER_F64 && sample.composite->sum.f64 == 0.5);
	snapshot_unref(snapshot);
}

static void test_composite_count_is_that_of_one_kind_of_buckets(void **state)
{
	struct fixture *fixture = *state;
	struct shape_request request = {.kind = SHAPE_BUCKETS, .classic = true, .native = true, .sum_scale = 1};
	request.bounds = (const double[]){1};
	request.bound_count = 1;
	const struct shape *both = shape_made(fixture->catalog, &request);
	const uint64_t parts[] = {4, 5, 2, 7, 0}, native_parts[] = {1, 2, 3, 4, 5};
	assert_int_equal(both->part_count, 5);
	assert_int_equal(fixture->native->part_count, 5);
	builder_merge_composite(fixture->builder, series_made(fixture, "x", METRIC_HISTOGRAM, "1"),
				&(struct composite){.shape = both, .parts = parts});
	builder_merge_composite(fixture->builder, series_made(fixture, "x", METRIC_HISTOGRAM, "2"),
				&(struct composite){.shape = fixture->native, .parts = native_parts});
	struct snapshot *snapshot = builder_freeze(fixture->builder);
	assert_int_equal(snapshot_sample(snapshot, 0).composite->count, 9);
	assert_int_equal(snapshot_sample(snapshot, 1).composite->count, 15);
	snapshot_unref(snapshot);
}

static void test_composite_has_a_sum_only_if_all_sources_had_one(void **state)
{
	struct fixture *fixture = *state;
	const uint64_t parts[] = {1, 0, 0};
	for (int which = 0; which < 3; which++) {
		series_ref series = series_made(fixture, "x", METRIC_HISTOGRAM, (const char *[]){"1", "2", "3"}[which]);
		for (int source = 0; source < 3; source++)
			builder_merge_composite(fixture->builder, series,
						&(struct composite){.shape = fixture->buckets,
								    .parts = parts,
								    .sum = u64(1),
								    .has_sum = source != which});
	}
	series_ref whole = series_made(fixture, "x", METRIC_HISTOGRAM, "4");
	merge_buckets(fixture, whole, parts, u64(1));
	merge_buckets(fixture, whole, parts, u64(1));
	struct snapshot *snapshot = builder_freeze(fixture->builder);
	for (size_t i = 0; i < 3; i++) {
		assert_false(snapshot_sample(snapshot, i).composite->has_sum);
		assert_int_equal(snapshot_sample(snapshot, i).composite->count, 3);
	}
	assert_true(snapshot_sample(snapshot, 3).composite->has_sum);
	assert_int_equal(snapshot_sample(snapshot, 3).composite->sum.u64, 2);
	snapshot_unref(snapshot);
}

static void test_composite_of_quantiles_adds_count_and_sum_but_forgets_quantiles_that_differ(void **state)
{
	struct fixture *fixture = *state;
	series_ref series = series_made(fixture, "x", METRIC_SUMMARY, "1");
	const uint64_t first[] = {bits(0.25), bits(4)}, second[] = {bits(0.25), bits(5)};
	struct composite value = {
		.shape = fixture->quantiles, .parts = first, .count = 10, .sum = f64(2.5), .has_sum = true};
	builder_merge_composite(fixture->builder, series, &value);
	value.parts = second;
	value.count = 5;
	builder_merge_composite(fixture->builder, series, &value);
	struct snapshot *snapshot = builder_freeze(fixture->builder);
	const struct composite *merged = snapshot_sample(snapshot, 0).composite;
	assert_int_equal(merged->count, 15);
	assert_true(merged->sum.f64 == 5);
	assert_true(value_of(merged->parts[0]) == 0.25);
	assert_true(isnan(value_of(merged->parts[1])));
	snapshot_unref(snapshot);
}

static void test_composite_of_states_has_all_that_are_on_anywhere(void **state)
{
	struct fixture *fixture = *state;
	series_ref series = series_made(fixture, "x", METRIC_STATE_SET, "1");
	builder_merge_composite(fixture->builder, series,
				&(struct composite){.shape = fixture->states, .parts = (uint64_t[]){1}});
	builder_merge_composite(fixture->builder, series,
				&(struct composite){.shape = fixture->states, .parts = (uint64_t[]){4}});
	struct snapshot *snapshot = builder_freeze(fixture->builder);
	assert_int_equal(snapshot_sample(snapshot, 0).composite->parts[0], 5);
	snapshot_unref(snapshot);
}

static void test_composite_of_another_shape_is_dropped_and_counted(void **state)
{
	struct fixture *fixture = *state;
	series_ref series = series_made(fixture, "x", METRIC_HISTOGRAM, "1");
	const uint64_t parts[] = {1, 2, 3, 4, 5};
	merge_buckets(fixture, series, parts, u64(7));
	builder_merge_composite(fixture->builder, series,
				&(struct composite){.shape = fixture->native, .parts = parts});
	struct snapshot *snapshot = builder_freeze(fixture->builder);
	assert_int_equal(snapshot_sample(snapshot, 0).composite->count, 6);
	assert_int_equal(builder_conflicts(fixture->builder, CATALOG_CONFLICT_SHAPE), 1);
	snapshot_unref(snapshot);
	/* The first of each collection decides. */
	builder_begin(fixture->builder);
	builder_merge_composite(fixture->builder, series,
				&(struct composite){.shape = fixture->native, .parts = parts});
	snapshot = builder_freeze(fixture->builder);
	assert_ptr_equal(snapshot_sample(snapshot, 0).composite->shape, fixture->native);
	assert_int_equal(builder_conflicts(fixture->builder, CATALOG_CONFLICT_SHAPE), 1);
	snapshot_unref(snapshot);
}

static void shuffle(double *values, size_t count, unsigned *seed)
{
	for (size_t i = count - 1; i > 0; i--) {
		size_t other = (size_t)rand_r(seed) % (i + 1);
		double value = values[i];
		values[i] = values[other];
		values[other] = value;
	}
}

/* A double with 53 random bits, between 2^-20 and 2^20. */
static double random_addend(unsigned *seed)
{
	uint64_t mantissa = (uint64_t)rand_r(seed) << 40 ^ (uint64_t)rand_r(seed) << 20 ^ (uint64_t)rand_r(seed);
	return ldexp(1 + (double)(mantissa & ((UINT64_C(1) << 52) - 1)) * 0x1p-52, rand_r(seed) % 40 - 20);
}

static void test_composite_and_counter_sums_of_doubles_are_the_same_in_every_order(void **state)
{
	enum { ADDENDS = 100, ORDERS = 500 };
	struct fixture *fixture = *state;
	unsigned seed = (unsigned)time(NULL), naive_differs = 0;
	print_message("seed %u\n", seed);
	series_ref counter = series_made(fixture, "c", METRIC_COUNTER, "1");
	series_ref histogram = series_made(fixture, "h", METRIC_HISTOGRAM, "1");
	series_ref summary = series_made(fixture, "s", METRIC_SUMMARY, "1");
	double addends[ADDENDS], first_naive = 0;
	__extension__ __int128 exact = 0; /* in units of 2^-72 */
	for (size_t i = 0; i < ADDENDS; i++) {
		addends[i] = random_addend(&seed);
		__extension__ __int128 scaled = (__int128)ldexp(addends[i], 42) << 30;
		exact += scaled + (__int128)ldexp(addends[i] - (double)(scaled >> 30) * 0x1p-42, 72);
	}
	double rounded = ldexp((double)exact, -72);
	for (int order = 0; order < ORDERS; order++) {
		builder_begin(fixture->builder);
		double naive = 0;
		for (size_t i = 0; i < ADDENDS; i++) {
			naive += addends[i];
			builder_merge(fixture->builder, counter, MERGE_SUM, f64(addends[i]), 0);
			merge_buckets(fixture, histogram, (uint64_t[]){1, 0, 0}, f64(addends[i]));
			builder_merge_composite(fixture->builder, summary,
						&(struct composite){.shape = fixture->quantiles,
								    .parts = (uint64_t[]){0, 0},
								    .sum = f64(addends[i]),
								    .has_sum = true});
		}
		first_naive = order ? first_naive : naive;
		naive_differs += naive != first_naive;
		struct snapshot *snapshot = builder_freeze(fixture->builder);
		assert_true(snapshot_sample(snapshot, 0).number.f64 == rounded);
		assert_true(snapshot_sample(snapshot, 1).composite->sum.f64 == rounded);
		assert_true(snapshot_sample(snapshot, 2).composite->sum.f64 == rounded);
		snapshot_unref(snapshot);
		shuffle(addends, ADDENDS, &seed);
	}
	assert_true(naive_differs > 0); /* or this test would show nothing */
}

static void test_composite_sums_of_infinities_and_nan_are_what_they_are(void **state)
{
	static const double cases[][4] = {
		{1, INFINITY, 2, INFINITY}, {INFINITY, 1, 2, INFINITY}, {1, INFINITY, -INFINITY, NAN},
		{NAN, 1, 2, NAN},           {1, 2, NAN, NAN},           {-INFINITY, 1, -INFINITY, -INFINITY}};
	struct fixture *fixture = *state;
	series_ref counter = series_made(fixture, "c", METRIC_GAUGE, "1");
	series_ref histogram = series_made(fixture, "h", METRIC_HISTOGRAM, "1");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		builder_begin(fixture->builder);
		for (size_t j = 0; j < 3; j++) {
			builder_merge(fixture->builder, counter, MERGE_SUM, f64(cases[i][j]), 0);
			merge_buckets(fixture, histogram, (uint64_t[]){1, 0, 0}, f64(cases[i][j]));
		}
		struct snapshot *snapshot = builder_freeze(fixture->builder);
		double sums[] = {snapshot_sample(snapshot, 0).number.f64,
				 snapshot_sample(snapshot, 1).composite->sum.f64};
		for (size_t j = 0; j < 2; j++)
			assert_true(isnan(cases[i][3]) ? isnan(sums[j]) : sums[j] == cases[i][3]);
		snapshot_unref(snapshot);
	}
}

static void test_composite_block_of_a_steady_collection_is_taken_at_once_and_has_no_spare(void **state)
{
	struct fixture *fixture = *state;
	const struct composite_set *set = &fixture->builder->values.composites;
	char value[16];
	for (int round = 0; round < 4; round++) {
		builder_begin(fixture->builder);
		const uint64_t *block = set->words;
		assert_int_equal(block != NULL, round > 0);
		for (unsigned i = 0; i < 300; i++) {
			snprintf(value, sizeof(value), "%u", i);
			merge_buckets(fixture, series_made(fixture, "x", METRIC_HISTOGRAM, value),
				      (uint64_t[]){i, 0, 1}, u64(i));
		}
		if (round) {
			assert_ptr_equal(set->words, block);
			assert_int_equal(set->used, set->capacity);
		}
		struct snapshot *snapshot = builder_freeze(fixture->builder);
		assert_null(set->words);
		uint64_t count = 0;
		for (size_t i = 0; i < 300; i++) {
			const struct composite *composite = snapshot_sample(snapshot, i).composite;
			assert_int_equal(composite->count, composite->sum.u64 + 1);
			count += composite->parts[0];
		}
		assert_int_equal(count, 300 * 299 / 2);
		snapshot_unref(snapshot);
	}
}

static void test_composite_bytes_are_enough_for_every_line(void **state)
{
	struct fixture *fixture = *state;
	series_ref histogram = series_made(fixture, "h", METRIC_HISTOGRAM, "12");
	series_ref native = series_made(fixture, "h", METRIC_HISTOGRAM, "2");
	series_ref summary = series_made(fixture, "s", METRIC_SUMMARY, "3");
	series_ref stateset = series_made(fixture, "states", METRIC_STATE_SET, "4");
	series_ref counter = series_made(fixture, "c", METRIC_COUNTER, "5");
	const uint64_t parts[8] = {0};
	size_t expected = 0;
	merge_buckets(fixture, histogram, parts, u64(0));
	expected += (strlen("h{a=\"12\"}") + 64) * (3 + 3);
	builder_merge_composite(fixture->builder, native,
				&(struct composite){.shape = fixture->native, .parts = parts});
	expected += (strlen("h{a=\"2\"}") + 64) * (5 + 1 + 3);
	builder_merge_composite(fixture->builder, summary,
				&(struct composite){.shape = fixture->quantiles, .parts = parts});
	expected += (strlen("s{a=\"3\"}") + 64) * (2 + 3);
	builder_merge_composite(fixture->builder, stateset,
				&(struct composite){.shape = fixture->states, .parts = parts});
	expected += (strlen("states{a=\"4\"}") + 64 + strlen("states")) * 3 + strlen("updownnew");
	builder_merge(fixture->builder, counter, MERGE_SUM, u64(1), 0);
	builder_exemplar(fixture->builder, counter, 0, "t=\"1\"", 5, 1, 1);
	expected += 5 + 96;
	struct snapshot *snapshot = builder_freeze(fixture->builder);
	assert_int_equal(snapshot_composite_bytes(snapshot), expected);
	snapshot_unref(snapshot);
	builder_begin(fixture->builder);
	builder_merge(fixture->builder, counter, MERGE_SUM, u64(1), 0);
	snapshot = builder_freeze(fixture->builder);
	assert_int_equal(snapshot_composite_bytes(snapshot), 0);
	snapshot_unref(snapshot);
}

/* ---- misuse ----------------------------------------------------------------------------------------------------- */

static void number_for_histogram(struct fixture *fixture)
{
	builder_merge(fixture->builder, series_made(fixture, "x", METRIC_HISTOGRAM, "1"), MERGE_SUM, u64(1), 0);
}

static void buckets_for_gauge(struct fixture *fixture)
{
	merge_buckets(fixture, series_made(fixture, "x", METRIC_GAUGE, "1"), (uint64_t[]){0, 0, 0}, u64(0));
}

static void buckets_for_summary(struct fixture *fixture)
{
	merge_buckets(fixture, series_made(fixture, "x", METRIC_SUMMARY, "1"), (uint64_t[]){0, 0, 0}, u64(0));
}

static void exemplar_for_gauge(struct fixture *fixture)
{
	builder_exemplar(fixture->builder, series_made(fixture, "x", METRIC_GAUGE, "1"), 0, "", 0, 1, 1);
}

static void exemplar_for_summary(struct fixture *fixture)
{
	builder_exemplar(fixture->builder, series_made(fixture, "x", METRIC_SUMMARY, "1"), 0, "", 0, 1, 1);
}

static void test_composite_misplaced_by_a_collector_asserts(void **state)
{
	void (*const misuses[])(struct fixture *) = {number_for_histogram, buckets_for_gauge, buckets_for_summary,
						     exemplar_for_gauge, exemplar_for_summary};
	for (size_t i = 0; i < sizeof(misuses) / sizeof(misuses[0]); i++) {
		pid_t child = fork();
		assert_true(child >= 0);
		if (!child) {
			dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
			signal(SIGABRT, SIG_DFL);
			misuses[i](*state);
			_exit(0);
		}
		int status;
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	}
}

#define COMPOSITE_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		COMPOSITE_TEST(test_composite_of_buckets_adds_counts_and_sums),
		COMPOSITE_TEST(test_composite_count_is_that_of_one_kind_of_buckets),
		COMPOSITE_TEST(test_composite_has_a_sum_only_if_all_sources_had_one),
		COMPOSITE_TEST(test_composite_of_quantiles_adds_count_and_sum_but_forgets_quantiles_that_differ),
		COMPOSITE_TEST(test_composite_of_states_has_all_that_are_on_anywhere),
		COMPOSITE_TEST(test_composite_of_another_shape_is_dropped_and_counted),
		COMPOSITE_TEST(test_composite_and_counter_sums_of_doubles_are_the_same_in_every_order),
		COMPOSITE_TEST(test_composite_sums_of_infinities_and_nan_are_what_they_are),
		COMPOSITE_TEST(test_composite_block_of_a_steady_collection_is_taken_at_once_and_has_no_spare),
		COMPOSITE_TEST(test_composite_bytes_are_enough_for_every_line),
		COMPOSITE_TEST(test_composite_misplaced_by_a_collector_asserts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
