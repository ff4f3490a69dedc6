/* SPDX-License-Identifier: MIT */
/* Counters: what is added is what readers see; what a counter cannot take is refused and counted. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <mstat/mstat.h>

#include "child.h"
#include "view.h"

#include <math.h>
#include <time.h>

CHILD_TEST(test_counter_adds_are_seen_by_the_reader_and_leave_errno_alone)
{
	MSTAT_COUNTER(requests, "http_requests_total", "Requests.", "method", "status");
	errno = E2BIG;
	mstat_counter *get = mstat_counter_with(&requests, "GET", "200");
	for (int i = 0; i < 1000; i++)
		mstat_inc(get);
	mstat_add(get, 0);
	mstat_add(get, 1ull << 40);
	mstat_inc(mstat_counter_with(&requests, "GET", "404"));
	check_equal(errno, E2BIG);
	check_equal(view_u64(child_directory, "http_requests", "GET,200"), (1ull << 40) + 1000);
	check_equal(view_u64(child_directory, "http_requests", "GET,404"), 1);
	check_equal(view_sum_u64(child_directory, "http_requests"), (1ull << 40) + 1001);
}

CHILD_TEST(test_counter_wraps_at_two_to_the_power_of_64)
{
	MSTAT_COUNTER(wraps, "wraps", "Wraps.");
	mstat_add(mstat_counter_with(&wraps), UINT64_MAX);
	mstat_add(mstat_counter_with(&wraps), 3);
	check_equal(view_u64(child_directory, "wraps", ""), 2);
}

CHILD_TEST(test_f64_counter_takes_fractions_and_refuses_negative_nan_and_infinite_numbers)
{
	MSTAT_COUNTER_F64_UNIT(busy, "busy_seconds", "seconds", "Busy.");
	static const double refused[] = {-1, -1e-300, NAN, -NAN, INFINITY, -INFINITY};
	mstat_counter_f64 *counter = mstat_counter_f64_with(&busy);
	mstat_add_f64(counter, 0.5);
	mstat_add_f64(counter, 0);
	mstat_add_f64(counter, 1024.25);
	errno = E2BIG;
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		mstat_add_f64(counter, refused[i]);
	check_equal(errno, E2BIG);
	check(view_f64(child_directory, "busy_seconds", "") == 1024.75);
	check_equal(mstat_drops(MSTAT_REASON_NEGATIVE), sizeof(refused) / sizeof(*refused));
	struct mstat_status status;
	mstat_status(&status);
	check_equal(status.last_reason, MSTAT_REASON_NEGATIVE);
	check_equal(status.reason, 0);
}

CHILD_TEST(test_order_of_labels_in_a_declaration_does_not_matter)
{
	MSTAT_COUNTER(one, "moves", "Moves.", "from", "to", "by");
	MSTAT_COUNTER(two, "moves", "Another text.", "to", "by", "from");
	mstat_counter *handle = mstat_counter_with(&one, "a", "b", "c");
	check(mstat_counter_with(&two, "b", "c", "a") == handle);
	mstat_inc(handle);
	mstat_inc(mstat_counter_with(&two, "b", "c", "a"));
	mstat_inc(mstat_counter_with(&two, "a", "b", "c"));
	/* by, from, to */
	check_equal(view_u64(child_directory, "moves", "c,a,b"), 2);
	check_equal(view_u64(child_directory, "moves", "b,c,a"), 1);
	check_equal(mstat_drops(MSTAT_REASON_CONFLICT), 0);
}

CHILD_TEST(test_counter_names_with_and_without_total_are_one_family)
{
	MSTAT_COUNTER(with, "jobs_total", "Jobs.");
	MSTAT_COUNTER(without, "jobs", "Jobs.");
	mstat_inc(mstat_counter_with(&with));
	mstat_inc(mstat_counter_with(&without));
	check(mstat_counter_with(&with) == mstat_counter_with(&without));
	check_equal(view_u64(child_directory, "jobs", ""), 2);
	check_equal(view_series(child_directory, "jobs"), 1);
}

CHILD_TEST(test_missing_label_value_is_the_empty_one)
{
	MSTAT_COUNTER(seen, "seen", "Seen.", "a", "b");
	mstat_counter *handle = mstat_counter_with(&seen, "", NULL);
	check(mstat_counter_with(&seen, NULL, "") == handle);
	mstat_inc(handle);
	check_equal(view_u64(child_directory, "seen", ","), 1);
	check_equal(view_series(child_directory, "seen"), 1);
}

CHILD_TEST(test_label_values_that_differ_only_behind_a_block_are_different_series)
{
	MSTAT_COUNTER(blocks, "blocks", "Blocks.", "a", "b");
	char text[64];
	for (unsigned int len = 13; len < 36; len++) {
		memset(text, 'x', len);
		text[len] = 0;
		mstat_add(mstat_counter_with(&blocks, text, "y"), len);
		mstat_add(mstat_counter_with(&blocks, "y", text), 1000 + len);
	}
	for (unsigned int len = 13; len < 36; len++) {
		char labels[80];
		memset(text, 'x', len);
		text[len] = 0;
		snprintf(labels, sizeof(labels), "%s,y", text);
		check_equal(view_u64(child_directory, "blocks", labels), len);
		snprintf(labels, sizeof(labels), "y,%s", text);
		check_equal(view_u64(child_directory, "blocks", labels), 1000 + len);
	}
	check_equal(view_series(child_directory, "blocks"), 2 * (36 - 13));
}

CHILD_TEST(test_label_values_too_long_or_not_utf8_go_to_the_overflow_series)
{
	MSTAT_COUNTER(texts, "texts", "Texts.", "text");
	static const char *const bad[] = {"\xff", "a\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "cut \xe2\x82"};
	char text[1100];
	memset(text, 'x', sizeof(text));
	text[1024] = 0;
	mstat_inc(mstat_counter_with(&texts, text));
	text[1024] = 'x', text[1025] = 0;
	mstat_inc(mstat_counter_with(&texts, text));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		mstat_inc(mstat_counter_with(&texts, bad[i]));
	mstat_inc(mstat_counter_with(&texts, "\xe2\x82\xac \xf0\x9f\x98\x80"));
	check_equal(view_u64(child_directory, "texts", VIEW_OVERFLOW), 6);
	check_equal(view_sum_u64(child_directory, "texts"), 8);
	check_equal(view_series(child_directory, "texts"), 2);
	check_equal(mstat_drops(MSTAT_REASON_LABEL_VALUE), 6);
}

CHILD_TEST(test_wrong_number_of_label_values_goes_to_the_overflow_series)
{
	MSTAT_COUNTER(pairs, "pairs", "Pairs.", "a", "b");
	mstat_inc(mstat_counter_with(&pairs, "1", "2"));
	mstat_inc(mstat_counter_with(&pairs, "1"));
	mstat_inc(mstat_counter_with(&pairs));
	mstat_inc(mstat_counter_with(&pairs, "1", "2", "3"));
	check_equal(view_u64(child_directory, "pairs", VIEW_OVERFLOW), 3);
	check_equal(view_u64(child_directory, "pairs", "1,2"), 1);
	check_equal(mstat_drops(MSTAT_REASON_LABEL_COUNT), 3);
}

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t earliest_ns, latest_ns;

static void created_check(const struct segment *segment, void *context)
{
	(void)context;
	check_equal(segment->series_count, 3); /* the overflow series too */
	for (uint32_t i = 0; i < segment->series_count; i++) {
		check(segment->series[i].created_ns >= earliest_ns);
		check(segment->series[i].created_ns <= latest_ns);
	}
	check(segment->series[2].created_ns >= segment->series[1].created_ns);
}

CHILD_TEST(test_series_carry_the_time_of_their_creation)
{
	MSTAT_COUNTER(timed, "timed", "Timed.", "a");
	earliest_ns = now_ns();
	mstat_counter_with(&timed, "1");
	mstat_counter_with(&timed, "2");
	latest_ns = now_ns();
	view_first(child_directory, created_check, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counter_adds_are_seen_by_the_reader_and_leave_errno_alone),
		cmocka_unit_test(test_counter_wraps_at_two_to_the_power_of_64),
		cmocka_unit_test(test_f64_counter_takes_fractions_and_refuses_negative_nan_and_infinite_numbers),
		cmocka_unit_test(test_order_of_labels_in_a_declaration_does_not_matter),
		cmocka_unit_test(test_counter_names_with_and_without_total_are_one_family),
		cmocka_unit_test(test_missing_label_value_is_the_empty_one),
		cmocka_unit_test(test_label_values_that_differ_only_behind_a_block_are_different_series),
		cmocka_unit_test(test_label_values_too_long_or_not_utf8_go_to_the_overflow_series),
		cmocka_unit_test(test_wrong_number_of_label_values_goes_to_the_overflow_series),
		cmocka_unit_test(test_series_carry_the_time_of_their_creation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
