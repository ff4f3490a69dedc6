/* SPDX-License-Identifier: MIT */
/* Every page that is scraped while programs come, observe and are killed, and while the agent is killed and comes back:
 * no counter, bucket, count or sum is ever less than on an earlier page, buckets are cumulative, and the count of a
 * histogram is that of its last bucket.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <mstat/mstat.h>

#include "daemon.h"
#include "history.h"
#include "scrape.h"

#define SECONDS 8
#define WORKERS 6

MSTAT_COUNTER(done, "done_total", "Things done.", "kind");
MSTAT_COUNTER_F64(spent, "spent_seconds_total", "Time spent, in steps that no double has.", "kind");
MSTAT_HISTOGRAM_AS(latency, MSTAT_BOTH, "latency_seconds", "seconds", "Latency.", "kind");
MSTAT_HISTOGRAM_F64(sizes, "sizes", "Sizes.", "kind");
MSTAT_SUMMARY(waits, "waits_seconds", "Waits.", "kind");

/* ---- the programs ---- */

static void observe(const char *kind, int value)
{
	mstat_inc(mstat_counter_with(&done, kind));
	mstat_add_f64(mstat_counter_f64_with(&spent, kind), value * 1.1e-7);
	mstat_observe_us(mstat_histogram_with(&latency, kind), value);
	mstat_observe_f64(mstat_histogram_f64_with(&sizes, kind), value / 1e5);
	mstat_observe_us(mstat_histogram_with(&waits, kind), value);
}

/* Observations of the quiet kind that were made; shared with the programs. */
static uint64_t *acknowledged;

/* The busy kinds show what goes wrong while values move, the quiet one whether all is there in the end. */
static void observe_until_killed(void *context)
{
	static const char *const kinds[] = {"a", "b", "c"};
	unsigned int seed = *(const unsigned int *)context;
	for (int i = 0; i < 50; i++) {
		observe("quiet", i * 100);
		mstat_add_relaxed(acknowledged, 1);
	}
	for (;;) {
		const char *kind = kinds[rand_r(&seed) % 3];
		const int value = rand_r(&seed) % 1000000;
		observe(kind, value);
		if (value % 64 == 0)
			usleep(100);
	}
}

/* ---- the run ---- */

struct run {
	const struct scratch *scratch;
	pid_t workers[WORKERS];
	unsigned int seed;
	unsigned int turn;
	unsigned int started;
};

/* By turns kills a worker and starts one in an empty place. Each is of another version: one of the same would adopt the
 * dead one's segment, and nothing would be folded. */
static void workers_change(struct run *run)
{
	pid_t *worker = &run->workers[run->turn++ % WORKERS];
	if (*worker) {
		kill(*worker, SIGKILL);
		process_wait(*worker);
		*worker = 0;
		return;
	}
	unsigned int seed = rand_r(&run->seed);
	char version[64];
	snprintf(version, sizeof(version), "service.version=%u", run->started);
	setenv("OTEL_RESOURCE_ATTRIBUTES", version, 1);
	*worker = worker_fork(run->scratch, "torture", observe_until_killed, &seed);
	run->started++;
}

/* Of each program killed at most one observation is not acknowledged. */
static void expect_all_there(uint16_t port, unsigned int started)
{
	static const char *const series[] = {"done_total{kind=\"quiet\",service=\"torture\"}",
					     "latency_seconds_count{kind=\"quiet\",service=\"torture\"}",
					     "sizes_count{kind=\"quiet\",service=\"torture\"}"};
	page_await(port, "mstat_segments{state=\"dead\"}", "0");
	char *page = page_fresh(port);
	for (size_t i = 0; i < sizeof(series) / sizeof(*series); i++) {
		const char *value = page_value(page, series[i]);
		const uint64_t count = value ? strtoull(value, NULL, 10) : 0;
		if (count < *acknowledged || count > *acknowledged + started)
			fail_msg("%s: %llu, acknowledged %llu by %u programs", series[i], (unsigned long long)count,
				 (unsigned long long)*acknowledged, started);
	}
	free(page);
}

static uint64_t folded_until_now(uint16_t port)
{
	char *page = page_fresh(port);
	const char *value = page_value(page, "mstat_segments_folded_total");
	const uint64_t folded = value ? strtoull(value, NULL, 10) : 0;
	free(page);
	return folded;
}

static void test_no_page_takes_back_what_an_earlier_one_said(void **state)
{
	static struct history history = {.label = "service=\"torture\""};
	static const char *const formats[] = {"text/plain", "application/openmetrics-text;version=1.0.0",
					      "application/openmetrics-text;version=0.0.1"};
	struct run run = {.scratch = *state, .seed = (unsigned int)time(NULL)};
	struct daemon agent = {0};
	unsigned int pages = 0, restarts = 0;
	uint64_t folded = 0;
	acknowledged = mmap(NULL, sizeof(*acknowledged), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(acknowledged != MAP_FAILED);
	print_message("seed %u\n", run.seed);
	agent_start(&agent, run.scratch, "--segment.fold-after=20ms");
	for (const int64_t end_ms = clock_ms() + SECONDS * 1000; clock_ms() < end_ms; pages++) {
		if (pages % 3 == 0)
			workers_change(&run);
		if (pages % 200 == 199 && ++restarts) {
			folded += folded_until_now(agent.port);
			kill(agent.pid, SIGKILL);
			process_wait(agent.pid);
			agent_start(&agent, run.scratch, "--segment.fold-after=20ms");
		}
		char *answer = http_ask_accept(agent.port, "GET", "/metrics", formats[pages % 3]);
		assert_non_null(answer);
		history_page(&history, http_body(answer));
		free(answer);
		usleep(10000);
	}
	folded += folded_until_now(agent.port);
	print_message("%u pages with %llu values, %u workers, %llu folded, %u restarts\n", pages,
		      (unsigned long long)history.values, run.started, (unsigned long long)folded, restarts);
	for (size_t i = 0; i < WORKERS; i++) {
		if (!run.workers[i])
			continue;
		kill(run.workers[i], SIGKILL);
		process_wait(run.workers[i]);
	}
	expect_all_there(agent.port, run.started);
	assert_int_equal(history.faults, 0);
	assert_true(history.values > 10000 && folded > 10);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_page_takes_back_what_an_earlier_one_said, scratch_setup,
						scratch_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
