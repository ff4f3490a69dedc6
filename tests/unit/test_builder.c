/* SPDX-License-Identifier: MIT */
/* The builder: how values merge, what a snapshot has of them and in which order, and who retires when. */
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
	family_ref family;
};

static family_ref family_made(struct catalog *catalog, const char *name, enum metric_type type)
{
	family_ref family;
	struct family_request request = {.name = name, .help = "Help.", .type = type};
	assert_int_equal(catalog_family(catalog, &request, &family), CATALOG_OK);
	return family;
}

static int fixture_setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	fixture->catalog = catalog_new(1000000);
	fixture->builder = builder_new(fixture->catalog);
	fixture->family = family_made(fixture->catalog, "x", METRIC_GAUGE);
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

static series_ref series_made(struct catalog *catalog, family_ref family, const char *value)
{
	series_ref series;
	assert_int_equal(catalog_series(catalog, family, &(struct label){"a", value}, 1, &series), CATALOG_OK);
	return series;
}

static struct number u64(uint64_t value)
{
	return (struct number){.type = NUMBER_U64, .u64 = value};
}

static struct number i64(int64_t value)
{
	return (struct number){.type = NUMBER_I64, .i64 = value};
}

static struct number f64(double value)
{
	return (struct number){.type = NUMBER_F64, .f64 = value};
}

/* What two values become in a collection of their own. */
static struct number merged(struct fixture *fixture, enum merge_rule rule, struct number first, struct number second)
{
	builder_begin(fixture->builder);
	series_ref series = series_made(fixture->catalog, fixture->family, "1");
	builder_merge(fixture->builder, series, rule, first, 10);
	builder_merge(fixture->builder, series, rule, second, 5);
	struct snapshot *snapshot = builder_freeze(fixture->builder);
	assert_int_equal(snapshot_sample_count(snapshot), 1);
	struct number number = snapshot_sample(snapshot, 0).number;
	snapshot_unref(snapshot);
	return number;
}

static void assert_number(struct number number, struct number expected)
{
	assert_int_equal(number.type, expected.type);
	assert_int_equal(number.u64, expected.u64);
}

static void test_builder_merges_by_rule_and_keeps_integers(void **state)
{
	assert_number(merged(*state, MERGE_SUM, u64(40), u64(2)), u64(42));
	assert_number(merged(*state, MERGE_SUM, i64(-40), i64(-2)), i64(-42));
	assert_number(merged(*state, MERGE_SUM, f64(0.5), f64(0.25)), f64(0.75));
	assert_number(merged(*state, MERGE_MIN, u64(40), u64(2)), u64(2));
	assert_number(merged(*state, MERGE_MIN, i64(-40), i64(2)), i64(-40));
	assert_number(merged(*state, MERGE_MIN, f64(-1), f64(1)), f64(-1));
	assert_number(merged(*state, MERGE_MAX, u64(2), u64(40)), u64(40));
	assert_number(merged(*state, MERGE_MAX, i64(-40), i64(2)), i64(2));
	assert_number(merged(*state, MERGE_MAX, f64(-1), f64(1)), f64(1));
}

static void test_builder_sums_wrap_at_64_bits(void **state)
{
	assert_number(merged(*state, MERGE_SUM, u64(UINT64_MAX), u64(3)), u64(2));
	assert_number(merged(*state, MERGE_SUM, i64(INT64_MAX), i64(1)), i64(INT64_MIN));
}

static void test_builder_merges_different_types_as_doubles(void **state)
{
	assert_number(merged(*state, MERGE_SUM, u64(1), f64(0.5)), f64(1.5));
	assert_number(merged(*state, MERGE_SUM, i64(-1), u64(2)), f64(1));
	assert_number(merged(*state, MERGE_MIN, i64(-1), u64(2)), f64(-1));
	assert_number(merged(*state, MERGE_MAX, i64(-1), f64(2)), f64(2));
}

static void test_builder_passes_over_nan_in_min_and_max(void **state)
{
	assert_number(merged(*state, MERGE_MIN, f64(NAN), f64(2)), f64(2));
	assert_number(merged(*state, MERGE_MAX, f64(2), f64(NAN)), f64(2));
	assert_true(isnan(merged(*state, MERGE_SUM, f64(2), f64(NAN)).f64));
}

static void test_builder_keeps_the_latest_by_time_under_last(void **state)
{
	struct fixture *fixture = *state;
	assert_number(merged(fixture, MERGE_LAST, u64(1), f64(2)), u64(1));
	/* The time of an earlier collection does not count in this one. */
	builder_begin(fixture->builder);
	series_ref series = series_made(fixture->catalog, fixture->family, "1");
	builder_merge(fixture->builder, series, MERGE_LAST, u64(7), 3);
	builder_merge(fixture->builder, series, MERGE_LAST, u64(8), 3);
	series_ref late = series_made(fixture->catalog, fixture->family, "2");
	builder_merge(fixture->builder, late, MERGE_LAST, u64(9), 1);
	struct snapshot *snapshot = builder_freeze(fixture->builder);
	assert_number(snapshot_sample(snapshot, 0).number, u64(8));
	assert_number(snapshot_sample(snapshot, 1).number, u64(9));
	snapshot_unref(snapshot);
}

static void test_builder_begun_again_forgets_what_was_merged(void **state)
{
	struct fixture *fixture = *state;
	builder_merge(fixture->builder, series_made(fixture->catalog, fixture->family, "1"), MERGE_SUM, u64(1), 0);
	builder_begin(fixture->builder);
	struct snapshot *snapshot = builder_freeze(fixture->builder);
	assert_int_equal(snapshot_sample_count(snapshot), 0);
	assert_int_equal(snapshot_family_count(snapshot), 0);
	snapshot_unref(snapshot);
}

static void test_builder_leaves_out_series_without_a_value(void **state)
{
	struct fixture *fixture = *state;
	family_ref other = family_made(fixture->catalog, "y", METRIC_COUNTER);
	series_ref a = series_made(fixture->catalog, fixture->family, "1");
	series_ref b = series_made(fixture->catalog, fixture->family, "2");
	series_ref c = series_made(fixture->catalog, other, "1");
	static const unsigned masks[] = {7, 5, 5, 2, 7, 3, 6, 0, 7};
	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		unsigned mask = masks[i];
		builder_begin(fixture->builder);
		if (mask & 1)
			builder_merge(fixture->builder, a, MERGE_SUM, u64(1), 0);
		if (mask & 2)
			builder_merge(fixture->builder, b, MERGE_SUM, u64(2), 0);
		if (mask & 4)
			builder_merge(fixture->builder, c, MERGE_SUM, u64(4), 0);
		struct snapshot *snapshot = builder_freeze(fixture->builder);
		uint64_t sum = 0;
		size_t text_bytes = 0;
		for (size_t at = 0; at < snapshot_sample_count(snapshot); at++) {
			struct snapshot_sample sample = snapshot_sample(snapshot, at);
			sum += sample.number.u64;
			text_bytes += sample.text_len;
			assert_int_equal(sample.text[0], sample.number.u64 == 4 ? 'y' : 'x');
			assert_int_equal(sample.name_len, sample.number.u64 == 4 ? strlen("y_total") : 1);
		}
		assert_int_equal(sum, mask);
		assert_int_equal(snapshot_text_bytes(snapshot), text_bytes);
		assert_int_equal(snapshot_family_count(snapshot), ((mask & 3) != 0) + ((mask & 4) != 0));
		snapshot_unref(snapshot);
	}
}

/* Fails unless families and the samples in each ascend and the families cover the samples. */
static void assert_sorted(const struct snapshot *snapshot)
{
	uint32_t covered = 0;
	for (size_t i = 0; i < snapshot_family_count(snapshot); i++) {
		const struct snapshot_family *family = snapshot_family(snapshot, i);
		if (i)
			assert_true(strcmp(snapshot_family(snapshot, i - 1)->name, family->name) < 0);
		assert_int_equal(family->first, covered);
		assert_true(family->count > 0);
		covered += family->count;
		for (uint32_t at = family->first; at < covered; at++) {
			struct snapshot_sample sample = snapshot_sample(snapshot, at);
			assert_memory_equal(sample.text, family->name, strlen(family->name));
			if (at == family->first)
				continue;
			struct snapshot_sample before = snapshot_sample(snapshot, at - 1);
			uint32_t common = before.text_len < sample.text_len ? before.text_len : sample.text_len;
			int order = memcmp(before.text, sample.text, common);
			assert_true(order < 0 || (!order && before.text_len < sample.text_len));
		}
	}
	assert_int_equal(covered, snapshot_sample_count(snapshot));
	struct snapshot_sample *all = calloc(covered + 1, sizeof(*all));
	snapshot_samples(snapshot, 0, covered, all);
	for (uint32_t at = 0; at < covered; at++) {
		struct snapshot_sample one = snapshot_sample(snapshot, at);
		assert_ptr_equal(all[at].text, one.text);
		assert_int_equal(all[at].text_len, one.text_len);
		assert_int_equal(all[at].name_len, one.name_len);
		assert_int_equal(all[at].number.u64, one.number.u64);
	}
	free(all);
}

static void test_builder_keeps_families_and_samples_sorted_as_they_come_and_go(void **state)
{
	struct fixture *fixture = *state;
	unsigned seed = (unsigned)time(NULL);
	print_message("seed %u\n", seed);
	builder_set_retire_after(fixture->builder, 2);
	for (int round = 0; round < 60; round++) {
		builder_begin(fixture->builder);
		unsigned count = rand_r(&seed) % 200;
		for (unsigned i = 0; i < count; i++) {
			char name[32], value[32];
			/* "x" without label sorts before "x_1", though '{' is a greater byte than '_'. */
			snprintf(name, sizeof(name), i % 3 ? "x_%u" : "x", rand_r(&seed) % 12);
			snprintf(value, sizeof(value), "%u", rand_r(&seed) % 100);
			struct family_request request = {.name = name, .help = "Help.", .type = METRIC_GAUGE};
			struct label label = {"a", i % 7 ? value : ""};
			assert_int_equal(builder_sample(fixture->builder, &request, &label, 1, u64(1)), CATALOG_OK);
		}
		struct snapshot *snapshot = builder_freeze(fixture->builder);
		assert_sorted(snapshot);
		uint64_t sum = 0;
		for (size_t at = 0; at < snapshot_sample_count(snapshot); at++)
			sum += snapshot_sample(snapshot, at).number.u64;
		assert_int_equal(sum, count);
		snapshot_unref(snapshot);
	}
}

static void collect_empty(struct fixture *fixture, unsigned collections)
{
	while (collections--) {
		builder_begin(fixture->builder);
		snapshot_unref(builder_freeze(fixture->builder));
	}
}

static void test_builder_retires_series_and_then_families_without_values(void **state)
{
	struct fixture *fixture = *state;
	builder_set_retire_after(fixture->builder, 3);
	series_made(fixture->catalog, fixture->family, "1");
	uint64_t generation = catalog_generation(fixture->catalog);
	collect_empty(fixture, 2);
	assert_int_equal(catalog_series_count(fixture->catalog), 1);
	assert_int_equal(catalog_generation(fixture->catalog), generation);
	collect_empty(fixture, 1);
	assert_int_equal(catalog_series_count(fixture->catalog), 0);
	assert_int_equal(catalog_family_count(fixture->catalog), 1);
	assert_true(catalog_generation(fixture->catalog) > generation);
	generation = catalog_generation(fixture->catalog);
	collect_empty(fixture, 4);
	assert_int_equal(catalog_family_count(fixture->catalog), 0);
	assert_true(catalog_generation(fixture->catalog) > generation);
	/* The name is free for another type now. */
	family_ref family = family_made(fixture->catalog, "x", METRIC_COUNTER);
	series_made(fixture->catalog, family, "1");
}

static void test_builder_keeps_series_that_are_mentioned_now_and_then(void **state)
{
	struct fixture *fixture = *state;
	builder_set_retire_after(fixture->builder, 3);
	series_ref series = series_made(fixture->catalog, fixture->family, "1");
	for (int i = 0; i < 20; i++) {
		builder_begin(fixture->builder);
		builder_merge(fixture->builder, series, MERGE_SUM, u64(1), 0);
		snapshot_unref(builder_freeze(fixture->builder));
		collect_empty(fixture, 2);
	}
	assert_int_equal(catalog_generation(fixture->catalog), 0);
	builder_set_retire_after(fixture->builder, 0);
	collect_empty(fixture, 300);
	assert_int_equal(catalog_series_count(fixture->catalog), 1);
}

static void test_builder_leaves_old_snapshots_their_texts_when_series_retire(void **state)
{
	struct fixture *fixture = *state;
	builder_set_retire_after(fixture->builder, 1);
	builder_merge(fixture->builder, series_made(fixture->catalog, fixture->family, "old"), MERGE_SUM, u64(1), 0);
	struct snapshot *old = builder_freeze(fixture->builder);
	collect_empty(fixture, 10);
	assert_int_equal(catalog_family_count(fixture->catalog), 0);
	/* Neither reference nor bytes may be used again while the old snapshot lives. */
	fixture->family = family_made(fixture->catalog, "y", METRIC_GAUGE);
	builder_begin(fixture->builder);
	for (char value[] = "n00"; value[1] <= '9'; value[1]++)
		builder_merge(fixture->builder, series_made(fixture->catalog, fixture->family, value), MERGE_SUM,
			      u64(2), 0);
	struct snapshot *new = builder_freeze(fixture->builder);
	struct snapshot_sample sample = snapshot_sample(old, 0);
	assert_int_equal(sample.text_len, strlen("x{a=\"old\"}"));
	assert_memory_equal(sample.text, "x{a=\"old\"}", sample.text_len);
	assert_string_equal(snapshot_family(old, 0)->name, "x");
	assert_string_equal(snapshot_family(old, 0)->help, "Help.");
	assert_number(sample.number, u64(1));
	snapshot_unref(old);
	snapshot_unref(new);
}

static void test_builder_memory_is_bounded_under_churn(void **state)
{
	struct fixture *fixture = *state;
	builder_set_retire_after(fixture->builder, 2);
	size_t bytes_early = 0;
	for (unsigned round = 0; round < 400; round++) {
		builder_begin(fixture->builder);
		fixture->family = family_made(fixture->catalog, "x", METRIC_GAUGE);
		/* Each round leaves one that stays, so that no chunk of texts is ever empty. */
		for (unsigned i = 0; i <= round; i++) {
			char value[64];
			snprintf(value, sizeof(value), "stays %u", i);
			builder_merge(fixture->builder, series_made(fixture->catalog, fixture->family, value),
				      MERGE_SUM, u64(1), 0);
		}
		for (unsigned i = 0; i < 500; i++) {
			char value[64];
			snprintf(value, sizeof(value), "%u-%u-%.*s", round, i, (int)(i % 30),
				 "padding of different lengths, to move things");
			builder_merge(fixture->builder, series_made(fixture->catalog, fixture->family, value),
				      MERGE_SUM, u64(i), 0);
		}
		struct snapshot *snapshot = builder_freeze(fixture->builder);
		assert_int_equal(snapshot_sample_count(snapshot), 501 + round);
		snapshot_unref(snapshot);
		if (round == 20)
			bytes_early = catalog_bytes(fixture->catalog);
	}
	assert_true(catalog_series_count(fixture->catalog) <= 400 + 4 * 501);
	assert_true(catalog_bytes(fixture->catalog) <= bytes_early + bytes_early / 4);
}

static void collect_burst(struct fixture *fixture)
{
	builder_begin(fixture->builder);
	fixture->family = family_made(fixture->catalog, "x", METRIC_GAUGE);
	for (unsigned i = 0; i < 50000; i++) {
		char value[64];
		snprintf(value, sizeof(value), "%050u", i);
		builder_merge(fixture->builder, series_made(fixture->catalog, fixture->family, value), MERGE_SUM,
			      u64(i), 0);
	}
	snapshot_unref(builder_freeze(fixture->builder));
}

static void test_builder_gives_memory_back_after_a_burst_and_takes_another(void **state)
{
	struct fixture *fixture = *state;
	builder_set_retire_after(fixture->builder, 1);
	collect_burst(fixture);
	size_t bytes_full = catalog_bytes(fixture->catalog);
	collect_empty(fixture, 5);
	assert_true(catalog_bytes(fixture->catalog) < bytes_full / 2);
	collect_burst(fixture);
	assert_int_equal(catalog_bytes(fixture->catalog), bytes_full);
}

static void test_builder_sample_counts_what_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct family_request request = {.name = "x", .help = "Help.", .type = METRIC_COUNTER};
	assert_int_equal(builder_sample(fixture->builder, &request, NULL, 0, u64(1)), CATALOG_CONFLICT_TYPE);
	request.type = METRIC_GAUGE;
	request.help = "Other.";
	assert_int_equal(builder_sample(fixture->builder, &request, NULL, 0, u64(1)), CATALOG_CONFLICT_HELP);
	request.help = "Help.";
	assert_int_equal(builder_sample(fixture->builder, &request, NULL, 0, u64(1)), CATALOG_OK);
	struct label bad = {"a b", "v"};
	assert_int_equal(builder_sample(fixture->builder, &request, &bad, 1, u64(1)), CATALOG_CONFLICT_LABELS);
	assert_int_equal(builder_conflicts(fixture->builder, CATALOG_CONFLICT_TYPE), 1);
	assert_int_equal(builder_conflicts(fixture->builder, CATALOG_CONFLICT_HELP), 1);
	assert_int_equal(builder_conflicts(fixture->builder, CATALOG_CONFLICT_LABELS), 1);
	assert_int_equal(builder_conflicts(fixture->builder, CATALOG_OK), 0);
	struct snapshot *snapshot = builder_freeze(fixture->builder);
	assert_int_equal(snapshot_sample_count(snapshot), 1);
	assert_number(snapshot_sample(snapshot, 0).number, u64(2));
	snapshot_unref(snapshot);
}

#define BUILDER_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BUILDER_TEST(test_builder_merges_by_rule_and_keeps_integers),
		BUILDER_TEST(test_builder_sums_wrap_at_64_bits),
		BUILDER_TEST(test_builder_merges_different_types_as_doubles),
		BUILDER_TEST(test_builder_passes_over_nan_in_min_and_max),
		BUILDER_TEST(test_builder_keeps_the_latest_by_time_under_last),
		BUILDER_TEST(test_builder_begun_again_forgets_what_was_merged),
		BUILDER_TEST(test_builder_leaves_out_series_without_a_value),
		BUILDER_TEST(test_builder_keeps_families_and_samples_sorted_as_they_come_and_go),
		BUILDER_TEST(test_builder_retires_series_and_then_families_without_values),
		BUILDER_TEST(test_builder_keeps_series_that_are_mentioned_now_and_then),
		BUILDER_TEST(test_builder_leaves_old_snapshots_their_texts_when_series_retire),
		BUILDER_TEST(test_builder_memory_is_bounded_under_churn),
		BUILDER_TEST(test_builder_gives_memory_back_after_a_burst_and_takes_another),
		BUILDER_TEST(test_builder_sample_counts_what_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
