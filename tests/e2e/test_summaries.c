/* SPDX-License-Identifier: MIT */
/* Summaries from end to end: two processes observe, the agent is scraped, quantiles are those of all observations; and
 * views as the agent reads them from its file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <mstat/mstat.h>

#include "daemon.h"
#include "scrape.h"

#define ERROR_MAX 0.022
enum { OBSERVATIONS = 5000 };

static const struct mstat_quantiles quantiles = {.window_s = 60, .count = 4, .quantiles = {0.1, 0.5, 0.9, 0.99}};
MSTAT_SUMMARY_AS(latency, &quantiles, NULL, "latency_seconds", "seconds", "Latency.", "path");
MSTAT_COUNTER(done, "done_total", "Processes that have observed.");

/* The observations of a process, in nanoseconds: what the test knows as well. */
static void observations_make(unsigned int seed, int64_t *values)
{
	uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	for (int i = 0; i < OBSERVATIONS; i++) {
		state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		double uniform = (double)(state >> 11) / 0x1p53;
		values[i] = (int64_t)(2e5 * pow(1e4, uniform)); /* 0.2 ms to 2 s */
	}
}

static void observe(void *context)
{
	static int64_t values[OBSERVATIONS];
	observations_make(*(unsigned int *)context, values);
	mstat_histogram *histogram = mstat_histogram_with(&latency, "/a");
	for (int i = 0; i < OBSERVATIONS; i++)
		mstat_observe_ns(histogram, values[i]);
	mstat_inc(mstat_counter_with(&done));
}

static void observe_and_stay(void *context)
{
	observe(context);
	pause();
}

static int by_value(const void *a, const void *b)
{
	const int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
	return (left > right) - (left < right);
}

static double sample(const char *page, const char *series)
{
	const char *text = page_value(page, series);
	if (!text)
		fail_msg("there is no %s", series);
	return strtod(text, NULL);
}

static void expect_quantiles(const char *page, const int64_t *sorted, int count)
{
	char series[96];
	for (uint32_t i = 0; i < quantiles.count; i++) {
		snprintf(series, sizeof(series), "latency_seconds{path=\"/a\",service=\"shop\",quantile=\"%g\"}",
			 quantiles.quantiles[i]);
		const double have = sample(page, series);
		const int rank = (int)ceil(quantiles.quantiles[i] * count - 1e-9);
		const double want = (double)sorted[rank - 1] / 1e9;
		if (!(fabs(have - want) <= ERROR_MAX * want))
			fail_msg("%s is %.9g and should be %.9g", series, have, want);
	}
}

static void expect_sum(const char *page, const int64_t *values, int count)
{
	int64_t sum_ns = 0;
	for (int i = 0; i < count; i++)
		sum_ns += values[i];
	const double have = sample(page, "latency_seconds_sum{path=\"/a\",service=\"shop\"}");
	assert_true(fabs(have - (double)sum_ns / 1e9) < 1e-6);
	assert_true(sample(page, "latency_seconds_count{path=\"/a\",service=\"shop\"}") == count);
}

static void test_quantiles_of_two_processes_are_those_of_all_observations(void **state)
{
	static int64_t values[2 * OBSERVATIONS];
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	pid_t pids[2];
	unsigned int seeds[2] = {(unsigned int)time(NULL), (unsigned int)time(NULL) + 1};
	print_message("seeds %u and %u\n", seeds[0], seeds[1]);
	agent_start(&agent, scratch, "--segment.fold-after=0s");
	for (int i = 0; i < 2; i++) {
		observations_make(seeds[i], values + i * OBSERVATIONS);
		pids[i] = worker_fork(scratch, "shop", observe_and_stay, &seeds[i]);
	}
	qsort(values, 2 * OBSERVATIONS, sizeof(values[0]), by_value);
	page_await(agent.port, "done_total{service=\"shop\"}", "2");
	char *page = page_fresh(agent.port);
	assert_non_null(strstr(page, "# TYPE latency_seconds summary\n"));
	expect_quantiles(page, values, 2 * OBSERVATIONS);
	expect_sum(page, values, 2 * OBSERVATIONS);
	free(page);
	/* One dies: what it has observed stays in the window. */
	kill(pids[0], SIGKILL);
	process_wait(pids[0]);
	page_await(agent.port, "mstat_segments_folded_total", "1");
	page = page_fresh(agent.port);
	expect_quantiles(page, values, 2 * OBSERVATIONS);
	expect_sum(page, values, 2 * OBSERVATIONS);
	free(page);
	kill(pids[1], SIGKILL);
	process_wait(pids[1]);
	page_await(agent.port, "mstat_segments_folded_total", "2");
	page = page_fresh(agent.port);
	expect_quantiles(page, values, 2 * OBSERVATIONS);
	free(page);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
	/* The next agent knows the counts, and not when they came. */
	agent_start(&agent, scratch, NULL);
	page = page_now(agent.port);
	expect_sum(page, values, 2 * OBSERVATIONS);
	free(page);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

/* ---- views ---- */

static void config_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
}

static void test_views_of_the_file_apply_at_the_start_and_after_a_reload(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	unsigned int seed = 1;
	char path[96], flag[128];
	snprintf(path, sizeof(path), "%s/mstat.yml", scratch->path);
	snprintf(flag, sizeof(flag), "--config.file=%s", path);
	config_write(path, "views:\n  - match: {name: latency_seconds}\n    labels: {drop: [path]}\n");
	worker_run(scratch, "shop", observe, &seed);
	agent_start(&agent, scratch, flag);
	page_await(agent.port, "latency_seconds_count{service=\"shop\"}", "5000");
	config_write(path, "views:\n  - match: {name: latency_seconds}\n    rename: shop_latency_seconds\n");
	kill(agent.pid, SIGHUP);
	page_await(agent.port, "shop_latency_seconds_count{path=\"/a\",service=\"shop\"}", "5000");
	/* A bad file changes nothing, and the log says what is bad. */
	config_write(path, "views:\n  - match: {name: latency_seconds}\n    dorp: true\n");
	kill(agent.pid, SIGHUP);
	page_await(agent.port, "mstat_config_reloads_total{result=\"failure\"}", "1");
	char *page = page_fresh(agent.port);
	assert_page(page, "shop_latency_seconds_count{path=\"/a\",service=\"shop\"}", "5000");
	assert_page_lacks(page, "\nlatency_seconds");
	free(page);
	char *log = daemon_log(&agent);
	assert_non_null(strstr(log, "mstat.yml:3: views: dorp: unknown key of a view"));
	free(log);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_quantiles_of_two_processes_are_those_of_all_observations),
		TEST(test_views_of_the_file_apply_at_the_start_and_after_a_reload),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
