/* SPDX-License-Identifier: MIT */
/* Faults of programs (C rows of tests/fault/rows) that no other test injects: a program that dies, is stopped, or
 * changes what it is, has counted what it acknowledged, and its neighbours do not notice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <mstat/mstat.h>

#include "child.h"
#include "control_group.h"
#include "mode.h"
#include "monitor.h"
#include "sanitized.h"
#include "scrape.h"

MSTAT_COUNTER(jobs, "jobs_total", "Jobs done.", "kind");
MSTAT_GAUGE_AS(latest, MSTAT_LAST, "latest", "", "Of all processes the last one's.");

#define JOBS(service) "jobs_total{kind=\"a\",service=\"" service "\"}"

/* Counts that a program has acknowledged, shared with it. */
static uint64_t *acknowledged;

static void acknowledged_open(void)
{
	acknowledged = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(acknowledged != MAP_FAILED);
}

static void acknowledged_close(void)
{
	munmap(acknowledged, 4096);
}

/* All that was acknowledged, and at most one more for each that was ended between count and acknowledgement. */
static void expect_acknowledged(uint16_t port, const char *series, unsigned int ended)
{
	char *page = page_fresh(port);
	const char *value = page_value(page, series);
	const uint64_t have = value ? strtoull(value, NULL, 10) : 0, want = *acknowledged;
	print_message("%llu acknowledged, %llu on the page, %u ended\n", (unsigned long long)want,
		      (unsigned long long)have, ended);
	assert_in_range(have, want, want + ended);
	free(page);
}

/* ---- C3: a signal that kills, inside an update ---- */

static void on_alarm_abort(int number)
{
	(void)number;
	abort();
}

static void on_alarm_segv(int number)
{
	(void)number;
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
}

static void count_until_alarm(void *context)
{
	mstat_counter *counter = mstat_counter_with(&jobs, "a");
	const struct rlimit no_core = {0, 0};
	const struct itimerval soon = {.it_value.tv_usec = 500 + *(const int *)context * 37};
	setrlimit(RLIMIT_CORE, &no_core);
	signal(SIGALRM, *(const int *)context % 2 ? on_alarm_abort : on_alarm_segv);
	setitimer(ITIMER_REAL, &soon, NULL);
	for (;;) {
		mstat_inc(counter);
		mstat_add_relaxed(acknowledged, 1);
	}
}

static void test_c3_program_that_crashes_inside_an_update_has_counted_what_it_acknowledged(void **state)
{
	struct stage stage;
	const int rounds = 40;
	stage_begin(&stage, state);
	acknowledged_open();
	injected("abort() and SIGSEGV in the middle of updates, %d times", rounds);
	for (int i = 0; i < rounds; i++) {
		const int status = process_wait(worker_fork(stage.scratch, "crashing", count_until_alarm, &i));
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == (i % 2 ? SIGABRT : SIGSEGV));
	}
	expect_acknowledged(stage.agent.port, JOBS("crashing"), (unsigned int)rounds);
	acknowledged_close();
	stage_end(&stage);
}

/* ---- C13: threads that are cancelled, and handlers that jump out ---- */

static void *count_until_cancelled(void *context)
{
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	for (;;) {
		mstat_inc(context);
		mstat_add_relaxed(acknowledged, 1);
	}
	return NULL;
}

static void cancel_threads(void *context)
{
	mstat_counter *counter = mstat_counter_with(&jobs, "a");
	for (int i = 0; i < *(const int *)context; i++) {
		pthread_t thread;
		if (pthread_create(&thread, NULL, count_until_cancelled, counter))
			_exit(1);
		usleep(300);
		pthread_cancel(thread);
		pthread_join(thread, NULL);
	}
}

static sigjmp_buf jump;

static void on_alarm_jump(int number)
{
	(void)number;
	siglongjmp(jump, 1);
}

static void jump_out(void *context)
{
	mstat_counter *counter = mstat_counter_with(&jobs, "a");
	const struct itimerval soon = {.it_value.tv_usec = 200};
	volatile int rounds = *(const int *)context;
	signal(SIGALRM, on_alarm_jump);
	if (sigsetjmp(jump, 1))
		rounds--;
	if (!rounds)
		return;
	setitimer(ITIMER_REAL, &soon, NULL);
	for (;;) {
		mstat_inc(counter);
		mstat_add_relaxed(acknowledged, 1);
	}
}

static void test_c13_cancelled_threads_and_jumps_out_of_handlers_lose_no_count(void **state)
{
	struct stage stage;
	const int rounds = 200;
	if (SANITIZED) {
		print_message("skipped: sanitizers do not survive asynchronous cancellation\n");
		skip();
	}
	stage_begin(&stage, state);
	acknowledged_open();
	injected("%d threads cancelled asynchronously, %d longjmp() out of signal handlers, during updates", rounds,
		 rounds);
	worker_run(stage.scratch, "jumping", cancel_threads, (void *)(intptr_t)&rounds);
	worker_run(stage.scratch, "jumping", jump_out, (void *)(intptr_t)&rounds);
	expect_acknowledged(stage.agent.port, JOBS("jumping"), 2 * (unsigned int)rounds);
	acknowledged_close();
	stage_end(&stage);
}

/* ---- C21: another user, another root, another name space ---- */

static void change_and_count(void *context)
{
	const struct scratch *scratch = context;
	char label[16];
	mstat_inc(mstat_counter_with(&jobs, "a"));
	if (chroot(scratch->path) || chdir("/") || setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
		_exit(77);
	/* New series need new pages, none of which may need a name. */
	for (int i = 0; i < 3000; i++) {
		snprintf(label, sizeof(label), "%d", i);
		mstat_inc(mstat_counter_with(&jobs, label));
	}
	mstat_add(mstat_counter_with(&jobs, "a"), 41);
	const pid_t pid = fork();
	if (!pid) {
		mstat_add(mstat_counter_with(&jobs, "child"), 5);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void test_c21_program_that_gives_up_its_rights_goes_on_counting(void **state)
{
	struct stage stage;
	stage_begin(&stage, state);
	const pid_t pid = worker_fork(stage.scratch, "demoted", change_and_count, (void *)(intptr_t)stage.scratch);
	const int status = process_wait(pid);
	if (WEXITSTATUS(status) == 77) {
		stage_end(&stage);
		print_message("skipped: chroot and setresuid need root\n");
		skip();
	}
	injected("chroot(2), setresgid(2) and setresuid(2) to nobody, after the first count");
	assert_int_equal(status, 0);
	page_await(stage.agent.port, JOBS("demoted"), "42");
	page_await(stage.agent.port, "jobs_total{kind=\"2999\",service=\"demoted\"}", "1");
	page_await(stage.agent.port, "jobs_total{kind=\"child\",service=\"demoted\"}", "5");
	stage_end(&stage);
}

/* ---- C22: clocks ---- */

static int64_t clock_step_s;

/* Of this program, libmstat included: the clock that people set. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
	const int r = (int)syscall(SYS_clock_gettime, clock, now);
	if (!r && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		now->tv_sec = clock_step_s == INT64_MIN ? 0 : now->tv_sec + clock_step_s;
	return r;
}

static void count_through_time(void *context)
{
	static const int64_t steps_s[] = {0, 365 * 86400, -365 * 86400, INT64_MIN, (int64_t)1 << 31, (int64_t)1 << 33};
	char label[16];
	(void)context;
	for (size_t i = 0; i < sizeof(steps_s) / sizeof(*steps_s); i++) {
		clock_step_s = steps_s[i];
		snprintf(label, sizeof(label), "%zu", i);
		mstat_add(mstat_counter_with(&jobs, "a"), 7);
		mstat_inc(mstat_counter_with(&jobs, label));
		mstat_gauge_set(mstat_gauge_with(&latest), (int64_t)i);
	}
	pause();
}

static void test_c22_steps_of_the_clock_change_no_count_and_no_last_value(void **state)
{
	struct stage stage;
	stage_begin(&stage, state);
	injected("the wall clock a year ahead, a year back, at 0, after 2038, after 2242");
	const pid_t pid = worker_fork(stage.scratch, "timeless", count_through_time, NULL);
	page_await(stage.agent.port, "jobs_total{kind=\"5\",service=\"timeless\"}", "1");
	char *page = page_fresh(stage.agent.port);
	assert_page(page, JOBS("timeless"), "42");
	assert_page(page, "latest{service=\"timeless\"}", "5");
	free(page);
	kill(pid, SIGKILL);
	process_wait(pid);
	page_await(stage.agent.port, JOBS("timeless"), "42");
	stage_end(&stage);
}

/* ---- C26, C27: control groups ---- */

static void count_and_eat(void *context)
{
	mstat_counter *counter = mstat_counter_with(&jobs, "a");
	if (!control_group_enter(context, getpid()))
		_exit(1);
	for (;;) {
		mstat_inc(counter);
		mstat_add_relaxed(acknowledged, 1);
		char *page = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (page != MAP_FAILED)
			memset(page, 1, 65536);
	}
}

static void test_c26_program_that_the_kernel_kills_for_memory_has_counted_what_it_acknowledged(void **state)
{
	struct stage stage;
	struct control_group group;
	stage_begin(&stage, state);
	if (!control_group_open(&group, "memory") || !control_group_limit_memory(&group, 24ul << 20)) {
		stage_end(&stage);
		print_message("skipped: no memory control group may be made here\n");
		skip();
	}
	acknowledged_open();
	injected("the kernel's OOM killer in a control group of 24 MiB");
	const int status = process_wait(worker_fork(stage.scratch, "hungry", count_and_eat, &group));
	control_group_close(&group);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	expect_acknowledged(stage.agent.port, JOBS("hungry"), 1);
	acknowledged_close();
	stage_end(&stage);
}

static void count_and_stay(void *context)
{
	(void)context;
	for (;;) {
		mstat_inc(mstat_counter_with(&jobs, "a"));
		mstat_add_relaxed(acknowledged, 1);
		usleep(1000);
	}
}

static void test_c27_frozen_program_is_alive_and_is_not_folded(void **state)
{
	struct stage stage;
	struct control_group group;
	stage_begin(&stage, state);
	if (!control_group_open(&group, "freezer")) {
		stage_end(&stage);
		print_message("skipped: no freezer control group may be made here\n");
		skip();
	}
	acknowledged_open();
	const pid_t pid = worker_fork(stage.scratch, "frozen", count_and_stay, NULL);
	assert_true(control_group_enter(&group, pid));
	page_await(stage.agent.port, "mstat_segments{state=\"live\"}", "2");
	const bool froze = control_group_freeze(&group, true);
	injected("a frozen control group, with --segment.fold-after=0s");
	monitor_await_pages(&stage.monitor, 50);
	char *page = page_fresh(stage.agent.port);
	assert_page(page, "mstat_segments{state=\"live\"}", "2");
	assert_page(page, "mstat_segments_folded_total", "0");
	free(page);
	expect_acknowledged(stage.agent.port, JOBS("frozen"), 1);
	assert_true(control_group_freeze(&group, false));
	assert_true(froze);
	kill(pid, SIGKILL);
	process_wait(pid);
	control_group_close(&group);
	expect_acknowledged(stage.agent.port, JOBS("frozen"), 1);
	acknowledged_close();
	stage_end(&stage);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_c3_program_that_crashes_inside_an_update_has_counted_what_it_acknowledged),
		TEST(test_c13_cancelled_threads_and_jumps_out_of_handlers_lose_no_count),
		TEST(test_c21_program_that_gives_up_its_rights_goes_on_counting),
		TEST(test_c22_steps_of_the_clock_change_no_count_and_no_last_value),
		TEST(test_c26_program_that_the_kernel_kills_for_memory_has_counted_what_it_acknowledged),
		TEST(test_c27_frozen_program_is_alive_and_is_not_folded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
