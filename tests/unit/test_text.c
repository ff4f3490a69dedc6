/* SPDX-License-Identifier: MIT */
/* Text 0.0.4: the exact bytes of a page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "expose/text.h"
#include "snapshot/builder.h"

struct fixture {
	struct catalog *catalog;
	struct builder *builder;
};

static int fixture_setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	fixture->catalog = catalog_new(200000);
	fixture->builder = builder_new(fixture->catalog);
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

static void sample(struct fixture *fixture, enum metric_type type, const char *name, const char *help,
		   const char *value, struct number number)
{
	struct family_request request = {.name = name, .help = help, .type = type};
	assert_int_equal(builder_sample(fixture->builder, &request, &(struct label){"a", value}, 1, number),
			 CATALOG_OK);
}

static struct number u64(uint64_t value)
{
	return (struct number){.type = NUMBER_U64, .u64 = value};
}

static char *rendered(struct fixture *fixture, size_t *len)
{
	char *body = NULL;
	struct snapshot *snapshot = builder_freeze(fixture->builder);
	assert_int_equal(text_render(snapshot, &body, len), 0);
	snapshot_unref(snapshot);
	return body;
}

static void assert_rendered(struct fixture *fixture, const char *expected)
{
	size_t len;
	char *body = rendered(fixture, &len);
	if (len != strlen(expected) || memcmp(body, expected, len))
		fail_msg("rendered:\n%.*s\nexpected:\n%s", (int)len, body, expected);
	free(body);
}

static void test_text_of_nothing_is_empty(void **state)
{
	assert_rendered(*state, "");
}

static void test_text_has_families_by_name_and_samples_by_label(void **state)
{
	sample(*state, METRIC_GAUGE, "temperature_celsius", "Of the room.", "b",
	       (struct number){.type = NUMBER_F64, .f64 = 21.5});
	sample(*state, METRIC_COUNTER, "requests", "Served.", "2", u64(18446744073709551615u));
	sample(*state, METRIC_COUNTER, "requests", "Served.", "10", u64(0));
	sample(*state, METRIC_GAUGE, "temperature_celsius", "Of the room.", "a",
	       (struct number){.type = NUMBER_I64, .i64 = -5});
	assert_rendered(*state, "# HELP requests_total Served.\n"
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
	assert_rendered(*state, "# HELP x A \"quoted\" \\\\ back\\nslash.\n"
				"# TYPE x gauge\n"
				"x{a=\"\\\"\\\\\\n\"} 1\n");
}

static void test_text_has_no_help_line_without_help_and_calls_unknown_untyped(void **state)
{
	sample(*state, METRIC_UNKNOWN, "x", "", "", u64(1));
	assert_rendered(*state, "# TYPE x untyped\nx 1\n");
}

static void test_text_leaves_out_families_without_samples(void **state)
{
	struct fixture *fixture = *state;
	family_ref family;
	struct family_request request = {.name = "empty", .help = "Help.", .type = METRIC_GAUGE};
	assert_int_equal(catalog_family(fixture->catalog, &request, &family), CATALOG_OK);
	sample(fixture, METRIC_GAUGE, "x", "", "", u64(1));
	assert_rendered(fixture, "# TYPE x gauge\nx 1\n");
}

/* More than one batch of samples, and a body that lies in huge pages. */
static void test_text_of_many_series_has_every_line_once(void **state)
{
	enum { COUNT = 100000 };
	struct fixture *fixture = *state;
	static bool seen[COUNT];
	memset(seen, 0, sizeof(seen));
	family_ref family;
	struct family_request request = {.name = "x", .help = "Help.", .type = METRIC_COUNTER};
	assert_int_equal(catalog_family(fixture->catalog, &request, &family), CATALOG_OK);
	for (unsigned i = 0; i < COUNT; i++) {
		char value[32];
		series_ref series;
		snprintf(value, sizeof(value), "%u", i);
		assert_int_equal(catalog_series(fixture->catalog, family, &(struct label){"a", value}, 1, &series),
				 CATALOG_OK);
		builder_merge(fixture->builder, series, MERGE_SUM, u64(i * 1000003ull), 0);
	}
	size_t len, lines = 0;
	char *body = rendered(fixture, &len);
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

#define TEXT_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEXT_TEST(test_text_of_nothing_is_empty),
		TEXT_TEST(test_text_has_families_by_name_and_samples_by_label),
		TEXT_TEST(test_text_escapes_help_and_values_each_by_its_own_rule),
		TEXT_TEST(test_text_has_no_help_line_without_help_and_calls_unknown_untyped),
		TEXT_TEST(test_text_leaves_out_families_without_samples),
		TEXT_TEST(test_text_of_many_series_has_every_line_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
