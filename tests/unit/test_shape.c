/* SPDX-License-Identifier: MIT */
/* Shapes: equal ones are one, others are not, and what is none is refused. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "snapshot/catalog_private.h"
#include "snapshot/snapshot.h"

static int catalog_setup(void **state)
{
	*state = catalog_new(1000);
	return *state ? 0 : -1;
}

static int catalog_teardown(void **state)
{
	catalog_free(*state);
	return 0;
}

static const struct shape *shape_made(struct catalog *catalog, struct shape_request request)
{
	const struct shape *shape = NULL;
	assert_int_equal(catalog_shape(catalog, &request, &shape), CATALOG_OK);
	assert_non_null(shape);
	return shape;
}

static void assert_refused(struct catalog *catalog, struct shape_request request, enum catalog_conflict expected)
{
	const struct shape *untouched = (const struct shape *)catalog, *shape = untouched;
	assert_int_equal(catalog_shape(catalog, &request, &shape), expected);
	assert_ptr_equal(shape, untouched);
}

static const double bounds[] = {0.005, 1, 1e6};
static const struct shape_request classic = {
	.kind = SHAPE_BUCKETS, .classic = true, .bounds = bounds, .bound_count = 3, .sum_scale = 1};
static const struct shape_request native = {
	.kind = SHAPE_BUCKETS,
	.native = true,
	.buckets = {.schema = 3, .zero_threshold = 1e-9, .positive_first = -4, .positive_count = 10},
	.sum_scale = 1};
static const struct shape_request quantiles = {
	.kind = SHAPE_QUANTILES, .bounds = (const double[]){0, 0.5, 0.99, 1}, .bound_count = 4, .sum_scale = 1e-9};
static const char *const state_names[] = {"up", "say \"no\"\n", "\xc3\xa9"};
static const struct shape_request states = {.kind = SHAPE_STATES, .states = state_names, .bound_count = 3};

static void test_shape_of_equal_requests_is_one_pointer(void **state)
{
	double copy[3];
	memcpy(copy, bounds, sizeof(copy));
	struct shape_request again = classic;
	again.bounds = copy;
	const struct shape *shape = shape_made(*state, classic);
	assert_ptr_equal(shape_made(*state, again), shape);
	copy[0] = 99; /* nobody looks at the caller's array later */
	assert_true(shape->bounds[0] == 0.005);
	assert_ptr_equal(shape_made(*state, native), shape_made(*state, native));
	assert_ptr_equal(shape_made(*state, quantiles), shape_made(*state, quantiles));
	assert_ptr_equal(shape_made(*state, states), shape_made(*state, states));
}

static void test_shape_differs_by_whatever_differs_in_the_request(void **state)
{
	struct shape_request requests[] = {classic, classic, classic, classic, native,    native, native, native,
					   native,  native,  native,  native,  quantiles, states, states, quantiles};
	const size_t count = sizeof(requests) / sizeof(requests[0]);
	requests[1].bound_count = 2;
	requests[2].sum_scale = 2;
	requests[3].bounds = (const double[]){0.005, 1, 2e6};
	requests[5].buckets.schema = 4;
	requests[6].buckets.zero_threshold = 0;
	requests[7].buckets.positive_first = -5;
	requests[8].buckets.positive_count = 11;
	requests[9].buckets.negative_count = 1;
	requests[10].buckets.negative_count = 1;
	requests[10].buckets.negative_first = 1;
	requests[11].classic = true;
	requests[14].bound_count = 2;
	requests[15].kind = SHAPE_BUCKETS;
	requests[15].classic = true;
	const struct shape *shapes[sizeof(requests) / sizeof(requests[0])];
	for (size_t i = 0; i < count; i++) {
		shapes[i] = shape_made(*state, requests[i]);
		for (size_t other = 0; other < i; other++)
			assert_ptr_not_equal(shapes[i], shapes[other]);
	}
	for (size_t i = 0; i < count; i++)
		assert_ptr_equal(shape_made(*state, requests[i]), shapes[i]);
}

static void test_shape_takes_negative_zero_for_zero_and_ignores_what_its_kind_has_no_use_for(void **state)
{
	struct shape_request zero = classic, minus = classic;
	zero.bounds = (const double[]){0};
	minus.bounds = (const double[]){-0.0};
	zero.bound_count = minus.bound_count = 1;
	minus.buckets.schema = 77; /* it has no native buckets */
	minus.states = state_names;
	const struct shape *shape = shape_made(*state, zero);
	assert_ptr_equal(shape_made(*state, minus), shape);
	assert_string_equal(shape->bound_text[0], "0");
	struct shape_request other = native;
	other.bounds = bounds;
	other.bound_count = 3; /* it has no classic buckets */
	other.buckets.negative_first = 9;
	shape = shape_made(*state, native);
	assert_ptr_equal(shape_made(*state, other), shape);
	assert_int_equal(shape->bound_count, 0);
	other.buckets.zero_threshold = -0.0;
	struct shape_request none = native;
	none.buckets.zero_threshold = 0;
	assert_ptr_equal(shape_made(*state, other), shape_made(*state, none));
	other = states;
	other.sum_scale = NAN;
	assert_ptr_equal(shape_made(*state, other), shape_made(*state, states));
}

static void test_shape_of_classic_buckets_has_the_texts_of_its_bounds_and_infinity(void **state)
{
	struct shape_request request = classic;
	static const double values[] = {-2.5, 0, 1e-6, 0.0001, 0.005, 1, 100000, 1e6, 1234567.5, 1e21};
	static const char *const plain[] = {"-2.5", "0",      "1e-06",   "0.0001",    "0.005",
					    "1",    "100000", "1000000", "1234567.5", "1e+21"};
	static const char *const canonical[] = {"-2.5", "0.0",      "1e-06", "0.0001",        "0.005",
						"1.0",  "100000.0", "1e+06", "1.2345675e+06", "1e+21"};
	request.bounds = values;
	request.bound_count = 10;
	const struct shape *shape = shape_made(*state, request);
	for (size_t i = 0; i < 10; i++) {
		assert_string_equal(shape->bound_text[i], plain[i]);
		assert_string_equal(shape->canonical_text[i], canonical[i]);
		assert_true(shape->bounds[i] == values[i]);
	}
	assert_string_equal(shape->bound_text[10], "+Inf");
	assert_string_equal(shape->canonical_text[10], "+Inf");
	assert_int_equal(shape->classic_count, 11);
	assert_int_equal(shape->part_count, 11);
	request.bound_count = 0;
	request.bounds = NULL;
	shape = shape_made(*state, request);
	assert_int_equal(shape->part_count, 1);
	assert_string_equal(shape->bound_text[0], "+Inf");
}

static void test_shape_of_native_buckets_tells_where_the_parts_are(void **state)
{
	struct shape_request request = classic;
	request.native = true;
	request.buckets = (struct shape_native){2, 0.5, -3, 7, 4, 5};
	const struct shape *shape = shape_made(*state, request);
	assert_int_equal(shape->classic_count, 4);
	assert_int_equal(shape_zero(shape), 4);
	assert_int_equal(shape_positive(shape), 5);
	assert_int_equal(shape_negative(shape), 5 + 7 + 1);
	assert_int_equal(shape->part_count, 5 + 7 + 1 + 5 + 1);
	assert_int_equal(shape->buckets.positive_first, -3);
	assert_int_equal(shape->buckets.negative_first, 4);
	shape = shape_made(*state, native);
	assert_int_equal(shape->classic_count, 0);
	assert_int_equal(shape_zero(shape), 0);
	assert_int_equal(shape->part_count, 1 + 11 + 1);
	assert_string_equal(shape->bound_text[0], "+Inf");
	assert_false(shape->classic);
}

static void test_shape_of_quantiles_and_states_has_their_texts(void **state)
{
	const struct shape *shape = shape_made(*state, quantiles);
	assert_int_equal(shape->part_count, 4);
	assert_true(shape->sum_scale == 1e-9);
	assert_string_equal(shape->bound_text[0], "0");
	assert_string_equal(shape->canonical_text[0], "0.0");
	assert_string_equal(shape->bound_text[2], "0.99");
	assert_string_equal(shape->canonical_text[3], "1.0");
	shape = shape_made(*state, states);
	assert_int_equal(shape->part_count, 1);
	assert_int_equal(shape->bound_count, 3);
	assert_string_equal(shape->bound_text[0], "up");
	assert_string_equal(shape->bound_text[1], "say \\\"no\\\"\\n");
	assert_string_equal(shape->canonical_text[2], "\xc3\xa9");
	struct shape_request none = quantiles;
	none.bound_count = 0;
	assert_int_equal(shape_made(*state, none)->part_count, 0);
}

static void test_shape_refuses_bounds_and_quantiles_that_are_none(void **state)
{
	static const double wrong[][2] = {{1, 1}, {2, 1}, {0, -0.0}, {NAN, 1}, {1, NAN}, {1, INFINITY}, {-INFINITY, 1}};
	static const double no_quantiles[][2] = {{-0.1, 0.5}, {0.5, 1.1}, {0.5, 0.5}, {0.9, 0.5}, {NAN, 1}, {0, NAN}};
	static const double scales[] = {0, -1, NAN, INFINITY};
	struct shape_request request = classic;
	request.bound_count = 2;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		request.bounds = wrong[i];
		assert_refused(*state, request, CATALOG_CONFLICT_SHAPE);
		assert_refused(*state, request, CATALOG_CONFLICT_SHAPE);
	}
	request = quantiles;
	request.bound_count = 2;
	for (size_t i = 0; i < sizeof(no_quantiles) / sizeof(no_quantiles[0]); i++) {
		request.bounds = no_quantiles[i];
		assert_refused(*state, request, CATALOG_CONFLICT_SHAPE);
	}
	for (size_t i = 0; i < sizeof(scales) / sizeof(scales[0]); i++) {
		struct shape_request scaled[] = {classic, native, quantiles};
		for (size_t kind = 0; kind < 3; kind++) {
			scaled[kind].sum_scale = scales[i];
			assert_refused(*state, scaled[kind], CATALOG_CONFLICT_SHAPE);
		}
	}
	request = classic;
	request.classic = false;
	assert_refused(*state, request, CATALOG_CONFLICT_SHAPE);
}

static void test_shape_refuses_native_buckets_that_no_double_is_in(void **state)
{
	static const struct shape_native wrong[] = {
		{-5, 0, 0, 1, 0, 0},        {9, 0, 0, 1, 0, 0},    {0, -1, 0, 1, 0, 0},   {0, NAN, 0, 1, 0, 0},
		{0, INFINITY, 0, 1, 0, 0},  {0, 0, 1024, 2, 0, 0}, {0, 0, 0, 0, 1025, 1}, {0, 0, -1076, 1, 0, 0},
		{8, 0, INT32_MAX, 1, 0, 0}, {-4, 0, 65, 1, 0, 0},
	};
	static const struct shape_native right[] = {{0, 0, 1024, 1, 0, 0},
						    {8, 0, 262144 - 9, 10, 0, 0},
						    {-4, 1, 0, 65, -67, 132},
						    {0, 0, -1074, 2099, 0, 0}};
	struct shape_request request = native;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		request.buckets = wrong[i];
		assert_refused(*state, request, CATALOG_CONFLICT_SHAPE);
	}
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		request.buckets = right[i];
		shape_made(*state, request);
	}
}

static void test_shape_refuses_states_that_are_empty_twice_there_or_not_utf8(void **state)
{
	static const char *const wrong[][2] = {{"a", ""},
					       {"a", "a"},
					       {"a", "\xff"},
					       {"a", "\xc3"},
					       {"a", "\xc0\x80"},
					       {"a", "\xe0\x80\x80"},
					       {"a", "\x80"},
					       {"a", "\xed\xa0\x80"},
					       {"a", "\xf5\x80\x80\x80"},
					       {"a", "\xe2\x82"},
					       {"a", "\xf0\x8f\xbf\xbf"},
					       {"a", "\xf4\x90\x80\x80"}};
	static const char *const right[] = {"\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf",
					    "\n"};
	struct shape_request request = states;
	request.bound_count = 2;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		request.states = wrong[i];
		assert_refused(*state, request, CATALOG_CONFLICT_SHAPE);
	}
	request.states = right;
	request.bound_count = 5;
	shape_made(*state, request);
	request.bound_count = 0;
	assert_refused(*state, request, CATALOG_CONFLICT_SHAPE);
}

static void test_shape_says_when_a_request_is_beyond_its_limits(void **state)
{
	double *many = malloc((SHAPE_BOUNDS_MAX + 1) * sizeof(*many));
	for (uint32_t i = 0; i <= SHAPE_BOUNDS_MAX; i++)
		many[i] = i;
	struct shape_request request = classic;
	request.bounds = many;
	request.bound_count = SHAPE_BOUNDS_MAX + 1;
	assert_refused(*state, request, CATALOG_LIMIT);
	request.bound_count = SHAPE_BOUNDS_MAX;
	assert_string_equal(shape_made(*state, request)->bound_text[SHAPE_BOUNDS_MAX - 1], "4095");
	free(many);

	request = native;
	request.buckets = (struct shape_native){8, 0, 0, SHAPE_NATIVE_MAX + 1, 0, 0};
	assert_refused(*state, request, CATALOG_LIMIT);
	request.buckets = (struct shape_native){8, 0, 0, SHAPE_NATIVE_MAX, 0, SHAPE_NATIVE_MAX};
	assert_int_equal(shape_made(*state, request)->part_count, 2 * SHAPE_NATIVE_MAX + 3);
	request.buckets.negative_count++;
	assert_refused(*state, request, CATALOG_LIMIT);

	char names[SHAPE_STATES_MAX + 1][8];
	const char *pointers[SHAPE_STATES_MAX + 1];
	for (uint32_t i = 0; i <= SHAPE_STATES_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "s%u", i);
		pointers[i] = names[i];
	}
	request = states;
	request.states = pointers;
	request.bound_count = SHAPE_STATES_MAX + 1;
	assert_refused(*state, request, CATALOG_LIMIT);
	request.bound_count = SHAPE_STATES_MAX;
	shape_made(*state, request);
	char *endless = malloc(70000);
	memset(endless, 'x', 69999);
	endless[69999] = '\0';
	pointers[0] = endless;
	assert_refused(*state, request, CATALOG_LIMIT);
	free(endless);
}

static void test_shape_table_is_limited_in_shapes_and_in_bytes(void **state)
{
	struct shape_request request = classic;
	const struct shape *first = shape_made(*state, request);
	for (uint32_t i = 1; i < SHAPE_TABLE_SHAPES_MAX; i++) {
		request.bounds = (const double[]){i};
		request.bound_count = 1;
		shape_made(*state, request);
	}
	request.bounds = (const double[]){0.5};
	assert_refused(*state, request, CATALOG_LIMIT);
	assert_ptr_equal(shape_made(*state, classic), first); /* those that exist are found */

	struct catalog *other = catalog_new(10);
	double *many = malloc(SHAPE_BOUNDS_MAX * sizeof(*many));
	enum catalog_conflict conflict = CATALOG_OK;
	const struct shape *shape;
	request.bounds = many;
	request.bound_count = SHAPE_BOUNDS_MAX;
	for (uint32_t round = 0; round < 4096 && !conflict; round++) {
		for (uint32_t i = 0; i < SHAPE_BOUNDS_MAX; i++)
			many[i] = i + round * 0x1p-12;
		conflict = catalog_shape(other, &request, &shape);
	}
	assert_int_equal(conflict, CATALOG_LIMIT);
	assert_true(catalog_bytes(other) > (size_t)60 << 20 && catalog_bytes(other) < (size_t)66 << 20);
	free(many);
	catalog_free(other);
}

static void test_shape_lives_as_long_as_a_snapshot_of_its_catalog(void **state)
{
	(void)state;
	struct catalog *catalog = catalog_new(10);
	struct builder *builder = builder_new(catalog);
	family_ref family;
	series_ref series;
	struct family_request request = {.name = "x", .type = METRIC_SUMMARY};
	assert_int_equal(catalog_family(catalog, &request, &family), CATALOG_OK);
	assert_int_equal(catalog_series(catalog, family, NULL, 0, &series), CATALOG_OK);
	builder_begin(builder);
	builder_merge_composite(
		builder, series,
		&(struct composite){.shape = shape_made(catalog, quantiles), .parts = (const uint64_t[]){0, 0, 0, 0}});
	struct snapshot *snapshot = builder_freeze(builder);
	builder_free(builder);
	catalog_free(catalog);
	assert_string_equal(snapshot_sample(snapshot, 0).composite->shape->bound_text[2], "0.99");
	snapshot_unref(snapshot);
}

#define SHAPE_TEST(name) cmocka_unit_test_setup_teardown(name, catalog_setup, catalog_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHAPE_TEST(test_shape_of_equal_requests_is_one_pointer),
		SHAPE_TEST(test_shape_differs_by_whatever_differs_in_the_request),
		SHAPE_TEST(test_shape_takes_negative_zero_for_zero_and_ignores_what_its_kind_has_no_use_for),
		SHAPE_TEST(test_shape_of_classic_buckets_has_the_texts_of_its_bounds_and_infinity),
		SHAPE_TEST(test_shape_of_native_buckets_tells_where_the_parts_are),
		SHAPE_TEST(test_shape_of_quantiles_and_states_has_their_texts),
		SHAPE_TEST(test_shape_refuses_bounds_and_quantiles_that_are_none),
		SHAPE_TEST(test_shape_refuses_native_buckets_that_no_double_is_in),
		SHAPE_TEST(test_shape_refuses_states_that_are_empty_twice_there_or_not_utf8),
		SHAPE_TEST(test_shape_says_when_a_request_is_beyond_its_limits),
		SHAPE_TEST(test_shape_table_is_limited_in_shapes_and_in_bytes),
		SHAPE_TEST(test_shape_lives_as_long_as_a_snapshot_of_its_catalog),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
