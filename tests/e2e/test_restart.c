/* SPDX-License-Identifier: MIT */
/* The agent comes and goes, the counts stay: totals over restarts, programs that lived and died while it was down, and
 * counters that never go down whatever happens to workers and agent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <mstat/mstat.h>

#include "daemon.h"
#include "scrape.h"

#define FOLD_NOW "--segment.fold-after=0s"
#define FOLD_NEVER "--segment.fold-after=1h"
#define JOBS "jobs_total{kind=\"a\",service=\"shop\"}"

MSTAT_COUNTER(jobs, "jobs_total", "Jobs done.", "kind");
MSTAT_COUNTER_F64(job_seconds, "job_seconds_total", "Time of jobs.");

static void add_jobs(void *context)
{
	mstat_add(mstat_counter_with(&jobs, "a"), *(const uint64_t *)context);
	mstat_add_f64(mstat_counter_f64_with(&job_seconds), 0.1);
}

static void expect_jobs(const struct daemon *agent, const char *count)
{
	char *page = page_fresh(agent->port);
	assert_page(page, JOBS, count);
	free(page);
}

/* ---- restarts ---- */

static void test_totals_are_the_same_after_the_agent_ended_or_was_killed(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	uint64_t count = 7;
	char seconds[64];
	worker_run(scratch, "shop", add_jobs, &count);
	agent_start(&agent, scratch, FOLD_NOW);
	expect_jobs(&agent, "7");
	char *page = page_now(agent.port);
	strcpy(seconds, page_value(page, "job_seconds_total{service=\"shop\"}"));
	free(page);
	for (int i = 0; i < 4; i++) {
		const int number = i % 2 ? SIGTERM : SIGKILL;
		assert_int_equal(daemon_stop(&agent, number), i % 2 ? 0 : SIGKILL);
		agent_start(&agent, scratch, FOLD_NOW);
		page = page_now(agent.port);
		assert_page(page, JOBS, "7");
		assert_page(page, "job_seconds_total{service=\"shop\"}", seconds);
		assert_page(page, "mstat_services", "1");
		free(page);
	}
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

static void test_programs_that_lived_and_died_while_the_agent_was_down_are_counted(void **state)
{
	const struct scratch *scratch = *state;
	static const char *const modes[] = {FOLD_NEVER, FOLD_NOW};
	struct daemon agent = {0};
	uint64_t count = 3, expected = 0;
	char text[32];
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 50; i++)
			worker_run(scratch, "shop", add_jobs, &count);
		expected += 50 * count;
		snprintf(text, sizeof(text), "%lu", (unsigned long)expected);
		agent_start(&agent, scratch, modes[round % 2]);
		expect_jobs(&agent, text);
		assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
	}
}

static void test_a_worker_keeps_its_count_while_agents_come_and_go(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	uint64_t count = 5;
	/* Folded totals, a dead segment and a live one of one service, all in one number. */
	worker_run(scratch, "shop", add_jobs, &count);
	agent_start(&agent, scratch, FOLD_NOW);
	page_await(agent.port, "mstat_segments_folded_total", "1");
	daemon_stop(&agent, SIGKILL);
	worker_run(scratch, "shop", add_jobs, &count);
	agent_start(&agent, scratch, FOLD_NEVER);
	expect_jobs(&agent, "10");
	worker_run(scratch, "shop", add_jobs, &count);
	expect_jobs(&agent, "15");
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

static void test_a_second_agent_refuses_with_exit_code_3_and_names_the_directory(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon first = {0}, second = {0};
	char program[PATH_MAX], directory[128];
	const char *words[] = {program, directory, "--web.listen-address=127.0.0.1:0", NULL};
	int status = 0;
	uint64_t count = 1;
	agent_start(&first, scratch, FOLD_NOW);
	program_path("mstatd", program, sizeof(program));
	snprintf(directory, sizeof(directory), "--segment.dir=%s", scratch->segments);
	daemon_spawn(&second, scratch, "second.log", words);
	assert_false(daemon_listens(&second, &status));
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 3);
	char *log = daemon_log(&second);
	assert_non_null(strstr(log, scratch->segments));
	assert_non_null(strstr(log, "another mstatd"));
	free(log);
	/* The first one has not noticed. */
	worker_run(scratch, "shop", add_jobs, &count);
	expect_jobs(&first, "1");
	assert_int_equal(daemon_stop(&first, SIGTERM), 0);
}

/* ---- counters never go down ---- */

#define TORTURE_MS 12000
#define SCRAPE_US 20000
#define SERIES_SEEN_MAX 64
#define TORTURERS 4

/* What the workers have acknowledged, in memory shared with them. */
static uint64_t *acknowledged;

static void add_until_killed(void *context)
{
	(void)context;
	mstat_counter *counter = mstat_counter_with(&jobs, "a");
	for (;;) {
		for (int i = 0; i < 100; i++) {
			mstat_inc(counter);
			mstat_add_relaxed(acknowledged, 1);
		}
		usleep(100);
	}
}

static void add_and_leave(void *context)
{
	(void)context;
	for (int i = 0; i < 100; i++) {
		mstat_inc(mstat_counter_with(&jobs, "a"));
		mstat_add_relaxed(acknowledged, 1);
	}
}

struct seen {
	char series[128];
	double value;
};

/* Compares all counters of programs with their last values; a series that was seen must stay. */
static void page_compare(const char *page, struct seen *seen, size_t *count)
{
	size_t found = 0;
	for (const char *line = page; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const size_t len = strcspn(line, " \n");
		if (strncmp(line, "job", 3) || !memmem(line, len, "_total{", 7))
			continue;
		const double value = strtod(line + len, NULL);
		size_t i = 0;
		while (i < *count && (strncmp(seen[i].series, line, len) || seen[i].series[len]))
			i++;
		if (i == *count) {
			assert_true(*count < SERIES_SEEN_MAX && len < sizeof(seen[0].series));
			seen[*count] = (struct seen){.value = value};
			memcpy(seen[(*count)++].series, line, len);
		}
		found++;
		if (value < seen[i].value)
			fail_msg("%s went down from %.17g to %.17g", seen[i].series, seen[i].value, value);
		seen[i].value = value;
	}
	if (found != *count)
		fail_msg("%zu of %zu series are gone:\n%s", *count - found, *count, page);
}

struct torture {
	const struct scratch *scratch;
	pid_t workers[TORTURERS];
	struct daemon agent;
	struct seen seen[SERIES_SEEN_MAX];
	size_t seen_count;
	unsigned int kills, restarts, scrapes;
};

static const char *const services[TORTURERS] = {"shop", "shop", "shop", "bank"};

static void worker_replace(struct torture *torture, int which)
{
	if (torture->workers[which]) {
		kill(torture->workers[which], SIGKILL);
		process_wait(torture->workers[which]);
		torture->kills++;
	}
	torture->workers[which] = worker_fork(torture->scratch, services[which], add_until_killed, NULL);
}

static void torture_step(struct torture *torture)
{
	const long dice = random() % 100;
	if (dice < 30)
		worker_replace(torture, (int)(random() % TORTURERS));
	if (dice % 10 < 3)
		worker_run(torture->scratch, "shop", add_and_leave, NULL);
	if (dice == 99 || dice == 98) {
		daemon_stop(&torture->agent, dice == 99 ? SIGKILL : SIGTERM);
		agent_start(&torture->agent, torture->scratch, "--segment.fold-after=10ms");
		torture->restarts++;
	}
	char *page = page_now(torture->agent.port);
	page_compare(page, torture->seen, &torture->seen_count);
	torture->scrapes++;
	free(page);
	usleep(SCRAPE_US);
}

static uint64_t page_sum(uint16_t port)
{
	char *page = page_fresh(port);
	uint64_t sum = strtoull(page_value(page, JOBS) ?: "0", NULL, 10);
	sum += strtoull(page_value(page, "jobs_total{kind=\"a\",service=\"bank\"}") ?: "0", NULL, 10);
	free(page);
	return sum;
}

static void test_counters_never_go_down_while_workers_are_killed_and_the_agent_restarts(void **state)
{
	struct torture torture = {.scratch = *state};
	const unsigned int seed = (unsigned int)getpid();
	print_message("seed %u\n", seed);
	srandom(seed);
	acknowledged = mmap(NULL, sizeof(*acknowledged), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(acknowledged != MAP_FAILED);
	agent_start(&torture.agent, torture.scratch, "--segment.fold-after=10ms");
	for (int i = 0; i < TORTURERS; i++)
		worker_replace(&torture, i);
	for (const int64_t end_ms = clock_ms() + TORTURE_MS; clock_ms() < end_ms;)
		torture_step(&torture);
	for (int i = 0; i < TORTURERS; i++) {
		kill(torture.workers[i], SIGKILL);
		process_wait(torture.workers[i]);
		torture.kills++;
	}
	const uint64_t sum = page_sum(torture.agent.port), sure = *acknowledged;
	print_message("%u scrapes, %u kills, %u restarts, %lu counts\n", torture.scrapes, torture.kills,
		      torture.restarts, (unsigned long)sum);
	/* Each worker that was killed may have counted one more than it could tell. */
	assert_in_range(sum, sure, sure + torture.kills);
	assert_int_equal(daemon_stop(&torture.agent, SIGTERM), 0);
	munmap(acknowledged, sizeof(*acknowledged));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_totals_are_the_same_after_the_agent_ended_or_was_killed),
		TEST(test_programs_that_lived_and_died_while_the_agent_was_down_are_counted),
		TEST(test_a_worker_keeps_its_count_while_agents_come_and_go),
		TEST(test_a_second_agent_refuses_with_exit_code_3_and_names_the_directory),
		TEST(test_counters_never_go_down_while_workers_are_killed_and_the_agent_restarts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
