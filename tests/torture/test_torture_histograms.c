/* SPDX-License-Identifier: MIT */
/* Observations are exact: bucket and sum are two stores of one restartable sequence that may be cut between them, by a
 * preemption, a migration, a signal or the end of the process. Where all values are 1, count and sum must be equal, and
 * both the number of observations.
 *
 * Each scenario runs three times: with the restartable sequences of the C library, with the client library's own
 * registration, and with locked rows only.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <mstat/mstat.h>

#include "child.h"
#include "mode.h"
#include "sanitized.h"
#include "view.h"

static const struct mstat_buckets numbers = {.scale = 1, MSTAT_BOUNDS(0, 1, 2, 3)};
MSTAT_HISTOGRAM_AS(whole, &numbers, "whole", "", "Integers.");
MSTAT_HISTOGRAM_F64_AS(real, &numbers, "real", "", "Doubles.");
MSTAT_SUMMARY(waits, "waits", "Integers of 1, in exponential buckets.");

static mstat_histogram *whole_one;
static mstat_histogram_f64 *real_one;
static mstat_histogram *wait_one;

static void handles_get(void)
{
	whole_one = mstat_histogram_with(&whole);
	real_one = mstat_histogram_f64_with(&real);
	wait_one = mstat_histogram_with(&waits);
}

static void observe_all(void)
{
	mstat_observe(whole_one, 1);
	mstat_observe_f64(real_one, 1);
	mstat_observe(wait_one, 1);
}

static void check_observed(const char *family, uint64_t count)
{
	const struct view_distribution *have = view_distribution(child_directory, family, "");
	uint64_t sum = strcmp(family, "real") ? have->sum_u64 : (uint64_t)have->sum_f64;
	check_equal(have->count, count);
	check_equal(sum, count);
	/* All in one bucket: that of 1, the second of the explicit ones. */
	if (strcmp(family, "waits"))
		check_equal(have->buckets[1], count);
}

static void check_all(uint64_t count)
{
	check_observed("whole", count);
	check_observed("real", count);
	check_observed("waits", count);
	check_equal(mstat_drops(MSTAT_REASON_OBSERVATION), 0);
}

/* Fewer rounds where everything is slower; the modes share the rest. */
static unsigned int times(unsigned int count)
{
	if (SANITIZED)
		count /= 8;
	return getenv("GLIBC_TUNABLES") ? count / 4 : count;
}

/* ---- signals at a high rate, threads on few CPUs ---- */

static uint64_t handled;

static void handler(int number)
{
	(void)number;
	int saved_errno = errno;
	observe_all();
	mstat_add_relaxed(&handled, 1);
	errno = saved_errno;
}

static timer_t timer_begin(long interval_ns)
{
	timer_t timer;
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM};
	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	struct itimerspec every = {{0, interval_ns}, {0, interval_ns}};
	check(!timer_create(CLOCK_MONOTONIC, &event, &timer));
	check(!timer_settime(timer, 0, &every, NULL));
	return timer;
}

static void handler_install(void)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
	check(!sigaction(SIGALRM, &action, NULL));
}

#define SIGNAL_ROUNDS 8000000u

static void *thread_under_signals(void *context)
{
	long interval_ns = 15000 + 7000 * (long)(intptr_t)context;
	timer_t timer = timer_begin(interval_ns);
	unsigned int rounds = times(SIGNAL_ROUNDS);
	for (unsigned int i = 0; i < rounds; i++) {
		observe_all();
		if (i % 4096 == 0)
			sched_yield();
	}
	timer_delete(timer);
	usleep(2000); /* what was sent is delivered to this thread; a sanitizer does it late */
	return NULL;
}

#define THREADS 4

static void handlers_observe_in_the_middle_of_observations(void)
{
	pthread_t threads[THREADS];
	handles_get();
	handler_install();
	for (uintptr_t i = 0; i < THREADS; i++)
		check(!pthread_create(&threads[i], NULL, thread_under_signals, (void *)i));
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	signal(SIGALRM, SIG_IGN);
	printf("%" PRIu64 " signals\n", handled);
	check(handled > 100);
	check_all((uint64_t)THREADS * times(SIGNAL_ROUNDS) + handled);
}
SCENARIO(handlers_observe_in_the_middle_of_observations)

/* ---- migrations ---- */

#define MIGRATION_ROUNDS 1500000u

static uint64_t migrating_done;
static pid_t migrating_tids[THREADS];

static void *thread_that_is_moved(void *context)
{
	unsigned int rounds = times(MIGRATION_ROUNDS);
	mstat_store_relaxed(&migrating_tids[(uintptr_t)context], (pid_t)syscall(SYS_gettid));
	for (unsigned int i = 0; i < rounds; i++)
		observe_all();
	mstat_add_relaxed(&migrating_done, 1);
	return NULL;
}

/* Moves the threads from one CPU to the next for as long as they observe. */
static void threads_move(void)
{
	cpu_set_t allowed, one;
	int cpu = 0;
	check(!sched_getaffinity(0, sizeof(allowed), &allowed));
	while (mstat_load_relaxed(&migrating_done) < THREADS) {
		do
			cpu = (cpu + 1) % CPU_SETSIZE;
		while (!CPU_ISSET(cpu, &allowed));
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		for (int i = 0; i < THREADS; i++)
			if (mstat_load_relaxed(&migrating_tids[i]))
				sched_setaffinity(mstat_load_relaxed(&migrating_tids[i]), sizeof(one), &one);
		sched_yield();
	}
}

static void threads_that_are_moved_between_cpus_lose_nothing(void)
{
	pthread_t threads[THREADS];
	handles_get();
	for (uintptr_t i = 0; i < THREADS; i++)
		check(!pthread_create(&threads[i], NULL, thread_that_is_moved, (void *)i));
	threads_move();
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	check_all((uint64_t)THREADS * times(MIGRATION_ROUNDS));
}
SCENARIO(threads_that_are_moved_between_cpus_lose_nothing)

/* ---- forks ---- */

#define FORKS 120
#define FORK_OBSERVATIONS 500u

static uint64_t storm_over;

static void *observe_until_the_end(void *context)
{
	uint64_t *count = context;
	while (!mstat_load_relaxed(&storm_over)) {
		observe_all();
		++*count;
	}
	return NULL;
}

static void observe_in_child(void)
{
	for (unsigned int i = 0; i < FORK_OBSERVATIONS; i++)
		observe_all();
}

static void forks_in_the_middle_of_observations_double_nothing(void)
{
	pthread_t threads[2];
	uint64_t counts[2] = {0, 0};
	unsigned int forks = times(FORKS);
	handles_get();
	for (int i = 0; i < 2; i++)
		check(!pthread_create(&threads[i], NULL, observe_until_the_end, &counts[i]));
	for (unsigned int i = 0; i < forks; i++)
		check_fork(observe_in_child);
	mstat_store_relaxed(&storm_over, 1);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	check_all(counts[0] + counts[1] + (uint64_t)forks * FORK_OBSERVATIONS);
	check_equal(view_segments(child_directory), 1);
}
SCENARIO(forks_in_the_middle_of_observations_double_nothing)

/* ---- SIGKILL ---- */

#define KILLS 300

static int acknowledge_fd;

/* In two threads; the counter behind each observation says how many there were. */
MSTAT_COUNTER(acknowledged, "acknowledged", "Observations that were completed.");

static void *observe_and_acknowledge(void *context)
{
	(void)context;
	mstat_counter *counter = mstat_counter_with(&acknowledged);
	for (;;) {
		observe_all();
		mstat_inc(counter);
	}
	return NULL;
}

static void observe_until_killed(void)
{
	pthread_t thread;
	check(write(acknowledge_fd, "x", 1) == 1);
	check(!pthread_create(&thread, NULL, observe_and_acknowledge, NULL));
	observe_and_acknowledge(NULL);
}

/* Who is killed between the two stores has counted and not summed: at most one a thread that was killed. */
static void check_after_kills(const char *family, uint64_t completed, uint64_t killed)
{
	const struct view_distribution *have = view_distribution(child_directory, family, "");
	uint64_t sum = strcmp(family, "real") ? have->sum_u64 : (uint64_t)have->sum_f64;
	check(have->count >= completed && have->count <= completed + killed);
	check(sum >= completed && sum <= have->count);
}

static void killed_threads_have_observed_what_they_acknowledged_or_one_more(void)
{
	unsigned int kills = times(KILLS);
	int ends[2];
	char byte;
	unsigned int seed = seed_choose();
	handles_get();
	mstat_counter_with(&acknowledged);
	check(!pipe(ends));
	acknowledge_fd = ends[1];
	for (unsigned int i = 0; i < kills; i++) {
		pid_t pid = fork_run(observe_until_killed);
		check(read(ends[0], &byte, 1) == 1);
		usleep((unsigned int)rand_r(&seed) % 3000);
		kill(pid, SIGKILL);
		check_equal(child_wait(pid), 128 + SIGKILL);
	}
	uint64_t completed = view_u64(child_directory, "acknowledged", "");
	check(completed > kills);
	check_after_kills("whole", completed, 2ull * kills);
	check_after_kills("real", completed, 2ull * kills);
	check_after_kills("waits", completed, 2ull * kills);
	/* A thread dies in one instruction of a long loop: nearly always in none of these. */
	printf("%" PRIu64 " observations, count is %" PRIu64 " ahead\n", completed,
	       view_distribution(child_directory, "whole", "")->count - completed);
}
SCENARIO(killed_threads_have_observed_what_they_acknowledged_or_one_more)

/* ---- removal under fire ---- */

static const struct mstat_buckets pair = {.scale = 1, MSTAT_BOUNDS(1)};
MSTAT_HISTOGRAM_AS(passing, &pair, "passing", "", "Series that come and go.", "name");

#define TURNS 250
#define LATE_VALUE 1000000

static mstat_histogram *late[TURNS];
static uint64_t removals_over;

static void *late_observations(void *context)
{
	(void)context;
	while (!mstat_load_relaxed(&removals_over))
		for (unsigned int i = 0; i < TURNS; i++) {
			mstat_histogram *handle = mstat_load_acquire(&late[i]); /* pairs with the release below */
			if (handle)
				mstat_observe(handle, LATE_VALUE);
		}
	return NULL;
}

static void late_observations_never_reach_the_next_owner_of_their_cells(void)
{
	pthread_t threads[2];
	unsigned int turns = times(TURNS);
	uint64_t sum = 0;
	char name[32];
	handles_get();
	for (int i = 0; i < 2; i++)
		check(!pthread_create(&threads[i], NULL, late_observations, NULL));
	for (unsigned int turn = 0; turn < turns; turn++) {
		const char *value = name;
		snprintf(name, sizeof(name), "old %u", turn);
		mstat_histogram *old = mstat_histogram_with(&passing, name);
		mstat_store_release(&late[turn], old); /* pairs with the acquire above */
		mstat_observe(old, 1);
		check_equal(mstat_remove(&passing.family, &value, 1), 1);
		snprintf(name, sizeof(name), "new %u", turn);
		mstat_observe(mstat_histogram_with(&passing, name), turn);
		sum += turn;
		observe_all();
	}
	mstat_store_relaxed(&removals_over, 1);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	const struct view_distribution *have = view_distribution(child_directory, "passing", NULL);
	check_equal(have->count, turns);
	check_equal(have->sum_u64, sum);
	check_equal(view_series(child_directory, "passing"), turns);
	check_all(turns);
}
SCENARIO(late_observations_never_reach_the_next_owner_of_their_cells)

int main(int argc, char **argv)
{
	static const struct scenario scenarios[] = {
		SCENARIO_ROW(handlers_observe_in_the_middle_of_observations),
		SCENARIO_ROW(threads_that_are_moved_between_cpus_lose_nothing),
		SCENARIO_ROW(forks_in_the_middle_of_observations_double_nothing),
		SCENARIO_ROW(killed_threads_have_observed_what_they_acknowledged_or_one_more),
		SCENARIO_ROW(late_observations_never_reach_the_next_owner_of_their_cells),
	};
	if (argc > 1)
		return scenario_main(scenarios, sizeof(scenarios) / sizeof(*scenarios), argv[1]);
	const struct CMUnitTest tests[] = {
		SCENARIO_TESTS(handlers_observe_in_the_middle_of_observations),
		SCENARIO_TESTS(threads_that_are_moved_between_cpus_lose_nothing),
		SCENARIO_TESTS(forks_in_the_middle_of_observations_double_nothing),
		SCENARIO_TESTS(killed_threads_have_observed_what_they_acknowledged_or_one_more),
		SCENARIO_TESTS(late_observations_never_reach_the_next_owner_of_their_cells),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
