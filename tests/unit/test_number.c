/* SPDX-License-Identifier: MIT */
/* Numbers as text: exact, shortest, and read back as the same number. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "snapshot/number.h"

static const char *formatted(struct number number)
{
	static char text[NUMBER_TEXT_MAX + 1];
	memset(text, '~', sizeof(text));
	size_t len = number_format(number, text);
	assert_true(len > 0 && len < NUMBER_TEXT_MAX);
	text[len] = '\0';
	return text;
}

static const char *f64(double value)
{
	return formatted((struct number){.type = NUMBER_F64, .f64 = value});
}

static const char *u64(uint64_t value)
{
	return formatted((struct number){.type = NUMBER_U64, .u64 = value});
}

static const char *i64(int64_t value)
{
	return formatted((struct number){.type = NUMBER_I64, .i64 = value});
}

static void test_number_prints_integers_exactly(void **state)
{
	(void)state;
	assert_string_equal(u64(0), "0");
	assert_string_equal(u64(UINT64_MAX), "18446744073709551615");
	assert_string_equal(i64(INT64_MIN), "-9223372036854775808");
	assert_string_equal(i64(INT64_MAX), "9223372036854775807");
	assert_string_equal(i64(-1), "-1");
	char expected[32];
	for (uint64_t power = 1; power < UINT64_MAX / 10; power *= 10) {
		for (uint64_t value = power - 1; value != power + 2; value++) {
			snprintf(expected, sizeof(expected), "%llu", (unsigned long long)value);
			assert_string_equal(u64(value), expected);
		}
	}
}

static void test_number_prints_doubles_in_their_shortest_form(void **state)
{
	(void)state;
	assert_string_equal(f64(0.1), "0.1");
	assert_string_equal(f64(0.3), "0.3");
	assert_string_equal(f64(0.1 + 0.2), "0.30000000000000004");
	assert_string_equal(f64(1.5), "1.5");
	assert_string_equal(f64(-1234.5678), "-1234.5678");
	assert_string_equal(f64(123456789.125), "123456789.125");
	assert_string_equal(f64(1.0 / 3), "0.3333333333333333");
	assert_string_equal(f64(5e-324), "5e-324");
	assert_string_equal(f64(DBL_MAX), "1.7976931348623157e+308");
	assert_string_equal(f64(DBL_MIN), "2.2250738585072014e-308");
	assert_string_equal(f64(9007199254740993.0 * 2), "18014398509481984");
}

static void test_number_prints_integral_doubles_as_integers(void **state)
{
	(void)state;
	assert_string_equal(f64(0), "0");
	assert_string_equal(f64(100), "100");
	assert_string_equal(f64(-42), "-42");
	assert_string_equal(f64(0x1p53 - 1), "9007199254740991");
	assert_string_equal(f64(1e20), "100000000000000000000");
}

static void test_number_changes_to_exponents_where_go_does(void **state)
{
	(void)state;
	assert_string_equal(f64(1e21), "1e+21");
	assert_string_equal(f64(1.25e22), "1.25e+22");
	assert_string_equal(f64(0.0001), "0.0001");
	assert_string_equal(f64(0.00012), "0.00012");
	assert_string_equal(f64(0.00001), "1e-05");
	assert_string_equal(f64(-0.000012), "-1.2e-05");
}

static void test_number_prints_what_is_no_finite_number(void **state)
{
	(void)state;
	assert_string_equal(f64(NAN), "NaN");
	assert_string_equal(f64(-NAN), "NaN");
	assert_string_equal(f64(INFINITY), "+Inf");
	assert_string_equal(f64(-INFINITY), "-Inf");
	assert_string_equal(f64(-0.0), "-0");
}

static uint64_t random_next(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

static unsigned digit_count(const char *text)
{
	unsigned count = 0;
	bool leading = true;
	for (; *text && *text != 'e'; text++) {
		if (*text < '0' || *text > '9' || (leading && *text == '0'))
			continue;
		leading = false;
		count++;
	}
	return count;
}

/* Reads back as the same double, and no shorter precision of printf does. */
static void assert_shortest(double value)
{
	const char *text = f64(value);
	double back = strtod(text, NULL);
	char shorter[64];
	if (memcmp(&back, &value, sizeof(value)))
		fail_msg("%a was printed as %s", value, text);
	unsigned digits = digit_count(text);
	if (digits < 2 || (fabs(value) < 0x1p53 && value == trunc(value)) || strchr(text, '.') == NULL)
		return;
	snprintf(shorter, sizeof(shorter), "%.*e", (int)digits - 2, value);
	if (strtod(shorter, NULL) == value)
		fail_msg("%a was printed as %s, but %s is shorter", value, text, shorter);
}

static void test_number_reads_back_as_the_same_double(void **state)
{
	(void)state;
	uint64_t random = (uint64_t)time(NULL) * 2654435761u | 1;
	print_message("seed %llu\n", (unsigned long long)random);
	for (int i = 0; i < 200000; i++) {
		uint64_t bits = random_next(&random);
		double value;
		memcpy(&value, &bits, sizeof(value));
		if (isfinite(value))
			assert_shortest(value);
		assert_shortest((double)(bits % 100000000000) / 1e9);
	}
}

static void test_number_gets_the_edges_of_every_binade_right(void **state)
{
	(void)state;
	for (uint64_t exponent = 0; exponent < 2047; exponent++) {
		for (uint64_t step = 0; step < 5; step++) {
			uint64_t bits = (exponent << 52) + step - (exponent ? 2 : 0);
			double value;
			memcpy(&value, &bits, sizeof(value));
			assert_shortest(value);
		}
	}
}

static const char *canonical(double value)
{
	static char text[NUMBER_TEXT_MAX + 1];
	memset(text, '~', sizeof(text));
	size_t len = number_format_canonical(value, text);
	assert_true(len > 0 && len < NUMBER_TEXT_MAX);
	text[len] = '\0';
	return text;
}

static void test_number_prints_bounds_as_openmetrics_wants_them(void **state)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {{0, "0.0"},
		     {-0.0, "0.0"},
		     {1, "1.0"},
		     {-1, "-1.0"},
		     {10, "10.0"},
		     {0.001, "0.001"},
		     {0.0001, "0.0001"},
		     {0.00001, "1e-05"},
		     {-0.000025, "-2.5e-05"},
		     {100000, "100000.0"},
		     {999999, "999999.0"},
		     {999999.5, "999999.5"},
		     {1e6, "1e+06"},
		     {1150976, "1.150976e+06"},
		     {123456.789, "123456.789"},
		     {1e20, "1e+20"},
		     {1e100, "1e+100"},
		     {-1.5e300, "-1.5e+300"},
		     {5e-324, "5e-324"},
		     {-DBL_MAX, "-1.7976931348623157e+308"},
		     {INFINITY, "+Inf"},
		     {-INFINITY, "-Inf"},
		     {NAN, "NaN"}};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(canonical(cases[i].value), cases[i].text);
}

static void test_number_bounds_of_any_value_read_back_and_have_a_point_or_an_exponent(void **state)
{
	(void)state;
	unsigned seed = (unsigned)time(NULL);
	print_message("seed %u\n", seed);
	for (int i = 0; i < 100000; i++) {
		double value = ldexp((double)rand_r(&seed) + (double)rand_r(&seed) * 0x1p-31, rand_r(&seed) % 100 - 70);
		if (i % 2)
			value = -trunc(value);
		const char *text = canonical(value);
		double magnitude = fabs(value);
		assert_true(strtod(text, NULL) == value);
		bool exponent = magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e6);
		assert_int_equal(strchr(text, 'e') != NULL, exponent);
		assert_true(exponent || strchr(text, '.'));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_number_prints_integers_exactly),
		cmocka_unit_test(test_number_prints_doubles_in_their_shortest_form),
		cmocka_unit_test(test_number_prints_integral_doubles_as_integers),
		cmocka_unit_test(test_number_changes_to_exponents_where_go_does),
		cmocka_unit_test(test_number_prints_what_is_no_finite_number),
		cmocka_unit_test(test_number_reads_back_as_the_same_double),
		cmocka_unit_test(test_number_gets_the_edges_of_every_binade_right),
		cmocka_unit_test(test_number_prints_bounds_as_openmetrics_wants_them),
		cmocka_unit_test(test_number_bounds_of_any_value_read_back_and_have_a_point_or_an_exponent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
