/* SPDX-License-Identifier: MIT */
/* The fold is done exactly once, wherever the agent dies.
 *
 * The agent folds before it listens, in its first thread. One run under strace tells which system calls it makes from
 * the first look at the segments on; then it is killed before each of them, one run for each, while short-lived
 * programs of the same service come and go and adopt what they find. After each kill the programs rest, an agent runs
 * without harm, and its totals must be what the programs have counted. */
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
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <mstat/mstat.h>

#include "daemon.h"
#include "scrape.h"
#include "system_calls.h"

#define FOLD_NOW "--segment.fold-after=0s"

MSTAT_COUNTER(jobs, "jobs_total", "Jobs done.", "kind");
MSTAT_COUNTER_F64(job_seconds, "job_seconds_total", "Time of jobs.");

/* Shared with the process that makes the adopters. */
struct adopters {
	uint64_t acknowledged;
	uint32_t stop;
	uint32_t rest;    /* asked to rest */
	uint32_t resting; /* rests */
};

static struct adopters *adopters;

static void one_job(void *context)
{
	(void)context;
	mstat_inc(mstat_counter_with(&jobs, "short"));
	mstat_add_f64(mstat_counter_f64_with(&job_seconds), 0.5);
}

/* ---- adopters ---- */

static void adopters_loop(const struct scratch *scratch)
{
	while (!mstat_load_acquire(&adopters->stop)) {              /* pairs with race_end() */
		if (mstat_load_acquire(&adopters->rest)) {          /* pairs with race_rest() */
			mstat_store_release(&adopters->resting, 1); /* the counts are visible: race_rest() */
			usleep(500);
			continue;
		}
		mstat_store_relaxed(&adopters->resting, 0);
		worker_run(scratch, "racing", one_job, NULL);
		mstat_add_relaxed(&adopters->acknowledged, 1);
	}
}

static pid_t race_begin(const struct scratch *scratch)
{
	adopters = mmap(NULL, sizeof(*adopters), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(adopters != MAP_FAILED);
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		adopters_loop(scratch);
		_exit(0);
	}
	process_remember(pid);
	return pid;
}

static void race_rest(void)
{
	mstat_store_relaxed(&adopters->resting, 0);
	mstat_store_release(&adopters->rest, 1); /* resting is 0 before: adopters_loop() */
	const int64_t end_ms = clock_ms() + WAIT_MS;
	while (!mstat_load_acquire(&adopters->resting)) { /* pairs with adopters_loop() */
		assert_true(clock_ms() < end_ms);
		usleep(500);
	}
}

static void race_go(void)
{
	mstat_store_release(&adopters->rest, 0); /* pairs with adopters_loop() */
}

static void race_end(pid_t pid)
{
	mstat_store_release(&adopters->stop, 1); /* pairs with adopters_loop() */
	assert_int_equal(process_wait(pid), 0);
	munmap(adopters, sizeof(*adopters));
}

/* ---- the agent under strace ---- */

/* With -D the tracer is a grandchild: the pid is the agent's own. */
static bool agent_traced(struct daemon *agent, const struct scratch *scratch, const char *inject, const char *log,
			 int *status)
{
	char program[PATH_MAX], directory[128];
	const char *words[] = {"strace", "-D",   "-qq",   "-o",      log,
			       "-e",     inject, program, directory, "--web.listen-address=127.0.0.1:0",
			       FOLD_NOW, NULL};
	program_path("mstatd", program, sizeof(program));
	snprintf(directory, sizeof(directory), "--segment.dir=%s", scratch->segments);
	daemon_spawn(agent, scratch, "agent.log", words);
	return daemon_listens(agent, status);
}

/* ---- the test ---- */

static uint64_t steady_count;

static void totals_check(const struct scratch *scratch, const char *call, unsigned int number)
{
	struct daemon agent = {0};
	char steady[32], racing[32], seconds[32];
	agent_start(&agent, scratch, FOLD_NOW);
	char *page = page_now(agent.port);
	snprintf(steady, sizeof(steady), "%lu", (unsigned long)steady_count);
	snprintf(racing, sizeof(racing), "%lu", (unsigned long)mstat_load_relaxed(&adopters->acknowledged));
	snprintf(seconds, sizeof(seconds), "%g", 0.5 * (double)steady_count);
	const char *found = page_value(page, "jobs_total{kind=\"short\",service=\"racing\"}");
	if (strcmp(found ?: "0", racing))
		fail_msg("killed before %s number %u: racing counts %s, not %s", call, number, found, racing);
	found = page_value(page, "jobs_total{kind=\"short\",service=\"steady\"}");
	if (!found || strcmp(found, steady))
		fail_msg("killed before %s number %u: steady counts %s, not %s", call, number, found, steady);
	assert_page(page, "job_seconds_total{service=\"steady\"}", seconds);
	free(page);
	daemon_stop(&agent, SIGKILL);
}

/* One agent, killed before a call. False if it lived to listen. */
static bool kill_at(const struct scratch *scratch, const char *call, unsigned int number)
{
	struct daemon agent = {0};
	char inject[128];
	int status = 0;
	worker_run(scratch, "steady", one_job, NULL);
	steady_count++;
	snprintf(inject, sizeof(inject), "inject=%.31s:signal=KILL:when=%u", call, number);
	const bool lived = agent_traced(&agent, scratch, inject, "/dev/null", &status);
	if (lived)
		daemon_stop(&agent, SIGKILL);
	else
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	race_rest();
	totals_check(scratch, call, number);
	race_go();
	return !lived;
}

static void test_agent_killed_at_each_system_call_of_a_fold_counts_every_job_once(void **state)
{
	const struct scratch *scratch = *state;
	struct system_call calls[SYSTEM_CALLS_MAX];
	char log[112];
	struct daemon agent = {0};
	int status;
	unsigned int kills = 0;
	if (!program_installed("strace")) {
		print_message("skipped: strace is not installed\n");
		skip();
	}
	snprintf(log, sizeof(log), "%s/strace.log", scratch->path);
	worker_run(scratch, "steady", one_job, NULL);
	worker_run(scratch, "racing", one_job, NULL);
	steady_count = 1;
	assert_true(agent_traced(&agent, scratch, "trace=all", log, &status));
	daemon_stop(&agent, SIGKILL);
	const size_t count = system_calls_read(log, scratch->segments, calls);

	const pid_t racing = race_begin(scratch);
	adopters->acknowledged = 1;
	for (size_t i = 0; i < count; i++) {
		if (!system_call_matters(calls[i].name) || !calls[i].after)
			continue;
		unsigned int number = calls[i].before + 1, last = calls[i].before + calls[i].after;
		while (number <= last && kill_at(scratch, calls[i].name, number))
			number++;
		kills += number - calls[i].before - 1;
		print_message("killed before %s: %u times of %u\n", calls[i].name, number - calls[i].before - 1,
			      calls[i].after);
	}
	print_message("%u kills, %lu racing programs\n", kills,
		      (unsigned long)mstat_load_relaxed(&adopters->acknowledged));
	race_end(racing);
	/* Without a fold there would be hardly any call to die at. */
	assert_true(kills >= 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_agent_killed_at_each_system_call_of_a_fold_counts_every_job_once,
						scratch_setup, scratch_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
