/* SPDX-License-Identifier: MIT */
/* The log: form of a line in both formats, and what happens when nobody reads it. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "log.h"

#define TIME_NS INT64_C(1714557600123456789)
#define TS "2024-05-01T10:00:00.123Z"

static const char *render(enum log_format format, const char *message, const struct log_field *fields, size_t count)
{
	static char line[LOG_LINE_MAX + 1];
	const size_t len = log_render(format, TIME_NS, LOG_LEVEL_INFO, message, fields, count, line);
	assert_true(len <= LOG_LINE_MAX);
	line[len] = '\0';
	return line;
}

static const char *render_text(enum log_format format, const char *text)
{
	const struct log_field field = LOG_TEXT("k", text);
	return render(format, "m", &field, 1);
}

static void test_log_line_has_time_level_message_and_fields(void **state)
{
	(void)state;
	const struct log_field fields[] = {LOG_TEXT("address", "[::1]:9466"), LOG_INT("count", -3)};
	assert_string_equal(render(LOG_FORMAT_LOGFMT, "listening", fields, 2),
			    "ts=" TS " level=info msg=listening address=[::1]:9466 count=-3\n");
	assert_string_equal(render(LOG_FORMAT_JSON, "listening", fields, 2),
			    "{\"ts\":\"" TS "\",\"level\":\"info\",\"msg\":\"listening\",\"address\":\"[::1]:9466\","
			    "\"count\":-3}\n");
}

static void test_log_quotes_what_logfmt_would_misread(void **state)
{
	(void)state;
	static const struct {
		const char *text, *shown;
	} cases[] = {
		{"plain/x-1", "plain/x-1"},
		{"", "\"\""},
		{"two words", "\"two words\""},
		{"a=b", "\"a=b\""},
		{"say \"x\"", "\"say \\\"x\\\"\""},
		{"a\nb", "\"a\\nb\""},
		{"a\\b", "\"a\\\\b\""},
		{"\x1b[2J", "\"\\u001b[2J\""},
		{"\x7f", "\"\\u007f\""},
		{"\xc3\xa9", "\"\xc3\xa9\""},
		{"\xff", "\"\\ufffd\""},
		{"\xc3", "\"\\ufffd\""},
		{"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
		{"\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char expected[128];
		snprintf(expected, sizeof(expected), "ts=" TS " level=info msg=m k=%s\n", cases[i].shown);
		assert_string_equal(render_text(LOG_FORMAT_LOGFMT, cases[i].text), expected);
	}
}

/* Every byte, and every pair with a lead byte, must leave a line that another parser takes. */
static void test_log_json_is_json_whatever_the_text(void **state)
{
	(void)state;
	for (int first = 1; first < 256; first++) {
		for (int second = 0; second < 256; second++) {
			const char text[] = {(char)first, (char)second, 'x', '\0'};
			json_t *root = json_loads(render_text(LOG_FORMAT_JSON, text), 0, NULL);
			assert_non_null(root);
			assert_true(json_is_string(json_object_get(root, "k")));
			json_decref(root);
		}
	}
}

static void test_log_cuts_long_values_and_leaves_out_fields_that_do_not_fit(void **state)
{
	(void)state;
	static char text[8192];
	/* The worst case: each byte becomes six. */
	memset(text, '\x01', sizeof(text) - 1);
	const struct log_field fields[] = {LOG_TEXT("long", text), LOG_TEXT("short", "x")};
	json_t *root = json_loads(render(LOG_FORMAT_JSON, "m", fields, 2), 0, NULL);
	assert_non_null(root);
	assert_null(json_object_get(root, "long"));
	assert_true(json_is_true(json_object_get(root, "truncated")));
	json_decref(root);
	memset(text, 'a', sizeof(text) - 1);
	root = json_loads(render(LOG_FORMAT_JSON, "m", fields, 2), 0, NULL);
	assert_non_null(root);
	assert_int_equal(json_string_length(json_object_get(root, "long")), 1024 + 3);
	assert_string_equal(json_string_value(json_object_get(root, "short")), "x");
	json_decref(root);
}

static void test_log_line_never_outgrows_its_limit(void **state)
{
	(void)state;
	static char text[4 * LOG_LINE_MAX];
	struct log_field fields[8];
	for (size_t len = 0; len < 1100; len += 7) {
		memset(text, '"', len);
		text[len] = '\0';
		for (size_t i = 0; i < 8; i++)
			fields[i] = (struct log_field)LOG_TEXT("key", text);
		json_t *root = json_loads(render(LOG_FORMAT_JSON, text, fields, 8), 0, NULL);
		assert_non_null(root);
		json_decref(root);
		render(LOG_FORMAT_LOGFMT, text, fields, 8);
	}
}

static void test_log_below_the_level_is_not_written(void **state)
{
	(void)state;
	int ends[2];
	char text[LOG_LINE_MAX];
	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	log_set_fd(ends[1]);
	log_setup(LOG_LEVEL_WARN, LOG_FORMAT_LOGFMT);
	const uint64_t infos = log_lines(LOG_LEVEL_INFO), warns = log_lines(LOG_LEVEL_WARN);
	log_info("hidden");
	assert_int_equal(read(ends[0], text, sizeof(text)), -1);
	log_warn("shown", LOG_INT("n", 1));
	const ssize_t len = read(ends[0], text, sizeof(text) - 1);
	assert_true(len > 0);
	text[len] = '\0';
	assert_non_null(strstr(text, "level=warn msg=shown n=1\n"));
	assert_int_equal(log_lines(LOG_LEVEL_INFO), infos);
	assert_int_equal(log_lines(LOG_LEVEL_WARN), warns + 1);
	close(ends[0]);
	close(ends[1]);
}

static void test_log_counts_lines_that_nobody_takes(void **state)
{
	(void)state;
	int ends[2];
	signal(SIGPIPE, SIG_IGN);
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);

	/* A pipe whose reader is gone, */
	assert_int_equal(pipe(ends), 0);
	log_set_fd(ends[1]);
	close(ends[0]);
	uint64_t lost = log_lines_lost();
	log_info("nobody");
	assert_int_equal(log_lines_lost(), lost + 1);
	close(ends[1]);

	/* a descriptor that is closed, */
	log_set_fd(ends[1]);
	log_info("nobody");
	assert_int_equal(log_lines_lost(), lost + 2);

	/* and a pipe that is full and that nobody empties: the line is given up, or this test would hang. */
	assert_int_equal(pipe(ends), 0);
	log_set_fd(ends[1]);
	lost = log_lines_lost();
	for (int i = 0; i < 100000 && log_lines_lost() == lost; i++)
		log_info("nobody");
	assert_int_equal(log_lines_lost(), lost + 1);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log_line_has_time_level_message_and_fields),
		cmocka_unit_test(test_log_quotes_what_logfmt_would_misread),
		cmocka_unit_test(test_log_json_is_json_whatever_the_text),
		cmocka_unit_test(test_log_cuts_long_values_and_leaves_out_fields_that_do_not_fit),
		cmocka_unit_test(test_log_line_never_outgrows_its_limit),
		cmocka_unit_test(test_log_below_the_level_is_not_written),
		cmocka_unit_test(test_log_counts_lines_that_nobody_takes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
