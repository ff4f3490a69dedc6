/* SPDX-License-Identifier: MIT */
/* What processes have done by the time they end: real ones, where the kernel lets us listen, and damaged messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "collect/process_exits.h"
#include "collect/process_netlink.h"
#include "sanitized.h"

static struct process_exits *exits;

static int setup(void **state)
{
	(void)state;
	return process_exits_open(true, &exits);
}

static int teardown(void **state)
{
	(void)state;
	process_exits_close(exits);
	return 0;
}

static void listening(void)
{
	if (process_exits_stats(exits).taskstats)
		return;
	print_message("skipped: taskstats needs CAP_NET_ADMIN in the first namespaces\n");
	skip();
}

/* Spins until the process has used so much CPU time. */
static void burn(int64_t ns)
{
	struct timespec now;
	do
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	while (now.tv_sec * INT64_C(1000000000) + now.tv_nsec < ns);
}

static void *burn_in_thread(void *context)
{
	(void)context;
	burn(40000000);
	return NULL;
}

static void child_burn(void)
{
	burn(30000000);
}

static void child_threads(void)
{
	pthread_t thread;
	if (!pthread_create(&thread, NULL, burn_in_thread, NULL))
		pthread_join(thread, NULL);
}

static void child_nothing(void)
{
}

static pid_t child_run(void (*body)(void))
{
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return pid;
}

/* The exit of a PID among those taken now; it must be there once, since the process has been reaped. */
static const struct process_exit *taken(pid_t pid)
{
	size_t count;
	const struct process_exit *found = NULL, *list = process_exits_take(exits, &count);
	for (size_t i = 0; i < count; i++) {
		if (list[i].pid != (uint32_t)pid)
			continue;
		assert_null(found);
		found = &list[i];
	}
	if (!found)
		fail_msg("the end of %d was not told of", (int)pid);
	return found;
}

static void test_a_process_that_nobody_saw_is_told_of_when_it_is_gone(void **state)
{
	(void)state;
	listening();
	const struct process_exit *exit = taken(child_run(child_burn));
	assert_true(exit->counters.user_ns + exit->counters.system_ns >= 25000000);
	assert_true(exit->counters.minor_faults > 0);
	assert_int_equal(exit->parent, getpid());
	assert_string_equal(exit->comm, "test_process_ex");
	assert_int_equal(exit->processes, 1);
}

static void test_threads_that_ended_before_their_process_count(void **state)
{
	(void)state;
	listening();
	if (SANITIZED) {
		print_message("skipped: a sanitizer may not let a forked child start threads\n");
		skip();
	}
	const struct process_exit *exit = taken(child_run(child_threads));
	assert_true(exit->counters.user_ns + exit->counters.system_ns >= 35000000);
}

/* Those that began after a collection are summed, so that a storm of them needs no room. */
static void test_many_of_one_kind_are_one_exit(void **state)
{
	(void)state;
	enum { CHILDREN = 200 };
	size_t count;
	uint64_t processes = 0, kinds = 0;
	listening();
	process_exits_begin(exits);
	process_exits_take(exits, &count);
	for (int i = 0; i < CHILDREN; i++)
		child_run(child_nothing);
	const struct process_exit *list = process_exits_take(exits, &count);
	for (size_t i = 0; i < count; i++)
		if (list[i].parent == (uint32_t)getpid()) {
			processes += list[i].processes;
			kinds++;
		}
	assert_int_equal(processes, CHILDREN);
	assert_true(kinds < CHILDREN);
}

static void test_arguments_are_asked_for_at_exec(void **state)
{
	(void)state;
	listening();
	if (!process_exits_stats(exits).connector) {
		print_message("skipped: this kernel has no process connector\n");
		skip();
	}
	const pid_t pid = fork();
	if (!pid) {
		execl("/bin/sleep", "sleep", "0.3", (char *)NULL);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	const struct process_exit *exit = taken(pid);
	assert_string_equal(exit->comm, "sleep");
	assert_non_null(exit->arguments);
	assert_int_equal(exit->arguments_len, sizeof("sleep\0000.3") + 1);
	assert_memory_equal(exit->arguments, "sleep\0000.3", sizeof("sleep\0000.3"));
}

static void count_end(void *context, const struct process_thread_end *end)
{
	(void)end;
	++*(unsigned *)context;
}

static void count_exec(void *context, uint32_t pid)
{
	(void)pid;
	++*(unsigned *)context;
}

/* With a sanitizer this sees each access beyond the bytes. */
static void test_damaged_messages_are_passed_over(void **state)
{
	(void)state;
	const unsigned seed = (unsigned)time(NULL);
	unsigned calls = 0;
	print_message("seed %u\n", seed);
	srandom(seed);
	for (int round = 0; round < 20000; round++) {
		const size_t len = (size_t)random() % 600;
		unsigned char *bytes = malloc(len + 1);
		assert_non_null(bytes);
		for (size_t i = 0; i < len; i++)
			bytes[i] = (unsigned char)(random() % 4 ? 0 : random());
		if (len >= sizeof(struct nlmsghdr)) {
			struct nlmsghdr *header = (struct nlmsghdr *)bytes;
			header->nlmsg_len = (uint32_t)random() % 700;
			header->nlmsg_type = NLMSG_MIN_TYPE + 3;
		}
		unsigned char *exact = realloc(bytes, len ? len : 1);
		process_taskstats_parse(exact, len, count_end, &calls);
		process_connector_parse(exact, len, count_exec, &calls);
		free(exact);
	}
}

#define EXITS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EXITS_TEST(test_a_process_that_nobody_saw_is_told_of_when_it_is_gone),
		EXITS_TEST(test_threads_that_ended_before_their_process_count),
		EXITS_TEST(test_many_of_one_kind_are_one_exit),
		EXITS_TEST(test_arguments_are_asked_for_at_exec),
		cmocka_unit_test(test_damaged_messages_are_passed_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
