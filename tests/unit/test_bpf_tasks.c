/* SPDX-License-Identifier: MIT */
/* Features of the bpf collector that are about tasks, on this machine's own kernel: something is made to happen, and is
 * counted. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bpf_fixture.h"

/* ---- the scheduler ---------------------------------------------------------------------------------------------- */

static void naps_take(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		usleep(1000);
}

static void test_run_queue_latency_is_counted_at_each_return_to_a_cpu(void **state)
{
	(void)state;
	BPF_START(run_queue);
	const double before = bpf_value("node_bpf_run_queue_latency_seconds");
	naps_take(20);
	bpf_collect();
	assert_grown("node_bpf_run_queue_latency_seconds", before, 20);
	assert_true(bpf_sum("node_bpf_run_queue_latency_seconds") > 0);
}

static void test_sleep_is_time_off_the_cpu_by_state(void **state)
{
	(void)state;
	static const char series[] = "node_bpf_off_cpu_seconds{state=\"interruptible\"}";
	BPF_START(off_cpu);
	const double before = bpf_value(series), seconds_before = bpf_sum(series);
	naps_take(20);
	bpf_collect();
	assert_grown(series, before, 20);
	assert_true(bpf_sum(series) >= seconds_before + 20 * 1e-3);
}

/* A control group of version 2 for one test. */
static char group_path[128];

static const char *group_name(void)
{
	return strrchr(group_path, '/');
}

static bool group_make(const char *root)
{
	snprintf(group_path, sizeof(group_path), "%s/mstat-test-%d", root, (int)getpid());
	return !mkdir(group_path, 0755);
}

static bool group_write(const char *file, const char *text)
{
	char path[192];
	snprintf(path, sizeof(path), "%s/%s", group_path, file);
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	const bool written = fd >= 0 && write(fd, text, strlen(text)) > 0;
	if (fd >= 0)
		close(fd);
	return written;
}

/* Runs `body` in a child in the group; returns how it ended. */
static int group_run(void (*body)(void))
{
	int status;
	const pid_t pid = fork();
	if (!pid) {
		if (!group_write("cgroup.procs", "0"))
			_exit(99);
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void group_remove(void)
{
	/* The kernel needs a moment after the last process. */
	for (int i = 0; i < 1000 && rmdir(group_path); i++)
		usleep(1000);
}

static void body_naps(void)
{
	naps_take(30);
}

static const char *switches_series(void)
{
	static char series[256];
	snprintf(series, sizeof(series), "node_bpf_cgroup_context_switches_total{cgroup=\"%s\",type=\"voluntary\"}",
		 group_name());
	return series;
}

static bool unified_group_make(void)
{
	return group_make(access("/sys/fs/cgroup/unified", F_OK) ? "/sys/fs/cgroup" : "/sys/fs/cgroup/unified");
}

static void test_context_switches_belong_to_their_control_group_until_it_ends(void **state)
{
	(void)state;
	BPF_START(cgroup_sched);
	for (int round = 0; round < 2; round++) {
		if (!unified_group_make())
			skip_because("no control group of version 2 can be made here");
		assert_int_equal(group_run(body_naps), 0);
		bpf_collect();
		const double switches = bpf_value(switches_series());
		group_remove();
		/* A group that takes the slot of the last one begins at 0. */
		assert_true(switches >= 30 && switches < 60);
		/* The kernel lets go of a group a little later. */
		for (int i = 0; i < 2000 && bpf_value(switches_series()) > 0; i++) {
			usleep(1000);
			bpf_collect();
		}
		assert_true(!host_fixture_has(&test_host, switches_series()));
	}
}

/* ---- processes -------------------------------------------------------------------------------------------------- */

static void child_end(int status, int number)
{
	const pid_t pid = fork();
	if (!pid) {
		if (number)
			kill(getpid(), number);
		_exit(status);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_lives_and_deaths_of_processes_are_counted(void **state)
{
	(void)state;
	BPF_START(process_life);
	const double forks = bpf_value("node_bpf_process_forks_total{type=\"process\"}");
	const double lives = bpf_value("node_bpf_process_lifetime_seconds");
	const double execs = bpf_value("node_bpf_process_execs_total");
	const double kills = bpf_value("node_bpf_process_fatal_signals_total{signal=\"SIGUSR1\"}");
	const double errors = bpf_value("node_bpf_process_exits_total{reason=\"error\"}");
	const double successes = bpf_value("node_bpf_process_exits_total{reason=\"success\"}");
	for (int i = 0; i < 5; i++) {
		child_end(0, 0);
		child_end(3, 0);
		child_end(0, SIGUSR1);
	}
	assert_int_equal(system("exec true"), 0);
	bpf_collect();
	assert_grown("node_bpf_process_forks_total{type=\"process\"}", forks, 16);
	assert_grown("node_bpf_process_lifetime_seconds", lives, 16);
	assert_grown("node_bpf_process_execs_total", execs, 2);
	assert_grown("node_bpf_process_fatal_signals_total{signal=\"SIGUSR1\"}", kills, 5);
	assert_grown("node_bpf_process_exits_total{reason=\"error\"}", errors, 5);
	assert_grown("node_bpf_process_exits_total{reason=\"success\"}", successes, 6);
}

static void body_eat(void)
{
	volatile char *memory = mmap(NULL, 80 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < 80 << 20; i += 4096)
		memory[i] = 1;
}

/* With a limit that body_eat() goes beyond. */
static bool memory_group_make(const char *root, const char *limit)
{
	if (!group_make(root))
		return false;
	if (group_write(limit, "30M"))
		return true;
	group_remove();
	return false;
}

static void test_kill_for_want_of_memory_belongs_to_the_control_group(void **state)
{
	(void)state;
	char series[256];
	BPF_START(oom);
	if (!memory_group_make("/sys/fs/cgroup/memory", "memory.limit_in_bytes") &&
	    !memory_group_make("/sys/fs/cgroup", "memory.max"))
		skip_because("no memory control group can be made here");
	const int status = group_run(body_eat);
	group_remove();
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	bpf_collect();
	/* Its directory is gone, so that only the name can be told. */
	snprintf(series, sizeof(series), "node_bpf_oom_kills_total{cgroup=\"?%s\"}", group_name());
	assert_grown(series, 0, 1);
}

/* ---- calls and faults ------------------------------------------------------------------------------------------- */

static void test_system_calls_and_their_errors_are_counted_by_name(void **state)
{
	(void)state;
	BPF_START(syscalls);
	const double calls = bpf_value("node_bpf_syscalls_total{syscall=\"getppid\"}");
	const double errors = bpf_value("node_bpf_syscall_errors_total{syscall=\"dup\"}");
	const double times = bpf_family_value("node_bpf_syscall_seconds");
	for (int i = 0; i < 100; i++) {
		syscall(SYS_getppid);
		assert_true(dup(-1) < 0);
	}
	bpf_collect();
	assert_grown("node_bpf_syscalls_total{syscall=\"getppid\"}", calls, 100);
	assert_grown("node_bpf_syscall_errors_total{syscall=\"dup\"}", errors, 100);
	assert_true(bpf_family_value("node_bpf_syscall_seconds") >= times + 200);
}

static void test_page_faults_are_counted_by_mode_access_and_cause(void **state)
{
	(void)state;
	static const char series[] = "node_bpf_page_faults_total{access=\"write\",cause=\"absent\",mode=\"user\"}";
	BPF_START(page_faults);
	const double before = bpf_value(series);
	volatile char *memory = mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise((void *)(uintptr_t)memory, 64 * 4096, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < 64; i++)
		memory[i * 4096] = 1;
	munmap((void *)(uintptr_t)memory, 64 * 4096);
	bpf_collect();
	assert_grown(series, before, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BPF_TEST(test_run_queue_latency_is_counted_at_each_return_to_a_cpu),
		BPF_TEST(test_sleep_is_time_off_the_cpu_by_state),
		BPF_TEST(test_context_switches_belong_to_their_control_group_until_it_ends),
		BPF_TEST(test_lives_and_deaths_of_processes_are_counted),
		BPF_TEST(test_kill_for_want_of_memory_belongs_to_the_control_group),
		BPF_TEST(test_system_calls_and_their_errors_are_counted_by_name),
		BPF_TEST(test_page_faults_are_counted_by_mode_access_and_cause),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
