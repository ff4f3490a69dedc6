/* SPDX-License-Identifier: MIT */
/* The agent counts what named processes do, also of those that live between two scrapes; and says at its start what is
 * wrong in its rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon.h"
#include "scrape.h"

#define MODE(mode) "namedprocess_namegroup_cpu_seconds_total{groupname=\"shorty\",mode=\"" mode "\"}"

static void rules_write(const struct scratch *scratch, const char *text, char flag[160])
{
	char path[96];
	snprintf(path, sizeof(path), "%s/rules.yml", scratch->path);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	snprintf(flag, 160, "--collector.namedprocess.config=%s", path);
}

static double number(const char *page, const char *series)
{
	const char *value = page_value(page, series);
	return value ? strtod(value, NULL) : 0;
}

static double cpu_seconds(const struct daemon *daemon)
{
	char *page = page_fresh(daemon->port);
	const double seconds = number(page, MODE("user")) + number(page, MODE("system"));
	free(page);
	return seconds;
}

/* A child called "shorty" that uses 30 ms of CPU time. Returns when it is reaped. */
static void shorty_run(void)
{
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct timespec now;
		prctl(PR_SET_NAME, "shorty");
		do
			clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
		while (!now.tv_sec && now.tv_nsec < 30000000);
		_exit(0);
	}
	process_remember(pid);
	assert_int_equal(process_wait(pid), 0);
}

static void test_processes_between_two_scrapes_are_counted_once(void **state)
{
	enum { CHILDREN = 10 };
	const struct scratch *scratch = *state;
	struct daemon daemon;
	char flag[160];
	rules_write(scratch, "process_names:\n- comm: [shorty]\n  name: shorty\n", flag);
	agent_start(&daemon, scratch, "--collector.disable-defaults", "--collector.namedprocess", flag,
		    "--privileges.keep=CAP_NET_ADMIN");
	char *page = page_fresh(daemon.port);
	if (number(page, "mstat_namedprocess_exits_source{source=\"taskstats\"}") != 1) {
		free(page);
		print_message("skipped: taskstats needs CAP_NET_ADMIN in the first namespaces\n");
		skip();
	}
	free(page);
	for (int i = 0; i < CHILDREN; i++)
		shorty_run();
	const double seconds = cpu_seconds(&daemon);
	/* Less a tick for each. */
	assert_true(seconds >= CHILDREN * 0.025);
	assert_true(cpu_seconds(&daemon) == seconds);
	daemon_stop(&daemon, SIGTERM);
}

/* Seen while it lives, then at its end: the sum is what it did, not twice that. */
static void test_a_process_that_was_seen_is_not_counted_again_at_its_end(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon daemon;
	char flag[160], byte = 0;
	int ends[2];
	struct timespec used;
	rules_write(scratch, "process_names:\n- comm: [shorty]\n  name: shorty\n", flag);
	agent_start(&daemon, scratch, "--collector.disable-defaults", "--collector.namedprocess", flag);
	assert_int_equal(pipe(ends), 0);
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_NAME, "shorty");
		do
			clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
		while (!used.tv_sec && used.tv_nsec < 200000000);
		if (write(ends[1], &byte, 1) != 1)
			_exit(1);
		pause();
	}
	process_remember(pid);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	const double alive = cpu_seconds(&daemon);
	assert_true(alive >= 0.15);
	kill(pid, SIGKILL);
	process_wait(pid);
	const double gone = cpu_seconds(&daemon);
	assert_true(gone >= alive);
	assert_true(gone < 2 * alive);
	close(ends[0]);
	close(ends[1]);
	daemon_stop(&daemon, SIGTERM);
}

static void test_rules_that_are_wrong_keep_the_agent_from_starting(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon daemon;
	char flag[160], path[112];
	int status;
	rules_write(scratch, "process_names:\n- com: [shorty]\n", flag);
	program_path("mstatd", path, sizeof(path));
	daemon_spawn(&daemon, scratch, "agent.log",
		     (const char *const[]){path, "--segment.dir", scratch->segments, "--web.listen-address",
					   "127.0.0.1:0", "--collector.namedprocess", flag, NULL});
	assert_false(daemon_listens(&daemon, &status));
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 2);
	char *log = daemon_log(&daemon);
	assert_non_null(strstr(log, "rules.yml:2: com: unknown key of process_names"));
	free(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_processes_between_two_scrapes_are_counted_once, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(test_a_process_that_was_seen_is_not_counted_again_at_its_end,
						scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_rules_that_are_wrong_keep_the_agent_from_starting, scratch_setup,
						scratch_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
