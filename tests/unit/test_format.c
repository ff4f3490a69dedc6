/* SPDX-License-Identifier: MIT */
/* What is the same in all formats: Content-Type, filters, and that an answer does not depend on its estimate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "expose/output.h"
#include "exposition.h"

static void test_format_content_type_names_version_and_escaping(void **state)
{
	char type[FORMAT_CONTENT_TYPE_MAX];
	(void)state;
	format_content_type(FORMAT_TEXT, ESCAPING_NONE, type);
	assert_string_equal(type, "text/plain; version=0.0.4; charset=utf-8");
	format_content_type(FORMAT_TEXT_1_0, ESCAPING_ALLOW_UTF8, type);
	assert_string_equal(type, "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8");
	format_content_type(FORMAT_OPENMETRICS_1_0, ESCAPING_UNDERSCORES, type);
	assert_string_equal(type, "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores");
	format_content_type(FORMAT_OPENMETRICS_2_0, ESCAPING_DOTS, type);
	assert_string_equal(type, "application/openmetrics-text; version=2.0.0; charset=utf-8; escaping=dots");
	format_content_type(FORMAT_PROTOBUF, ESCAPING_VALUES, type);
	assert_string_equal(type, "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
				  "encoding=delimited; escaping=values");
}

/* Every name is valid by the old rules, which no scheme changes. */
static void test_format_names_are_the_same_in_every_escaping(void **state)
{
	exposition_fill(*state);
	for (enum format format = 0; format < FORMAT_COUNT; format++) {
		size_t len, escaped_len;
		char *page = exposition_page(*state, &(struct format_options){.format = format}, &len);
		for (enum escaping escaping = 0; escaping < ESCAPING_COUNT; escaping++) {
			const struct format_options options = {.format = format, .escaping = escaping};
			char *escaped = exposition_page(*state, &options, &escaped_len);
			assert_int_equal(escaped_len, len);
			assert_memory_equal(escaped, page, len);
			free(escaped);
		}
		free(page);
	}
}

static void test_format_pages_of_one_snapshot_are_the_same_bytes(void **state)
{
	exposition_fill(*state);
	exposition_fill_misfits(*state);
	for (enum format format = 0; format < FORMAT_COUNT; format++) {
		size_t len, again_len;
		const struct format_options options = {.format = format, .created = true};
		char *page = exposition_page(*state, &options, &len);
		char *again = exposition_page(*state, &options, &again_len);
		assert_int_equal(again_len, len);
		assert_memory_equal(again, page, len);
		free(again);
		free(page);
	}
}

static bool family_is(void *context, const struct snapshot_family *family)
{
	return !strcmp(family->name, context);
}

static bool sample_has(void *context, const struct snapshot_sample *sample)
{
	return memmem(sample->text, sample->text_len, context, strlen(context));
}

static void test_format_filter_leaves_one_family_in_every_format(void **state)
{
	const struct format_filter filter = {.family = family_is, .context = "queue"};
	exposition_fill(*state);
	for (enum format format = 0; format < FORMAT_COUNT; format++) {
		size_t len;
		const struct format_options options = {.format = format, .filter = &filter};
		char *page = exposition_page(*state, &options, &len);
		assert_non_null(memmem(page, len, "queue", 5));
		assert_null(memmem(page, len, "brief", 5));
		free(page);
	}
}

static void test_format_filter_leaves_no_family_without_samples(void **state)
{
	const struct format_filter filter = {.sample = sample_has, .context = "{a=\"v2\"}"};
	const struct format_options text = {.format = FORMAT_TEXT, .filter = &filter};
	const struct format_options openmetrics = {.format = FORMAT_OPENMETRICS_1_0, .filter = &filter};
	exposition_fill(*state);
	assert_exposition(*state, &text,
			  "# HELP build_info A \"number\".\n# TYPE build_info gauge\nbuild_info{a=\"v2\"} 1\n");
	assert_exposition(*state, &openmetrics,
			  "# TYPE build info\n# HELP build A \\\"number\\\".\nbuild_info{a=\"v2\"} 1\n# EOF\n");
}

/* What is not in the answer must not decide what the family is called. */
static void test_format_filter_leaves_out_the_sample_that_does_not_fit(void **state)
{
	const struct format_filter filter = {.sample = sample_has, .context = "good_then_bad_total{a=\"1\"}"};
	const struct format_options options = {.format = FORMAT_OPENMETRICS_1_0, .filter = &filter};
	exposition_fill_misfits(*state);
	assert_exposition(*state, &options,
			  "# TYPE good_then_bad counter\n# HELP good_then_bad A \\\"number\\\".\n"
			  "good_then_bad_total{a=\"1\"} 1\n# EOF\n");
}

/* Exactly the 64th, 65th, ... sample: a batch may have nothing for the answer. */
static void test_format_filter_finds_samples_in_any_batch(void **state)
{
	for (unsigned i = 0; i < 300; i++) {
		char value[16];
		snprintf(value, sizeof(value), "%03u", i);
		exposition_number(*state, METRIC_UNKNOWN, "x", value, u64(i));
	}
	static const unsigned ones[] = {0, 63, 64, 127, 128, 299};
	for (size_t i = 0; i < sizeof(ones) / sizeof(ones[0]); i++) {
		char text[32], expected[96];
		const struct format_filter filter = {.sample = sample_has, .context = text};
		const struct format_options options = {.format = FORMAT_TEXT, .filter = &filter};
		snprintf(text, sizeof(text), "\"%03u\"", ones[i]);
		snprintf(expected, sizeof(expected), "# HELP x A \"number\".\n# TYPE x untyped\nx{a=%s} %u\n", text,
			 ones[i]);
		assert_exposition(*state, &options, expected);
	}
}

static void test_output_grows_beyond_its_estimate_and_keeps_what_was_written(void **state)
{
	struct output output;
	(void)state;
	assert_int_equal(output_init(&output, 0), 0);
	for (unsigned i = 0; i < 100000; i++) {
		assert_true(output_reserve(&output, sizeof(i)));
		memcpy(output.at, &i, sizeof(i));
		output.at += sizeof(i);
	}
	char *body;
	size_t len;
	output_take(&output, &body, &len);
	assert_int_equal(len, 100000 * sizeof(unsigned));
	for (unsigned i = 0; i < 100000; i++)
		assert_memory_equal(body + i * sizeof(i), &i, sizeof(i));
	free(body);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, exposition_setup, exposition_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_format_content_type_names_version_and_escaping),
		TEST(test_format_names_are_the_same_in_every_escaping),
		TEST(test_format_pages_of_one_snapshot_are_the_same_bytes),
		TEST(test_format_filter_leaves_one_family_in_every_format),
		TEST(test_format_filter_leaves_no_family_without_samples),
		TEST(test_format_filter_leaves_out_the_sample_that_does_not_fit),
		TEST(test_format_filter_finds_samples_in_any_batch),
		TEST(test_output_grows_beyond_its_estimate_and_keeps_what_was_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
