/* SPDX-License-Identifier: MIT */
/* Exact sums: whatever threads, processes and signal handlers do together, nothing is lost or counted twice.
 *
 * Each scenario runs three times: with the restartable sequences of the C library, with the client library's own
 * registration, and with locked rows only.
 */
#include <errno.h>
#include <pthread.h>
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
#include "view.h"

MSTAT_COUNTER(events, "events", "Events.", "kind");
MSTAT_COUNTER_F64(amounts, "amounts", "Amounts.");
MSTAT_GAUGE_AS(balance, MSTAT_SUM, "balance", "", "Balance.", "kind");
MSTAT_GAUGE_F64_AS(weight, MSTAT_SUM, "weight", "", "Weight.");

/* ---- threads x processes x forks ---- */

#define PROCESSES 4
#define THREADS 3
#define ROUNDS 400000u
#define LOOKUPS 20000u
#define GRANDCHILD_ROUNDS 1000u

static mstat_counter *hot;

static void *thread_count(void *context)
{
	char kind[16];
	snprintf(kind, sizeof(kind), "%u", (unsigned int)(uintptr_t)context);
	mstat_counter_f64 *amount = mstat_counter_f64_with(&amounts);
	mstat_gauge *gauge = mstat_gauge_with(&balance, kind);
	mstat_gauge_f64 *scale = mstat_gauge_f64_with(&weight);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		mstat_inc(hot);
		mstat_add_f64(amount, 3);
		mstat_gauge_add(gauge, i & 1 ? 5 : -3);
		if (i % (ROUNDS / LOOKUPS) == 0)
			mstat_inc(mstat_counter_with(&events, kind));
		if (i % 16 == 0)
			mstat_gauge_f64_add(scale, 0.5);
	}
	return NULL;
}

static void grandchild(void)
{
	for (unsigned int i = 0; i < GRANDCHILD_ROUNDS; i++) {
		mstat_inc(hot);
		mstat_gauge_add(mstat_gauge_with(&balance, "grandchild"), 1);
	}
}

static void process_count(void)
{
	pthread_t threads[THREADS];
	pid_t pids[3];
	for (uintptr_t i = 0; i < THREADS; i++)
		check(!pthread_create(&threads[i], NULL, thread_count, (void *)i));
	for (int i = 0; i < 3; i++)
		pids[i] = fork_run(grandchild); /* in the middle of it */
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 3; i++)
		check_equal(child_wait(pids[i]), 0);
}

static void threads_processes_and_forks_add_up_exactly(void)
{
	pid_t pids[PROCESSES];
	uint64_t workers = PROCESSES * THREADS;
	hot = mstat_counter_with(&events, "hot");
	for (int i = 0; i < PROCESSES; i++)
		pids[i] = fork_run(process_count);
	for (int i = 0; i < PROCESSES; i++)
		check_equal(child_wait(pids[i]), 0);
	check_equal(view_u64(child_directory, "events", "hot"), workers * ROUNDS + PROCESSES * 3 * GRANDCHILD_ROUNDS);
	for (int i = 0; i < THREADS; i++) {
		char kind[16];
		snprintf(kind, sizeof(kind), "%d", i);
		check_equal(view_u64(child_directory, "events", kind), PROCESSES * LOOKUPS);
		check_equal(view_i64(child_directory, "balance", kind), PROCESSES * (ROUNDS / 2) * 2);
	}
	check_equal(view_i64(child_directory, "balance", "grandchild"), PROCESSES * 3 * GRANDCHILD_ROUNDS);
	check(view_sum_f64(child_directory, "amounts") == (double)workers * ROUNDS * 3);
	check(view_f64(child_directory, "weight", "") == (double)workers * (ROUNDS / 16) / 2);
	check_equal(view_segments(child_directory), 1);
}
SCENARIO(threads_processes_and_forks_add_up_exactly)

/* ---- threads that come and go ---- */

#define SHORT_THREADS 100000u

static void *thread_once(void *context)
{
	mstat_inc(context);
	return NULL;
}

static unsigned long resident_pages(void)
{
	unsigned long pages = 0;
	FILE *sizes = fopen("/proc/self/statm", "r");
	check(sizes && fscanf(sizes, "%*u %lu", &pages) == 1);
	fclose(sizes);
	return pages;
}

static void segment_bytes(const struct segment *segment, void *bytes)
{
	*(uint64_t *)bytes = segment->allocated_bytes;
}

static void threads_run(unsigned int count)
{
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 64 << 10);
	for (unsigned int i = 0; i < count; i += 8) {
		pthread_t threads[8];
		for (int j = 0; j < 8; j++)
			check(!pthread_create(&threads[j], &attributes, thread_once, hot));
		for (int j = 0; j < 8; j++)
			pthread_join(threads[j], NULL);
	}
	pthread_attr_destroy(&attributes);
}

static void threads_that_come_and_go_leave_their_counts_and_nothing_else(void)
{
	unsigned int count = getenv("GLIBC_TUNABLES") ? SHORT_THREADS / 5 : SHORT_THREADS;
	uint64_t before, after;
	hot = mstat_counter_with(&events, "hot");
	threads_run(count / 10);
	view_first(child_directory, segment_bytes, &before);
	unsigned long resident_before = resident_pages();
	threads_run(count - count / 10);
	unsigned long resident_after = resident_pages();
	view_first(child_directory, segment_bytes, &after);
	check_equal(view_u64(child_directory, "events", "hot"), count);
	check_equal(after, before);
	/* 1 MiB: what an allocator may do; 64 bytes a thread would be 6 MB. Sanitizers remember every thread. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	check(resident_after < resident_before + (1 << 20) / (unsigned long)sysconf(_SC_PAGESIZE));
#else
	(void)resident_before, (void)resident_after;
#endif
}
SCENARIO(threads_that_come_and_go_leave_their_counts_and_nothing_else)

/* ---- signals ---- */

#define SIGNAL_ROUNDS 20000000u

static uint64_t handled;

static void handler(int number)
{
	(void)number;
	int saved_errno = errno;
	char kind[16];
	uint64_t turn = ++handled;
	mstat_inc(hot);
	snprintf(kind, sizeof(kind), "%u", (unsigned int)(turn % 100));
	mstat_inc(mstat_counter_with(&events, kind));
	mstat_add_f64(mstat_counter_f64_with(&amounts), 1);
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

static void handlers_and_the_code_that_they_interrupt_add_up_exactly(void)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
	char kind[16];
	uint64_t lookups = 0;
	hot = mstat_counter_with(&events, "hot");
	check(!sigaction(SIGALRM, &action, NULL));
	timer_t timer = timer_begin(30000);
	for (unsigned int i = 0; i < SIGNAL_ROUNDS; i++) {
		mstat_inc(hot);
		if (i % 256 == 0) {
			snprintf(kind, sizeof(kind), "%u", i / 256 % 1000);
			mstat_inc(mstat_counter_with(&events, kind));
			mstat_add_f64(mstat_counter_f64_with(&amounts), 2);
			lookups++;
		}
	}
	timer_delete(timer);
	usleep(1000); /* a sanitizer delivers late */
	signal(SIGALRM, SIG_IGN);
	check(handled > 0);
	check_equal(view_u64(child_directory, "events", "hot"), SIGNAL_ROUNDS + handled);
	check_equal(view_sum_u64(child_directory, "events"), SIGNAL_ROUNDS + 2 * handled + lookups);
	check(view_sum_f64(child_directory, "amounts") == (double)(handled + 2 * lookups));
}
SCENARIO(handlers_and_the_code_that_they_interrupt_add_up_exactly)

int main(int argc, char **argv)
{
	static const struct scenario scenarios[] = {
		SCENARIO_ROW(threads_processes_and_forks_add_up_exactly),
		SCENARIO_ROW(threads_that_come_and_go_leave_their_counts_and_nothing_else),
		SCENARIO_ROW(handlers_and_the_code_that_they_interrupt_add_up_exactly),
	};
	if (argc > 1)
		return scenario_main(scenarios, sizeof(scenarios) / sizeof(*scenarios), argv[1]);
	const struct CMUnitTest tests[] = {
		SCENARIO_TESTS(threads_processes_and_forks_add_up_exactly),
		SCENARIO_TESTS(threads_that_come_and_go_leave_their_counts_and_nothing_else),
		SCENARIO_TESTS(handlers_and_the_code_that_they_interrupt_add_up_exactly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
