/* SPDX-License-Identifier: MIT */
/* Processes over time: what is read, what is remembered, and that hostile files harm nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "collect/process_table.h"
#include "host_files.h"
#include "process_fixture.h"

static struct process_table *table;

static int setup(void **state)
{
	host_fixture_setup(state);
	return process_table_new(test_host.paths[HOST_PROC], &table);
}

static int teardown(void **state)
{
	process_table_free(table);
	return host_fixture_teardown(state);
}

static int64_t monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void pass(void)
{
	assert_int_equal(process_table_begin(table), 0);
	assert_int_equal(process_table_scan(table, monotonic_ns()), 0);
}

static const struct process *found(uint32_t pid)
{
	const struct process *process = process_table_find(table, pid);
	assert_non_null(process);
	assert_false(process_gone(table, process));
	return process;
}

static void test_fields_are_read_whatever_the_command_is_called(void **state)
{
	(void)state;
	PROCESS(.pid = 7, .parent = 3, .comm = "a) R 1 (\nx y", .user_ticks = 100, .system_ticks = 50,
		.start_ticks = 900, .resident_pages = 4, .image = 77, .innermost_pid = 2, .read_bytes = 4096);
	pass();
	const struct process_reading *now = &found(7)->now;
	assert_string_equal(now->comm, "a) R 1 (\nx y");
	assert_int_equal(now->state, 'S');
	assert_int_equal(now->parent, 3);
	assert_int_equal(now->uid, 7);
	assert_int_equal(now->innermost_pid, 2);
	assert_int_equal(now->start_ticks, 900);
	assert_int_equal(now->image, 77);
	assert_int_equal(now->counters.user_ns, 100 * (1000000000 / sysconf(_SC_CLK_TCK)));
	assert_int_equal(now->counters.minor_faults, 10);
	assert_int_equal(now->counters.major_faults, 2);
	assert_int_equal(now->counters.read_bytes, 4096);
	assert_int_equal(now->counters.write_bytes, 1);
	assert_int_equal(now->counters.voluntary_switches, 5);
	assert_int_equal(now->counters.nonvoluntary_switches, 6);
	assert_int_equal(now->resident_bytes, 4 * sysconf(_SC_PAGESIZE));
	assert_int_equal(now->swapped_bytes, 4096);
	assert_int_equal(now->open_fds, 3);
	assert_int_equal(now->max_fds, 100);
}

static void test_what_cannot_be_understood_is_counted_and_passed_over(void **state)
{
	(void)state;
	char longest[PROCESS_FILE_BYTES];
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	FILES({"proc/2/stat", "2 (cut"}, {"proc/3/stat", ""}, {"proc/4/stat", "4 (x) S 1 2 3\n"},
	      {"proc/5/stat", longest}, {"proc/99999999999/stat", "1 (x) S"}, {"proc/12x/stat", "1 (x) S"});
	host_fixture_mkdir(&test_host, "proc/6");
	PROCESS(.pid = 7, .comm = "good");
	pass();
	assert_int_equal(process_table_count(table), 1);
	assert_int_equal(process_table_stats(table).read_errors, 4);
}

static void test_fields_that_are_missing_are_0_and_told_of_as_partial(void **state)
{
	(void)state;
	PROCESS(.pid = 7, .comm = "a");
	host_fixture_remove(&test_host, "proc/7/io");
	host_fixture_remove(&test_host, "proc/7/fd");
	host_fixture_remove(&test_host, "proc/7/status");
	pass();
	assert_int_equal(found(7)->now.open_fds, 0);
	assert_int_equal(found(7)->now.counters.read_bytes, 0);
	assert_int_equal(process_table_stats(table).partial_errors, 1);
}

static void test_counters_stay_when_a_file_cannot_be_read_any_more(void **state)
{
	(void)state;
	PROCESS(.pid = 7, .comm = "a", .read_bytes = 5000);
	pass();
	process_table_end(table);
	host_fixture_remove(&test_host, "proc/7/io");
	pass();
	assert_int_equal(found(7)->now.counters.read_bytes, 5000);
}

static void test_a_process_that_is_gone_is_there_until_the_end_of_the_pass(void **state)
{
	(void)state;
	PROCESS(.pid = 7, .comm = "a", .user_ticks = 3);
	pass();
	process_table_end(table);
	process_erase(7);
	pass();
	const struct process *process = process_table_find(table, 7);
	assert_non_null(process);
	assert_true(process_gone(table, process));
	process_table_end(table);
	assert_null(process_table_find(table, 7));
	assert_int_equal(process_table_count(table), 0);
}

static void test_a_pid_that_passed_on_is_another_process(void **state)
{
	(void)state;
	PROCESS(.pid = 7, .comm = "a", .user_ticks = 30, .start_ticks = 1);
	pass();
	found(7);
	process_table_end(table);
	PROCESS(.pid = 7, .comm = "a", .user_ticks = 2, .start_ticks = 2);
	pass();
	assert_int_equal(found(7)->now.start_ticks, 2);
	assert_true(found(7)->fresh);
	assert_false(found(7)->known);
	assert_int_equal(process_table_count(table), 2);
	process_table_end(table);
	assert_int_equal(process_table_count(table), 1);
	assert_int_equal(process_table_find(table, 7)->now.start_ticks, 2);
}

static void test_exec_makes_a_process_fresh_but_known(void **state)
{
	(void)state;
	PROCESS(.pid = 7, .comm = "a", .image = 1);
	pass();
	process_table_end(table);
	pass();
	assert_false(found(7)->fresh);
	process_table_end(table);
	PROCESS(.pid = 7, .comm = "a", .image = 2);
	pass();
	assert_true(found(7)->fresh);
	assert_true(found(7)->known);
}

/* Of a process that was not scheduled the files are not read, but for every PROCESS_REST_LOOKS'th time. */
static void test_a_process_that_has_not_run_is_not_read_again(void **state)
{
	(void)state;
	unsigned reads = 0;
	PROCESS(.pid = 7, .comm = "a", .slices = 5);
	for (unsigned i = 0; i < 2; i++) {
		pass();
		process_table_end(table);
	}
	for (unsigned i = 0; i < PROCESS_REST_LOOKS; i++) {
		pass();
		reads += found(7)->read_pass == process_table_pass(table);
		process_table_end(table);
	}
	assert_int_equal(reads, 1);
	PROCESS(.pid = 7, .comm = "a", .slices = 6, .user_ticks = 1);
	pass();
	assert_int_equal(found(7)->read_pass, process_table_pass(table));
	assert_true(found(7)->now.counters.user_ns > 0);
}

static void test_whether_a_process_rested_is_told_since_the_last_pass_of_the_table(void **state)
{
	struct process_table *other;
	(void)state;
	PROCESS(.pid = 7, .comm = "a", .slices = 5);
	assert_int_equal(process_table_new(test_host.paths[HOST_PROC], &other), 0);
	for (unsigned i = 0; i < 3; i++) {
		pass();
		assert_int_equal(found(7)->rested, i == 2);
		process_table_end(table);
	}
	PROCESS(.pid = 7, .comm = "a", .slices = 6);
	/* Another table sees it first, twice. */
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(process_table_begin(other), 0);
		const struct process *process = process_table_visit(other, 7, 0);
		assert_non_null(process);
		assert_int_equal(process->rested, i == 1);
		process_table_end(other);
	}
	pass();
	assert_false(found(7)->rested);
	process_table_end(table);
	process_table_free(other);
}

static void test_threads_beside_the_main_one_have_the_process_read_each_time(void **state)
{
	(void)state;
	PROCESS(.pid = 7, .comm = "a", .slices = 5, .threads = 2);
	for (unsigned i = 0; i < 4; i++) {
		pass();
		assert_int_equal(found(7)->read_pass, process_table_pass(table));
		process_table_end(table);
	}
}

static void test_many_processes_come_and_go(void **state)
{
	(void)state;
	enum { MANY = 700 };
	for (uint32_t pid = 1; pid <= MANY; pid++)
		PROCESS(.pid = pid, .comm = "a", .start_ticks = pid);
	pass();
	for (uint32_t pid = 1; pid <= MANY; pid++)
		assert_int_equal(found(pid)->now.start_ticks, pid);
	process_table_end(table);
	for (uint32_t pid = 1; pid <= MANY; pid += 2)
		process_erase(pid);
	pass();
	process_table_end(table);
	assert_int_equal(process_table_count(table), MANY / 2);
	size_t walked = 0;
	for (const struct process *process = process_table_next(table, NULL); process;
	     process = process_table_next(table, process))
		walked += process->pid % 2 == 0;
	assert_int_equal(walked, MANY / 2);
}

static void test_threads_are_found_below_their_process(void **state)
{
	(void)state;
	PROCESS(.pid = 7, .comm = "main", .thread_of = "7");
	PROCESS(.pid = 8, .comm = "helper", .thread_of = "7");
	assert_int_equal(process_table_begin(table), 0);
	process_table_scan_threads(table, 7, false);
	assert_string_equal(found(8)->now.comm, "helper");
	assert_int_equal(found(8)->thread_of, 7);
}

static void test_shared_memory_is_told_in_parts(void **state)
{
	(void)state;
	PROCESS(.pid = 7, .comm = "a");
	FILES({"proc/7/smaps_rollup", "0-1 ---p 0 00:00 0 [rollup]\nRss: 100 kB\nPss: 60 kB\nSwapPss:  3 kB\n"});
	pass();
	struct process *process = process_table_find(table, 7);
	assert_int_equal(process_table_memory(table, process), 0);
	assert_int_equal(process->proportional_bytes, 60 * 1024);
	assert_int_equal(process->proportional_swapped_bytes, 3 * 1024);
}

static void test_this_very_process_is_found_in_the_real_procfs(void **state)
{
	(void)state;
	process_table_free(table);
	assert_int_equal(process_table_new("/proc", &table), 0);
	for (unsigned i = 0; i < 3; i++) {
		pass();
		const struct process *process = found((uint32_t)getpid());
		assert_int_equal(process->now.parent, getppid());
		assert_true(process->now.open_fds >= 3);
		assert_true(process->now.counters.minor_faults > 0);
		process_table_end(table);
	}
}

#define TABLE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_fields_are_read_whatever_the_command_is_called),
		TABLE_TEST(test_what_cannot_be_understood_is_counted_and_passed_over),
		TABLE_TEST(test_fields_that_are_missing_are_0_and_told_of_as_partial),
		TABLE_TEST(test_counters_stay_when_a_file_cannot_be_read_any_more),
		TABLE_TEST(test_a_process_that_is_gone_is_there_until_the_end_of_the_pass),
		TABLE_TEST(test_a_pid_that_passed_on_is_another_process),
		TABLE_TEST(test_exec_makes_a_process_fresh_but_known),
		TABLE_TEST(test_a_process_that_has_not_run_is_not_read_again),
		TABLE_TEST(test_whether_a_process_rested_is_told_since_the_last_pass_of_the_table),
		TABLE_TEST(test_threads_beside_the_main_one_have_the_process_read_each_time),
		TABLE_TEST(test_many_processes_come_and_go),
		TABLE_TEST(test_threads_are_found_below_their_process),
		TABLE_TEST(test_shared_memory_is_told_in_parts),
		TABLE_TEST(test_this_very_process_is_found_in_the_real_procfs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
