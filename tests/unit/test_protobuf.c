/* SPDX-License-Identifier: MIT */
/* Prometheus protobuf: what a small decoder of its own, driven by a table of the messages, finds in a page. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "exposition.h"

static const struct format_options protobuf = {.format = FORMAT_PROTOBUF};

/* ---- decoder ---------------------------------------------------------------------------------------------------- */

enum kind { UINT, SINT, DOUBLE, STRING, SINTS, MESSAGE };
enum message { FAMILY, METRIC, LABEL, VALUE, COUNTER, SUMMARY, QUANTILE, HISTOGRAM, BUCKET, SPAN, EXEMPLAR, TIMESTAMP };

/* io.prometheus.client as far as it is used here. */
static const struct field {
	enum message message;
	unsigned number;
	const char *name;
	enum kind kind;
	enum message of;
} fields[] = {
	{FAMILY, 1, "name", STRING, 0},
	{FAMILY, 2, "help", STRING, 0},
	{FAMILY, 3, "type", UINT, 0},
	{FAMILY, 4, "metric", MESSAGE, METRIC},
	{FAMILY, 5, "unit", STRING, 0},
	{METRIC, 1, "label", MESSAGE, LABEL},
	{METRIC, 2, "gauge", MESSAGE, VALUE},
	{METRIC, 3, "counter", MESSAGE, COUNTER},
	{METRIC, 4, "summary", MESSAGE, SUMMARY},
	{METRIC, 5, "untyped", MESSAGE, VALUE},
	{METRIC, 7, "histogram", MESSAGE, HISTOGRAM},
	{LABEL, 1, "name", STRING, 0},
	{LABEL, 2, "value", STRING, 0},
	{VALUE, 1, "value", DOUBLE, 0},
	{COUNTER, 1, "value", DOUBLE, 0},
	{COUNTER, 2, "exemplar", MESSAGE, EXEMPLAR},
	{COUNTER, 3, "created", MESSAGE, TIMESTAMP},
	{SUMMARY, 1, "count", UINT, 0},
	{SUMMARY, 2, "sum", DOUBLE, 0},
	{SUMMARY, 3, "quantile", MESSAGE, QUANTILE},
	{SUMMARY, 4, "created", MESSAGE, TIMESTAMP},
	{QUANTILE, 1, "quantile", DOUBLE, 0},
	{QUANTILE, 2, "value", DOUBLE, 0},
	{HISTOGRAM, 1, "count", UINT, 0},
	{HISTOGRAM, 2, "sum", DOUBLE, 0},
	{HISTOGRAM, 3, "bucket", MESSAGE, BUCKET},
	{HISTOGRAM, 5, "schema", SINT, 0},
	{HISTOGRAM, 6, "zero_threshold", DOUBLE, 0},
	{HISTOGRAM, 7, "zero_count", UINT, 0},
	{HISTOGRAM, 9, "negative_span", MESSAGE, SPAN},
	{HISTOGRAM, 10, "negative_delta", SINTS, 0},
	{HISTOGRAM, 12, "positive_span", MESSAGE, SPAN},
	{HISTOGRAM, 13, "positive_delta", SINTS, 0},
	{HISTOGRAM, 15, "created", MESSAGE, TIMESTAMP},
	{HISTOGRAM, 16, "exemplar", MESSAGE, EXEMPLAR},
	{BUCKET, 1, "count", UINT, 0},
	{BUCKET, 2, "bound", DOUBLE, 0},
	{BUCKET, 3, "exemplar", MESSAGE, EXEMPLAR},
	{SPAN, 1, "offset", SINT, 0},
	{SPAN, 2, "length", UINT, 0},
	{EXEMPLAR, 1, "label", MESSAGE, LABEL},
	{EXEMPLAR, 2, "value", DOUBLE, 0},
	{EXEMPLAR, 3, "time", MESSAGE, TIMESTAMP},
	{TIMESTAMP, 1, "seconds", UINT, 0},
	{TIMESTAMP, 2, "nanos", UINT, 0},
};

struct input {
	const unsigned char *at;
	const unsigned char *end;
};

static uint64_t varint_take(struct input *input)
{
	uint64_t value = 0;
	unsigned shift = 0;
	for (;; shift += 7) {
		assert_true(input->at < input->end);
		assert_true(shift < 64);
		value |= (uint64_t)(*input->at & 0x7f) << shift;
		if (!(*input->at++ & 0x80))
			break;
	}
	assert_true(!shift || value >> shift); /* no byte more than needed */
	return value;
}

static struct input bytes_take(struct input *input)
{
	uint64_t len = varint_take(input);
	assert_true(len <= (uint64_t)(input->end - input->at));
	struct input bytes = {input->at, input->at + len};
	input->at += len;
	return bytes;
}

static int64_t signed_of(uint64_t value)
{
	return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static double double_take(struct input *input)
{
	double value;
	assert_true(input->end - input->at >= 8);
	memcpy(&value, input->at, sizeof(value));
	input->at += 8;
	return value;
}

static const struct field *field_find(enum message message, uint64_t tag)
{
	static const unsigned wire[] = {[UINT] = 0, [SINT] = 0, [DOUBLE] = 1, [STRING] = 2, [SINTS] = 2, [MESSAGE] = 2};
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (fields[i].message == message && fields[i].number == tag >> 3) {
			assert_int_equal(tag & 7, wire[fields[i].kind]);
			return &fields[i];
		}
	fail_msg("message %d has no field of tag %u", (int)message, (unsigned)tag);
	return NULL;
}

static void message_print(FILE *out, enum message message, struct input input);

static void field_print(FILE *out, const struct field *field, struct input *input)
{
	struct input bytes;
	fprintf(out, "%s", field->name);
	switch (field->kind) {
	case UINT:
		fprintf(out, "=%llu", (unsigned long long)varint_take(input));
		break;
	case SINT:
		fprintf(out, "=%lld", (long long)signed_of(varint_take(input)));
		break;
	case DOUBLE:
		fprintf(out, "=%.15g", double_take(input));
		break;
	case STRING:
		bytes = bytes_take(input);
		fprintf(out, "=<%.*s>", (int)(bytes.end - bytes.at), (const char *)bytes.at);
		break;
	case SINTS:
		for (bytes = bytes_take(input); bytes.at < bytes.end;)
			fprintf(out, ":%lld", (long long)signed_of(varint_take(&bytes)));
		break;
	case MESSAGE:
		fputc('{', out);
		message_print(out, field->of, bytes_take(input));
		fputc('}', out);
		break;
	}
}

static void message_print(FILE *out, enum message message, struct input input)
{
	for (bool first = true; input.at < input.end; first = false) {
		uint64_t tag = varint_take(&input);
		if (message == FAMILY && tag >> 3 == 4)
			fprintf(out, "\n ");
		else if (!first)
			fputc(' ', out);
		field_print(out, field_find(message, tag), &input);
	}
}

/* A page as text: a line for each family, and one for each of its metrics. */
static char *page_text(struct exposition *exposition)
{
	char *text = NULL;
	size_t len, text_len;
	char *page = exposition_page(exposition, &protobuf, &len);
	FILE *out = open_memstream(&text, &text_len);
	struct input input = {(const unsigned char *)page, (const unsigned char *)page + len};
	while (input.at < input.end) {
		message_print(out, FAMILY, bytes_take(&input));
		fputc('\n', out);
	}
	fclose(out);
	free(page);
	return text;
}

static void assert_page_text(struct exposition *exposition, const char *expected)
{
	char *text = page_text(exposition);
	if (strcmp(text, expected))
		fail_msg("decoded:\n%s\nexpected:\n%s", text, expected);
	free(text);
}

/* ---- tests ------------------------------------------------------------------------------------------------------ */

#define CREATED "created{seconds=1700000000 nanos=123000000}"
#define TIME "time{seconds=1700000000 nanos=123000000}"

static void test_protobuf_of_nothing_is_empty(void **state)
{
	assert_page_text(*state, "");
}

static void test_protobuf_has_numbers_of_each_type_under_their_full_names(void **state)
{
	exposition_number(*state, METRIC_COUNTER, "c", "v", u64(3));
	exposition_number(*state, METRIC_GAUGE, "g", "", f64(-0.5));
	exposition_number(*state, METRIC_INFO, "i", "v", u64(1));
	exposition_number(*state, METRIC_UNKNOWN, "u", "", f64((double)-INFINITY));
	assert_page_text(*state, "name=<c_total> help=<A \"number\".> type=0\n"
				 " metric{label{name=<a> value=<v>} counter{value=3 " CREATED "}}\n"
				 "name=<g> help=<A \"number\".> type=1\n"
				 " metric{gauge{value=-0.5}}\n"
				 "name=<i_info> help=<A \"number\".> type=1\n"
				 " metric{label{name=<a> value=<v>} gauge{value=1}}\n"
				 "name=<u> help=<A \"number\".> type=3\n"
				 " metric{untyped{value=-inf}}\n");
}

static void test_protobuf_has_the_unit_only_where_it_ends_the_name(void **state)
{
	static const struct family_request families[] = {
		{.name = "x_seconds", .help = "", .unit = "seconds", .type = METRIC_COUNTER},
		{.name = "y", .help = "", .unit = "seconds", .type = METRIC_GAUGE},
		{.name = "z_seconds", .help = "", .unit = "seconds", .type = METRIC_INFO},
	};
	struct exposition *exposition = *state;
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		builder_merge(exposition->builder, exposition_series(exposition, &families[i], ""), MERGE_SUM, u64(1),
			      0);
	assert_page_text(exposition, "name=<x_seconds_total> type=0\n"
				     " metric{counter{value=1 " CREATED "}} unit=<seconds>\n"
				     "name=<y> type=1\n"
				     " metric{gauge{value=1}}\n"
				     "name=<z_seconds_info> type=1\n"
				     " metric{gauge{value=1}}\n");
}

static void test_protobuf_has_labels_without_their_escapes(void **state)
{
	struct exposition *exposition = *state;
	const struct family_request family = {.name = "x", .help = "", .type = METRIC_GAUGE};
	static const struct label labels[] = {{"a", "\\\"\n"},    {"b_long_name", "123456789 123456789,c=\"d\""},
					      {"c", "\xc3\xa4"},  {"d", "ends\\"},
					      {"e", "\\n\\\\n}"}, {"f", "x"}};
	assert_int_equal(builder_sample(exposition->builder, &family, labels, 6, u64(1)), CATALOG_OK);
	assert_page_text(exposition, "name=<x> type=1\n"
				     " metric{label{name=<a> value=<\\\"\n>}"
				     " label{name=<b_long_name> value=<123456789 123456789,c=\"d\">}"
				     " label{name=<c> value=<\xc3\xa4>}"
				     " label{name=<d> value=<ends\\>}"
				     " label{name=<e> value=<\\n\\\\n}>}"
				     " label{name=<f> value=<x>}"
				     " gauge{value=1}}\n");
}

/* Lengths of one, two and three bytes, of values, labels, metrics and families. */
static void test_protobuf_has_texts_of_any_length(void **state)
{
	struct exposition *exposition = *state;
	static const size_t lens[] = {0, 1, 115, 120, 121, 122, 127, 128, 129, 16370, 16383, 16384, 70000};
	char *expected = NULL;
	size_t expected_len;
	FILE *out = open_memstream(&expected, &expected_len);
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		char name[32], *value = calloc(1, lens[i] + 1);
		memset(value, 'v', lens[i]);
		snprintf(name, sizeof(name), "x%02zu", i);
		exposition_number(exposition, METRIC_GAUGE, name, value, u64(1));
		fprintf(out, "name=<%s> help=<A \"number\".> type=1\n metric{", name);
		if (lens[i])
			fprintf(out, "label{name=<a> value=<%s>} ", value);
		fprintf(out, "gauge{value=1}}\n");
		free(value);
	}
	fclose(out);
	assert_page_text(exposition, expected);
	free(expected);
}

static void test_protobuf_of_many_series_has_each_once(void **state)
{
	enum { COUNT = 100000 };
	static bool seen[COUNT];
	memset(seen, 0, sizeof(seen));
	for (unsigned i = 0; i < COUNT; i++) {
		char value[32];
		snprintf(value, sizeof(value), "%u", i);
		exposition_number(*state, METRIC_GAUGE, "x", value, u64(i * 3));
	}
	char *text = page_text(*state);
	unsigned count = 0;
	for (const char *line = strchr(text, '\n') + 1; *line; line = strchr(line, '\n') + 1, count++) {
		unsigned number;
		double value;
		assert_int_equal(sscanf(line, " metric{label{name=<a> value=<%u>} gauge{value=%lf}}", &number, &value),
				 2);
		assert_false(seen[number]);
		seen[number] = true;
		assert_true(value == number * 3);
	}
	assert_int_equal(count, COUNT);
	free(text);
}

static void test_protobuf_of_classic_buckets_is_cumulative_with_exemplars(void **state)
{
	struct exposition *exposition = *state;
	const struct composite value = {.parts = (const uint64_t[]){1, 2, 0, 1}, .sum = f64(30.5), .has_sum = true};
	series_ref series = exposition_composite(exposition, METRIC_HISTOGRAM, "x", "", &shape_classic, &value);
	builder_exemplar(exposition->builder, series, 1, "t=\"a\\\"\"", 7, 0.5, EXPOSITION_TIME_NS);
	assert_page_text(exposition, "name=<x> type=4\n"
				     " metric{histogram{count=4 sum=30.5"
				     " bucket{count=1 bound=0.1}"
				     " bucket{count=3 bound=1 exemplar{label{name=<t> value=<a\">} value=0.5 " TIME "}}"
				     " bucket{count=3 bound=10}"
				     " bucket{count=4 bound=inf} " CREATED "}}\n");
}

/* The vector of exposition formats' specification of native histograms: gaps of two empty buckets are no new span. */
static void test_protobuf_of_native_buckets_has_spans_and_deltas(void **state)
{
	const struct shape_request shape = {.kind = SHAPE_BUCKETS,
					    .native = true,
					    .sum_scale = 1,
					    .buckets = {.schema = 2,
							.zero_threshold = 0.125,
							.positive_first = -3,
							.positive_count = 20,
							.negative_first = 5,
							.negative_count = 2}};
	const struct composite value = {.parts =
						(const uint64_t[]){9, /* zero */
								   0, 3, 5, 0, 0, 1, 0, 0, 0, 4, 2,
								   0, 0, 0, 0, 0, 0, 0, 0, 8, 6, /* -3 to 16, greater */
								   0, 7, 0}};
	exposition_composite(*state, METRIC_HISTOGRAM, "x", "", &shape, &value);
	assert_page_text(*state, "name=<x> type=4\n"
				 " metric{histogram{count=45 schema=2 zero_threshold=0.125 zero_count=9"
				 " negative_span{offset=6 length=1} negative_delta:7"
				 " positive_span{offset=-2 length=5} positive_span{offset=3 length=2}"
				 " positive_span{offset=8 length=1} positive_span{offset=4080 length=1}"
				 " positive_delta:3:2:-5:0:1:3:-2:6:-2 " CREATED "}}\n");
}

static void test_protobuf_of_empty_native_buckets_is_still_a_native_histogram(void **state)
{
	const struct shape_request shape = {.kind = SHAPE_BUCKETS,
					    .native = true,
					    .sum_scale = 1,
					    .buckets = {.schema = -4, .positive_first = -2, .positive_count = 5}};
	const struct composite value = {.parts = (const uint64_t[8]){0}, .sum = f64(0), .has_sum = true};
	exposition_composite(*state, METRIC_HISTOGRAM, "x", "", &shape, &value);
	assert_page_text(*state, "name=<x> type=4\n"
				 " metric{histogram{count=0 sum=0 schema=-4 zero_threshold=0 zero_count=0"
				 " positive_span{offset=0 length=0} " CREATED "}}\n");
}

static void test_protobuf_of_native_buckets_alone_has_their_exemplars_in_the_histogram(void **state)
{
	struct exposition *exposition = *state;
	const struct composite value = {
		.parts = (const uint64_t[]){3, 1, 0, 2, 0, 1, 0}, .sum = f64(25), .has_sum = true};
	series_ref series = exposition_composite(exposition, METRIC_HISTOGRAM, "x", "", &shape_native, &value);
	builder_exemplar(exposition->builder, series, 0, "t=\"1\"", 5, 3, EXPOSITION_TIME_NS);
	assert_page_text(exposition, "name=<x> type=4\n"
				     " metric{histogram{count=7 sum=25 schema=0 zero_threshold=0.25 zero_count=3"
				     " positive_span{offset=0 length=3} positive_span{offset=1022 length=1}"
				     " positive_delta:1:-1:2:-1 " CREATED
				     " exemplar{label{name=<t> value=<1>} value=3 " TIME "}}}\n");
}

/* Receivers refuse a histogram whose count is not the sum of its native buckets. */
static void test_protobuf_of_both_kinds_counts_the_native_ones_and_cuts_classic_ones_ahead(void **state)
{
	const struct composite value = {
		.parts = (const uint64_t[]){1, 2, 5, 0, 0, 1, 0, 5, 1, 0, 0}, .sum = u64(3000000), .has_sum = true};
	exposition_composite(*state, METRIC_HISTOGRAM, "x", "", &shape_both, &value);
	assert_page_text(*state, "name=<x> type=4\n"
				 " metric{histogram{count=7 sum=0.003"
				 " bucket{count=1 bound=0.1} bucket{count=3 bound=1}"
				 " bucket{count=7 bound=10} bucket{count=7 bound=inf}"
				 " schema=0 zero_threshold=0.25 zero_count=0"
				 " positive_span{offset=0 length=4} positive_delta:1:-1:5:-4 " CREATED "}}\n");
}

static void test_protobuf_has_gauge_histograms_summaries_and_state_sets(void **state)
{
	const struct composite gauge = {.parts = (const uint64_t[]){1, 2, 0, 1}, .sum = f64(30.5), .has_sum = true};
	const struct composite states = {.parts = (const uint64_t[]){2}};
	double quantiles[] = {0.25, 4};
	struct composite summary = {.count = 7, .sum = f64(2.5), .has_sum = true};
	uint64_t parts[2];
	memcpy(parts, quantiles, sizeof(parts));
	summary.parts = parts;
	exposition_composite(*state, METRIC_GAUGE_HISTOGRAM, "g", "", &shape_classic, &gauge);
	exposition_composite(*state, METRIC_STATE_SET, "m", "v", &shape_states, &states);
	exposition_composite(*state, METRIC_SUMMARY, "s", "", &shape_quantiles, &summary);
	assert_page_text(*state, "name=<g> type=5\n"
				 " metric{histogram{count=4 sum=30.5 bucket{count=1 bound=0.1}"
				 " bucket{count=3 bound=1} bucket{count=3 bound=10} bucket{count=4 bound=inf}}}\n"
				 "name=<m> type=1\n"
				 " metric{label{name=<a> value=<v>} label{name=<m> value=<off>} gauge{value=0}}\n"
				 " metric{label{name=<a> value=<v>} label{name=<m> value=<on\"x>} gauge{value=1}}\n"
				 "name=<s> type=2\n"
				 " metric{summary{count=7 sum=2.5 quantile{quantile=0.5 value=0.25}"
				 " quantile{quantile=0.99 value=4} " CREATED "}}\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, exposition_setup, exposition_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_protobuf_of_nothing_is_empty),
		TEST(test_protobuf_has_numbers_of_each_type_under_their_full_names),
		TEST(test_protobuf_has_the_unit_only_where_it_ends_the_name),
		TEST(test_protobuf_has_labels_without_their_escapes),
		TEST(test_protobuf_has_texts_of_any_length),
		TEST(test_protobuf_of_many_series_has_each_once),
		TEST(test_protobuf_of_classic_buckets_is_cumulative_with_exemplars),
		TEST(test_protobuf_of_native_buckets_has_spans_and_deltas),
		TEST(test_protobuf_of_empty_native_buckets_is_still_a_native_histogram),
		TEST(test_protobuf_of_native_buckets_alone_has_their_exemplars_in_the_histogram),
		TEST(test_protobuf_of_both_kinds_counts_the_native_ones_and_cuts_classic_ones_ahead),
		TEST(test_protobuf_has_gauge_histograms_summaries_and_state_sets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
