/* SPDX-License-Identifier: MIT */
/* A real Prometheus scrapes the agent while workers come and go, and answers with exact values; promtool and the
 * reference parser accept the page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include <mstat/mstat.h>

#include "daemon.h"
#include "prometheus.h"
#include "scrape.h"

MSTAT_COUNTER(jobs, "jobs_total", "Jobs done.", "kind");
MSTAT_COUNTER_F64(job_seconds, "job_seconds_total", "Time of jobs.");
MSTAT_GAUGE_AS(level, MSTAT_MAX, "level_ratio", "ratio", "A level.", "place");

/* ---- workers that come and go ---- */

static void work(void *context)
{
	const unsigned int seed = *(const unsigned int *)context;
	for (unsigned int i = 0; i < 1000; i++) {
		mstat_inc(mstat_counter_with(&jobs, i % 10 ? "good" : "bad"));
		mstat_add_f64(mstat_counter_f64_with(&job_seconds), 0.25);
		mstat_gauge_set(mstat_gauge_with(&level, "top"), seed);
		if (i % 250 == seed % 250)
			usleep(1000);
	}
}

static void test_prometheus_has_exact_values_after_workers_came_and_went(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0}, prometheus = {0};
	pid_t workers[8] = {0};
	if (prometheus_missing())
		skip();
	agent_start(&agent, scratch, "--segment.fold-after=50ms");
	prometheus_start(&prometheus, scratch, agent.port, NULL);
	for (unsigned int i = 0; i < 400; i++) {
		pid_t *worker = &workers[i % 8];
		if (*worker)
			assert_int_equal(process_wait(*worker), 0);
		*worker = worker_fork(scratch, i % 2 ? "odd" : "even", work, &i);
	}
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(process_wait(workers[i]), 0);
	prometheus_await(&prometheus, now_s());
	prometheus_expect(&prometheus, "jobs_total{service=\"odd\",kind=\"good\"}", "180000");
	prometheus_expect(&prometheus, "jobs_total{service=\"odd\",kind=\"bad\"}", "20000");
	prometheus_expect(&prometheus, "sum(jobs_total)", "400000");
	prometheus_expect(&prometheus, "job_seconds_total{service=\"even\"}", "50000");
	prometheus_expect(&prometheus, "level_ratio{service=\"odd\",place=\"top\"}", "399");
	/* What Prometheus itself thinks of the counters: never went down, never missed a scrape. */
	prometheus_expect(&prometheus, "sum(resets(jobs_total[10m]))", "0");
	prometheus_expect(&prometheus, "min_over_time(up{job=\"mstat\"}[10m])", "1");
	daemon_stop(&prometheus, SIGTERM);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

/* ---- the demo ---- */

static json_t *report_await(const char *path)
{
	for (const int64_t end_ms = clock_ms() + WAIT_MS; clock_ms() < end_ms; usleep(50000)) {
		json_t *report = json_load_file(path, 0, NULL);
		if (json_is_true(json_object_get(report, "finished")))
			return report;
		json_decref(report);
	}
	fail_msg("%s: the load has not finished after %d ms", path, WAIT_MS);
	return NULL;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	assert_non_null(text);
	return text;
}

/* The agent's own page first: when a count is wrong, this tells whose it is. */
static void expect_answers(const struct daemon *agent, const struct daemon *prometheus, const json_t *report)
{
	char expression[256], series[256], count[32];
	char *page = page_fresh(agent->port);
	json_int_t total = 0;
	size_t i;
	const json_t *answer;
	json_array_foreach(json_object_get(report, "answers"), i, answer)
	{
		const json_int_t number = json_integer_value(json_object_get(answer, "count"));
		snprintf(expression, sizeof(expression),
			 "http_requests_total{method=\"%s\",endpoint=\"%s\",status=\"%s\"}", text_of(answer, "method"),
			 text_of(answer, "endpoint"), text_of(answer, "status"));
		snprintf(series, sizeof(series),
			 "http_requests_total{endpoint=\"%s\",method=\"%s\",service=\"llm-gateway\",status=\"%s\"}",
			 text_of(answer, "endpoint"), text_of(answer, "method"), text_of(answer, "status"));
		snprintf(count, sizeof(count), "%lld", (long long)number);
		assert_page(page, series, count);
		prometheus_expect(prometheus, expression, count);
		total += number;
	}
	free(page);
	assert_true(i >= 5);
	snprintf(count, sizeof(count), "%lld", (long long)total);
	prometheus_expect(prometheus, "sum(http_requests_total)", count);
	assert_int_equal(total, json_integer_value(json_object_get(report, "total")));
}

static void expect_tokens(const struct daemon *prometheus, const json_t *report)
{
	static const char *const kinds[] = {"input_tokens", "output_tokens", "cached_tokens"};
	char expression[256], count[32];
	size_t i;
	const json_t *model;
	json_array_foreach(json_object_get(report, "llm"), i, model)
	{
		for (size_t kind = 0; kind < 3; kind++) {
			snprintf(expression, sizeof(expression), "sum(llm_%s_total{provider=\"%s\",model=\"%s\"})",
				 kinds[kind], text_of(model, "provider"), text_of(model, "model"));
			snprintf(count, sizeof(count), "%lld",
				 (long long)json_integer_value(json_object_get(model, kinds[kind])));
			prometheus_expect(prometheus, expression, count);
		}
	}
	assert_true(i > 0);
}

static void test_demo_totals_in_prometheus_equal_the_load_generators_own_with_workers_killed(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0}, prometheus = {0}, demo = {0};
	char program[PATH_MAX], report_path[128];
	const char *words[] = {program,           "--listen=127.0.0.1:0", "--workers=3",   "--threads=2", "--load=1500",
			       "--requests=9000", "--kill-every=0.3",     "--load-report", report_path,   NULL};
	if (prometheus_missing())
		skip();
	agent_start(&agent, scratch, "--segment.fold-after=100ms");
	prometheus_start(&prometheus, scratch, agent.port, NULL);
	program_path("demo", program, sizeof(program));
	snprintf(report_path, sizeof(report_path), "%s/report.json", scratch->path);
	setenv("MSTAT_DIR", scratch->segments, 1);
	daemon_spawn(&demo, scratch, "demo.log", words);
	unsetenv("MSTAT_DIR");
	json_t *report = report_await(report_path);
	prometheus_await(&prometheus, now_s());
	print_message("%lld answers, %lld broken connections, seed %lld\n",
		      (long long)json_integer_value(json_object_get(report, "total")),
		      (long long)json_integer_value(json_object_get(report, "retries")),
		      (long long)json_integer_value(json_object_get(report, "seed")));
	assert_int_equal(json_integer_value(json_object_get(report, "abandoned")), 0);
	assert_int_equal(json_integer_value(json_object_get(report, "unexpected")), 0);
	expect_answers(&agent, &prometheus, report);
	expect_tokens(&prometheus, report);
	/* The demo's own audit agrees. */
	const int status = daemon_stop(&demo, SIGTERM);
	if (status) {
		char *log = daemon_log(&demo);
		fail_msg("the demo ended with %#x:\n%s", status, log);
	}
	/* And the folded totals are the same as those of the living. */
	page_await(agent.port, "mstat_segments{state=\"live\"}", "0");
	prometheus_await(&prometheus, now_s());
	expect_answers(&agent, &prometheus, report);
	json_decref(report);
	daemon_stop(&prometheus, SIGTERM);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

/* ---- judges ---- */

/* Runs a judge with the page on its standard input; fails with what it says. */
static void judge(const struct scratch *scratch, const char *page, const char *command)
{
	char path[112], said[112], line[PATH_MAX + 512];
	snprintf(path, sizeof(path), "%s/page.txt", scratch->path);
	snprintf(said, sizeof(said), "%s/judge.txt", scratch->path);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(page, file);
	assert_int_equal(fclose(file), 0);
	snprintf(line, sizeof(line), "{ %s; } <%s >%s 2>&1", command, path, said);
	const int status = system(line);
	struct daemon judged = {0};
	strcpy(judged.log, said);
	if (status)
		fail_msg("%s: wait status %#x:\n%s", command, status, daemon_log(&judged));
}

/* A page with everything that programs can put on one: live and folded, all merge rules, odd label values, conflicts.
 */
static void add_odd_values(void *context)
{
	(void)context;
	mstat_add(mstat_counter_with(&jobs, "a \"quoted\" \\ value\nwith a second line"), 1);
	mstat_add(mstat_counter_with(&jobs, "\xc3\xa4\xe2\x82\xac"), 2);
	mstat_add(mstat_counter_with(&jobs, ""), 3);
	mstat_add_f64(mstat_counter_f64_with(&job_seconds), 1e-300);
	mstat_gauge_set(mstat_gauge_with(&level, "deep"), INT64_MIN + 1);
}

static char *full_page(struct daemon *agent, const struct scratch *scratch)
{
	unsigned int seed = 1;
	worker_run(scratch, "folded", add_odd_values, NULL);
	agent_start(agent, scratch, "--segment.fold-after=0s");
	page_await(agent->port, "mstat_segments_folded_total", "1");
	worker_run(scratch, "odd", work, &seed);
	worker_run(scratch, "odd", add_odd_values, NULL);
	page_await(agent->port, "jobs_total{kind=\"good\",service=\"odd\"}", "900");
	return page_fresh(agent->port);
}

static void test_promtool_finds_nothing_in_the_page(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	if (!program_installed("promtool")) {
		print_message("skipped: promtool is not installed\n");
		skip();
	}
	char *page = full_page(&agent, scratch);
	/* Names that node_exporter has fixed are not ours to mend. */
	judge(scratch, page, "sed -E '/^(# [A-Z]+ )?node_/d' | promtool check metrics");
	free(page);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

static void test_reference_parser_accepts_the_page(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	char command[PATH_MAX];
	snprintf(command, sizeof(command), "%s/conformance/strict-openmetrics", getenv("MSTAT_SHARED") ?: "../shared");
	if (access(command, X_OK)) {
		print_message("skipped: %s is not there (MSTAT_SHARED names its folder)\n", command);
		skip();
	}
	if (system("/usr/bin/python3 -c 'import prometheus_client' 2>/dev/null")) {
		print_message("skipped: python3-prometheus-client is not installed\n");
		skip();
	}
	strcat(command, " --text");
	char *page = full_page(&agent, scratch);
	judge(scratch, page, command);
	free(page);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_prometheus_has_exact_values_after_workers_came_and_went),
		TEST(test_demo_totals_in_prometheus_equal_the_load_generators_own_with_workers_killed),
		TEST(test_promtool_finds_nothing_in_the_page),
		TEST(test_reference_parser_accepts_the_page),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
