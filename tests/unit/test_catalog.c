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
		CATALOG_TEST(test_catalog_keeps_families_apart_whose_names_begin_alike),
		CATALOG_TEST(test_catalog_says_when_its_limits_are_reached),
		CATALOG_TEST(test_catalog_takes_values_of_any_length),
		CATALOG_TEST(test_catalog_finds_every_one_of_many_series_again),
		CATALOG_TEST(test_catalog_names_each_conflict_differently),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
