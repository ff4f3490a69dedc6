/* SPDX-License-Identifier: MIT */
/* Limits with a visible end: beyond them updates go to the overflow series, totals stay right, and the reason counts.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <mstat/mstat.h>

#include "child.h"
#include "view.h"

static void open_with(struct mstat_options options)
{
	options.size = sizeof(options);
	check_equal(mstat_open(&options), 0);
}

/* Increments series "0" ... "count - 1" once each. */
static void count_numbers(mstat_counter_family *family, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		char number[16];
		snprintf(number, sizeof(number), "%u", i);
		mstat_inc(mstat_counter_with(family, number));
	}
}

CHILD_TEST(test_totals_stay_right_beyond_the_limit_of_a_family)
{
	MSTAT_COUNTER(few, "few", "Few.", "n");
	MSTAT_COUNTER(other, "other", "Other.", "n");
	few.family.series_limit = 10;
	count_numbers(&few, 100);
	count_numbers(&few, 100);
	count_numbers(&other, 20);
	check_equal(view_series(child_directory, "few"), 10);
	check_equal(view_u64(child_directory, "few", VIEW_OVERFLOW), 180);
	check_equal(view_sum_u64(child_directory, "few"), 200);
	check_equal(view_series(child_directory, "other"), 20);
	check_equal(mstat_drops(MSTAT_REASON_FAMILY_LIMIT), 180);
}

CHILD_TEST(test_family_takes_new_series_again_after_a_removal)
{
	MSTAT_COUNTER(few, "few", "Few.", "n");
	few.family.series_limit = 2;
	count_numbers(&few, 4);
	check_equal(mstat_remove(&few.family, (const char *const[]){"1"}, 1), 1);
	mstat_inc(mstat_counter_with(&few, "3"));
	check_equal(view_u64(child_directory, "few", "3"), 1);
	check_equal(view_u64(child_directory, "few", VIEW_OVERFLOW), 2);
	check_equal(view_series(child_directory, "few"), 2);
}

CHILD_TEST(test_totals_stay_right_beyond_the_default_limit_of_families)
{
	MSTAT_COUNTER(few, "few", "Few.", "n");
	open_with((struct mstat_options){.family_series_max = 5});
	count_numbers(&few, 9);
	check_equal(view_series(child_directory, "few"), 5);
	check_equal(view_sum_u64(child_directory, "few"), 9);
}

CHILD_TEST(test_totals_stay_right_beyond_the_limit_of_the_segment)
{
	MSTAT_COUNTER(few, "few", "Few.", "n");
	MSTAT_COUNTER(late, "late", "Late.", "n");
	open_with((struct mstat_options){.series_max = 8});
	count_numbers(&few, 50);
	check_equal(view_series(child_directory, "few"), 7); /* one is the overflow series */
	check_equal(view_sum_u64(child_directory, "few"), 50);
	check_equal(mstat_drops(MSTAT_REASON_SERIES_LIMIT), 43);
	/* A family that has no room for its overflow series either: dropped, and counted. */
	count_numbers(&late, 5);
	check_equal(view_sum_u64(child_directory, "late"), 0);
	check_equal(mstat_drops(MSTAT_REASON_SERIES_LIMIT), 48);
}

CHILD_TEST(test_totals_stay_right_when_the_arena_is_full)
{
	MSTAT_COUNTER(few, "few", "Few.", "n");
	open_with((struct mstat_options){.arena_bytes = 4096});
	count_numbers(&few, 500);
	unsigned int series = view_series(child_directory, "few");
	check(series > 20 && series < 200);
	check_equal(view_sum_u64(child_directory, "few"), 500);
	check_equal(mstat_drops(MSTAT_REASON_ARENA_FULL), 500 - series);
	/* What exists goes on. */
	mstat_inc(mstat_counter_with(&few, "0"));
	check_equal(view_u64(child_directory, "few", "0"), 2);
}

CHILD_TEST(test_gauges_beyond_the_cells_go_to_the_overflow_series)
{
	MSTAT_GAUGE(levels, "levels", "Levels.", "n");
	open_with((struct mstat_options){.gauge_max = 1});
	for (int i = 0; i < 1000; i++) {
		char number[16];
		snprintf(number, sizeof(number), "%d", i);
		mstat_gauge_add(mstat_gauge_with(&levels, number), 1);
	}
	/* A page of cells, less the two for removed gauges and one for the overflow series. */
	unsigned int series = view_series(child_directory, "levels");
	check_equal(series, sysconf(_SC_PAGESIZE) / 8 - 3);
	check_equal(view_i64(child_directory, "levels", VIEW_OVERFLOW), 1000 - series);
	check_equal(mstat_drops(MSTAT_REASON_CELLS_FULL), 1000 - series);
}

CHILD_TEST(test_many_series_over_many_pages_are_all_there)
{
	MSTAT_COUNTER(many, "many", "Many.", "n");
	count_numbers(&many, 16384);
	count_numbers(&many, 16384);
	check_equal(view_series(child_directory, "many"), 16384);
	check_equal(view_sum_u64(child_directory, "many"), 2 * 16384);
	check_equal(view_u64(child_directory, "many", "16383"), 2);
	check_equal(view_value(child_directory, "many", VIEW_OVERFLOW).bits, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_totals_stay_right_beyond_the_limit_of_a_family),
		cmocka_unit_test(test_family_takes_new_series_again_after_a_removal),
		cmocka_unit_test(test_totals_stay_right_beyond_the_default_limit_of_families),
		cmocka_unit_test(test_totals_stay_right_beyond_the_limit_of_the_segment),
		cmocka_unit_test(test_totals_stay_right_when_the_arena_is_full),
		cmocka_unit_test(test_gauges_beyond_the_cells_go_to_the_overflow_series),
		cmocka_unit_test(test_many_series_over_many_pages_are_all_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
