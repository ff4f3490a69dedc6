/* SPDX-License-Identifier: MIT */
/* The segment's lock in the hands of a process that is stopped, or killed: others do not hang, and recover. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "private.h"

#include "child.h"
#include "mode.h"
#include "view.h"

MSTAT_COUNTER(events, "events", "Events.", "kind");
MSTAT_COUNTER(later, "later", "Later.", "kind");
MSTAT_GAUGE_AS(level, MSTAT_SUM, "level", "", "Level.");

static int ready_pipe[2];

static void tell_and_pause(void)
{
	check(write(ready_pipe[1], "x", 1) == 1);
	for (;;)
		pause();
}

/* Registers something, takes the lock as a registration does, and says so. */
static void lock_and_stop(void)
{
	struct mstat_signals signals;
	mstat_inc(mstat_counter_with(&events, "holder"));
	mstat_signals_block(&signals);
	check(mstat_segment_lock());
	check(write(ready_pipe[1], "x", 1) == 1);
	/* As if it were stopped in the middle of a registration. */
	raise(SIGSTOP);
	mstat_segment_unlock();
	mstat_signals_restore(&signals);
	mstat_inc(mstat_counter_with(&events, "after the stop"));
}

static void lock_and_pause(void)
{
	struct mstat_signals signals;
	mstat_inc(mstat_counter_with(&events, "holder"));
	mstat_signals_block(&signals);
	check(mstat_segment_lock());
	tell_and_pause();
}

static pid_t holder_start(void (*holder)(void))
{
	char byte;
	check(!pipe(ready_pipe));
	mstat_inc(mstat_counter_with(&events, "first"));
	pid_t pid = fork_run(holder);
	check(read(ready_pipe[0], &byte, 1) == 1);
	return pid;
}

static void count_in_child(void)
{
	mstat_inc(mstat_counter_with(&events, "first"));
}

static void stopped_holder_costs_others_new_series_only(void)
{
	int status;
	pid_t pid = holder_start(lock_and_stop);
	check(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
	alarm(100); /* nothing of what follows may hang */
	for (int i = 0; i < 1000; i++) {
		char text[16];
		snprintf(text, sizeof(text), "%d", i);
		errno = E2BIG;
		mstat_inc(mstat_counter_with(&events, text));
		check_equal(errno, E2BIG);
		mstat_inc(mstat_counter_with(&events, "first"));
	}
	check_fork(count_in_child);
	check_equal(mstat_remove(&events.family, (const char *const[]){"first"}, 1), 0);
	/* Removing or registering is refused; each refusal is counted, each count is in the overflow series. */
	check(mstat_drops(MSTAT_REASON_LOCK_TIMEOUT) >= 1000);
	check(view_u64(child_directory, "events", VIEW_OVERFLOW) >= 1000);
	uint64_t overflow = view_u64(child_directory, "events", VIEW_OVERFLOW);
	check_equal(view_u64(child_directory, "events", "first") + overflow, 1 + 1000 + 1000 + 1);

	check(!kill(pid, SIGCONT));
	check_equal(child_wait(pid), 0);
	mstat_inc(mstat_counter_with(&events, "17"));
	mstat_inc(mstat_counter_with(&later, "1"));
	check_equal(view_u64(child_directory, "events", "17"), 1);
	check_equal(view_u64(child_directory, "later", "1"), 1);
	check_equal(view_u64(child_directory, "events", "after the stop"), 1);
}
SCENARIO(stopped_holder_costs_others_new_series_only)

static void killed_holder_is_followed_by_the_next_registrant(void)
{
	pid_t pid = holder_start(lock_and_pause);
	kill(pid, SIGKILL);
	check_equal(child_wait(pid), 128 + SIGKILL);
	mstat_inc(mstat_counter_with(&events, "next"));
	mstat_inc(mstat_counter_with(&later, "next"));
	mstat_gauge_set(mstat_gauge_with(&level), 3);
	check_equal(view_u64(child_directory, "events", "next"), 1);
	check_equal(view_u64(child_directory, "later", "next"), 1);
	check_equal(view_i64(child_directory, "level", ""), 3);
	check_equal(mstat_drops(MSTAT_REASON_LOCK_TIMEOUT), 0);
}
SCENARIO(killed_holder_is_followed_by_the_next_registrant)

static void killed_holder_leaves_nothing_in_the_way_of_an_adopter(void)
{
	pid_t pid;
	check(!pipe(ready_pipe));
	char byte;
	pid = fork_run(lock_and_pause);
	check(read(ready_pipe[0], &byte, 1) == 1);
	kill(pid, SIGKILL);
	check_equal(child_wait(pid), 128 + SIGKILL);
	mstat_inc(mstat_counter_with(&events, "next"));
	check_equal(view_segments(child_directory), 1);
	check_equal(view_sum_u64(child_directory, "events"), 2);
}
SCENARIO(killed_holder_leaves_nothing_in_the_way_of_an_adopter)

/* Publishes the record of a series and no more, as a registrant that is killed between its two stores. */
static void register_half(void)
{
	struct mstat_signals signals;
	mstat_inc(mstat_counter_with(&events, "holder"));
	mstat_signals_block(&signals);
	check(mstat_segment_lock());
	struct mstat_shm_header *header = mstat_header();
	struct mstat_index *index = mstat_process.index;
	check(mstat_index_sync(index));
	uint32_t text = mstat_string_intern(index, "half", 4), number = header->series_published;
	struct mstat_shm_series *record = mstat_arena_reserve(32);
	check(text && record);
	memset(record, 0, 32);
	record->record = (struct mstat_shm_record){32, MSTAT_SHM_RECORD_SERIES, 0};
	record->family = index->families[0]->record;
	record->index = number;
	record->cell = header->cells_published++;
	record->label_count = 1;
	record->label_values[0] = text;
	mstat_entry(number)->record = (uint32_t)header->arena_published;
	mstat_entry(number)->created_ns = mstat_realtime_ns();
	mstat_arena_publish(32);
	tell_and_pause();
}

static void half_made_series_is_completed_by_the_next_registrant(void)
{
	pid_t pid = holder_start(register_half);
	kill(pid, SIGKILL);
	check_equal(child_wait(pid), 128 + SIGKILL);
	check_equal(view_series(child_directory, "events"), 2);
	mstat_inc(mstat_counter_with(&events, "next"));
	mstat_add(mstat_counter_with(&events, "half"), 5);
	check_equal(view_u64(child_directory, "events", "half"), 5);
	check_equal(view_u64(child_directory, "events", "next"), 1);
	check_equal(view_series(child_directory, "events"), 4);
}
SCENARIO(half_made_series_is_completed_by_the_next_registrant)

static void half_made_series_is_completed_by_an_adopter(void)
{
	char byte;
	check(!pipe(ready_pipe));
	pid_t pid = fork_run(register_half);
	check(read(ready_pipe[0], &byte, 1) == 1);
	kill(pid, SIGKILL);
	check_equal(child_wait(pid), 128 + SIGKILL);
	mstat_add(mstat_counter_with(&events, "half"), 5);
	check_equal(view_segments(child_directory), 1);
	check_equal(view_u64(child_directory, "events", "half"), 5);
	check_equal(view_series(child_directory, "events"), 2);
}
SCENARIO(half_made_series_is_completed_by_an_adopter)

int main(int argc, char **argv)
{
	static const struct scenario scenarios[] = {
		SCENARIO_ROW(stopped_holder_costs_others_new_series_only),
		SCENARIO_ROW(killed_holder_is_followed_by_the_next_registrant),
		SCENARIO_ROW(killed_holder_leaves_nothing_in_the_way_of_an_adopter),
		SCENARIO_ROW(half_made_series_is_completed_by_the_next_registrant),
		SCENARIO_ROW(half_made_series_is_completed_by_an_adopter),
	};
	if (argc > 1)
		return scenario_main(scenarios, sizeof(scenarios) / sizeof(*scenarios), argv[1]);
	const struct CMUnitTest tests[] = {
		SCENARIO_TESTS(stopped_holder_costs_others_new_series_only),
		SCENARIO_TESTS(killed_holder_is_followed_by_the_next_registrant),
		SCENARIO_TESTS(killed_holder_leaves_nothing_in_the_way_of_an_adopter),
		SCENARIO_TESTS(half_made_series_is_completed_by_the_next_registrant),
		SCENARIO_TESTS(half_made_series_is_completed_by_an_adopter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
