/* SPDX-License-Identifier: MIT */
/* Processes in every way in which they begin and end: fork, clone, vfork, spawn, exec, SIGKILL at any moment. Each
 * counts; nothing is lost, nothing hangs, and there are never more segments than trees ran at once. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <mstat/mstat.h>

#include "child.h"
#include "mode.h"
#include "view.h"

extern char **environ;

MSTAT_COUNTER(events, "events", "Events.", "kind");
MSTAT_GAUGE(level, "level", "Level.");

static unsigned int random_state;

static unsigned int random_below(unsigned int limit)
{
	return (unsigned int)rand_r(&random_state) % limit;
}

static void count_kind(unsigned int kind)
{
	char text[16];
	snprintf(text, sizeof(text), "%u", kind);
	mstat_inc(mstat_counter_with(&events, text));
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LIFE_US 20000u
#else
#define LIFE_US 3000u
#endif

/* Fewer rounds where everything is slower; the modes share the rest. */
static unsigned int times(unsigned int count)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	count /= 5;
#endif
	return getenv("GLIBC_TUNABLES") ? count / 4 : count;
}

/* ---- SIGKILL ---- */

#define KILL_ROUNDS 1000

static int acknowledge_fd;

/* Counts, looks up and registers, and acknowledges each count after it was made. */
_Noreturn static void count_until_killed(void)
{
	mstat_counter *counter = mstat_counter_with(&events, "hot");
	for (unsigned int i = 0;; i++) {
		if (i % 4)
			mstat_inc(counter);
		else
			count_kind(random_below(2000));
		mstat_gauge_set(mstat_gauge_with(&level), i);
		if (write(acknowledge_fd, "x", 1) != 1)
			_exit(1);
	}
}

static uint64_t pipe_drain(int fd)
{
	char bytes[65536];
	uint64_t sum = 0;
	for (ssize_t got; (got = read(fd, bytes, sizeof(bytes))) > 0;)
		sum += (uint64_t)got;
	return sum;
}

static void killed_process_has_counted_what_it_acknowledged_or_one_more(void)
{
	uint64_t seen = 0;
	random_state = seed_choose();
	for (unsigned int round = 0; round < times(KILL_ROUNDS); round++) {
		int ends[2];
		unsigned int seed = (unsigned int)rand_r(&random_state);
		check(!pipe(ends));
		pid_t pid = fork();
		if (!pid) {
			alarm(100);
			close(ends[0]);
			acknowledge_fd = ends[1];
			random_state = seed;
			count_until_killed();
		}
		close(ends[1]);
		usleep(random_below(LIFE_US));
		kill(pid, SIGKILL);
		uint64_t acknowledged = pipe_drain(ends[0]);
		check_equal(child_wait(pid), 128 + SIGKILL);
		close(ends[0]);
		uint64_t now = view_segments(child_directory) ? view_sum_u64(child_directory, "events") : 0;
		check(now - seen == acknowledged || now - seen == acknowledged + 1);
		seen = now;
	}
	check_equal(view_segments(child_directory), 1);
	check(seen > 0);
}
SCENARIO(killed_process_has_counted_what_it_acknowledged_or_one_more)

#define POOL 4
#define REPLACEMENTS 200

static int pool_pipe[2];

static pid_t worker_start(void)
{
	pid_t pid = fork();
	if (!pid) {
		alarm(100);
		random_state ^= (unsigned int)getpid();
		acknowledge_fd = pool_pipe[1];
		count_until_killed();
	}
	return pid;
}

static uint64_t pool_acknowledged;

static void *pool_drain(void *context)
{
	(void)context;
	pool_acknowledged = pipe_drain(pool_pipe[0]);
	return NULL;
}

static void prefork_pool_counts_exactly_while_workers_are_killed_and_replaced(void)
{
	pid_t pids[POOL];
	pthread_t drain;
	unsigned int replacements = times(REPLACEMENTS);
	random_state = seed_choose();
	mstat_counter_with(&events, "hot");
	check(!pipe(pool_pipe));
	check(!pthread_create(&drain, NULL, pool_drain, NULL));
	for (int i = 0; i < POOL; i++)
		pids[i] = worker_start();
	for (unsigned int i = 0; i < replacements; i++) {
		unsigned int who = random_below(POOL);
		usleep(random_below(4000));
		kill(pids[who], SIGKILL);
		check_equal(child_wait(pids[who]), 128 + SIGKILL);
		pids[who] = worker_start();
		count_kind(i);
	}
	for (int i = 0; i < POOL; i++) {
		kill(pids[i], SIGKILL);
		check_equal(child_wait(pids[i]), 128 + SIGKILL);
	}
	close(pool_pipe[1]);
	pthread_join(drain, NULL);
	uint64_t sum = view_sum_u64(child_directory, "events") - replacements;
	check(sum >= pool_acknowledged && sum <= pool_acknowledged + replacements + POOL);
	check_equal(view_segments(child_directory), 1);
	check_equal(mstat_drops(MSTAT_REASON_LOCK_TIMEOUT), 0);
}
SCENARIO(prefork_pool_counts_exactly_while_workers_are_killed_and_replaced)

/* ---- forks in a busy program ---- */

#define STORM_THREADS 3
#define STORM_FORKS 400

static uint64_t storm_over;

/* Registers and counts until the storm is over; returns how often. */
static void *storm_thread(void *context)
{
	uint64_t count = 0;
	unsigned int mine = (unsigned int)(uintptr_t)context * 100000;
	for (; !mstat_load_relaxed(&storm_over); count++) {
		count_kind(mine + (unsigned int)count % 3000);
		mstat_gauge_add(mstat_gauge_with(&level), 1);
	}
	return (void *)(uintptr_t)count;
}

#define STORM_CHILD_COUNTS 20u

static void storm_child(unsigned int number)
{
	for (unsigned int i = 0; i < STORM_CHILD_COUNTS; i++)
		count_kind(1000000 + (number * 7 + i) % 500);
	_exit(0);
}

static pid_t child_fork(unsigned int number)
{
	pid_t pid = fork();
	if (!pid) {
		alarm(100);
		storm_child(number);
	}
	return pid;
}

/* No C library in between: no fork handlers, the thread's id in user space is stale. */
static pid_t child_clone(unsigned int number)
{
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (!pid) {
		storm_child(number);
		_exit(1);
	}
	return pid;
}

static void storm(pid_t (*start)(unsigned int number))
{
	pthread_t threads[STORM_THREADS];
	unsigned int forks = times(STORM_FORKS);
	uint64_t counted = 1;
	count_kind(0); /* or the first children would be trees of their own */
	for (uintptr_t i = 0; i < STORM_THREADS; i++)
		check(!pthread_create(&threads[i], NULL, storm_thread, (void *)i));
	for (unsigned int i = 0; i < forks; i += 4) {
		pid_t pids[4];
		for (unsigned int j = 0; j < 4; j++)
			pids[j] = start(i + j);
		for (unsigned int j = 0; j < 4; j++)
			check_equal(child_wait(pids[j]), 0);
	}
	mstat_store_relaxed(&storm_over, 1);
	for (int i = 0; i < STORM_THREADS; i++) {
		void *count;
		pthread_join(threads[i], &count);
		counted += (uintptr_t)count;
	}
	check_equal(view_sum_u64(child_directory, "events"), counted + forks * STORM_CHILD_COUNTS);
	check_equal(view_i64(child_directory, "level", ""), counted - 1);
	check_equal(view_segments(child_directory), 1);
}

static void forks_while_threads_register_neither_hang_nor_lose(void)
{
	storm(child_fork);
}
SCENARIO(forks_while_threads_register_neither_hang_nor_lose)

static void raw_clones_while_threads_register_neither_hang_nor_lose(void)
{
#ifdef __SANITIZE_THREAD__
	check_skip("the thread sanitizer takes a raw clone for a thread");
#endif
	storm(child_clone);
}
SCENARIO(raw_clones_while_threads_register_neither_hang_nor_lose)

MSTAT_COUNTER(passing, "passing", "Series that come and go.", "name");

/* New names each time: only a new series is given the cell of another. Few enough for the limits of the segment. */
static void *removing_thread(void *context)
{
	char text[32];
	(void)context;
	for (unsigned int i = 0; !mstat_load_relaxed(&storm_over); i++) {
		const char *value = text;
		snprintf(text, sizeof(text), "%d %u", (int)getpid(), i % 100);
		mstat_inc(mstat_counter_with(&passing, text));
		mstat_remove(&passing.family, &value, 1);
	}
	return NULL;
}

/* Cells are reused only before the first fork of a tree, so each round is a tree of its own. */
static void tree_that_removes_and_forks(void)
{
	pthread_t thread;
	mstat_counter *hot = mstat_counter_with(&events, "hot");
	check(!pthread_create(&thread, NULL, removing_thread, NULL));
	usleep(random_below(2000));
	pid_t pid = fork();
	if (!pid) {
		mstat_inc(hot);
		count_kind(7);
		_exit(0);
	}
	check_equal(child_wait(pid), 0);
	mstat_store_relaxed(&storm_over, 1);
	pthread_join(thread, NULL);
	check_equal(mstat_drops(MSTAT_REASON_STALE_FORK), 0);
}

static void forks_while_a_thread_removes_series_lose_nothing(void)
{
	unsigned int trees = times(STORM_FORKS / 4);
	random_state = seed_choose();
	for (unsigned int i = 0; i < trees; i++) {
		random_below(2);
		check_fork(tree_that_removes_and_forks);
	}
	check_equal(view_u64(child_directory, "events", "hot"), trees);
	check_equal(view_u64(child_directory, "events", "7"), trees);
}
SCENARIO(forks_while_a_thread_removes_series_lose_nothing)

/* ---- other programs ---- */

static void count_once(void)
{
	mstat_inc(mstat_counter_with(&events, "once"));
}

static char own_path[4096];

static void own_path_find(void)
{
	ssize_t len = readlink("/proc/self/exe", own_path, sizeof(own_path) - 1);
	check(len > 0);
	own_path[len] = 0;
}

static pid_t spawn_once(void)
{
	char *const words[] = {own_path, "count_once", NULL};
	pid_t pid;
	check(!posix_spawn(&pid, own_path, NULL, NULL, words, environ));
	return pid;
}

/* Kept out of line: what a vfork child writes to its frame is its parent's. */
__attribute__((noinline)) static pid_t vfork_once(void)
{
	pid_t pid = vfork();
	if (!pid) {
		execl(own_path, own_path, "count_once", NULL);
		_exit(1);
	}
	return pid;
}

static void spawned_and_vforked_programs_count_in_segments_of_their_own(void)
{
	unsigned int rounds = times(100);
	own_path_find();
	for (unsigned int i = 0; i < rounds; i++) {
		mstat_inc(mstat_counter_with(&events, "parent"));
		check_equal(child_wait(spawn_once()), 0);
		mstat_inc(mstat_counter_with(&events, "parent"));
		check_equal(child_wait(vfork_once()), 0);
	}
	check_equal(view_u64(child_directory, "events", "once"), 2 * rounds);
	check_equal(view_u64(child_directory, "events", "parent"), 2 * rounds);
	check_equal(view_segments(child_directory), 2);
}
SCENARIO(spawned_and_vforked_programs_count_in_segments_of_their_own)

static void vfork_child_counts_before_it_ends(void)
{
	volatile unsigned int rounds = times(200);
	mstat_counter *counter = mstat_counter_with(&events, "vfork");
	for (volatile unsigned int i = 0; i < rounds; i++) {
		pid_t pid = vfork();
		if (!pid) {
			mstat_inc(counter);
			_exit(0);
		}
		check_equal(child_wait(pid), 0);
		mstat_inc(counter);
	}
	check_equal(view_u64(child_directory, "events", "vfork"), 2 * rounds);
}
SCENARIO(vfork_child_counts_before_it_ends)

/* Goes on in place of itself, with one less in its environment, until none is left. */
static void program_that_executes_itself_keeps_its_counts(void)
{
	const char *left = getenv("MSTAT_TEST_EXECS");
	int execs = left ? atoi(left) : 20;
	char text[16];
	own_path_find();
	for (int i = 0; i < 100; i++)
		mstat_inc(mstat_counter_with(&events, "exec"));
	mstat_gauge_set(mstat_gauge_with(&level), 5);
	if (execs) {
		snprintf(text, sizeof(text), "%d", execs - 1);
		setenv("MSTAT_TEST_EXECS", text, 1);
		execl(own_path, own_path, __func__, NULL);
		check(!"reached");
	}
	check_equal(view_u64(child_directory, "events", "exec"), 21 * 100);
	check_equal(view_i64(child_directory, "level", ""), 5);
	check_equal(view_segments(child_directory), 1);
}
SCENARIO(program_that_executes_itself_keeps_its_counts)

static void daemon_that_closes_all_descriptors_goes_on_counting(void)
{
	count_kind(1);
	closefrom(3);
	for (unsigned int i = 0; i < 20000; i++)
		count_kind(i % 5000);
	for (int i = 0; i < 10; i++) {
		pid_t pid = child_fork(0);
		check_equal(child_wait(pid), 0);
		closefrom(3);
	}
	check_equal(view_sum_u64(child_directory, "events"), 1 + 20000 + 10 * STORM_CHILD_COUNTS);
	check_equal(view_segments(child_directory), 1);
}
SCENARIO(daemon_that_closes_all_descriptors_goes_on_counting)

#define SHORT_PROCESSES 10000u
#define SHORT_AT_ONCE 4u

static void short_processes_leave_as_many_segments_as_ran_at_once(void)
{
	unsigned int count = times(SHORT_PROCESSES), running = 0, started = 0;
	own_path_find();
	while (started < count || running) {
		if (started < count && running < SHORT_AT_ONCE) {
			spawn_once();
			started++, running++;
			continue;
		}
		check_equal(child_wait(-1), 0);
		running--;
	}
	check_equal(view_u64(child_directory, "events", "once"), count);
	check(view_segments(child_directory) <= SHORT_AT_ONCE);
}
SCENARIO(short_processes_leave_as_many_segments_as_ran_at_once)

int main(int argc, char **argv)
{
	static const struct scenario scenarios[] = {
		SCENARIO_ROW(killed_process_has_counted_what_it_acknowledged_or_one_more),
		SCENARIO_ROW(prefork_pool_counts_exactly_while_workers_are_killed_and_replaced),
		SCENARIO_ROW(forks_while_threads_register_neither_hang_nor_lose),
		SCENARIO_ROW(raw_clones_while_threads_register_neither_hang_nor_lose),
		SCENARIO_ROW(forks_while_a_thread_removes_series_lose_nothing),
		SCENARIO_ROW(count_once),
		SCENARIO_ROW(spawned_and_vforked_programs_count_in_segments_of_their_own),
		SCENARIO_ROW(vfork_child_counts_before_it_ends),
		SCENARIO_ROW(program_that_executes_itself_keeps_its_counts),
		SCENARIO_ROW(daemon_that_closes_all_descriptors_goes_on_counting),
		SCENARIO_ROW(short_processes_leave_as_many_segments_as_ran_at_once),
	};
	if (argc > 1)
		return scenario_main(scenarios, sizeof(scenarios) / sizeof(*scenarios), argv[1]);
	const struct CMUnitTest tests[] = {
		SCENARIO_TESTS(killed_process_has_counted_what_it_acknowledged_or_one_more),
		SCENARIO_TESTS(prefork_pool_counts_exactly_while_workers_are_killed_and_replaced),
		SCENARIO_TESTS(forks_while_threads_register_neither_hang_nor_lose),
		SCENARIO_TESTS(raw_clones_while_threads_register_neither_hang_nor_lose),
		SCENARIO_TESTS(forks_while_a_thread_removes_series_lose_nothing),
		SCENARIO_TESTS(spawned_and_vforked_programs_count_in_segments_of_their_own),
		SCENARIO_TESTS(vfork_child_counts_before_it_ends),
		SCENARIO_TESTS(program_that_executes_itself_keeps_its_counts),
		SCENARIO_TESTS(daemon_that_closes_all_descriptors_goes_on_counting),
		SCENARIO_TESTS(short_processes_leave_as_many_segments_as_ran_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
