/* SPDX-License-Identifier: MIT */
/* State sets, infos, gauge histograms and marks: gauges with a meaning of their own. */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <mstat/mstat.h>

#include "child.h"
#include "view.h"

static const char *const phases[] = {"starting", "serving", "draining", NULL};
MSTAT_STATE_SET(phase, phases, "gateway_phase", "What the gateway is doing.", "zone");

CHILD_TEST(test_states_go_on_and_off_and_one_alone)
{
	mstat_state_set *set = mstat_state_set_with(&phase, "a");
	check(!view_value(child_directory, "gateway_phase", "a").present);
	mstat_state_set_on(set, 0);
	mstat_state_set_on(set, 2);
	check_equal(view_u64(child_directory, "gateway_phase", "a"), 5);
	mstat_state_set_off(set, 0);
	mstat_state_set_off(set, 1);
	check_equal(view_u64(child_directory, "gateway_phase", "a"), 4);
	mstat_state_set_only(set, 1);
	check_equal(view_u64(child_directory, "gateway_phase", "a"), 2);
	errno = E2BIG;
	mstat_state_set_off(set, 1);
	check_equal(errno, E2BIG);
	check(view_value(child_directory, "gateway_phase", "a").present);
	check_equal(view_u64(child_directory, "gateway_phase", "a"), 0);
}

CHILD_TEST(test_states_that_are_not_there_are_refused_and_counted)
{
	mstat_state_set *set = mstat_state_set_with(&phase, "a");
	mstat_state_set_on(set, 1);
	mstat_state_set_on(set, 3);
	mstat_state_set_only(set, 64);
	mstat_state_set_off(set, 65); /* would be state 1 */
	mstat_state_set_off(set, UINT32_MAX);
	check_equal(view_u64(child_directory, "gateway_phase", "a"), 2);
	check_equal(mstat_drops(MSTAT_REASON_STATES), 4);
}

static int ready[2], leave[2];

static void state_in_child(void)
{
	char byte;
	mstat_state_set_only(mstat_state_set_with(&phase, "a"), 2);
	check(write(ready[1], "x", 1) == 1);
	close(leave[1]);
	check(read(leave[0], &byte, 1) == 0);
}

CHILD_TEST(test_states_of_several_processes_are_on_where_any_has_them_on)
{
	char byte;
	mstat_state_set_only(mstat_state_set_with(&phase, "a"), 0);
	check(!pipe(ready) && !pipe(leave));
	pid_t pid = fork_run(state_in_child);
	check(read(ready[0], &byte, 1) == 1);
	check_equal(view_u64(child_directory, "gateway_phase", "a"), 5);
	close(leave[1]);
	check_equal(child_wait(pid), 0);
	check_equal(view_u64(child_directory, "gateway_phase", "a"), 1);
}

#define TOGGLES 20001

static void *toggle(void *context)
{
	mstat_state_set *set = mstat_state_set_with(&phase, "a");
	unsigned int state = (unsigned int)(uintptr_t)context;
	for (int i = 0; i < TOGGLES; i++) {
		if (i % 2)
			mstat_state_set_off(set, state);
		else
			mstat_state_set_on(set, state);
	}
	return NULL;
}

CHILD_TEST(test_threads_that_change_different_states_lose_none)
{
	pthread_t threads[3];
	for (uintptr_t i = 0; i < 3; i++)
		check(!pthread_create(&threads[i], NULL, toggle, (void *)i));
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	check_equal(view_u64(child_directory, "gateway_phase", "a"), 7);
}

static const char *const none[] = {NULL};
static const char *const twice[] = {"a", "b", "a", NULL};
static const char *const empty[] = {"a", "", NULL};
static const char *const not_utf8[] = {"a", "\xff", NULL};
MSTAT_STATE_SET(no_states, none, "no_states", "None.");
MSTAT_STATE_SET(null_states, 0, "null_states", "None at all.");
MSTAT_STATE_SET(twice_states, twice, "twice_states", "Twice.");
MSTAT_STATE_SET(empty_states, empty, "empty_states", "Empty.");
MSTAT_STATE_SET(bad_states, not_utf8, "bad_states", "Not UTF-8.");
MSTAT_STATE_SET(own_label, phases, "own_label", "A label of its own name.", "own_label");
MSTAT_STATE_SET(other_states, twice + 1, "gateway_phase", "Other states.", "zone");

CHILD_TEST(test_states_against_the_rules_are_refused)
{
	static mstat_state_set_family *const bad[] = {&no_states, &null_states, &twice_states, &empty_states,
						      &bad_states};
	for (size_t i = 0; i < 5; i++)
		mstat_state_set_on(mstat_state_set_with(bad[i]), 0);
	mstat_state_set_on(mstat_state_set_with(&own_label, "x"), 0);
	check_equal(mstat_drops(MSTAT_REASON_STATES), 6);
	mstat_state_set_on(mstat_state_set_with(&phase, "a"), 0);
	mstat_state_set_on(mstat_state_set_with(&other_states, "a"), 1);
	check_equal(mstat_drops(MSTAT_REASON_CONFLICT), 1);
	check_equal(view_u64(child_directory, "gateway_phase", "a"), 1);
}

CHILD_TEST(test_a_state_set_takes_63_states_and_not_64)
{
	static const char *most[65];
	char text[65][8];
	for (int i = 0; i < 64; i++) {
		snprintf(text[i], sizeof(text[i]), "s%d", i);
		most[i] = text[i];
	}
	MSTAT_STATE_SET(too_many, most, "too_many", "64 states.");
	mstat_state_set_on(mstat_state_set_with(&too_many), 0);
	check_equal(mstat_drops(MSTAT_REASON_STATES), 1);
	most[63] = NULL;
	MSTAT_STATE_SET(many, most, "many", "63 states.");
	mstat_state_set_on(mstat_state_set_with(&many), 62);
	check_equal(view_u64(child_directory, "many", ""), 1ull << 62);
}

MSTAT_INFO(build, "gateway_build_info", "What was built.", "version");
MSTAT_INFO(build_again, "gateway_build", "The same without its suffix.", "version");

static void info_in_child(void)
{
	mstat_info_set(mstat_info_with(&build, "2.0"));
}

CHILD_TEST(test_info_is_one_while_a_process_that_set_it_lives)
{
	mstat_info_set(mstat_info_with(&build, "1.0"));
	mstat_info_set(mstat_info_with(&build_again, "1.0"));
	check_fork(info_in_child);
	check_equal(view_u64(child_directory, "gateway_build", "1.0"), 1);
	check(!view_value(child_directory, "gateway_build", "2.0").present);
}

/* ---- gauge histograms ---- */

static const struct mstat_buckets ages_bounds = {.scale = 1, MSTAT_BOUNDS(10, 100)};
MSTAT_GAUGE_HISTOGRAM_AS(ages, &ages_bounds, "ages", "", "Ages.");

static void ages_in_child(void)
{
	char byte;
	mstat_gauge_histogram_add(mstat_gauge_histogram_with(&ages), 1000);
	check(write(ready[1], "x", 1) == 1);
	close(leave[1]);
	check(read(leave[0], &byte, 1) == 0);
}

static void ages_check(uint64_t low, uint64_t middle, uint64_t high, uint64_t sum)
{
	const struct view_distribution *have = view_distribution(child_directory, "ages", "");
	check(have->present);
	check_equal(have->buckets[0], low);
	check_equal(have->buckets[1], middle);
	check_equal(have->buckets[2], high);
	check_equal(have->sum_u64, sum);
}

CHILD_TEST(test_gauge_histogram_has_what_was_put_in_and_not_taken_out)
{
	mstat_gauge_histogram *histogram = mstat_gauge_histogram_with(&ages);
	char byte;
	check(!view_distribution(child_directory, "ages", "")->present);
	mstat_gauge_histogram_add(histogram, 10);
	mstat_gauge_histogram_add(histogram, 11);
	mstat_gauge_histogram_add(histogram, 100);
	mstat_gauge_histogram_remove(histogram, 11);
	mstat_gauge_histogram_add(histogram, -1);
	mstat_gauge_histogram_remove(histogram, -1);
	ages_check(1, 1, 0, 110);
	check_equal(mstat_drops(MSTAT_REASON_OBSERVATION), 2);
	check(!pipe(ready) && !pipe(leave));
	pid_t pid = fork_run(ages_in_child);
	check(read(ready[0], &byte, 1) == 1);
	ages_check(1, 1, 1, 1110);
	close(leave[1]);
	check_equal(child_wait(pid), 0);
	ages_check(1, 1, 0, 110); /* what the dead had is gone with them */
	mstat_gauge_histogram_remove(histogram, 10);
	mstat_gauge_histogram_remove(histogram, 100);
	ages_check(0, 0, 0, 0);
}

/* ---- marks ---- */

MSTAT_GAUGE_AS(highest, MSTAT_MAX, "highest", "", "High water.");
MSTAT_GAUGE_AS(lowest, MSTAT_MIN, "lowest", "", "Low water.");
MSTAT_GAUGE_F64_AS(warmest, MSTAT_MAX, "warmest", "", "High water.");
MSTAT_GAUGE_F64_AS(coldest, MSTAT_MIN, "coldest", "", "Low water.");

CHILD_TEST(test_marks_begin_with_their_first_value_whatever_its_sign)
{
	mstat_gauge_max(mstat_gauge_with(&highest), -7);
	mstat_gauge_min(mstat_gauge_with(&lowest), 7);
	mstat_gauge_f64_max(mstat_gauge_f64_with(&warmest), -7.5);
	mstat_gauge_f64_min(mstat_gauge_f64_with(&coldest), 7.5);
	check_equal(view_i64(child_directory, "highest", ""), -7);
	check_equal(view_i64(child_directory, "lowest", ""), 7);
	check(view_f64(child_directory, "warmest", "") == -7.5);
	check(view_f64(child_directory, "coldest", "") == 7.5);
}

CHILD_TEST(test_marks_move_in_their_direction_only)
{
	static const int64_t values[] = {3, -4, 3, 9, 8, INT64_MIN, 0, INT64_MAX, 1};
	int64_t most = INT64_MIN, least = INT64_MAX;
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		/* The one value that cannot be stored is stored as its neighbour. */
		int64_t value = values[i] == INT64_MIN ? INT64_MIN + 1 : values[i];
		most = value > most ? value : most;
		least = value < least ? value : least;
		mstat_gauge_max(mstat_gauge_with(&highest), values[i]);
		mstat_gauge_min(mstat_gauge_with(&lowest), values[i]);
		mstat_gauge_f64_max(mstat_gauge_f64_with(&warmest), (double)value);
		mstat_gauge_f64_min(mstat_gauge_f64_with(&coldest), (double)value);
		check_equal(view_i64(child_directory, "highest", ""), most);
		check_equal(view_i64(child_directory, "lowest", ""), least);
		check(view_f64(child_directory, "warmest", "") == (double)most);
		check(view_f64(child_directory, "coldest", "") == (double)least);
	}
}

CHILD_TEST(test_marks_pass_over_nan_and_do_not_stay_on_it)
{
	mstat_gauge_f64 *most = mstat_gauge_f64_with(&warmest), *least = mstat_gauge_f64_with(&coldest);
	mstat_gauge_f64_max(most, NAN);
	mstat_gauge_f64_min(least, NAN);
	check(!view_value(child_directory, "warmest", "").present);
	check(!view_value(child_directory, "coldest", "").present);
	mstat_gauge_f64_set(most, NAN);
	mstat_gauge_f64_set(least, NAN);
	mstat_gauge_f64_max(most, -3);
	mstat_gauge_f64_min(least, 3);
	check(view_f64(child_directory, "warmest", "") == -3);
	check(view_f64(child_directory, "coldest", "") == 3);
	mstat_gauge_f64_max(most, INFINITY);
	mstat_gauge_f64_min(least, -INFINITY);
	check(isinf(view_f64(child_directory, "warmest", "")));
	check(isinf(view_f64(child_directory, "coldest", "")));
}

#define CLIMBS 50000

static void *climb(void *context)
{
	mstat_gauge *mark = mstat_gauge_with(&highest);
	for (int64_t i = 0; i < CLIMBS; i++)
		mstat_gauge_max(mark, i * 3 + (int64_t)(intptr_t)context);
	return NULL;
}

CHILD_TEST(test_the_highest_of_several_threads_stays)
{
	pthread_t threads[3];
	for (uintptr_t i = 0; i < 3; i++)
		check(!pthread_create(&threads[i], NULL, climb, (void *)i));
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	check_equal(view_i64(child_directory, "highest", ""), (CLIMBS - 1) * 3 + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states_go_on_and_off_and_one_alone),
		cmocka_unit_test(test_states_that_are_not_there_are_refused_and_counted),
		cmocka_unit_test(test_states_of_several_processes_are_on_where_any_has_them_on),
		cmocka_unit_test(test_threads_that_change_different_states_lose_none),
		cmocka_unit_test(test_states_against_the_rules_are_refused),
		cmocka_unit_test(test_a_state_set_takes_63_states_and_not_64),
		cmocka_unit_test(test_info_is_one_while_a_process_that_set_it_lives),
		cmocka_unit_test(test_gauge_histogram_has_what_was_put_in_and_not_taken_out),
		cmocka_unit_test(test_marks_begin_with_their_first_value_whatever_its_sign),
		cmocka_unit_test(test_marks_move_in_their_direction_only),
		cmocka_unit_test(test_marks_pass_over_nan_and_do_not_stay_on_it),
		cmocka_unit_test(test_the_highest_of_several_threads_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
