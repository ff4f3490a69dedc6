/* SPDX-License-Identifier: MIT */
/* Faults of the agent (A rows of tests/fault/rows) that no other test injects: whatever its machine refuses it,
 * it lives, answers, and has every count when the fault is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "history.h"
#include "monitor.h"
#include "scrape.h"
#include "services.h"

/* Starts the agent by a shell's word, which may say `exec "$@"` with limits or redirections around it. */
static void agent_start_shell(struct daemon *agent, const struct scratch *scratch, const char *script,
			      const char *listen_flag)
{
	char program[PATH_MAX], directory[128];
	const char *words[] = {"sh", "-c", script, "sh", program, directory, listen_flag, "--segment.fold-after=0s",
			       NULL};
	program_path("mstatd", program, sizeof(program));
	snprintf(directory, sizeof(directory), "--segment.dir=%s", scratch->segments);
	daemon_spawn(agent, scratch, "agent.log", words);
}

/* ---- A4: descriptors ---- */

static void test_a4_agent_with_128_descriptors_reads_300_segments_and_answers(void **state)
{
	struct stage stage = {.scratch = *state};
	int connections[4], status;
	for (unsigned int i = 0; i < 300; i++)
		service_run(stage.scratch, i);
	agent_start_shell(&stage.agent, stage.scratch, "ulimit -n 128; exec \"$@\"",
			  "--web.listen-address=127.0.0.1:0");
	assert_true(daemon_listens(&stage.agent, &status));
	monitor_begin(&stage.monitor, stage.scratch, stage.agent.port);
	for (size_t i = 0; i < 4; i++)
		connections[i] = http_connect(stage.agent.port);
	injected("RLIMIT_NOFILE 128, 300 segments, 4 connections that say nothing");
	monitor_await_pages(&stage.monitor, 30);
	page_await(stage.agent.port, "jobs_total{kind=\"a\",service=\"short299\"}", "10");
	page_await(stage.agent.port, "jobs_total{kind=\"a\",service=\"short0\"}", "10");
	for (size_t i = 0; i < 4; i++)
		close(connections[i]);
	stage_end(&stage);
}

/* ---- A7: system calls ---- */

/* Each for a while, every third time, while it scrapes and folds. */
static const struct {
	const char *inject;
	const char *what;
} refusals[] = {{"pread64:error=EINTR", "pread64 EINTR"},       {"pread64:error=EIO", "pread64 EIO"},
		{"pread64:retval=0", "pread64 returns 0"},      {"openat2:error=EMFILE", "openat2 EMFILE"},
		{"openat2:error=ENOMEM", "openat2 ENOMEM"},     {"openat:error=ENFILE", "openat ENFILE"},
		{"openat:error=EINTR", "openat EINTR"},         {"newfstatat:error=EIO", "fstat EIO"},
		{"fstatfs:error=EINTR", "fstatfs EINTR"},       {"getdents64:error=EIO", "getdents64 EIO"},
		{"fcntl:error=ENOLCK", "fcntl ENOLCK"},         {"renameat:error=ENOSPC", "renameat ENOSPC"},
		{"unlinkat:error=EIO", "unlinkat EIO"},         {"write:error=ENOSPC", "write ENOSPC"},
		{"write:error=EINTR", "write EINTR"},           {"read:error=EINTR", "read EINTR"},
		{"accept4:error=EMFILE", "accept4 EMFILE"},     {"accept4:error=ECONNABORTED", "accept4 ECONNABORTED"},
		{"epoll_wait:error=EINTR", "epoll_wait EINTR"}, {"mmap:error=ENOMEM", "mmap ENOMEM"}};

/* Follows the trace until the agent has met the refusal often enough, and lives. */
static void refusal_run(const struct scratch *scratch, size_t index, unsigned int *number)
{
	static struct history history;
	char program[PATH_MAX], directory[128], inject[96];
	const char *words[] = {"strace",
			       "-D",
			       "-f",
			       "-qq",
			       "-o",
			       "/dev/null",
			       "-e",
			       inject,
			       program,
			       directory,
			       "--web.listen-address=127.0.0.1:0",
			       "--segment.fold-after=0s",
			       NULL};
	struct daemon agent = {0};
	int status;
	history = (struct history){.label = "service=\"short"};
	snprintf(inject, sizeof(inject), "inject=%s:when=150..700+3", refusals[index].inject);
	program_path("mstatd", program, sizeof(program));
	snprintf(directory, sizeof(directory), "--segment.dir=%s", scratch->segments);
	daemon_spawn(&agent, scratch, "agent.log", words);
	assert_true(daemon_listens(&agent, &status));
	const char *series = NULL;
	for (int i = 0; i < 12; i++) {
		series = service_run(scratch, (*number)++);
		char *page = http_ask(agent.port, "GET", "/metrics");
		if (page && !strncmp(page, "HTTP/1.1 200 ", 13))
			history_page(&history, http_body(page));
		free(page);
		expect_alive(&agent, refusals[index].what, (uint64_t)i);
		usleep(110000);
	}
	/* It passes, or it only ever hits some. */
	page_await(agent.port, series, "10");
	if (history.faults)
		fail_msg("%s: a page took back what an earlier one said", refusals[index].what);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

static void test_a7_agent_lives_while_system_calls_fail_and_has_all_counts_afterwards(void **state)
{
	unsigned int number = 0;
	if (!program_installed("strace")) {
		print_message("skipped: strace is not installed\n");
		skip();
	}
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		injected("%s, every third time", refusals[i].what);
		refusal_run(*state, i, &number);
		expect_services(*state, number, refusals[i].what);
	}
}

/* ---- A8: no mapping of segments ---- */

static void test_a8_agent_maps_no_segment(void **state)
{
	struct stage stage;
	char path[64], line[512];
	stage_begin(&stage, state);
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)stage.agent.pid);
	injected("nothing: a look at the mappings of an agent that reads; SIGBUS needs one");
	for (int i = 0; i < 10; i++) {
		FILE *maps = fopen(path, "r");
		assert_non_null(maps);
		while (fgets(line, sizeof(line), maps))
			assert_null(strstr(line, stage.scratch->segments));
		fclose(maps);
		monitor_await_pages(&stage.monitor, 2);
	}
	stage_end(&stage);
}

/* ---- A9: an agent that stands still ---- */

static void test_a9_agent_that_was_stopped_goes_on_where_it_was(void **state)
{
	struct stage stage;
	stage_begin(&stage, state);
	monitor_pause(&stage.monitor);
	injected("SIGSTOP of the agent for 3 s, programs come and die meanwhile");
	assert_int_equal(kill(stage.agent.pid, SIGSTOP), 0);
	for (unsigned int i = 0; i < 20; i++)
		service_run(stage.scratch, i);
	usleep(3000000);
	assert_int_equal(kill(stage.agent.pid, SIGCONT), 0);
	monitor_resume(&stage.monitor, stage.agent.port);
	for (unsigned int i = 0; i < 20; i++) {
		char series[96];
		snprintf(series, sizeof(series), "jobs_total{kind=\"a\",service=\"short%u\"}", i);
		page_await(stage.agent.port, series, "10");
	}
	stage_end(&stage);
}

/* ---- A13: nowhere to log ---- */

static uint16_t port_free(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0 && !bind(fd, (struct sockaddr *)&address, len) &&
		    !getsockname(fd, (struct sockaddr *)&address, &len));
	close(fd);
	return ntohs(address.sin_port);
}

static void log_goes_nowhere(void **state, const char *script)
{
	struct stage stage = {.scratch = *state};
	char flag[64];
	stage.agent.port = port_free();
	snprintf(flag, sizeof(flag), "--web.listen-address=127.0.0.1:%u", stage.agent.port);
	agent_start_shell(&stage.agent, stage.scratch, script, flag);
	stage.agent.port = (uint16_t)atoi(strrchr(flag, ':') + 1);
	const int64_t end_ms = clock_ms() + WAIT_MS;
	for (int fd = -1; fd < 0; close(fd)) {
		assert_true(clock_ms() < end_ms);
		usleep(5000);
		fd = http_connect(stage.agent.port);
	}
	monitor_begin(&stage.monitor, stage.scratch, stage.agent.port);
	for (int i = 0; i < 200; i++)
		kill(stage.agent.pid, SIGHUP); /* each is logged */
	monitor_await_pages(&stage.monitor, 30);
	stage_end(&stage);
}

static void test_a13_agent_whose_log_is_full_lives(void **state)
{
	print_message("injected: standard output and error are /dev/full\n");
	log_goes_nowhere(state, "exec \"$@\" >/dev/full 2>&1");
}

static void test_a13_agent_without_standard_files_writes_its_log_to_no_connection(void **state)
{
	print_message("injected: standard input, output and error are closed\n");
	log_goes_nowhere(state, "exec \"$@\" <&- >&- 2>&-");
}

/* ---- A14: what old kernels and small containers lack ---- */

static void test_a14_agent_without_newer_system_calls_works(void **state)
{
	struct stage stage = {.scratch = *state};
	char program[PATH_MAX], directory[128];
	const char *words[] = {"strace",
			       "-D",
			       "-f",
			       "-qq",
			       "-o",
			       "/dev/null",
			       "-e",
			       "inject=openat2,statx,close_range,pidfd_open,membarrier,getrandom,epoll_pwait2,"
			       "landlock_create_ruleset,bpf,perf_event_open:error=ENOSYS",
			       program,
			       directory,
			       "--web.listen-address=127.0.0.1:0",
			       "--segment.fold-after=0s",
			       NULL};
	int status;
	if (!program_installed("strace")) {
		print_message("skipped: strace is not installed\n");
		skip();
	}
	injected("ENOSYS from openat2, statx, close_range, pidfd_open, membarrier, getrandom, bpf and others");
	program_path("mstatd", program, sizeof(program));
	snprintf(directory, sizeof(directory), "--segment.dir=%s", stage.scratch->segments);
	daemon_spawn(&stage.agent, stage.scratch, "agent.log", words);
	assert_true(daemon_listens(&stage.agent, &status));
	monitor_begin(&stage.monitor, stage.scratch, stage.agent.port);
	monitor_await_pages(&stage.monitor, 20);
	page_await(stage.agent.port, service_run(stage.scratch, 0), "10");
	stage_end(&stage);
}

static void test_a14_agent_without_proc_and_sys_serves_its_segments(void **state)
{
	struct stage stage;
	stage_begin(&stage, state, "--path.procfs=/nonexistent", "--path.sysfs=/nonexistent",
		    "--path.rootfs=/nonexistent", "--path.udev.data=/nonexistent");
	injected("no /proc, no /sys, no root file system");
	monitor_await_pages(&stage.monitor, 20);
	page_await(stage.agent.port, service_run(stage.scratch, 0), "10");
	stage_end(&stage);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a4_agent_with_128_descriptors_reads_300_segments_and_answers),
		TEST(test_a7_agent_lives_while_system_calls_fail_and_has_all_counts_afterwards),
		TEST(test_a8_agent_maps_no_segment),
		TEST(test_a9_agent_that_was_stopped_goes_on_where_it_was),
		TEST(test_a13_agent_whose_log_is_full_lives),
		TEST(test_a13_agent_without_standard_files_writes_its_log_to_no_connection),
		TEST(test_a14_agent_without_newer_system_calls_works),
		TEST(test_a14_agent_without_proc_and_sys_serves_its_segments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
