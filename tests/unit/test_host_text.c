/* SPDX-License-Identifier: MIT */
/* The tokenisers of host collectors, and the patterns of their options. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collect/host_pattern.h"
#include "collect/host_text.h"

static char bytes[256];

/* A text in a buffer of exactly its size and the spare byte, so that ASan sees what goes beyond. */
static struct text text_of(const char *content)
{
	strcpy(bytes, content);
	return (struct text){bytes, bytes + strlen(content)};
}

static void test_text_line_gives_each_line_and_the_last_without_newline(void **state)
{
	(void)state;
	struct text text = text_of("a b\n\nlast"), line;
	assert_true(text_line(&text, &line));
	assert_string_equal(text_rest(&line), "a b");
	assert_true(text_line(&text, &line));
	assert_string_equal(text_rest(&line), "");
	assert_true(text_line(&text, &line));
	assert_string_equal(text_rest(&line), "last");
	assert_false(text_line(&text, &line));
}

static void test_text_word_ends_at_blanks_and_gives_null_at_the_end(void **state)
{
	(void)state;
	struct text text = text_of("  one\ttwo ");
	assert_string_equal(text_word(&text), "one");
	assert_string_equal(text_word(&text), "two");
	assert_null(text_word(&text));
	assert_null(text_word(&text));
}

static void test_text_until_takes_nothing_without_the_separator(void **state)
{
	(void)state;
	struct text text = text_of("model name\t: X : Y");
	assert_string_equal(text_until(&text, ':'), "model name");
	assert_string_equal(text_until(&text, ':'), "X");
	assert_null(text_until(&text, ':'));
	assert_string_equal(text_rest(&text), "Y");
}

static void test_text_numbers_are_bounded_and_leave_what_is_none(void **state)
{
	(void)state;
	uint64_t unsigned_value = 7;
	int64_t signed_value = 7;
	struct text text = text_of("18446744073709551615 18446744073709551616");
	assert_true(text_u64(&text, &unsigned_value));
	assert_true(unsigned_value == UINT64_MAX);
	assert_false(text_u64(&text, &unsigned_value));
	assert_true(unsigned_value == UINT64_MAX);
	assert_string_equal(text_word(&text), "18446744073709551616");
	text = text_of("-9223372036854775808 -9223372036854775809");
	assert_true(text_i64(&text, &signed_value));
	assert_true(signed_value == INT64_MIN);
	assert_false(text_i64(&text, &signed_value));
	text = text_of("- 1");
	assert_false(text_i64(&text, &signed_value));
	text = text_of("ffffffffffffffff 10000000000000000");
	assert_true(text_hex(&text, &unsigned_value));
	assert_true(unsigned_value == UINT64_MAX);
	assert_false(text_hex(&text, &unsigned_value));
	text = text_of("12kB");
	assert_true(text_u64(&text, &unsigned_value));
	assert_string_equal(text_word(&text), "kB");
}

static void test_text_numbers_do_not_read_beyond_the_end(void **state)
{
	(void)state;
	uint64_t value;
	double real;
	char digits[3] = {'4', '2', '7'};
	struct text text = {digits, digits + 2};
	assert_true(text_u64(&text, &value));
	assert_int_equal(value, 42);
	text = (struct text){digits, digits + 2};
	assert_true(text_f64(&text, &real));
	assert_true(real == 42);
	text = (struct text){digits, digits};
	assert_false(text_u64(&text, &value));
	assert_false(text_f64(&text, &real));
}

static void test_word_f64_takes_whole_words_only(void **state)
{
	(void)state;
	double value;
	assert_true(word_f64("20.04", &value));
	assert_true(value == 20.04);
	assert_true(word_f64("1e3", &value));
	assert_true(value == 1000);
	assert_false(word_f64("20.04x", &value));
	assert_false(word_f64("", &value));
}

static void test_word_unescape_octal_mends_mount_points_in_place(void **state)
{
	(void)state;
	char word[] = "/a\\040b\\011c\\134d\\04";
	word_unescape_octal(word);
	assert_string_equal(word, "/a b\tc\\d\\04");
}

/* ---- patterns --------------------------------------------------------------------------------------------------- */

static bool matches(const char *expression, const char *name)
{
	struct host_pattern *pattern;
	char why[256] = "";
	if (host_pattern_new(expression, &pattern, why, sizeof(why)))
		fail_msg("%s: %s", expression, why);
	bool first = host_pattern_match(pattern, name);
	assert_int_equal(host_pattern_match(pattern, name), first);
	host_pattern_free(pattern);
	return first;
}

static void test_pattern_takes_what_users_of_re2_write(void **state)
{
	(void)state;
	const char *disks = "^(ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\\d+n\\d+p)\\d+$";
	assert_true(matches(disks, "sda1"));
	assert_true(matches(disks, "nvme0n1p2"));
	assert_false(matches(disks, "sda"));
	assert_false(matches(disks, "nvme0n1"));
	assert_true(matches("^(?:a|b)[\\d.]+$", "b1.2"));
	assert_true(matches("^a\\.b$", "a.b"));
	assert_false(matches("^a\\.b$", "axb"));
	assert_true(matches("^[]x]$", "]"));
}

static void test_pattern_refuses_with_a_reason_what_is_no_expression(void **state)
{
	(void)state;
	static const char *const expressions[] = {"(", "[a", "a\\", "*a", "(?P<x", "a{2,1}"};
	for (size_t i = 0; i < sizeof(expressions) / sizeof(expressions[0]); i++) {
		struct host_pattern *pattern = NULL;
		char why[256] = "";
		assert_int_not_equal(host_pattern_new(expressions[i], &pattern, why, sizeof(why)), 0);
		assert_null(pattern);
		assert_true(*why);
	}
}

static void test_pattern_verdicts_do_not_mix_under_many_names(void **state)
{
	(void)state;
	struct host_pattern *pattern;
	char why[256], name[32];
	assert_int_equal(host_pattern_new("7$", &pattern, why, sizeof(why)), 0);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 20000; i++) {
			snprintf(name, sizeof(name), "eth%d", i);
			assert_int_equal(host_pattern_match(pattern, name), i % 10 == 7);
		}
	}
	host_pattern_free(pattern);
}

static void test_filter_takes_what_is_included_and_not_excluded(void **state)
{
	(void)state;
	struct host_filter filter;
	assert_int_equal(host_filter_init(&filter, "", ""), 0);
	assert_true(host_filter_takes(&filter, "eth0"));
	host_filter_fini(&filter);
	assert_int_equal(host_filter_init(&filter, "^eth", "1$"), 0);
	assert_true(host_filter_takes(&filter, "eth0"));
	assert_false(host_filter_takes(&filter, "eth1"));
	assert_false(host_filter_takes(&filter, "lo"));
	host_filter_fini(&filter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_line_gives_each_line_and_the_last_without_newline),
		cmocka_unit_test(test_text_word_ends_at_blanks_and_gives_null_at_the_end),
		cmocka_unit_test(test_text_until_takes_nothing_without_the_separator),
		cmocka_unit_test(test_text_numbers_are_bounded_and_leave_what_is_none),
		cmocka_unit_test(test_text_numbers_do_not_read_beyond_the_end),
		cmocka_unit_test(test_word_f64_takes_whole_words_only),
		cmocka_unit_test(test_word_unescape_octal_mends_mount_points_in_place),
		cmocka_unit_test(test_pattern_takes_what_users_of_re2_write),
		cmocka_unit_test(test_pattern_refuses_with_a_reason_what_is_no_expression),
		cmocka_unit_test(test_pattern_verdicts_do_not_mix_under_many_names),
		cmocka_unit_test(test_filter_takes_what_is_included_and_not_excluded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
