/* SPDX-License-Identifier: MIT */
/* OpenMetrics text 1.0.0 and 2.0.0: the exact bytes of pages, and what the reference parser says of them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "exposition.h"

#define TIME "1700000000.123"

static const struct format_options one = {.format = FORMAT_OPENMETRICS_1_0};
static const struct format_options one_created = {.format = FORMAT_OPENMETRICS_1_0, .created = true};
static const struct format_options two = {.format = FORMAT_OPENMETRICS_2_0};

static series_ref counter(struct exposition *exposition, const char *name, const char *unit, struct number number)
{
	const struct family_request family = {
		.name = name, .help = "A \"b\" \\\n", .unit = unit, .type = METRIC_COUNTER};
	series_ref series = exposition_series(exposition, &family, "v");
	builder_merge(exposition->builder, series, MERGE_SUM, number, 0);
	return series;
}

static void test_openmetrics_of_nothing_is_its_end(void **state)
{
	assert_exposition(*state, &one, "# EOF\n");
	assert_exposition(*state, &two, "# EOF\n");
}

static void test_openmetrics_has_type_unit_and_help_of_the_name_without_suffix(void **state)
{
	counter(*state, "x_seconds", "seconds", f64(1.5));
	assert_exposition(*state, &one,
			  "# TYPE x_seconds counter\n"
			  "# UNIT x_seconds seconds\n"
			  "# HELP x_seconds A \\\"b\\\" \\\\\\n\n"
			  "x_seconds_total{a=\"v\"} 1.5\n"
			  "# EOF\n");
}

static void test_openmetrics_has_no_unit_that_does_not_end_the_name(void **state)
{
	static const struct family_request families[] = {
		{.name = "seconds", .help = "", .unit = "seconds", .type = METRIC_GAUGE},
		{.name = "x_milliseconds", .help = "", .unit = "seconds", .type = METRIC_GAUGE},
		{.name = "y_seconds", .help = "", .unit = "seconds", .type = METRIC_INFO},
	};
	struct exposition *exposition = *state;
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		builder_merge(exposition->builder, exposition_series(exposition, &families[i], ""), MERGE_SUM, u64(1),
			      0);
	assert_exposition(exposition, &one,
			  "# TYPE seconds gauge\nseconds 1\n"
			  "# TYPE x_milliseconds gauge\nx_milliseconds 1\n"
			  "# TYPE y_seconds info\ny_seconds_info 1\n"
			  "# EOF\n");
}

static void test_openmetrics_tells_created_times_only_if_asked(void **state)
{
	counter(*state, "x", "", u64(7));
	assert_exposition(*state, &one,
			  "# TYPE x counter\n# HELP x A \\\"b\\\" \\\\\\n\n"
			  "x_total{a=\"v\"} 7\n"
			  "# EOF\n");
	assert_exposition(*state, &one_created,
			  "# TYPE x counter\n# HELP x A \\\"b\\\" \\\\\\n\n"
			  "x_total{a=\"v\"} 7\n"
			  "x_created{a=\"v\"} " TIME "\n"
			  "# EOF\n");
}

static void exemplar(struct exposition *exposition, series_ref series, uint32_t part, const char *labels, double value)
{
	builder_exemplar(exposition->builder, series, part, labels, strlen(labels), value, EXPOSITION_TIME_NS);
}

static void test_openmetrics_counter_has_its_exemplar(void **state)
{
	exemplar(*state, counter(*state, "x", "", u64(7)), 0, "trace_id=\"1\"", 0.25);
	assert_exposition(*state, &one,
			  "# TYPE x counter\n# HELP x A \\\"b\\\" \\\\\\n\n"
			  "x_total{a=\"v\"} 7 # {trace_id=\"1\"} 0.25 " TIME "\n"
			  "# EOF\n");
	assert_exposition(*state, &two,
			  "# TYPE x_total counter\n# HELP x_total A \\\"b\\\" \\\\\\n\n"
			  "x_total{a=\"v\"} 7 st@" TIME " # {trace_id=\"1\"} 0.25 " TIME "\n"
			  "# EOF\n");
}

static void test_openmetrics_exemplars_of_128_code_points_are_exposed_and_longer_ones_not(void **state)
{
	char fits[256], longer[256], escaped[300] = "n=\"", umlauts[400] = "n=\"";
	snprintf(fits, sizeof(fits), "n=\"%0127d\"", 0);
	snprintf(longer, sizeof(longer), "n=\"%0128d\"", 0);
	for (unsigned i = 0; i < 127; i++) {
		strcat(escaped, "\\n");
		strcat(umlauts, "\xc3\xa4");
	}
	strcat(escaped, "\"");
	strcat(umlauts, "\"");
	exemplar(*state, counter(*state, "escaped", "", u64(1)), 0, escaped, 1);
	exemplar(*state, counter(*state, "fits", "", u64(1)), 0, fits, 1);
	exemplar(*state, counter(*state, "longer", "", u64(1)), 0, longer, 1);
	exemplar(*state, counter(*state, "umlauts", "", u64(1)), 0, umlauts, 1);
	size_t len;
	char *page = exposition_page(*state, &one, &len);
	assert_non_null(strstr(page, "\nescaped_total{a=\"v\"} 1 # {n="));
	assert_non_null(strstr(page, "\nfits_total{a=\"v\"} 1 # {n="));
	assert_non_null(strstr(page, "\nlonger_total{a=\"v\"} 1\n"));
	assert_non_null(strstr(page, "\numlauts_total{a=\"v\"} 1 # {n="));
	free(page);
}

static void test_openmetrics_leaves_out_exemplars_that_are_not_well_formed(void **state)
{
	static const char *const bad[] = {
		"n",      "n=",        "n=\"", "n=\"x",     "n=\"x\\\"",       "n=\"x\",",        "9n=\"x\"",
		"=\"x\"", "n:m=\"x\"", "n=x",  "n=\"x\n\"", "n=\"x\"m=\"y\" ", "n=\"x\",n=\"y\"",
	};
	char name[32];
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(name, sizeof(name), "x%02zu", i);
		exemplar(*state, counter(*state, name, "", u64(1)), 0, bad[i], 1);
	}
	exemplar(*state, counter(*state, "empty", "", u64(1)), 0, "", 1);
	exemplar(*state, counter(*state, "fine", "", u64(1)), 0, "n=\"x\",m=\"y\\\"\\\\\"", 1);
	size_t len;
	char *page = exposition_page(*state, &one, &len);
	for (const char *at = page; (at = strstr(at, " # {")); at++) {
		const char *line = memrchr(page, '\n', (size_t)(at - page));
		if (strncmp(line + 1, "empty_total", 11) && strncmp(line + 1, "fine_total", 10))
			fail_msg("an exemplar at %.60s", line + 1);
	}
	assert_non_null(strstr(page, "\nempty_total{a=\"v\"} 1 # {} 1 " TIME "\n"));
	assert_non_null(strstr(page, "\nfine_total{a=\"v\"} 1 # {n=\"x\",m=\"y\\\"\\\\\"} 1 " TIME "\n"));
	free(page);
}

static void test_openmetrics_histogram_has_canonical_bounds_and_exemplars_on_their_buckets(void **state)
{
	const struct composite value = {.parts = (const uint64_t[]){1, 2, 0, 1}, .sum = f64(30.5), .has_sum = true};
	series_ref series = exposition_composite(*state, METRIC_HISTOGRAM, "x", "", &shape_classic, &value);
	exemplar(*state, series, 1, "t=\"1\"", 0.5);
	exemplar(*state, series, 3, "t=\"3\"", 29);
	assert_exposition(*state, &one_created,
			  "# TYPE x histogram\n"
			  "x_bucket{le=\"0.1\"} 1\n"
			  "x_bucket{le=\"1.0\"} 3 # {t=\"1\"} 0.5 " TIME "\n"
			  "x_bucket{le=\"10.0\"} 3\n"
			  "x_bucket{le=\"+Inf\"} 4 # {t=\"3\"} 29 " TIME "\n"
			  "x_sum 30.5\n"
			  "x_count 4\n"
			  "x_created " TIME "\n"
			  "# EOF\n");
}

/* The part says nothing of the bucket, so the value has to. */
static void test_openmetrics_of_native_buckets_puts_the_exemplar_by_its_value(void **state)
{
	const struct composite value = {
		.parts = (const uint64_t[]){3, 1, 0, 2, 0, 1, 0}, .sum = f64(25), .has_sum = true};
	exemplar(*state, exposition_composite(*state, METRIC_HISTOGRAM, "x", "", &shape_native, &value), 0, "t=\"1\"",
		 3);
	assert_exposition(*state, &one,
			  "# TYPE x histogram\n"
			  "x_bucket{le=\"0.25\"} 3\n"
			  "x_bucket{le=\"0.5\"} 3\n"
			  "x_bucket{le=\"1.0\"} 4\n"
			  "x_bucket{le=\"2.0\"} 4\n"
			  "x_bucket{le=\"4.0\"} 6 # {t=\"1\"} 3 " TIME "\n"
			  "x_bucket{le=\"8.0\"} 6\n"
			  "x_bucket{le=\"+Inf\"} 7\n"
			  "x_sum 25\n"
			  "x_count 7\n"
			  "# EOF\n");
}

static void test_openmetrics_gauge_histogram_has_gsum_and_gcount_and_no_created(void **state)
{
	const struct composite value = {.parts = (const uint64_t[]){1, 2, 0, 1}, .sum = f64(30.5), .has_sum = true};
	exposition_composite(*state, METRIC_GAUGE_HISTOGRAM, "x", "", &shape_classic, &value);
	assert_exposition(*state, &one_created,
			  "# TYPE x gaugehistogram\n"
			  "x_bucket{le=\"0.1\"} 1\n"
			  "x_bucket{le=\"1.0\"} 3\n"
			  "x_bucket{le=\"10.0\"} 3\n"
			  "x_bucket{le=\"+Inf\"} 4\n"
			  "x_gsum 30.5\n"
			  "x_gcount 4\n"
			  "# EOF\n");
}

static void test_openmetrics_exposes_what_breaks_its_rules_as_something_else(void **state)
{
	static const char *const lines[] = {
		"# TYPE good_then_bad_total unknown\n# HELP good_then_bad_total A \\\"number\\\".\n"
		"good_then_bad_total{a=\"1\"} 1\ngood_then_bad_total{a=\"2\"} -1\n",
		"# TYPE not_a_number_total unknown\n",
		"# TYPE two_info unknown\n",
		"# TYPE below_zero histogram\nbelow_zero_bucket{le=\"-1.0\"} 1\nbelow_zero_bucket{le=\"1.0\"} 2\n"
		"below_zero_bucket{le=\"+Inf\"} 3\nbelow_zero_created " TIME "\n",
		"gauge_below_zero_gsum -3\ngauge_below_zero_gcount 3\n",
		"no_sum_bucket{le=\"+Inf\"} 4\nno_sum_created",
		"minus_bucket{le=\"+Inf\"} 4\nminus_created",
		"# TYPE summary_minus unknown\nsummary_minus{quantile=\"0.5\"} -1\nsummary_minus{quantile=\"0.99\"} 2\n"
		"# TYPE summary_minus_count unknown\nsummary_minus_count 7\n"
		"# TYPE summary_minus_sum unknown\nsummary_minus_sum -2.5\n",
		"# TYPE summary_sum_minus summary\nsummary_sum_minus{quantile=\"0.5\"} 1\n"
		"summary_sum_minus{quantile=\"0.99\"} 2\nsummary_sum_minus_count 7\n",
	};
	exposition_fill_misfits(*state);
	size_t len;
	char *page = exposition_page(*state, &one_created, &len);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(page, lines[i]))
			fail_msg("not on the page:\n%s\nthe page:\n%s", lines[i], page);
	free(page);
}

static void test_openmetrics_two_has_one_line_for_each_sample(void **state)
{
	exposition_fill(*state);
	assert_exposition(
		*state, &two,
		"# TYPE both histogram\n"
		"both {count:7,sum:0.003,schema:0,zero_threshold:0.25,zero_count:0,positive_spans:[0:4],"
		"positive_buckets:[1,0,5,1],bucket:[0.1:1,1.0:3,10.0:7,+Inf:7]} st@" TIME " # {trace_id=\"b\"} 4 " TIME
		"\n"
		"# TYPE brief summary\n"
		"brief {count:7,sum:2.5,quantile:[0.5:0.25,0.99:NaN]} st@" TIME "\n"
		"brief{a=\"x\"} {count:7,sum:2.5,quantile:[0.5:0.25,0.99:NaN]} st@" TIME "\n"
		"# TYPE build_info info\n"
		"# HELP build_info A \\\"number\\\".\n"
		"build_info{a=\"v1\"} 1\n"
		"build_info{a=\"v2\"} 1\n"
		"# TYPE busy_seconds_total counter\n"
		"# UNIT busy_seconds_total seconds\n"
		"# HELP busy_seconds_total Time \\\\ spent.\n"
		"busy_seconds_total 18446744073709551615 st@" TIME "\n"
		"busy_seconds_total{a=\"x # {y=\\\"z\\\"}\\n\\\\\"} 1.5 st@" TIME
		" # {trace_id=\"a\\\"b\",span_id=\"c\"} 0.5 " TIME "\n"
		"# TYPE classic histogram\n"
		"classic {count:4,sum:30.5,bucket:[0.1:1,1.0:3,10.0:3,+Inf:4]} st@" TIME
		" # {trace_id=\"t1\"} 0.5 " TIME " # {trace_id=\"t3\"} 29 " TIME "\n"
		"classic{a=\"x\"} {count:4,sum:30.5,bucket:[0.1:1,1.0:3,10.0:3,+Inf:4]} st@" TIME "\n"
		"# TYPE level gauge\n"
		"# HELP level A \\\"number\\\".\n"
		"level -0.25\n"
		"level{a=\"nan\"} NaN\n"
		"# TYPE mode stateset\n"
		"mode{mode=\"off\"} 0\n"
		"mode{mode=\"on\\\"x\"} 1\n"
		"mode{a=\"x\",mode=\"off\"} 0\n"
		"mode{a=\"x\",mode=\"on\\\"x\"} 1\n"
		"# TYPE mystery unknown\n"
		"# HELP mystery A \\\"number\\\".\n"
		"mystery -Inf\n"
		"# TYPE native histogram\n"
		"native {count:7,sum:25,schema:0,zero_threshold:0.25,zero_count:3,positive_spans:[0:3,1022:1],"
		"positive_buckets:[1,0,2,1]} st@" TIME " # {trace_id=\"n\"} 3 " TIME "\n"
		"# TYPE queue gaugehistogram\n"
		"queue {gcount:4,gsum:30.5,bucket:[0.1:1,1.0:3,10.0:3,+Inf:4]}\n"
		"queue{a=\"x\"} {gcount:4,gsum:30.5,bucket:[0.1:1,1.0:3,10.0:3,+Inf:4]}\n"
		"# TYPE strange_total gauge\n"
		"# HELP strange_total A \\\"number\\\".\n"
		"strange_total 1\n"
		"# EOF\n");
}

/* Where classic buckets were read a moment later than native ones, the last must still be the count. */
static void test_openmetrics_two_cuts_classic_counts_that_are_ahead_of_native_ones(void **state)
{
	const struct composite value = {.parts = (const uint64_t[]){1, 2, 5, 0, 0, 1, 0, 5, 1, 0, 0}};
	exposition_composite(*state, METRIC_HISTOGRAM, "x", "", &shape_both, &value);
	assert_exposition(*state, &two,
			  "# TYPE x histogram\n"
			  "x {count:7,sum:NaN,schema:0,zero_threshold:0.25,zero_count:0,positive_spans:[0:4],"
			  "positive_buckets:[1,0,5,1],bucket:[0.1:1,1.0:3,10.0:7,+Inf:7]} st@" TIME "\n"
			  "# EOF\n");
}

static void test_openmetrics_two_exposes_what_breaks_its_rules_as_unknown(void **state)
{
	static const char *const lines[] = {
		"# TYPE good_then_bad_total unknown\n",
		"# TYPE not_a_number_total unknown\n",
		"# TYPE two_info unknown\n",
		"# TYPE summary_minus unknown\nsummary_minus {count:7,",
		"# TYPE summary_sum_minus unknown\n",
		"no_sum {count:4,sum:NaN,",
	};
	exposition_fill_misfits(*state);
	size_t len;
	char *page = exposition_page(*state, &two, &len);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(page, lines[i]))
			fail_msg("not on the page:\n%s\nthe page:\n%s", lines[i], page);
	free(page);
}

/* ---- the reference parser --------------------------------------------------------------------------------------- */

static void judge(struct exposition *exposition, const struct format_options *options)
{
	char command[512], path[] = "/dev/shm/mstat-test-openmetrics-XXXXXX";
	const char *shared = getenv("MSTAT_SHARED") ?: "../shared";
	int used = snprintf(command, sizeof(command), "%s/conformance/strict-openmetrics", shared);
	if (access(command, X_OK)) {
		print_message("skipped: %s is not there (MSTAT_SHARED names its folder)\n", command);
		skip();
	}
	if (system("/usr/bin/python3 -c 'import prometheus_client' 2>/dev/null")) {
		print_message("skipped: python3-prometheus-client is not installed\n");
		skip();
	}
	size_t len;
	char *page = exposition_page(exposition, options, &len);
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, page, len), len);
	close(fd);
	snprintf(command + used, sizeof(command) - (size_t)used, "%s <%s",
		 options->format == FORMAT_TEXT ? " --text" : "", path);
	int status = system(command);
	unlink(path);
	if (status)
		fail_msg("refused:\n%s", page);
	free(page);
}

static void test_reference_parser_accepts_every_type(void **state)
{
	exposition_fill(*state);
	judge(*state, &one);
	judge(*state, &one_created);
	judge(*state, &(struct format_options){.format = FORMAT_OPENMETRICS_0_0_1});
	judge(*state, &(struct format_options){.format = FORMAT_TEXT});
}

static void test_reference_parser_accepts_what_could_break_its_rules(void **state)
{
	exposition_fill_misfits(*state);
	judge(*state, &one);
	judge(*state, &one_created);
	judge(*state, &(struct format_options){.format = FORMAT_TEXT});
}

/* ---- whatever the catalog takes --------------------------------------------------------------------------------- */

static double number_any(void)
{
	static const double numbers[] = {0, 1, -1, 0.1, 1e300, -1e-300, 3e9, INFINITY, -INFINITY, NAN};
	return numbers[lrand48() % (long)(sizeof(numbers) / sizeof(numbers[0]))];
}

static void name_any(char *name, size_t size)
{
	static const char *const words[] = {"a",     "b",        "_total",  "_created", "_bucket", "_sum", "_count",
					    "_info", "_seconds", "_gcount", "_gsum",    ":",       "x1"};
	size_t used = (size_t)snprintf(name, size, "%s", lrand48() % 2 ? "a" : "b");
	for (long i = lrand48() % 3; i > 0; i--)
		used += (size_t)snprintf(name + used, size - used, "%s",
					 words[lrand48() % (long)(sizeof(words) / sizeof(words[0]))]);
}

static void label_value_any(char *value, size_t size)
{
	static const char *const pieces[] = {"\\", "\"", "\n", " # {", "}", "{", "=", ",", "\xc3\xa4", "x", " "};
	size_t used = 0;
	*value = '\0';
	for (long i = lrand48() % 6; i > 0; i--)
		used += (size_t)snprintf(value + used, size - used, "%s",
					 pieces[lrand48() % (long)(sizeof(pieces) / sizeof(pieces[0]))]);
}

static void composite_any(struct exposition *exposition, enum metric_type type, series_ref series)
{
	static const struct shape_request *const buckets[] = {&shape_classic, &shape_native, &shape_both};
	const struct shape_request *request = type == METRIC_SUMMARY     ? &shape_quantiles
					      : type == METRIC_STATE_SET ? &shape_states
									 : buckets[lrand48() % 3];
	const struct shape_request below = {.kind = SHAPE_BUCKETS,
					    .classic = true,
					    .sum_scale = 1,
					    .bounds = (const double[]){-2, 0},
					    .bound_count = 2};
	uint64_t parts[16];
	struct composite value = {.parts = parts, .sum = f64(number_any()), .has_sum = lrand48() % 3};
	if (request->kind == SHAPE_BUCKETS && !(lrand48() % 4))
		request = &below;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		double number = number_any();
		parts[i] = (uint64_t)lrand48() % 4;
		if (type == METRIC_SUMMARY)
			memcpy(&parts[i], &number, sizeof(number));
	}
	value.count = (uint64_t)lrand48();
	assert_int_equal(catalog_shape(exposition->catalog, request, &value.shape), CATALOG_OK);
	builder_merge_composite(exposition->builder, series, &value);
	for (uint32_t part = 0; request->kind == SHAPE_BUCKETS && part < 4; part++) {
		char labels[64], text[32];
		snprintf(labels, sizeof(labels), "id=\"%ld\"", lrand48() % 3);
		label_value_any(text, sizeof(text));
		exemplar(exposition, series, part, lrand48() % 2 ? labels : text, number_any());
	}
}

static void series_any(struct exposition *exposition)
{
	char name[64], value[64], help[64];
	enum metric_type type = (enum metric_type)(lrand48() % (METRIC_STATE_SET + 1));
	family_ref family;
	series_ref series;
	name_any(name, sizeof(name));
	label_value_any(help, sizeof(help));
	label_value_any(value, sizeof(value));
	const struct family_request request = {
		.name = name, .help = help, .unit = lrand48() % 2 ? "seconds" : "", .type = type};
	const struct label labels[] = {{lrand48() % 2 ? "le" : "a", value}, {"quantile", lrand48() % 2 ? value : ""}};
	enum catalog_conflict conflict = catalog_family(exposition->catalog, &request, &family);
	if ((conflict && conflict != CATALOG_CONFLICT_HELP) ||
	    catalog_series(exposition->catalog, family, labels, (size_t)(lrand48() % 3), &series))
		return;
	catalog_series_created(exposition->catalog, series, (uint64_t)(lrand48() % 3) * 999999999);
	if (type >= METRIC_HISTOGRAM && type != METRIC_INFO)
		composite_any(exposition, type, series);
	else
		builder_merge(exposition->builder, series, MERGE_SUM, f64(lrand48() % 2 ? 1 : number_any()), 0);
	if (type == METRIC_COUNTER)
		exemplar(exposition, series, 0, "id=\"1\"", number_any());
}

static void test_reference_parser_accepts_whatever_the_catalog_takes(void **state)
{
	long seed = getenv("MSTAT_SEED") ? atol(getenv("MSTAT_SEED")) : (long)getpid();
	print_message("seed %ld (MSTAT_SEED)\n", seed);
	srand48(seed);
	for (int i = 0; i < 2000; i++)
		series_any(*state);
	judge(*state, &one);
	judge(*state, &one_created);
	judge(*state, &(struct format_options){.format = FORMAT_TEXT});
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, exposition_setup, exposition_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_openmetrics_of_nothing_is_its_end),
		TEST(test_openmetrics_has_type_unit_and_help_of_the_name_without_suffix),
		TEST(test_openmetrics_has_no_unit_that_does_not_end_the_name),
		TEST(test_openmetrics_tells_created_times_only_if_asked),
		TEST(test_openmetrics_counter_has_its_exemplar),
		TEST(test_openmetrics_exemplars_of_128_code_points_are_exposed_and_longer_ones_not),
		TEST(test_openmetrics_leaves_out_exemplars_that_are_not_well_formed),
		TEST(test_openmetrics_histogram_has_canonical_bounds_and_exemplars_on_their_buckets),
		TEST(test_openmetrics_of_native_buckets_puts_the_exemplar_by_its_value),
		TEST(test_openmetrics_gauge_histogram_has_gsum_and_gcount_and_no_created),
		TEST(test_openmetrics_exposes_what_breaks_its_rules_as_something_else),
		TEST(test_openmetrics_two_has_one_line_for_each_sample),
		TEST(test_openmetrics_two_cuts_classic_counts_that_are_ahead_of_native_ones),
		TEST(test_openmetrics_two_exposes_what_breaks_its_rules_as_unknown),
		TEST(test_reference_parser_accepts_every_type),
		TEST(test_reference_parser_accepts_what_could_break_its_rules),
		TEST(test_reference_parser_accepts_whatever_the_catalog_takes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
