/* SPDX-License-Identifier: MIT */
/* Text 0.0.4: the exact bytes of a page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "exposition.h"

static const struct format_options text = {.format = FORMAT_TEXT};

static void sample(struct exposition *exposition, enum metric_type type, const char *name, const char *help,
		   const char *value, struct number number)
{
	struct family_request request = {.name = name, .help = help, .type = type};
	assert_int_equal(builder_sample(exposition->builder, &request, &(struct label){"a", value}, 1, number),
			 CATALOG_OK);
}

static void test_text_of_nothing_is_empty(void **state)
{
	assert_exposition(*state, &text, "");
}

static void test_text_has_families_by_name_and_samples_by_label(void **state)
{
	sample(*state, METRIC_GAUGE, "temperature_celsius", "Of the room.", "b", f64(21.5));
	sample(*state, METRIC_COUNTER, "requests", "Served.", "2", u64(18446744073709551615u));
	sample(*state, METRIC_COUNTER, "requests", "Served.", "10", u64(0));
	sample(*state, METRIC_GAUGE, "temperature_celsius", "Of the room.", "a",
	       (struct number){.type = NUMBER_I64, .i64 = -5});
	assert_exposition(*state, &text,
			  "# HELP requests_total Served.\n"
			  "# TYPE requests_total counter\n"
			  "requests_total{a=\"10\"} 0\n"
			  "requests_total{a=\"2\"} 18446744073709551615\n"
			  "# HELP temperature_celsius Of the room.\n"
			  "# TYPE temperature_celsius gauge\n"
			  "temperature_celsius{a=\"a\"} -5\n"
			  "temperature_celsius{a=\"b\"} 21.5\n");
}

static void test_text_escapes_help_and_values_each_by_its_own_rule(void **state)
{
	sample(*state, METRIC_GAUGE, "x", "A \"quoted\" \\ back\nslash.", "\"\\\n", u64(1));
	assert_exposition(*state, &text,
			  "# HELP x A \"quoted\" \\\\ back\\nslash.\n"
			  "# TYPE x gauge\n"
			  "x{a=\"\\\"\\\\\\n\"} 1\n");
}

static void test_text_has_no_help_line_without_help_and_calls_unknown_untyped(void **state)
{
	sample(*state, METRIC_UNKNOWN, "x", "", "", u64(1));
	assert_exposition(*state, &text, "# TYPE x untyped\nx 1\n");
}

static void test_text_leaves_out_families_without_samples(void **state)
{
	struct exposition *exposition = *state;
	family_ref family;
	struct family_request request = {.name = "empty", .help = "Help.", .type = METRIC_GAUGE};
	assert_int_equal(catalog_family(exposition->catalog, &request, &family), CATALOG_OK);
	sample(exposition, METRIC_GAUGE, "x", "", "", u64(1));
	assert_exposition(exposition, &text, "# TYPE x gauge\nx 1\n");
}

/* More than one batch of samples, and a body that lies in huge pages. */
static void test_text_of_many_series_has_every_line_once(void **state)
{
	enum { COUNT = 100000 };
	struct exposition *exposition = *state;
	static bool seen[COUNT];
	memset(seen, 0, sizeof(seen));
	family_ref family;
	struct family_request request = {.name = "x", .help = "Help.", .type = METRIC_COUNTER};
	assert_int_equal(catalog_family(exposition->catalog, &request, &family), CATALOG_OK);
	for (unsigned i = 0; i < COUNT; i++) {
		char value[32];
		series_ref series;
		snprintf(value, sizeof(value), "%u", i);
		assert_int_equal(catalog_series(exposition->catalog, family, &(struct label){"a", value}, 1, &series),
				 CATALOG_OK);
		builder_merge(exposition->builder, series, MERGE_SUM, u64(i * 1000003ull), 0);
	}
	size_t len, lines = 0;
	char *body = exposition_page(exposition, &text, &len);
	char *end = body + len;
	for (char *line = body, *next; line < end; line = next) {
		next = (char *)memchr(line, '\n', (size_t)(end - line)) + 1;
		if (*line == '#')
			continue;
		unsigned number;
		unsigned long long value;
		int used = 0;
		assert_int_equal(sscanf(line, "x_total{a=\"%u\"} %llu%n", &number, &value, &used), 2);
		assert_ptr_equal(line + used + 1, next);
		assert_int_equal(value, number * 1000003ull);
		assert_false(seen[number]);
		seen[number] = true;
		lines++;
	}
	assert_int_equal(lines, COUNT);
	free(body);
}

static void composite(struct exposition *exposition, enum metric_type type, const struct shape_request *shape,
		      const struct composite *value)
{
	exposition_composite(exposition, type, "x", "", shape, value);
	exposition_composite(exposition, type, "x", "b", shape, value);
}

static void test_text_of_a_histogram_has_cumulative_buckets_then_sum_then_count(void **state)
{
	const struct composite value = {.parts = (const uint64_t[]){1, 2, 0, 1}, .sum = f64(30.5), .has_sum = true};
	composite(*state, METRIC_HISTOGRAM, &shape_classic, &value);
	assert_exposition(*state, &text,
			  "# TYPE x histogram\n"
			  "x_bucket{le=\"0.1\"} 1\n"
			  "x_bucket{le=\"1\"} 3\n"
			  "x_bucket{le=\"10\"} 3\n"
			  "x_bucket{le=\"+Inf\"} 4\n"
			  "x_sum 30.5\n"
			  "x_count 4\n"
			  "x_bucket{a=\"b\",le=\"0.1\"} 1\n"
			  "x_bucket{a=\"b\",le=\"1\"} 3\n"
			  "x_bucket{a=\"b\",le=\"10\"} 3\n"
			  "x_bucket{a=\"b\",le=\"+Inf\"} 4\n"
			  "x_sum{a=\"b\"} 30.5\n"
			  "x_count{a=\"b\"} 4\n");
}

static void test_text_of_a_histogram_without_sum_has_no_sum_line(void **state)
{
	const struct composite value = {.parts = (const uint64_t[]){1, 2, 0, 1}};
	exposition_composite(*state, METRIC_HISTOGRAM, "x", "", &shape_classic, &value);
	assert_exposition(*state, &text,
			  "# TYPE x histogram\n"
			  "x_bucket{le=\"0.1\"} 1\n"
			  "x_bucket{le=\"1\"} 3\n"
			  "x_bucket{le=\"10\"} 3\n"
			  "x_bucket{le=\"+Inf\"} 4\n"
			  "x_count 4\n");
}

/* 3000000 * 1e-9 is not the double 0.003. */
static void test_text_of_a_scaled_sum_is_rounded_once(void **state)
{
	const struct shape_request shape = {.kind = SHAPE_BUCKETS,
					    .classic = true,
					    .bounds = (const double[]){1},
					    .bound_count = 1,
					    .sum_scale = 1e-9};
	for (uint64_t milliseconds = 1; milliseconds < 1000; milliseconds++) {
		char name[32];
		snprintf(name, sizeof(name), "x%03u", (unsigned)milliseconds);
		const struct composite value = {
			.parts = (const uint64_t[]){1, 0}, .sum = u64(milliseconds * 1000000), .has_sum = true};
		exposition_composite(*state, METRIC_HISTOGRAM, name, "", &shape, &value);
	}
	size_t len;
	char *page = exposition_page(*state, &text, &len);
	for (unsigned milliseconds = 1; milliseconds < 1000; milliseconds++) {
		char line[64];
		int used = snprintf(line, sizeof(line), "\nx%03u_sum 0.%03u", milliseconds, milliseconds);
		while (line[used - 1] == '0')
			line[--used] = '\0';
		strcpy(line + used, "\n");
		if (!strstr(page, line))
			fail_msg("no line%s", line);
	}
	free(page);
}

static void test_text_of_native_buckets_has_every_power_of_two_of_their_range(void **state)
{
	const struct composite value = {
		.parts = (const uint64_t[]){3, 1, 0, 2, 0, 1, 0}, .sum = f64(25), .has_sum = true};
	exposition_composite(*state, METRIC_HISTOGRAM, "x", "", &shape_native, &value);
	assert_exposition(*state, &text,
			  "# TYPE x histogram\n"
			  "x_bucket{le=\"0.25\"} 3\n" /* the zero bucket */
			  "x_bucket{le=\"0.5\"} 3\n"
			  "x_bucket{le=\"1\"} 4\n"
			  "x_bucket{le=\"2\"} 4\n"
			  "x_bucket{le=\"4\"} 6\n"
			  "x_bucket{le=\"8\"} 6\n"
			  "x_bucket{le=\"+Inf\"} 7\n"
			  "x_sum 25\n"
			  "x_count 7\n");
}

/* Schema 1: two buckets an octave. Index i ends at 2^(i/2). */
static void test_text_of_native_buckets_adds_up_those_of_both_signs_exactly(void **state)
{
	const struct shape_request shape = {.kind = SHAPE_BUCKETS,
					    .native = true,
					    .sum_scale = 1,
					    .buckets = {.schema = 1,
							.positive_first = -1,
							.positive_count = 4,
							.negative_first = 1,
							.negative_count = 3}};
	const struct composite value = {.parts = (const uint64_t[]){7,                    /* zero */
								    1, 10, 100, 1000, 20, /* -1, 0, 1, 2, greater */
								    3, 30, 300, 40}};     /* 1, 2, 3, greater */
	exposition_composite(*state, METRIC_HISTOGRAM, "x", "", &shape, &value);
	assert_exposition(*state, &text,
			  "# TYPE x histogram\n"
			  "x_bucket{le=\"-4\"} 40\n"
			  "x_bucket{le=\"-2\"} 340\n"
			  "x_bucket{le=\"-1\"} 373\n"
			  "x_bucket{le=\"0\"} 380\n"
			  "x_bucket{le=\"0.5\"} 380\n"
			  "x_bucket{le=\"1\"} 391\n"
			  "x_bucket{le=\"2\"} 1491\n"
			  "x_bucket{le=\"+Inf\"} 1511\n"
			  "x_count 1511\n");
}

static size_t occurrences(const char *page, const char *word)
{
	size_t count = 0;
	for (const char *at = page; (at = strstr(at, word)); at++)
		count++;
	return count;
}

static void test_text_of_native_buckets_stays_short_whatever_their_range(void **state)
{
	static const struct {
		struct shape_native buckets;
		size_t bounds_max;
	} cases[] = {
		{{.schema = 0, .positive_first = -20, .positive_count = 30}, 34},
		{{.schema = 3, .positive_first = -400, .positive_count = 800}, 34},
		{{.schema = 8, .positive_first = -8000, .positive_count = 16000}, 34},
		{{.schema = 2, .positive_first = -2000, .positive_count = 4000}, 70},
		{{.schema = 0, .positive_first = -1074, .positive_count = 2098}, 140},
		{{.schema = -4,
		  .positive_first = -67,
		  .positive_count = 131,
		  .negative_first = -67,
		  .negative_count = 131},
		 272},
		{{.schema = -2, .positive_first = 256, .positive_count = 1}, 4},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char name[32];
		const struct shape_request shape = {
			.kind = SHAPE_BUCKETS, .native = true, .sum_scale = 1, .buckets = cases[i].buckets};
		static uint64_t parts[SHAPE_NATIVE_MAX + 4];
		size_t count = cases[i].buckets.positive_count + cases[i].buckets.negative_count + 3;
		for (size_t part = 0; part < count; part++)
			parts[part] = 1;
		snprintf(name, sizeof(name), "x%zu", i);
		exposition_composite(*state, METRIC_HISTOGRAM, name, "", &shape, &(struct composite){.parts = parts});
	}
	size_t len;
	char *page = exposition_page(*state, &text, &len);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char word[32];
		snprintf(word, sizeof(word), "\nx%zu_bucket{", i);
		size_t bounds = occurrences(page, word);
		assert_in_range(bounds, 3, cases[i].bounds_max);
		snprintf(word, sizeof(word), "\nx%zu_count %u\n", i,
			 cases[i].buckets.positive_count + cases[i].buckets.negative_count + 3);
		assert_non_null(strstr(page, word));
	}
	free(page);
}

static void test_text_of_a_summary_has_quantiles_sum_and_count(void **state)
{
	exposition_fill(*state);
	size_t len;
	char *page = exposition_page(*state, &text, &len);
	assert_non_null(strstr(page, "# TYPE brief summary\n"
				     "brief{quantile=\"0.5\"} 0.25\n"
				     "brief{quantile=\"0.99\"} NaN\n"
				     "brief_sum 2.5\n"
				     "brief_count 7\n"
				     "brief{a=\"x\",quantile=\"0.5\"} 0.25\n"));
	free(page);
}

static void test_text_has_gauge_histograms_as_buckets_and_two_gauges(void **state)
{
	const struct composite value = {.parts = (const uint64_t[]){1, 2, 0, 1}, .sum = f64(30.5), .has_sum = true};
	composite(*state, METRIC_GAUGE_HISTOGRAM, &shape_classic, &value);
	assert_exposition(*state, &text,
			  "# TYPE x histogram\n"
			  "x_bucket{le=\"0.1\"} 1\n"
			  "x_bucket{le=\"1\"} 3\n"
			  "x_bucket{le=\"10\"} 3\n"
			  "x_bucket{le=\"+Inf\"} 4\n"
			  "x_bucket{a=\"b\",le=\"0.1\"} 1\n"
			  "x_bucket{a=\"b\",le=\"1\"} 3\n"
			  "x_bucket{a=\"b\",le=\"10\"} 3\n"
			  "x_bucket{a=\"b\",le=\"+Inf\"} 4\n"
			  "# TYPE x_gcount gauge\n"
			  "x_gcount 4\n"
			  "x_gcount{a=\"b\"} 4\n"
			  "# TYPE x_gsum gauge\n"
			  "x_gsum 30.5\n"
			  "x_gsum{a=\"b\"} 30.5\n");
}

static void test_text_has_infos_and_state_sets_as_gauges(void **state)
{
	sample(*state, METRIC_INFO, "build", "Of what.", "v1", u64(1));
	composite(*state, METRIC_STATE_SET, &shape_states, &(struct composite){.parts = (const uint64_t[]){2}});
	assert_exposition(*state, &text,
			  "# HELP build_info Of what.\n"
			  "# TYPE build_info gauge\n"
			  "build_info{a=\"v1\"} 1\n"
			  "# TYPE x gauge\n"
			  "x{x=\"off\"} 0\n"
			  "x{x=\"on\\\"x\"} 1\n"
			  "x{a=\"b\",x=\"off\"} 0\n"
			  "x{a=\"b\",x=\"on\\\"x\"} 1\n");
}

#define TEXT_TEST(name) cmocka_unit_test_setup_teardown(name, exposition_setup, exposition_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEXT_TEST(test_text_of_nothing_is_empty),
		TEXT_TEST(test_text_has_families_by_name_and_samples_by_label),
		TEXT_TEST(test_text_escapes_help_and_values_each_by_its_own_rule),
		TEXT_TEST(test_text_has_no_help_line_without_help_and_calls_unknown_untyped),
		TEXT_TEST(test_text_leaves_out_families_without_samples),
		TEXT_TEST(test_text_of_many_series_has_every_line_once),
		TEXT_TEST(test_text_of_a_histogram_has_cumulative_buckets_then_sum_then_count),
		TEXT_TEST(test_text_of_a_histogram_without_sum_has_no_sum_line),
		TEXT_TEST(test_text_of_a_scaled_sum_is_rounded_once),
		TEXT_TEST(test_text_of_native_buckets_has_every_power_of_two_of_their_range),
		TEXT_TEST(test_text_of_native_buckets_adds_up_those_of_both_signs_exactly),
		TEXT_TEST(test_text_of_native_buckets_stays_short_whatever_their_range),
		TEXT_TEST(test_text_of_a_summary_has_quantiles_sum_and_count),
		TEXT_TEST(test_text_has_gauge_histograms_as_buckets_and_two_gauges),
		TEXT_TEST(test_text_has_infos_and_state_sets_as_gauges),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
