/* SPDX-License-Identifier: MIT */
/* A collection of metrics of all types for tests of the encoders. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "exposition.h"

int exposition_setup(void **state)
{
	struct exposition *exposition = calloc(1, sizeof(*exposition));
	exposition->catalog = catalog_new(200000);
	exposition->builder = builder_new(exposition->catalog);
	builder_begin(exposition->builder);
	*state = exposition;
	return 0;
}

int exposition_teardown(void **state)
{
	struct exposition *exposition = *state;
	snapshot_unref(exposition->snapshot);
	builder_free(exposition->builder);
	catalog_free(exposition->catalog);
	free(exposition);
	return 0;
}

series_ref exposition_series(struct exposition *exposition, const struct family_request *family, const char *value)
{
	family_ref ref;
	series_ref series;
	assert_int_equal(catalog_family(exposition->catalog, family, &ref), CATALOG_OK);
	assert_int_equal(catalog_series(exposition->catalog, ref, &(struct label){"a", value}, 1, &series), CATALOG_OK);
	catalog_series_created(exposition->catalog, series, EXPOSITION_TIME_NS);
	return series;
}

void exposition_number(struct exposition *exposition, enum metric_type type, const char *name, const char *value,
		       struct number number)
{
	const struct family_request family = {.name = name, .help = "A \"number\".", .type = type};
	builder_merge(exposition->builder, exposition_series(exposition, &family, value), MERGE_SUM, number, 0);
}

series_ref exposition_composite(struct exposition *exposition, enum metric_type type, const char *name,
				const char *value, const struct shape_request *shape, const struct composite *composite)
{
	const struct family_request family = {.name = name, .help = "", .type = type};
	struct composite shaped = *composite;
	series_ref series = exposition_series(exposition, &family, value);
	assert_int_equal(catalog_shape(exposition->catalog, shape, &shaped.shape), CATALOG_OK);
	builder_merge_composite(exposition->builder, series, &shaped);
	return series;
}

#define BOUNDS .classic = true, .bounds = (const double[]){0.1, 1, 10}, .bound_count = 3
#define NATIVE                                                                                                         \
	.native = true, .buckets = {.schema = 0, .zero_threshold = 0.25, .positive_first = 0, .positive_count = 4}

const struct shape_request shape_classic = {.kind = SHAPE_BUCKETS, .sum_scale = 1, BOUNDS};
const struct shape_request shape_native = {.kind = SHAPE_BUCKETS, .sum_scale = 1, NATIVE};
const struct shape_request shape_both = {.kind = SHAPE_BUCKETS, .sum_scale = 1e-9, BOUNDS, NATIVE};
const struct shape_request shape_quantiles = {
	.kind = SHAPE_QUANTILES, .sum_scale = 1, .bounds = (const double[]){0.5, 0.99}, .bound_count = 2};
const struct shape_request shape_states = {
	.kind = SHAPE_STATES, .states = (const char *const[]){"off", "on\"x"}, .bound_count = 2};

static uint64_t bits_of(double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static void exemplar_add(struct exposition *exposition, series_ref series, uint32_t part, const char *labels,
			 double value)
{
	builder_exemplar(exposition->builder, series, part, labels, strlen(labels), value, EXPOSITION_TIME_NS);
}

static void numbers_fill(struct exposition *exposition)
{
	const struct family_request seconds = {
		.name = "busy_seconds", .help = "Time \\ spent.", .unit = "seconds", .type = METRIC_COUNTER};
	series_ref series = exposition_series(exposition, &seconds, "x # {y=\"z\"}\n\\");
	builder_merge(exposition->builder, series, MERGE_SUM, f64(1.5), 0);
	exemplar_add(exposition, series, 0, "trace_id=\"a\\\"b\",span_id=\"c\"", 0.5);
	builder_merge(exposition->builder, exposition_series(exposition, &seconds, ""), MERGE_SUM, u64(UINT64_MAX), 0);
	exposition_number(exposition, METRIC_GAUGE, "level", "", f64(-0.25));
	exposition_number(exposition, METRIC_GAUGE, "level", "nan", f64((double)NAN));
	exposition_number(exposition, METRIC_UNKNOWN, "mystery", "", f64((double)-INFINITY));
	exposition_number(exposition, METRIC_GAUGE, "strange_total", "", u64(1));
	exposition_number(exposition, METRIC_INFO, "build", "v1", u64(1));
	exposition_number(exposition, METRIC_INFO, "build", "v2", u64(1));
}

static void composites_fill(struct exposition *exposition)
{
	const struct composite classic = {.parts = (const uint64_t[]){1, 2, 0, 1}, .sum = f64(30.5), .has_sum = true};
	const struct composite native = {
		.parts = (const uint64_t[]){3, 1, 0, 2, 0, 1, 0}, .sum = f64(25), .has_sum = true};
	const struct composite both = {
		.parts = (const uint64_t[]){1, 2, 4, 0, 0, 1, 0, 5, 1, 0, 0}, .sum = u64(3000000), .has_sum = true};
	const struct composite summary = {.parts = (const uint64_t[]){bits_of(0.25), bits_of((double)NAN)},
					  .count = 7,
					  .sum = f64(2.5),
					  .has_sum = true};
	const struct composite states = {.parts = (const uint64_t[]){2}};
	series_ref series;
	series = exposition_composite(exposition, METRIC_HISTOGRAM, "classic", "", &shape_classic, &classic);
	exemplar_add(exposition, series, 1, "trace_id=\"t1\"", 0.5);
	exemplar_add(exposition, series, 3, "trace_id=\"t3\"", 29);
	exposition_composite(exposition, METRIC_HISTOGRAM, "classic", "x", &shape_classic, &classic);
	series = exposition_composite(exposition, METRIC_HISTOGRAM, "native", "", &shape_native, &native);
	exemplar_add(exposition, series, 0, "trace_id=\"n\"", 3);
	series = exposition_composite(exposition, METRIC_HISTOGRAM, "both", "", &shape_both, &both);
	exemplar_add(exposition, series, 2, "trace_id=\"b\"", 4);
	exposition_composite(exposition, METRIC_GAUGE_HISTOGRAM, "queue", "", &shape_classic, &classic);
	exposition_composite(exposition, METRIC_GAUGE_HISTOGRAM, "queue", "x", &shape_classic, &classic);
	exposition_composite(exposition, METRIC_SUMMARY, "brief", "", &shape_quantiles, &summary);
	exposition_composite(exposition, METRIC_SUMMARY, "brief", "x", &shape_quantiles, &summary);
	exposition_composite(exposition, METRIC_STATE_SET, "mode", "", &shape_states, &states);
	exposition_composite(exposition, METRIC_STATE_SET, "mode", "x", &shape_states, &states);
}

void exposition_fill(struct exposition *exposition)
{
	numbers_fill(exposition);
	composites_fill(exposition);
}

void exposition_fill_misfits(struct exposition *exposition)
{
	const struct shape_request below_zero = {.kind = SHAPE_BUCKETS,
						 .sum_scale = 1,
						 .classic = true,
						 .bounds = (const double[]){-1, 1},
						 .bound_count = 2};
	const struct composite three = {.parts = (const uint64_t[]){1, 1, 1}, .sum = f64(-3), .has_sum = true};
	const struct composite no_sum = {.parts = (const uint64_t[]){1, 2, 0, 1}};
	const struct composite minus = {.parts = (const uint64_t[]){1, 2, 0, 1}, .sum = f64(-1), .has_sum = true};
	const struct composite summary = {
		.parts = (const uint64_t[]){bits_of(-1), bits_of(2)}, .count = 7, .sum = f64(-2.5), .has_sum = true};
	const struct composite fine = {
		.parts = (const uint64_t[]){bits_of(1), bits_of(2)}, .count = 7, .sum = f64(-2.5), .has_sum = true};
	const struct family_request unit = {.name = "size", .help = "", .unit = "bytes", .type = METRIC_GAUGE};
	exposition_number(exposition, METRIC_COUNTER, "good_then_bad", "1", u64(1));
	exposition_number(exposition, METRIC_COUNTER, "good_then_bad", "2", f64(-1));
	exposition_number(exposition, METRIC_COUNTER, "not_a_number", "", f64((double)NAN));
	exposition_number(exposition, METRIC_INFO, "two", "", u64(2));
	builder_merge(exposition->builder, exposition_series(exposition, &unit, ""), MERGE_SUM, u64(1), 0);
	exposition_composite(exposition, METRIC_HISTOGRAM, "below_zero", "", &below_zero, &three);
	exposition_composite(exposition, METRIC_GAUGE_HISTOGRAM, "gauge_below_zero", "", &below_zero, &three);
	exposition_composite(exposition, METRIC_HISTOGRAM, "no_sum", "", &shape_classic, &no_sum);
	exposition_composite(exposition, METRIC_HISTOGRAM, "minus", "", &shape_classic, &minus);
	exposition_composite(exposition, METRIC_SUMMARY, "summary_minus", "", &shape_quantiles, &summary);
	exposition_composite(exposition, METRIC_SUMMARY, "summary_sum_minus", "", &shape_quantiles, &fine);
}

char *exposition_page(struct exposition *exposition, const struct format_options *options, size_t *len)
{
	char *body = NULL;
	if (!exposition->snapshot)
		exposition->snapshot = builder_freeze(exposition->builder);
	assert_non_null(exposition->snapshot);
	assert_int_equal(format_render(exposition->snapshot, options, &body, len), 0);
	body = realloc(body, *len + 1);
	body[*len] = '\0';
	return body;
}

void assert_exposition(struct exposition *exposition, const struct format_options *options, const char *expected)
{
	size_t len;
	char *page = exposition_page(exposition, options, &len);
	if (len != strlen(expected) || memcmp(page, expected, len))
		fail_msg("rendered:\n%s\nexpected:\n%s", page, expected);
	free(page);
}
