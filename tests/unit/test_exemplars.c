/* SPDX-License-Identifier: MIT */
/* Exemplars: which of those that a collection brings a snapshot has, and where. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "snapshot/builder.h"
#include "snapshot/snapshot.h"

struct fixture {
	struct catalog *catalog;
	struct builder *builder;
	const struct shape *buckets; /* bounds 1 and 2 */
	const struct shape *native;
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

static void merge_buckets(struct fixture *fixture, series_ref series, const uint64_t *parts, struct number sum)
{
	builder_merge_composite(
		fixture->builder, series,
		&(struct composite){.shape = fixture->buckets, .parts = parts, .sum = sum, .has_sum = true});
}

static void exemplar(struct fixture *fixture, series_ref series, uint32_t part, const char *labels, double value,
		     int64_t time_ns)
{
	builder_exemplar(fixture->builder, series, part, labels, strlen(labels), value, time_ns);
}

static void assert_exemplar(const struct exemplar *found, uint32_t part, const char *labels, double value)
{
	assert_int_equal(found->part, part);
	assert_int_equal(found->labels_len, strlen(labels));
	assert_memory_equal(found->labels, labels, strlen(labels));
	assert_true(found->value == value);
}

static void test_exemplars_come_by_part_with_the_newest_of_each(void **state)
{
	struct fixture *fixture = *state;
	series_ref histogram = series_made(fixture, "h", METRIC_HISTOGRAM, "1");
	series_ref other = series_made(fixture, "h", METRIC_HISTOGRAM, "2");
	series_ref counter = series_made(fixture, "c", METRIC_COUNTER, "1");
	const uint64_t parts[] = {1, 1, 1};
	exemplar(fixture, counter, 0, "t=\"old\"", 7, 10);
	exemplar(fixture, histogram, 2, "t=\"inf\"", 9, 5);
	exemplar(fixture, histogram, 0, "t=\"new\"", 1, 30);
	exemplar(fixture, histogram, 0, "t=\"older\"", 0.5, 20);
	exemplar(fixture, counter, 0, "t=\"a\"", 8, 11);
	exemplar(fixture, counter, 0, "", 9, 11); /* of equal times the later call */
	merge_buckets(fixture, histogram, parts, u64(1));
	merge_buckets(fixture, other, parts, u64(1));
	builder_merge(fixture->builder, counter, MERGE_SUM, u64(3), 0);
	struct snapshot *snapshot = builder_freeze(fixture->builder);
	struct snapshot_sample sample = snapshot_sample(snapshot, 0);
	assert_int_equal(sample.number.u64, 3);
	assert_null(sample.composite);
	assert_int_equal(sample.exemplar_count, 1);
	assert_exemplar(&sample.exemplars[0], 0, "", 9);
	assert_int_equal(sample.exemplars[0].time_ns, 11);
	sample = snapshot_sample(snapshot, 1);
	assert_int_equal(sample.exemplar_count, 2);
	assert_exemplar(&sample.exemplars[0], 0, "t=\"new\"", 1);
	assert_exemplar(&sample.exemplars[1], 2, "t=\"inf\"", 9);
	sample = snapshot_sample(snapshot, 2);
	assert_int_equal(sample.exemplar_count, 0);
	assert_null(sample.exemplars);
	assert_non_null(sample.composite);
	snapshot_unref(snapshot);
	/* They belong to their collection. */
	builder_begin(fixture->builder);
	builder_merge(fixture->builder, counter, MERGE_SUM, u64(3), 0);
	snapshot = builder_freeze(fixture->builder);
	assert_int_equal(snapshot_sample(snapshot, 0).exemplar_count, 0);
	snapshot_unref(snapshot);
}

static void test_exemplars_that_no_format_allows_are_dropped_and_counted(void **state)
{
	struct fixture *fixture = *state;
	series_ref histogram = series_made(fixture, "h", METRIC_HISTOGRAM, "1");
	series_ref native = series_made(fixture, "h", METRIC_HISTOGRAM, "2");
	series_ref absent = series_made(fixture, "h", METRIC_HISTOGRAM, "3");
	series_ref counter = series_made(fixture, "c", METRIC_COUNTER, "1");
	const uint64_t parts[] = {1, 1, 1, 1, 1};
	char labels[5000];
	memset(labels, 'x', sizeof(labels));
	merge_buckets(fixture, histogram, parts, u64(1));
	builder_merge_composite(fixture->builder, native,
				&(struct composite){.shape = fixture->native, .parts = parts});
	builder_merge(fixture->builder, counter, MERGE_SUM, u64(3), 0);
	exemplar(fixture, histogram, 0, "", 1.5, 1); /* (-Inf, 1] */
	exemplar(fixture, histogram, 1, "", 1, 1);   /* (1, 2] */
	exemplar(fixture, histogram, 2, "", 2, 1);   /* (2, +Inf] */
	exemplar(fixture, histogram, 1, "", NAN, 1);
	exemplar(fixture, histogram, 3, "", 9, 1);
	exemplar(fixture, native, 1, "", 9, 1);
	exemplar(fixture, counter, 1, "", 9, 1);
	builder_exemplar(fixture->builder, counter, 0, labels, sizeof(labels), 1, 1);
	exemplar(fixture, absent, 0, "", 1, 1); /* not counted: nothing is wrong with it */
	exemplar(fixture, histogram, 1, "t=\"1\"", 2, 0);
	exemplar(fixture, native, 0, "t=\"2\"", 5, 0);
	struct snapshot *snapshot = builder_freeze(fixture->builder);
	assert_int_equal(snapshot_sample_count(snapshot), 3);
	assert_int_equal(snapshot_sample(snapshot, 0).exemplar_count, 0);
	assert_int_equal(snapshot_sample(snapshot, 1).exemplar_count, 1);
	assert_exemplar(snapshot_sample(snapshot, 1).exemplars, 1, "t=\"1\"", 2);
	assert_int_equal(snapshot_sample(snapshot, 2).exemplar_count, 1);
	assert_int_equal(builder_conflicts(fixture->builder, CATALOG_CONFLICT_SHAPE), 7);
	assert_int_equal(builder_conflicts(fixture->builder, CATALOG_LIMIT), 1);
	snapshot_unref(snapshot);
}

static void test_exemplars_of_many_series_in_any_order_find_their_samples(void **state)
{
	enum { SERIES = 500 };
	struct fixture *fixture = *state;
	unsigned seed = (unsigned)time(NULL);
	print_message("seed %u\n", seed);
	series_ref refs[SERIES];
	char value[16];
	for (unsigned i = 0; i < SERIES; i++) {
		snprintf(value, sizeof(value), "%03u", i);
		refs[i] =
			series_made(fixture, i % 2 ? "odd" : "even", i % 2 ? METRIC_HISTOGRAM : METRIC_COUNTER, value);
		if (i % 2)
			merge_buckets(fixture, refs[i], (uint64_t[]){1, 2, 3}, u64(i));
		else
			builder_merge(fixture->builder, refs[i], MERGE_SUM, u64(i), 0);
	}
	for (unsigned i = 0; i < 20 * SERIES; i++) {
		unsigned which = (unsigned)rand_r(&seed) % SERIES;
		if (which % 3 == 0)
			continue;
		snprintf(value, sizeof(value), "n=\"%u\"", which);
		exemplar(fixture, refs[which], which % 2 ? 2 : 0, value, i + 3.0, i);
		if (which % 2)
			exemplar(fixture, refs[which], 1, value, 1.5, i);
	}
	struct snapshot *snapshot = builder_freeze(fixture->builder);
	assert_int_equal(builder_conflicts(fixture->builder, CATALOG_CONFLICT_SHAPE), 0);
	for (size_t at = 0; at < SERIES; at++) {
		struct snapshot_sample sample = snapshot_sample(snapshot, at);
		unsigned which = at < SERIES / 2 ? 2 * (unsigned)at : 2 * (unsigned)(at - SERIES / 2) + 1;
		snprintf(value, sizeof(value), "n=\"%u\"", which);
		assert_int_equal(sample.exemplar_count, which % 3 == 0 ? 0 : which % 2 ? 2 : 1);
		for (uint32_t i = 0; i < sample.exemplar_count; i++)
			assert_exemplar(&sample.exemplars[i], which % 2 ? i + 1 : 0, value, sample.exemplars[i].value);
		assert_int_equal(which % 2 ? sample.composite->sum.u64 : sample.number.u64, which);
	}
	snapshot_unref(snapshot);
}

#define EXEMPLAR_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EXEMPLAR_TEST(test_exemplars_come_by_part_with_the_newest_of_each),
		EXEMPLAR_TEST(test_exemplars_that_no_format_allows_are_dropped_and_counted),
		EXEMPLAR_TEST(test_exemplars_of_many_series_in_any_order_find_their_samples),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
