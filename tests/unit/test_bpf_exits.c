/* SPDX-License-Identifier: MIT */
/* Totals of processes that end, from the kernel's own lips. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "collect/bpf/bpf_exits.h"
#include "collect/bpf/bpf_state.h"

static struct bpf_exits *exits;

static void exits_begin(void)
{
	const int r = bpf_exits_open(&exits);
	if (!r)
		return;
	print_message("skipped: the kernel does not tell of exits here: %s\n", strerror(-r));
	assert_true(bpf_feature_state_of(r) == BPF_FEATURE_REFUSED ||
		    bpf_feature_state_of(r) == BPF_FEATURE_UNSUPPORTED);
	skip();
}

static int exits_end(void **state)
{
	(void)state;
	bpf_exits_close(exits);
	exits = NULL;
	return 0;
}

/* Of the children of a test, by PID. */
struct wanted {
	pid_t pid;
	unsigned times;
	struct bpf_exit exit;
};
struct hunt {
	struct wanted *wanted;
	size_t count;
};

static void on_exit_of(void *context, const struct bpf_exit *exit)
{
	const struct hunt *hunt = context;
	for (size_t i = 0; i < hunt->count; i++)
		if (hunt->wanted[i].pid == (pid_t)exit->pid) {
			hunt->wanted[i].times++;
			hunt->wanted[i].exit = *exit;
		}
}

/* Takes until all were told of: the kernel lets go of a process some ms after it was waited for. */
static void hunt_run(struct wanted *wanted, size_t count)
{
	size_t told = 0;
	for (int i = 0; i < 2000 && told < count; i++) {
		bpf_exits_take(exits, on_exit_of, &(struct hunt){wanted, count});
		told = 0;
		for (size_t j = 0; j < count; j++)
			told += wanted[j].times > 0;
		usleep(1000);
	}
	assert_int_equal(told, count);
}

static void child_wait(pid_t pid)
{
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_each_process_is_told_of_once_with_who_it_was(void **state)
{
	(void)state;
	struct wanted wanted[50] = {0};
	exits_begin();
	for (int i = 0; i < 50; i++) {
		wanted[i].pid = fork();
		if (!wanted[i].pid) {
			prctl(PR_SET_NAME, "short-lived");
			_exit(i);
		}
		child_wait(wanted[i].pid);
	}
	hunt_run(wanted, 50);
	for (int i = 0; i < 50; i++) {
		const struct bpf_exit *exit = &wanted[i].exit;
		assert_int_equal(wanted[i].times, 1);
		assert_string_equal(exit->comm, "short-lived");
		assert_int_equal(exit->code, i << 8);
		assert_int_equal(exit->parent, getpid());
		assert_int_equal(exit->uid, getuid());
		assert_true(exit->start_ns < exit->end_ns);
		assert_true(exit->runtime_ns > 0);
	}
	bpf_exits_take(exits, on_exit_of, &(struct hunt){wanted, 50});
	assert_int_equal(wanted[0].times, 1);
	assert_int_equal(bpf_exits_lost(exits), 0);
}

#define BURN_NS 20000000

static uint64_t own_cpu_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void *burner(void *pages)
{
	const uint64_t end_ns = own_cpu_ns() + BURN_NS;
	for (size_t i = 0; i < 64; i++)
		((volatile char *)pages)[i * 4096] = 1;
	while (own_cpu_ns() < end_ns)
		continue;
	return NULL;
}

/* No handlers of the library's run at the end. */
static void *last_burner(void *pages)
{
	burner(pages);
	usleep(10000);
	_exit(0);
}

/* The first thread ends first: what it used must not be forgotten. */
static void threads_run(void)
{
	pthread_t thread;
	char *pages = mmap(NULL, 128 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise(pages, 128 * 4096, MADV_NOHUGEPAGE);
	pthread_create(&thread, NULL, burner, pages);
	pthread_join(thread, NULL);
	pthread_create(&thread, NULL, last_burner, pages + 64 * 4096);
	burner(pages);
	pthread_exit(NULL);
}

static void test_totals_are_those_of_all_threads(void **state)
{
	(void)state;
	struct wanted wanted = {0};
	exits_begin();
	wanted.pid = fork();
	if (!wanted.pid)
		threads_run();
	child_wait(wanted.pid);
	hunt_run(&wanted, 1);
	assert_int_equal(wanted.times, 1);
	/* 20 ms of one thread, then 20 ms of two together at the least; never the same twice. */
	assert_in_range(wanted.exit.runtime_ns, 2 * BURN_NS, 10 * (uint64_t)BURN_NS);
	assert_true(wanted.exit.minor_faults >= 128);
	assert_int_equal(wanted.exit.code, 0);
}

static void test_end_by_a_signal_is_told_as_wait_does(void **state)
{
	(void)state;
	struct wanted wanted = {0};
	exits_begin();
	wanted.pid = fork();
	if (!wanted.pid)
		pause();
	kill(wanted.pid, SIGKILL);
	child_wait(wanted.pid);
	hunt_run(&wanted, 1);
	assert_int_equal(wanted.times, 1);
	assert_int_equal(wanted.exit.code & 0x7f, SIGKILL);
}

/* The ring has room for some 7,000: what is beyond is counted. */
static void test_exits_that_find_no_room_are_counted(void **state)
{
	(void)state;
	struct wanted none = {0}; /* at first */
	exits_begin();
	for (int i = 0; i < 9000; i++) {
		const pid_t pid = vfork();
		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	while (!bpf_exits_lost(exits))
		usleep(1000);
	usleep(100000); /* what was under way comes, too */
	const uint64_t lost = bpf_exits_lost(exits);
	const uint64_t taken = bpf_exits_take(exits, on_exit_of, &(struct hunt){&none, 1});
	assert_in_range(taken, 6000, 9000);
	/* There is room again. */
	none.pid = fork();
	if (!none.pid)
		_exit(0);
	child_wait(none.pid);
	hunt_run(&none, 1);
	assert_true(bpf_exits_lost(exits) >= lost);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_each_process_is_told_of_once_with_who_it_was, exits_end),
		cmocka_unit_test_teardown(test_totals_are_those_of_all_threads, exits_end),
		cmocka_unit_test_teardown(test_end_by_a_signal_is_told_as_wait_does, exits_end),
		cmocka_unit_test_teardown(test_exits_that_find_no_room_are_counted, exits_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
