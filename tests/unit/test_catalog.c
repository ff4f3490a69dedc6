/* SPDX-License-Identifier: MIT */
/* The catalog: what one series is, and which families fit together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "snapshot/catalog_private.h"

static int catalog_setup(void **state)
{
	*state = catalog_new(100000);
	return *state ? 0 : -1;
}

static int catalog_teardown(void **state)
{
	catalog_free(*state);
	return 0;
}

static enum catalog_conflict ask(struct catalog *catalog, const char *name, enum metric_type type, family_ref *family)
{
	return catalog_family(catalog, &(struct family_request){.name = name, .help = "Help.", .type = type}, family);
}

static family_ref family_made(struct catalog *catalog, const char *name, enum metric_type type)
{
	family_ref family;
	assert_int_equal(ask(catalog, name, type, &family), CATALOG_OK);
	return family;
}

static series_ref series_made(struct catalog *catalog, family_ref family, const struct label *labels, size_t count)
{
	series_ref series;
	assert_int_equal(catalog_series(catalog, family, labels, count, &series), CATALOG_OK);
	return series;
}

static void assert_text(struct catalog *catalog, series_ref series, const char *expected)
{
	const struct store_entry *entry = store_entry(catalog->store, series);
	assert_int_equal(entry->text_len, strlen(expected));
	assert_memory_equal(entry->text, expected, strlen(expected));
}

static void test_catalog_finds_a_series_whatever_the_order_of_its_labels(void **state)
{
	family_ref family = family_made(*state, "x", METRIC_GAUGE);
	series_ref a = series_made(*state, family, (struct label[]){{"b", "2"}, {"a", "1"}, {"c", "3"}}, 3);
	series_ref b = series_made(*state, family, (struct label[]){{"c", "3"}, {"b", "2"}, {"a", "1"}}, 3);
	series_ref other = series_made(*state, family, (struct label[]){{"c", "3"}, {"b", "1"}, {"a", "2"}}, 3);
	assert_int_equal(a, b);
	assert_int_not_equal(a, other);
	assert_int_equal(catalog_series_count(*state), 2);
	assert_text(*state, a, "x{a=\"1\",b=\"2\",c=\"3\"}");
}

static void test_catalog_leaves_out_empty_values_and_empty_braces(void **state)
{
	family_ref family = family_made(*state, "x", METRIC_GAUGE);
	series_ref bare = series_made(*state, family, NULL, 0);
	assert_int_equal(series_made(*state, family, (struct label[]){{"a", ""}}, 1), bare);
	assert_text(*state, bare, "x");
	assert_text(*state, series_made(*state, family, (struct label[]){{"a", ""}, {"b", "1"}}, 2), "x{b=\"1\"}");
}

static void test_catalog_escapes_values(void **state)
{
	family_ref family = family_made(*state, "x", METRIC_COUNTER);
	series_ref series = series_made(*state, family, (struct label[]){{"a", "q\"b\\n\n\x01\xc3\xa9"}}, 1);
	assert_text(*state, series, "x_total{a=\"q\\\"b\\\\n\\n\x01\xc3\xa9\"}");
}

static void test_catalog_takes_the_first_of_labels_with_the_same_name(void **state)
{
	family_ref family = family_made(*state, "x", METRIC_GAUGE);
	struct label labels[] = {{"service", "agent's"}, {"a", "1"}, {"service", "segment's"}, {"a", "2"}};
	assert_text(*state, series_made(*state, family, labels, 4), "x{a=\"1\",service=\"agent's\"}");
	/* An empty value in front counts as well: the agent's word is "no such label". */
	struct label emptied[] = {{"service", ""}, {"service", "segment's"}};
	assert_text(*state, series_made(*state, family, emptied, 2), "x");
}

static void test_catalog_refuses_label_names_that_break_the_rules(void **state)
{
	static const char *const names[] = {"", "1a", "a-b", "a\"", "a\n", "a:b", "\xc3\xa9"};
	family_ref family = family_made(*state, "x", METRIC_GAUGE);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		series_ref series = 77;
		assert_int_equal(catalog_series(*state, family, &(struct label){names[i], "v"}, 1, &series),
				 CATALOG_CONFLICT_LABELS);
		assert_int_equal(series, 77);
	}
	assert_int_equal(catalog_series_count(*state), 0);
}

static void test_catalog_refuses_metric_names_that_break_the_rules(void **state)
{
	static const char *const names[] = {"", "1a", "a-b", "a b", "a\n", "a{", "\xc3\xa9"};
	family_ref family = 77;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(ask(*state, names[i], METRIC_GAUGE, &family), CATALOG_CONFLICT_NAME);
	char *longest = malloc(METRIC_NAME_BYTES_MAX + 2);
	memset(longest, 'a', METRIC_NAME_BYTES_MAX + 1);
	longest[METRIC_NAME_BYTES_MAX + 1] = '\0';
	assert_int_equal(ask(*state, longest, METRIC_COUNTER, &family), CATALOG_CONFLICT_NAME);
	assert_int_equal(family, 77);
	assert_int_equal(ask(*state, longest + 1, METRIC_COUNTER, &family), CATALOG_OK);
	series_made(*state, family, NULL, 0);
	free(longest);
}

static void test_catalog_lets_the_first_family_win(void **state)
{
	static const char *const ab[] = {"a", "b"}, *const ba[] = {"b", "a"}, *const a[] = {"a"};
	const struct family_request first = {"x_seconds", "Help.", "seconds", METRIC_GAUGE, ab, 2, false};
	struct family_request request = first;
	family_ref family, again;
	assert_int_equal(catalog_family(*state, &first, &family), CATALOG_OK);

	request.label_names = ba;
	assert_int_equal(catalog_family(*state, &request, &again), CATALOG_OK);
	assert_int_equal(again, family);

	again = 77;
	request.label_names = a;
	request.label_count = 1;
	assert_int_equal(catalog_family(*state, &request, &again), CATALOG_CONFLICT_LABELS);
	request = first;
	request.type = METRIC_COUNTER;
	assert_int_equal(catalog_family(*state, &request, &again), CATALOG_CONFLICT_TYPE);
	request.type = METRIC_UNKNOWN;
	assert_int_equal(catalog_family(*state, &request, &again), CATALOG_CONFLICT_TYPE);
	request = first;
	request.unit = NULL;
	assert_int_equal(catalog_family(*state, &request, &again), CATALOG_CONFLICT_UNIT);
	assert_int_equal(again, 77);
	assert_int_equal(catalog_family_count(*state), 1);
}

static void test_catalog_refuses_another_help_text_but_not_its_series(void **state)
{
	family_ref family = family_made(*state, "x", METRIC_GAUGE), again = 77;
	struct family_request request = {.name = "x", .help = "Other.", .type = METRIC_GAUGE};
	assert_int_equal(catalog_family(*state, &request, &again), CATALOG_CONFLICT_HELP);
	assert_int_equal(again, family);
	request.type = METRIC_COUNTER;
	again = 77;
	assert_int_equal(catalog_family(*state, &request, &again), CATALOG_CONFLICT_TYPE);
	assert_int_equal(again, 77);
}

static void test_catalog_compares_label_names_only_where_both_sides_have_them(void **state)
{
	static const char *const names[] = {"a"};
	family_ref family = family_made(*state, "x", METRIC_GAUGE), again;
	struct family_request request = {.name = "x", .help = "Help.", .type = METRIC_GAUGE, .label_names = names};
	request.label_count = 1;
	assert_int_equal(catalog_family(*state, &request, &again), CATALOG_OK);
	assert_int_equal(again, family);
}

static void test_catalog_refuses_names_that_clash_through_a_suffix(void **state)
{
	family_ref family = 77;
	family_made(*state, "a", METRIC_COUNTER);
	assert_int_equal(ask(*state, "a_total", METRIC_GAUGE, &family), CATALOG_CONFLICT_NAME);
	assert_int_equal(ask(*state, "a_total", METRIC_COUNTER, &family), CATALOG_CONFLICT_NAME);
	assert_int_equal(ask(*state, "a_created", METRIC_GAUGE, &family), CATALOG_CONFLICT_NAME);
	family_made(*state, "b_total", METRIC_GAUGE);
	assert_int_equal(ask(*state, "b", METRIC_COUNTER, &family), CATALOG_CONFLICT_NAME);
	assert_int_equal(family, 77);
	/* A gauge takes no suffixed name. */
	family_made(*state, "b", METRIC_GAUGE);
	family_made(*state, "b_created", METRIC_GAUGE);
}

static void test_catalog_names_series_by_the_type_of_their_family(void **state)
{
	static const struct {
		enum metric_type type;
		const char *text;
	} cases[] = {{METRIC_UNKNOWN, "a{l=\"1\"}"},         {METRIC_GAUGE, "b{l=\"1\"}"},
		     {METRIC_COUNTER, "c_total{l=\"1\"}"},   {METRIC_HISTOGRAM, "d{l=\"1\"}"},
		     {METRIC_GAUGE_HISTOGRAM, "e{l=\"1\"}"}, {METRIC_SUMMARY, "f{l=\"1\"}"},
		     {METRIC_INFO, "g_info{l=\"1\"}"},       {METRIC_STATE_SET, "h{l=\"1\"}"}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char name[] = {cases[i].text[0], '\0'};
		family_ref family = family_made(*state, name, cases[i].type);
		assert_text(*state, series_made(*state, family, &(struct label){"l", "1"}, 1), cases[i].text);
	}
}

/* Two families that cannot both be there, and those of which one's suffix means nothing to the other. */
struct name_pair {
	enum metric_type type;
	const char *name;
	enum metric_type other_type;
	const char *other_name;
};
static const struct name_pair clashes[] = {
	{METRIC_COUNTER, "x", METRIC_GAUGE, "x_total"},
	{METRIC_COUNTER, "x", METRIC_COUNTER, "x_created"},
	{METRIC_INFO, "x", METRIC_GAUGE, "x_info"},
	{METRIC_INFO, "x", METRIC_INFO, "x_info"},
	{METRIC_HISTOGRAM, "x", METRIC_GAUGE, "x_count"},
	{METRIC_HISTOGRAM, "x", METRIC_UNKNOWN, "x_sum"},
	{METRIC_HISTOGRAM, "x", METRIC_HISTOGRAM, "x_bucket"},
	{METRIC_HISTOGRAM, "x", METRIC_STATE_SET, "x_created"},
	{METRIC_GAUGE_HISTOGRAM, "x", METRIC_GAUGE, "x_gcount"},
	{METRIC_GAUGE_HISTOGRAM, "x", METRIC_GAUGE, "x_gsum"},
	{METRIC_GAUGE_HISTOGRAM, "x", METRIC_SUMMARY, "x_bucket"},
	{METRIC_SUMMARY, "x", METRIC_GAUGE, "x_count"},
	{METRIC_SUMMARY, "x", METRIC_COUNTER, "x_sum"},
	{METRIC_SUMMARY, "x", METRIC_GAUGE, "x_created"},
};
static const struct name_pair pairs[] = {
	{METRIC_GAUGE, "x", METRIC_GAUGE, "x_created"},
	{METRIC_GAUGE, "x", METRIC_GAUGE, "x_total"},
	{METRIC_UNKNOWN, "x", METRIC_GAUGE, "x_count"},
	{METRIC_STATE_SET, "x", METRIC_GAUGE, "x_info"},
	{METRIC_COUNTER, "x", METRIC_GAUGE, "x_count"},
	{METRIC_COUNTER, "x", METRIC_COUNTER, "x_bucket"},
	{METRIC_INFO, "x", METRIC_GAUGE, "x_created"},
	{METRIC_INFO, "x", METRIC_COUNTER, "x_total"},
	{METRIC_HISTOGRAM, "x", METRIC_GAUGE, "x_total"},
	{METRIC_HISTOGRAM, "x", METRIC_GAUGE, "x_gcount"},
	{METRIC_GAUGE_HISTOGRAM, "x", METRIC_GAUGE, "x_count"},
	{METRIC_GAUGE_HISTOGRAM, "x", METRIC_GAUGE, "x_created"},
	{METRIC_SUMMARY, "x", METRIC_GAUGE, "x_bucket"},
	{METRIC_SUMMARY, "x", METRIC_SUMMARY, "x_quantile"},
	{METRIC_HISTOGRAM, "x", METRIC_GAUGE, "xy_count"},
	{METRIC_HISTOGRAM, "xx", METRIC_GAUGE, "x_count"},
	/* Host metrics that end like samples of other types. */
	{METRIC_GAUGE, "node_uname_info", METRIC_GAUGE, "node_uname"},
	{METRIC_COUNTER, "node_timex_pps_error", METRIC_GAUGE, "node_timex_pps_error_count"},
	{METRIC_GAUGE, "node_md_disks", METRIC_GAUGE, "node_md_disks_required"},
};

/* Asks for both families in a catalog of their own; says what becomes of the second one. */
static enum catalog_conflict ask_both(enum metric_type type, const char *name, enum metric_type other_type,
				      const char *other_name)
{
	struct catalog *catalog = catalog_new(10);
	family_ref family = 77;
	family_made(catalog, name, type);
	enum catalog_conflict conflict = ask(catalog, other_name, other_type, &family);
	assert_int_equal(family == 77, conflict != CATALOG_OK);
	assert_int_equal(catalog_family_count(catalog), conflict ? 1 : 2);
	catalog_free(catalog);
	return conflict;
}

static void test_catalog_refuses_a_family_whose_samples_have_a_name_that_is_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(clashes) / sizeof(clashes[0]); i++) {
		const struct name_pair *pair = &clashes[i];
		assert_int_equal(ask_both(pair->type, pair->name, pair->other_type, pair->other_name),
				 CATALOG_CONFLICT_NAME);
		assert_int_equal(ask_both(pair->other_type, pair->other_name, pair->type, pair->name),
				 CATALOG_CONFLICT_NAME);
	}
}

static void test_catalog_takes_names_that_only_look_like_those_of_samples(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const struct name_pair *pair = &pairs[i];
		assert_int_equal(ask_both(pair->type, pair->name, pair->other_type, pair->other_name), CATALOG_OK);
		assert_int_equal(ask_both(pair->other_type, pair->other_name, pair->type, pair->name), CATALOG_OK);
	}
}

static void test_catalog_refuses_samples_that_two_families_would_have(void **state)
{
	family_ref family = 77;
	/* No family is named x_count_total: both have only samples of this name. */
	family_made(*state, "x_count", METRIC_COUNTER);
	assert_int_equal(ask(*state, "x", METRIC_SUMMARY, &family), CATALOG_CONFLICT_NAME);
	family_made(*state, "y", METRIC_HISTOGRAM);
	assert_int_equal(ask(*state, "y_count", METRIC_COUNTER, &family), CATALOG_CONFLICT_NAME);
	assert_int_equal(family, 77);
}

static void test_catalog_keeps_labels_that_samples_need_for_themselves(void **state)
{
	static const struct {
		enum metric_type type;
		const char *label;
		bool refused;
	} cases[] = {{METRIC_HISTOGRAM, "le", true},      {METRIC_GAUGE_HISTOGRAM, "le", true},
		     {METRIC_SUMMARY, "quantile", true},  {METRIC_STATE_SET, "x", true},
		     {METRIC_SUMMARY, "le", false},       {METRIC_HISTOGRAM, "quantile", false},
		     {METRIC_HISTOGRAM, "x", false},      {METRIC_GAUGE, "le", false},
		     {METRIC_UNKNOWN, "quantile", false}, {METRIC_STATE_SET, "xx", false}};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct catalog *catalog = catalog_new(10);
		family_ref family = 77;
		series_ref series;
		struct family_request request = {.name = "x",
						 .type = cases[i].type,
						 .label_names = (const char *[]){"a", cases[i].label},
						 .label_count = 2};
		assert_int_equal(catalog_family(catalog, &request, &family),
				 cases[i].refused ? CATALOG_CONFLICT_LABELS : CATALOG_OK);
		request.label_names = NULL;
		assert_int_equal(catalog_family(catalog, &request, &family), CATALOG_OK);
		assert_int_equal(catalog_series(catalog, family, &(struct label){cases[i].label, "1"}, 1, &series),
				 cases[i].refused ? CATALOG_CONFLICT_LABELS : CATALOG_OK);
		assert_int_equal(catalog_series_count(catalog), !cases[i].refused);
		catalog_free(catalog);
	}
}

static void test_catalog_refuses_a_state_set_whose_name_cannot_be_a_label(void **state)
{
	family_ref family;
	assert_int_equal(ask(*state, "a:b", METRIC_STATE_SET, &family), CATALOG_CONFLICT_NAME);
	assert_int_equal(ask(*state, "a:b", METRIC_HISTOGRAM, &family), CATALOG_OK);
}

static void test_catalog_takes_the_longest_name_of_every_type(void **state)
{
	static const enum metric_type types[] = {METRIC_COUNTER, METRIC_HISTOGRAM, METRIC_GAUGE_HISTOGRAM,
						 METRIC_SUMMARY, METRIC_INFO,      METRIC_STATE_SET};
	char name[METRIC_NAME_BYTES_MAX + 1];
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		memset(name, 'a' + (int)i, METRIC_NAME_BYTES_MAX);
		name[METRIC_NAME_BYTES_MAX] = '\0';
		series_made(*state, family_made(*state, name, types[i]), NULL, 0);
	}
}

static void test_catalog_keeps_the_earliest_time_of_creation(void **state)
{
	family_ref family = family_made(*state, "x", METRIC_COUNTER);
	series_ref series = series_made(*state, family, NULL, 0);
	const struct store_entry *entry = store_entry(((struct catalog *)*state)->store, series);
	assert_int_equal(entry->created_ns, 0);
	catalog_series_created(*state, series, 500);
	catalog_series_created(*state, series, 700);
	assert_int_equal(entry->created_ns, 500);
	catalog_series_created(*state, series, 0); /* says nothing */
	assert_int_equal(entry->created_ns, 500);
	catalog_series_created(*state, series, 300);
	assert_int_equal(entry->created_ns, 300);
}

static void test_catalog_keeps_families_apart_whose_names_begin_alike(void **state)
{
	family_ref a = family_made(*state, "a", METRIC_GAUGE);
	family_ref ab = family_made(*state, "ab", METRIC_GAUGE);
	assert_int_not_equal(a, ab);
	assert_int_equal(family_made(*state, "a", METRIC_GAUGE), a);
	assert_int_not_equal(series_made(*state, a, NULL, 0), series_made(*state, ab, NULL, 0));
}

static void test_catalog_says_when_its_limits_are_reached(void **state)
{
	(void)state;
	struct catalog *small = catalog_new(2);
	family_ref family = family_made(small, "x", METRIC_GAUGE);
	series_ref first = series_made(small, family, &(struct label){"a", "1"}, 1), series = 77;
	series_made(small, family, &(struct label){"a", "2"}, 1);
	assert_int_equal(catalog_series(small, family, &(struct label){"a", "3"}, 1, &series), CATALOG_LIMIT);
	assert_int_equal(series, 77);
	assert_int_equal(series_made(small, family, &(struct label){"a", "1"}, 1), first);

	struct label *labels = calloc(SERIES_TEXT_LABELS_MAX + 1, sizeof(*labels));
	for (size_t i = 0; i <= SERIES_TEXT_LABELS_MAX; i++)
		labels[i] = (struct label){"a", "1"};
	assert_int_equal(catalog_series(small, family, labels, SERIES_TEXT_LABELS_MAX + 1, &series), CATALOG_LIMIT);
	assert_int_equal(series_made(small, family, labels, SERIES_TEXT_LABELS_MAX), first);
	free(labels);
	catalog_free(small);
}

static void test_catalog_takes_values_of_any_length(void **state)
{
	static const size_t lengths[] = {490, 500, 505, 506, 510, 4096, 70000, 300000};
	family_ref family = family_made(*state, "x", METRIC_GAUGE);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		char *value = malloc(lengths[i] + 1);
		memset(value, 'v', lengths[i]);
		value[lengths[i]] = '\0';
		series_ref series = series_made(*state, family, &(struct label){"a", value}, 1);
		assert_int_equal(series_made(*state, family, &(struct label){"a", value}, 1), series);
		assert_int_equal(store_entry(((struct catalog *)*state)->store, series)->text_len, lengths[i] + 7);
		free(value);
	}
}

static void test_catalog_finds_every_one_of_many_series_again(void **state)
{
	enum { COUNT = 50000 };
	static series_ref refs[COUNT];
	unsigned seed = (unsigned)time(NULL);
	print_message("seed %u\n", seed);
	family_ref family = family_made(*state, "x", METRIC_GAUGE);
	for (int round = 0; round < 2; round++) {
		unsigned random = seed;
		for (unsigned i = 0; i < COUNT; i++) {
			char value[64], number[16];
			memset(value, 'a' + (int)(i % 26), sizeof(value));
			value[rand_r(&random) % sizeof(value)] = '\0';
			snprintf(number, sizeof(number), "%u", i);
			struct label labels[] = {{"number", number}, {"a", value}};
			series_ref series = series_made(*state, family, labels, 2);
			if (round)
				assert_int_equal(series, refs[i]);
			refs[i] = series;
		}
	}
	assert_int_equal(catalog_series_count(*state), COUNT);
}

static void test_catalog_names_each_conflict_differently(void **state)
{
	(void)state;
	for (int a = 0; a < CATALOG_CONFLICT_COUNT; a++)
		for (int b = 0; b < a; b++)
			assert_string_not_equal(catalog_conflict_label((enum catalog_conflict)a),
						catalog_conflict_label((enum catalog_conflict)b));
}

#define CATALOG_TEST(name) cmocka_unit_test_setup_teardown(name, catalog_setup, catalog_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CATALOG_TEST(test_catalog_finds_a_series_whatever_the_order_of_its_labels),
		CATALOG_TEST(test_catalog_leaves_out_empty_values_and_empty_braces),
		CATALOG_TEST(test_catalog_escapes_values),
		CATALOG_TEST(test_catalog_takes_the_first_of_labels_with_the_same_name),
		CATALOG_TEST(test_catalog_refuses_label_names_that_break_the_rules),
		CATALOG_TEST(test_catalog_refuses_metric_names_that_break_the_rules),
		CATALOG_TEST(test_catalog_lets_the_first_family_win),
		CATALOG_TEST(test_catalog_refuses_another_help_text_but_not_its_series),
		CATALOG_TEST(test_catalog_compares_label_names_only_where_both_sides_have_them),
		CATALOG_TEST(test_catalog_refuses_names_that_clash_through_a_suffix),
		CATALOG_TEST(test_catalog_names_series_by_the_type_of_their_family),
		CATALOG_TEST(test_catalog_refuses_a_family_whose_samples_have_a_name_that_is_taken),
		CATALOG_TEST(test_catalog_takes_names_that_only_look_like_those_of_samples),
		CATALOG_TEST(test_catalog_refuses_samples_that_two_families_would_have),
		CATALOG_TEST(test_catalog_keeps_labels_that_samples_need_for_themselves),
		CATALOG_TEST(test_catalog_refuses_a_state_set_whose_name_cannot_be_a_label),
		CATALOG_TEST(test_catalog_takes_the_longest_name_of_every_type),
		CATALOG_TEST(test_catalog_keeps_the_earliest_time_of_creation),
		CATALOG_TEST(test_catalog_keeps_families_apart_whose_names_begin_alike),
		CATALOG_TEST(test_catalog_says_when_its_limits_are_reached),
		CATALOG_TEST(test_catalog_takes_values_of_any_length),
		CATALOG_TEST(test_catalog_finds_every_one_of_many_series_again),
		CATALOG_TEST(test_catalog_names_each_conflict_differently),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
