/* SPDX-License-Identifier: MIT */
/* A collection of metrics of all types for tests of the encoders, and its pages in any format. */
#ifndef TESTS_EXPOSITION_H
#define TESTS_EXPOSITION_H

#include "expose/format.h"
#include "snapshot/builder.h"

#define EXPOSITION_TIME_NS INT64_C(1700000000123000000) /* of created series and exemplars */

struct exposition {
	struct catalog *catalog;
	struct builder *builder;
	struct snapshot *snapshot; /* once it is frozen */
};

/* Set-up and teardown of a cmocka test whose state is a struct exposition. */
int exposition_setup(void **state);
int exposition_teardown(void **state);

static inline struct number u64(uint64_t value)
{
	return (struct number){.type = NUMBER_U64, .u64 = value};
}

static inline struct number f64(double value)
{
	return (struct number){.type = NUMBER_F64, .f64 = value};
}

/* A series with the label a="value" (none where value is ""), created at EXPOSITION_TIME_NS. */
series_ref exposition_series(struct exposition *exposition, const struct family_request *family, const char *value);

void exposition_number(struct exposition *exposition, enum metric_type type, const char *name, const char *value,
		       struct number number);

/* A value of a shape that is asked for; the sum only with has_sum. Returns the series, for exemplars. */
series_ref exposition_composite(struct exposition *exposition, enum metric_type type, const char *name,
				const char *value, const struct shape_request *shape,
				const struct composite *composite);

/* Shapes: bounds 0.1, 1 and 10; native buckets of schema 0 with indices 0 to 3 and zero threshold 0.25; both;
 * quantiles 0.5 and 0.99; states "off" and "on\"x". */
extern const struct shape_request shape_classic, shape_native, shape_both, shape_quantiles, shape_states;

/* A family of each type, with two series, exemplars and created times; histograms of all kinds. */
void exposition_fill(struct exposition *exposition);

/* Families that the formats have to expose as something else: see openmetrics.h. */
void exposition_fill_misfits(struct exposition *exposition);

/* Freezes on first use. The page, malloc'ed and followed by a NUL. */
char *exposition_page(struct exposition *exposition, const struct format_options *options, size_t *len);

/* Fails, with both, unless the page is this. */
void assert_exposition(struct exposition *exposition, const struct format_options *options, const char *expected);

#endif
