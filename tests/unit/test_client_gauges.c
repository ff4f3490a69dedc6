/* SPDX-License-Identifier: MIT */
/* Gauges: operations, merge rules over several processes, and what stays when a process is gone. */
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

#include <math.h>
#include <signal.h>

CHILD_TEST(test_gauge_operations_add_up)
{
	MSTAT_GAUGE(level, "level", "Level.", "n");
	mstat_gauge *gauge = mstat_gauge_with(&level, "1");
	check(!view_value(child_directory, "level", "1").present);
	errno = E2BIG;
	mstat_gauge_add(gauge, 5);
	mstat_gauge_inc(gauge);
	mstat_gauge_dec(gauge);
	mstat_gauge_sub(gauge, 15);
	check_equal(errno, E2BIG);
	check_equal(view_i64(child_directory, "level", "1"), -10);
	mstat_gauge_set(gauge, INT64_MAX);
	check_equal(view_i64(child_directory, "level", "1"), INT64_MAX);
	mstat_gauge_set(gauge, INT64_MIN + 1);
	check_equal(view_i64(child_directory, "level", "1"), INT64_MIN + 1);
	mstat_gauge_set(gauge, 0);
	check(view_value(child_directory, "level", "1").present);
	check_equal(view_i64(child_directory, "level", "1"), 0);
}

CHILD_TEST(test_f64_gauge_takes_every_number)
{
	MSTAT_GAUGE_F64(heat, "heat", "Heat.");
	mstat_gauge_f64 *gauge = mstat_gauge_f64_with(&heat);
	mstat_gauge_f64_add(gauge, 1.5);
	mstat_gauge_f64_sub(gauge, 4);
	check(view_f64(child_directory, "heat", "") == -2.5);
	mstat_gauge_f64_set(gauge, INFINITY);
	check(view_f64(child_directory, "heat", "") == INFINITY);
	mstat_gauge_f64_set(gauge, NAN);
	check(isnan(view_f64(child_directory, "heat", "")));
	mstat_gauge_f64_set(gauge, -0.0);
	check(view_value(child_directory, "heat", "").present);
	check(view_f64(child_directory, "heat", "") == 0);
}

/* ---- processes ---- */

/* One family a merge rule; three processes set 10, 30, 20 in this order. */
#define RULES(X)                                                                                                       \
	X(sum, MSTAT_SUM, 60)                                                                                          \
	X(min, MSTAT_MIN, 10)                                                                                          \
	X(max, MSTAT_MAX, 30)                                                                                          \
	X(last, MSTAT_LAST, 20)

#define DECLARE(name, rule, want)                                                                                      \
	MSTAT_GAUGE_AS(live_##name, rule | MSTAT_LIVE, #name "_live", "", "Live.");                                    \
	MSTAT_GAUGE_AS(kept_##name, rule, #name "_kept", "", "Kept.");                                                 \
	MSTAT_GAUGE_F64_AS(float_##name, rule, #name "_float", "", "Kept.");
RULES(DECLARE)

static int ready[2], release_pipe[2];

static void gauges_set(int64_t value)
{
#define SET(name, rule, want)                                                                                          \
	mstat_gauge_set(mstat_gauge_with(&live_##name), value);                                                        \
	mstat_gauge_set(mstat_gauge_with(&kept_##name), value);                                                        \
	mstat_gauge_f64_set(mstat_gauge_f64_with(&float_##name), (double)value / 4);
	RULES(SET)
}

static int64_t value_to_set;

static void set_and_wait(void)
{
	char byte = 0;
	gauges_set(value_to_set);
	close(release_pipe[1]);
	check(write(ready[1], &byte, 1) == 1);
	check(read(release_pipe[0], &byte, 1) == 0);
}

static pid_t set_in_child(int64_t value)
{
	char byte;
	value_to_set = value;
	pid_t pid = fork_run(set_and_wait);
	check(read(ready[0], &byte, 1) == 1);
	usleep(20000); /* the coarse clock of the next one is another */
	return pid;
}

static void check_rules(bool live)
{
#define CHECK(name, rule, want)                                                                                        \
	check_equal(view_i64(child_directory, #name "_kept", ""), want);                                               \
	check(view_f64(child_directory, #name "_float", "") == (double)(want) / 4);                                    \
	check_equal(view_value(child_directory, #name "_live", "").present, live);                                     \
	if (live)                                                                                                      \
		check_equal(view_i64(child_directory, #name "_live", ""), want);
	RULES(CHECK)
}

static void set_nothing(void)
{
	MSTAT_COUNTER(nothing, "nothing", "Nothing.");
	mstat_inc(mstat_counter_with(&nothing));
}

CHILD_TEST(test_values_of_processes_merge_by_rule_and_only_kept_ones_outlive_their_process)
{
	static const int64_t values[] = {10, 30, 20};
	pid_t pids[3];
	set_nothing(); /* this process is in the tree and sets no gauge: no part in a minimum */
	check(!pipe(ready) && !pipe(release_pipe));
	for (int i = 0; i < 3; i++)
		pids[i] = set_in_child(values[i]);
	check_rules(true);
	/* One dies by force, the others end. */
	kill(pids[1], SIGKILL);
	check_equal(child_wait(pids[1]), 128 + SIGKILL);
	check_equal(view_i64(child_directory, "sum_live", ""), 30);
	check_equal(view_i64(child_directory, "max_live", ""), 20);
	check_equal(view_i64(child_directory, "sum_kept", ""), 60);
	close(release_pipe[1]);
	check_equal(child_wait(pids[0]), 0);
	check_equal(child_wait(pids[2]), 0);
	check_rules(false);
	/* Others take over the slots of the dead: what is kept stays. */
	for (int i = 0; i < 5; i++)
		check_fork(set_nothing);
	check_rules(false);
}

CHILD_TEST(test_kept_gauges_outlive_the_tree_and_its_adoption)
{
	check(!pipe(ready) && !pipe(release_pipe));
	for (int i = 1; i <= 3; i++) {
		value_to_set = i;
		pid_t pid = fork_run(set_and_wait);
		char byte;
		check(read(ready[0], &byte, 1) == 1);
		kill(pid, SIGKILL);
		check_equal(child_wait(pid), 128 + SIGKILL);
		usleep(20000); /* the coarse clock of the next one is another */
	}
	check_equal(view_segments(child_directory), 1);
	check_equal(view_i64(child_directory, "sum_kept", ""), 6);
	check_equal(view_i64(child_directory, "min_kept", ""), 1);
	check_equal(view_i64(child_directory, "max_kept", ""), 3);
	check_equal(view_i64(child_directory, "last_kept", ""), 3);
	check(!view_value(child_directory, "sum_live", "").present);
}

MSTAT_GAUGE_AS(each, MSTAT_EACH, "each", "", "Each.");

static void set_each(void)
{
	mstat_gauge_set(mstat_gauge_with(&each), 7);
}

static void check_each(const struct segment *segment, void *context)
{
	(void)context;
	unsigned int present = 0;
	for (uint32_t i = 0; i < segment->process_count; i++)
		present += segment->processes[i].live && segment_value_of_process(segment, 0, i).present;
	check_equal(present, 1);
	check(segment->families[0].live);
}

CHILD_TEST(test_each_process_has_a_value_of_its_own_while_it_lives)
{
	mstat_gauge_set(mstat_gauge_with(&each), 6);
	check_fork(set_each);
	view_first(child_directory, check_each, NULL);
}

static mstat_gauge *shared_gauge;

static void add_in_child(void)
{
	for (int i = 0; i < 1000; i++)
		mstat_gauge_add(shared_gauge, 1);
}

CHILD_TEST(test_inherited_handles_write_to_the_childs_own_cells)
{
	shared_gauge = mstat_gauge_with(&kept_sum);
	mstat_gauge_set(shared_gauge, 5);
	for (int i = 0; i < 10; i++)
		check_fork(add_in_child);
	check_equal(view_i64(child_directory, "sum_kept", ""), 10005);
}

CHILD_TEST(test_processes_beyond_the_slots_count_and_lose_only_their_gauges)
{
	struct mstat_options options = {.size = sizeof(options), .process_max = 1};
	MSTAT_COUNTER(counted, "counted", "Counted.");
	check_equal(mstat_open(&options), 0);
	mstat_inc(mstat_counter_with(&counted));
	shared_gauge = mstat_gauge_with(&kept_sum);
	mstat_gauge_set(shared_gauge, 5);
	pid_t pid = fork();
	if (!pid) {
		mstat_gauge_set(shared_gauge, 6);
		mstat_inc(mstat_counter_with(&counted));
		_exit(0);
	}
	check_equal(child_wait(pid), 0);
	check_equal(view_u64(child_directory, "counted", ""), 2);
	check_equal(view_i64(child_directory, "sum_kept", ""), 5);
	check(mstat_drops(MSTAT_REASON_PROCESS_LIMIT) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gauge_operations_add_up),
		cmocka_unit_test(test_f64_gauge_takes_every_number),
		cmocka_unit_test(test_values_of_processes_merge_by_rule_and_only_kept_ones_outlive_their_process),
		cmocka_unit_test(test_kept_gauges_outlive_the_tree_and_its_adoption),
		cmocka_unit_test(test_each_process_has_a_value_of_its_own_while_it_lives),
		cmocka_unit_test(test_inherited_handles_write_to_the_childs_own_cells),
		cmocka_unit_test(test_processes_beyond_the_slots_count_and_lose_only_their_gauges),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
