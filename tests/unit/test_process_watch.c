/* SPDX-License-Identifier: MIT */
/* One pass over the processes for everybody: when it is shared, when it is not, and that nobody waits who must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "collect/process_watch.h"
#include "host_files.h"
#include "process_fixture.h"

static struct process_watch *watch;
static struct process_files files;

static int setup(void **state)
{
	host_fixture_setup(state);
	host_fixture_mkdir(&test_host, "proc");
	return process_files_open(test_host.paths[HOST_PROC], &files) ||
	       process_watch_get(test_host.paths[HOST_PROC], &watch);
}

static int teardown(void **state)
{
	process_watch_put(watch);
	process_files_close(&files);
	return host_fixture_teardown(state);
}

static int64_t monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* What a pass tells of one process. */
struct told {
	uint32_t pid;
	struct process_look look;
	unsigned processes;
};

static void told_take(void *context, const struct process_look *look)
{
	struct told *told = context;
	told->processes++;
	if (look->pid == told->pid)
		told->look = *look;
}

static struct told pass(uint32_t pid, int64_t since_ns, enum process_depth depth)
{
	struct told told = {.pid = pid};
	uint64_t unreadable;
	assert_int_equal(process_watch_pass(watch, &files, since_ns, depth, told_take, &told, &unreadable), 0);
	return told;
}

static struct process_look look_at(uint32_t pid)
{
	struct process_look look;
	assert_int_equal(process_watch_look(watch, &files, pid, 0, monotonic_ns(), &look), 0);
	return look;
}

/* ---- sharing ---------------------------------------------------------------------------------------------------- */

static void test_everybody_has_the_same_watch_of_a_procfs_and_another_of_another(void **state)
{
	struct process_watch *same, *other;
	(void)state;
	assert_int_equal(process_watch_get(test_host.paths[HOST_PROC], &same), 0);
	assert_int_equal(process_watch_get("/elsewhere", &other), 0);
	assert_ptr_equal(same, watch);
	assert_ptr_not_equal(other, watch);
	process_watch_put(same);
	process_watch_put(other);
}

static void test_a_pass_serves_all_who_asked_before_it_and_nobody_who_asks_later(void **state)
{
	(void)state;
	PROCESS(.pid = 7, .comm = "old");
	const int64_t asked_ns = monotonic_ns();
	assert_int_equal(pass(7, asked_ns, PROCESS_ALL).processes, 1);
	PROCESS(.pid = 7, .comm = "new");
	PROCESS(.pid = 8, .comm = "new");
	assert_string_equal(pass(7, asked_ns, PROCESS_ALL).look.reading.comm, "old");
	assert_string_equal(pass(7, asked_ns, PROCESS_STAT).look.reading.comm, "old");
	const struct told later = pass(7, monotonic_ns(), PROCESS_ALL);
	assert_string_equal(later.look.reading.comm, "new");
	assert_int_equal(later.processes, 2);
}

static void test_whoever_needs_more_of_a_process_than_was_read_gets_it(void **state)
{
	(void)state;
	PROCESS(.pid = 7, .comm = "a", .read_bytes = 5, .slices = 3);
	const int64_t asked_ns = monotonic_ns();
	assert_int_equal(pass(7, asked_ns, PROCESS_STAT).look.reading.uid, 0);
	for (unsigned i = 0; i < 3; i++) {
		pass(7, monotonic_ns(), PROCESS_STAT);
		const struct process_look all = pass(7, asked_ns, PROCESS_ALL).look;
		assert_int_equal(all.reading.uid, 7);
		assert_int_equal(all.reading.counters.read_bytes, 5);
		assert_int_equal(all.reading.open_fds, 3);
		assert_int_equal(all.reading.max_fds, 100);
	}
}

static void test_a_process_looked_at_singly_is_not_read_again_by_the_pass(void **state)
{
	(void)state;
	PROCESS(.pid = 7, .comm = "a");
	const int64_t asked_ns = monotonic_ns();
	const uint64_t read = look_at(7).read;
	assert_int_equal(pass(7, asked_ns, PROCESS_ALL).look.read, read);
	assert_int_not_equal(pass(7, monotonic_ns(), PROCESS_ALL).look.read, read);
}

static void test_numbers_tell_whether_a_process_ran_and_was_read(void **state)
{
	(void)state;
	PROCESS(.pid = 16, .comm = "a", .slices = 5); /* due at the 16th look */
	look_at(16);
	struct process_look before = look_at(16);
	for (unsigned i = 0; i < PROCESS_REST_LOOKS - 2; i++) {
		const struct process_look rested = look_at(16);
		assert_int_equal(rested.ran, before.ran);
		assert_int_equal(rested.read, before.read);
	}
	struct process_look after = look_at(16);
	assert_int_equal(after.ran, before.ran);
	assert_int_not_equal(after.read, before.read);
	PROCESS(.pid = 16, .comm = "a", .slices = 6);
	before = after;
	after = look_at(16);
	assert_int_not_equal(after.ran, before.ran);
	assert_int_not_equal(after.read, before.read);
}

static void test_a_pid_that_passed_on_has_run_and_was_read(void **state)
{
	(void)state;
	PROCESS(.pid = 7, .comm = "a", .slices = 5, .start_ticks = 1);
	look_at(7);
	const struct process_look before = look_at(7);
	PROCESS(.pid = 7, .comm = "b", .slices = 9, .start_ticks = 2);
	const struct process_look after = look_at(7);
	assert_string_equal(after.reading.comm, "b");
	assert_int_not_equal(after.ran, before.ran);
	assert_int_not_equal(after.read, before.read);
}

static void test_nothing_of_a_process_stays_with_the_pid(void **state)
{
	(void)state;
	PROCESS(.pid = 7, .comm = "a", .start_ticks = 1);
	assert_int_equal(look_at(7).reading.max_fds, 100);
	PROCESS(.pid = 7, .comm = "a", .start_ticks = 2);
	FILES({"proc/7/limits", "Max open files 5 6 files\n"});
	assert_int_equal(look_at(7).reading.max_fds, 5);
}

/* It may have begun to wait since, without having been put on a CPU again. */
static void test_a_process_that_was_running_is_read_again(void **state)
{
	(void)state;
	PROCESS(.pid = 7, .comm = "a", .state = 'R', .slices = 5);
	look_at(7);
	look_at(7);
	PROCESS(.pid = 7, .comm = "a", .state = 'S', .slices = 5);
	assert_int_equal(look_at(7).reading.state, 'S');
}

static void test_the_gone_are_told_of_no_more(void **state)
{
	struct process_look look;
	(void)state;
	PROCESS(.pid = 7, .comm = "a");
	PROCESS(.pid = 8, .comm = "b");
	PROCESS(.pid = 9, .comm = "c");
	const int64_t asked_ns = monotonic_ns();
	assert_int_equal(pass(7, asked_ns, PROCESS_ALL).processes, 3);
	process_erase(7);
	process_erase(8);
	assert_int_equal(process_watch_look(watch, &files, 7, 0, monotonic_ns(), &look), -ENOENT);
	assert_int_equal(pass(7, asked_ns, PROCESS_ALL).processes, 2);
	assert_int_equal(pass(7, monotonic_ns(), PROCESS_ALL).processes, 1);
}

static void test_those_that_cannot_be_read_are_counted_for_each_who_asks(void **state)
{
	uint64_t unreadable[2] = {0, 0};
	struct told told = {.pid = 7};
	(void)state;
	FILES({"proc/7/stat", "7 (cut"}, {"proc/8/stat", ""});
	PROCESS(.pid = 9, .comm = "good");
	const int64_t asked_ns = monotonic_ns();
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(
			process_watch_pass(watch, &files, asked_ns, PROCESS_ALL, told_take, &told, &unreadable[i]), 0);
	assert_int_equal(told.processes, 2);
	assert_int_equal(unreadable[0], 2);
	assert_int_equal(unreadable[1], 2);
}

/* Threads are in no list of processes, and the one that a process begins with has its number. */
static void test_threads_are_no_processes_and_are_forgotten_when_nobody_asks(void **state)
{
	struct process_look look;
	(void)state;
	PROCESS(.pid = 7, .comm = "process", .threads = 2);
	PROCESS(.pid = 7, .comm = "thread", .thread_of = "7", .slices = 5);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(process_watch_look(watch, &files, 7, 7, monotonic_ns(), &look), 0);
	assert_string_equal(look.reading.comm, "thread");
	struct process_look before = look;
	for (unsigned i = 0; i < 8; i++) {
		if (i < 4) {
			assert_int_equal(process_watch_look(watch, &files, 7, 7, monotonic_ns(), &look), 0);
			assert_int_equal(look.ran, before.ran);
		}
		const struct told told = pass(7, monotonic_ns(), PROCESS_ALL);
		assert_int_equal(told.processes, 1);
		assert_string_equal(told.look.reading.comm, "process");
	}
	/* It has not run: but nobody knows that any more. */
	assert_int_equal(process_watch_look(watch, &files, 7, 7, monotonic_ns(), &look), 0);
	assert_int_not_equal(look.ran, before.ran);
}

/* ---- several threads -------------------------------------------------------------------------------------------- */

struct holder {
	sem_t held;
	sem_t let_go;
};

static void holder_take(void *context, const struct process_look *look)
{
	struct holder *holder = context;
	(void)look;
	sem_post(&holder->held);
	sem_wait(&holder->let_go);
}

static void *holder_main(void *context)
{
	uint64_t unreadable;
	process_watch_pass(watch, &files, monotonic_ns(), PROCESS_ALL, holder_take, context, &unreadable);
	return NULL;
}

static void test_a_look_does_not_wait_for_a_pass_and_finds_the_same(void **state)
{
	struct holder holder;
	pthread_t thread;
	(void)state;
	PROCESS(.pid = 7, .comm = "a", .read_bytes = 5);
	sem_init(&holder.held, 0, 0);
	sem_init(&holder.let_go, 0, 0);
	assert_int_equal(pthread_create(&thread, NULL, holder_main, &holder), 0);
	sem_wait(&holder.held);
	const struct process_look look = look_at(7);
	sem_post(&holder.let_go);
	pthread_join(thread, NULL);
	assert_int_equal(look.read, 0);
	assert_int_equal(look.ran, 0);
	assert_string_equal(look.reading.comm, "a");
	assert_int_equal(look.reading.counters.read_bytes, 5);
	assert_int_equal(look.reading.max_fds, 100);
	assert_int_not_equal(look_at(7).read, 0);
}

static int64_t crowd_asked_ns;

static void *crowd_main(void *context)
{
	uint64_t unreadable;
	struct process_watch *own;
	struct process_files own_files;
	if (process_watch_get("/proc", &own) || process_files_open("/proc", &own_files))
		return NULL;
	process_watch_pass(own, &own_files, crowd_asked_ns, PROCESS_ALL, told_take, context, &unreadable);
	process_files_close(&own_files);
	process_watch_put(own);
	return NULL;
}

/* This process runs: every further look at it would be another reading. */
static void test_many_who_ask_at_once_have_one_pass(void **state)
{
	enum { CROWD = 4 };
	struct told told[CROWD];
	pthread_t threads[CROWD];
	struct process_watch *real;
	(void)state;
	assert_int_equal(process_watch_get("/proc", &real), 0);
	for (unsigned round = 0; round < 5; round++) {
		crowd_asked_ns = monotonic_ns();
		for (unsigned i = 0; i < CROWD; i++) {
			told[i] = (struct told){.pid = (uint32_t)getpid()};
			assert_int_equal(pthread_create(&threads[i], NULL, crowd_main, &told[i]), 0);
		}
		for (unsigned i = 0; i < CROWD; i++)
			pthread_join(threads[i], NULL);
		for (unsigned i = 0; i < CROWD; i++) {
			assert_int_not_equal(told[i].look.read, 0);
			assert_int_equal(told[i].look.read, told[0].look.read);
		}
	}
	process_watch_put(real);
}

/* ---- collectors ------------------------------------------------------------------------------------------------- */

/* By how much the number of readings grows with a pass, and with a collection. */
static uint64_t growth_of_pass(void)
{
	const uint64_t before = pass(7, monotonic_ns(), PROCESS_ALL).look.read;
	return pass(7, monotonic_ns(), PROCESS_ALL).look.read - before;
}

static uint64_t growth_of_collection(void)
{
	const int64_t asked_ns = monotonic_ns();
	const uint64_t before = pass(7, asked_ns, PROCESS_ALL).look.read;
	const int64_t collected_ns = monotonic_ns();
	host_fixture_collect(&test_host);
	return pass(7, collected_ns, PROCESS_ALL).look.read - before;
}

/* Where the crew is kept from running for so long that it gets a second thread, the collectors may come in the other
 * order, in which the second one needs more than the first; hence several collections. */
static void test_collectors_of_one_collection_share_a_pass(void **state)
{
	bool shared = false;
	(void)state;
	PROCESS(.pid = 7, .comm = "a", .cmdline = "a");
	test_host.options.enabled[HOST_INDEX_namedprocess] = true;
	run(HOST_INDEX_processes);
	const uint64_t once = growth_of_pass();
	for (unsigned i = 0; i < 10 && !shared; i++)
		shared = growth_of_collection() == once;
	assert_true(shared);
	assert_value("node_processes_pids", 1);
	assert_value("namedprocess_namegroup_num_procs{groupname=\"a\"}", 1);
}

static void collection_ask(void)
{
	host_set_ask(test_host.set, &(const struct collect_request){.selection = NULL});
}

static void test_each_collection_sees_what_is_new(void **state)
{
	(void)state;
	PROCESS(.pid = 1, .comm = "a");
	host_fixture_start(&test_host, HOST_INDEX_processes);
	/* After the start, before the first collection. */
	pass(1, monotonic_ns(), PROCESS_ALL);
	PROCESS(.pid = 2, .comm = "a");
	host_fixture_collect(&test_host);
	assert_value("node_processes_pids", 2);
	collection_ask();
	PROCESS(.pid = 3, .comm = "a");
	host_fixture_collect(&test_host);
	assert_value("node_processes_pids", 3);
	PROCESS(.pid = 4, .comm = "a");
	host_fixture_collect(&test_host);
	assert_value("node_processes_pids", 4);
}

static void test_processes_that_cannot_be_read_are_told_of_as_skipped(void **state)
{
	(void)state;
	FILES({"proc/7/stat", "7 (cut"});
	PROCESS(.pid = 8, .comm = "a");
	PROCESS(.pid = 9, .comm = "a", .state = '?');
	run(HOST_INDEX_processes);
	assert_value("node_processes_pids", 1);
	assert_skipped("processes", 2);
}

/* Its end is told of by the kernel, who says so only of those that ended after the look at all began. */
static void test_a_process_that_ended_before_the_collection_is_no_member_of_a_group(void **state)
{
	(void)state;
	const char *const members = "namedprocess_namegroup_num_procs{groupname=\"test-watched\"}";
	process_watch_put(watch);
	process_files_close(&files);
	assert_int_equal(process_files_open("/proc", &files), 0);
	assert_int_equal(process_watch_get("/proc", &watch), 0);
	FILES({"rules.yml", "process_names: [{name: test-watched, comm: [test-watched]}]\n"});
	test_host.options.namedprocess_config = host_fixture_path(&test_host, "rules.yml");
	test_host.options.paths[HOST_PROC] = "/proc";
	run(HOST_INDEX_namedprocess);
	if (host_fixture_value(&test_host, "mstat_namedprocess_exits_source{source=\"none\"}") == 1) {
		print_message("skipped: ends of processes are told of to CAP_NET_ADMIN only\n");
		skip();
	}
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "test-watched");
		raise(SIGSTOP);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
	collection_ask();
	assert_string_equal(pass((uint32_t)pid, monotonic_ns(), PROCESS_ALL).look.reading.comm, "test-watched");
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	host_fixture_collect(&test_host);
	assert_true(!host_fixture_has(&test_host, members) || host_fixture_value(&test_host, members) == 0);
}

#define STOPPED_THREADS 20

static void *idle_main(void *context)
{
	for (;;)
		pause();
	return context;
}

/* A process of so many threads, which stops itself. */
static pid_t stopped_start(void)
{
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (unsigned i = 1; i < STOPPED_THREADS; i++) {
		pthread_t thread;
		if (pthread_create(&thread, NULL, idle_main, NULL))
			_exit(1);
	}
	raise(SIGSTOP);
	idle_main(NULL);
	_exit(0);
}

static double stopped_count(void)
{
	const char *const series = "node_processes_threads_state{thread_state=\"T\"}";
	host_fixture_collect(&test_host);
	return host_fixture_has(&test_host, series) ? host_fixture_value(&test_host, series) : 0;
}

/* Others on this machine may stop and go on, too: hence several times. */
static void test_every_thread_of_a_real_process_is_counted_once(void **state)
{
	bool seen = false;
	int status;
	struct process_files real;
	struct process_reading reading;
	(void)state;
	const pid_t pid = stopped_start();
	const struct process_place place = process_place_of((uint32_t)pid, 0);
	test_host.options.paths[HOST_PROC] = "/proc";
	host_fixture_start(&test_host, HOST_INDEX_processes);
	assert_int_equal(process_files_open("/proc", &real), 0);
	for (unsigned i = 0; i < 20 && !seen; i++) {
		assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
		assert_true(WIFSTOPPED(status));
		assert_int_equal(process_files_stat(&real, &place, &reading), 0);
		const double stopped = stopped_count();
		kill(pid, SIGCONT);
		assert_int_equal(waitpid(pid, &status, WCONTINUED), pid);
		seen = stopped - stopped_count() == (double)reading.threads;
		kill(pid, SIGSTOP);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	process_files_close(&real);
	assert_true(reading.threads >= STOPPED_THREADS); /* a sanitizer may have its own */
	assert_true(seen);
}

#define WATCH_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WATCH_TEST(test_everybody_has_the_same_watch_of_a_procfs_and_another_of_another),
		WATCH_TEST(test_a_pass_serves_all_who_asked_before_it_and_nobody_who_asks_later),
		WATCH_TEST(test_whoever_needs_more_of_a_process_than_was_read_gets_it),
		WATCH_TEST(test_a_process_looked_at_singly_is_not_read_again_by_the_pass),
		WATCH_TEST(test_numbers_tell_whether_a_process_ran_and_was_read),
		WATCH_TEST(test_a_pid_that_passed_on_has_run_and_was_read),
		WATCH_TEST(test_nothing_of_a_process_stays_with_the_pid),
		WATCH_TEST(test_a_process_that_was_running_is_read_again),
		WATCH_TEST(test_the_gone_are_told_of_no_more),
		WATCH_TEST(test_those_that_cannot_be_read_are_counted_for_each_who_asks),
		WATCH_TEST(test_threads_are_no_processes_and_are_forgotten_when_nobody_asks),
		WATCH_TEST(test_a_look_does_not_wait_for_a_pass_and_finds_the_same),
		WATCH_TEST(test_many_who_ask_at_once_have_one_pass),
		WATCH_TEST(test_collectors_of_one_collection_share_a_pass),
		WATCH_TEST(test_each_collection_sees_what_is_new),
		WATCH_TEST(test_processes_that_cannot_be_read_are_told_of_as_skipped),
		WATCH_TEST(test_a_process_that_ended_before_the_collection_is_no_member_of_a_group),
		WATCH_TEST(test_every_thread_of_a_real_process_is_counted_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
