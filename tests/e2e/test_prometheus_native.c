/* SPDX-License-Identifier: MIT */
/* A real Prometheus with native histograms and exemplars enabled ingests ours: its quantiles agree with the raw
 * observations within the schema's error, and its exemplars are those that were written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <mstat/mstat.h>

#include "prometheus.h"
#include "scrape.h"

#define OBSERVATIONS 20000u /* of each of two processes */

MSTAT_HISTOGRAM_AS(native, MSTAT_NATIVE, "request_native_seconds", "seconds", "Only exponential buckets.", "side");
MSTAT_HISTOGRAM_AS(both, MSTAT_BOTH, "request_both_seconds", "seconds", "Both kinds of buckets.", "side");
MSTAT_COUNTER(hits, "hits_total", "Counted with exemplars.");

/* Log-normal nanoseconds around 20 ms, the same for the same seed. */
static void values_make(unsigned int seed, int64_t values[OBSERVATIONS])
{
	for (unsigned int i = 0; i < OBSERVATIONS; i++) {
		double normal = 0;
		for (int k = 0; k < 12; k++)
			normal += (double)rand_r(&seed) / RAND_MAX;
		values[i] = (int64_t)(20e6 * exp(normal - 6));
	}
}

static void observe_all(void *context)
{
	static int64_t values[OBSERVATIONS];
	const unsigned int seed = *(const unsigned int *)context;
	const uint8_t trace_id[16] = {0xab, 0xcd, 0xef, [15] = (uint8_t)seed}, span_id[8] = {0x12, [7] = (uint8_t)seed};
	const struct mstat_exemplar exemplar = {.trace_id = trace_id, .span_id = span_id};
	values_make(seed, values);
	for (unsigned int i = 0; i < OBSERVATIONS; i++) {
		mstat_observe_ns(mstat_histogram_with(&native, "server"), values[i]);
		mstat_observe_ns(mstat_histogram_with(&both, "server"), values[i]);
	}
	/* 0.3 s: alone in its bucket, so that it is the one that stays. */
	mstat_observe_exemplar(mstat_histogram_with(&both, "server"), 300000000, &exemplar);
	mstat_observe_ns(mstat_histogram_with(&native, "server"), 300000000);
	mstat_add_exemplar(mstat_counter_with(&hits), 7, &exemplar);
}

static int by_value(const void *a, const void *b)
{
	const int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
	return (left > right) - (left < right);
}

static void expect_quantiles(const struct daemon *prometheus, const int64_t *sorted, size_t count)
{
	static const double quantiles[] = {0.05, 0.5, 0.9, 0.99};
	static const char *const families[] = {"request_native_seconds", "request_both_seconds"};
	const double width = pow(2, 1.0 / 8); /* of a bucket of schema 3 */
	char expression[128];
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(*quantiles); i++) {
		for (size_t family = 0; family < 2; family++) {
			const double exact = (double)sorted[(size_t)(quantiles[i] * (double)(count - 1))] * 1e-9;
			snprintf(expression, sizeof(expression), "histogram_quantile(%g, %s)", quantiles[i],
				 families[family]);
			const double got = prometheus_number(prometheus, expression);
			print_message("%s: %g, exact %g\n", expression, got, exact);
			assert_true(got < exact * width && got > exact / width);
		}
	}
}

/* Whether query_exemplars knows a trace id for a series of the family. */
static void expect_exemplar(const struct daemon *prometheus, const char *selector, const char *trace_id, double value)
{
	char more[96];
	snprintf(more, sizeof(more), "&start=%.0f&end=%.0f", now_s() - 600, now_s() + 600);
	json_t *data = prometheus_ask(prometheus, "query_exemplars", selector, more);
	bool found = false;
	size_t i, k;
	const json_t *series, *exemplar;
	json_array_foreach(data, i, series)
	{
		json_array_foreach(json_object_get(series, "exemplars"), k, exemplar)
		{
			const json_t *labels = json_object_get(exemplar, "labels");
			const char *id = json_string_value(json_object_get(labels, "trace_id"));
			const char *text = json_string_value(json_object_get(exemplar, "value"));
			found = found || (id && !strcmp(id, trace_id) && text && strtod(text, NULL) == value);
		}
	}
	if (!found)
		fail_msg("%s: no exemplar %s: %s", selector, trace_id, json_dumps(data, JSON_COMPACT));
	json_decref(data);
}

static void test_prometheus_ingests_native_histograms_and_exemplars(void **state)
{
	static int64_t values[2 * OBSERVATIONS + 2];
	const struct scratch *scratch = *state;
	struct daemon agent = {0}, prometheus = {0};
	unsigned int seeds[2] = {41, 42};
	if (prometheus_missing())
		skip();
	agent_start(&agent, scratch, "--segment.fold-after=200ms");
	prometheus_start(&prometheus, scratch, agent.port, "native-histograms,exemplar-storage");
	for (size_t i = 0; i < 2; i++) {
		/* The exemplars of the dead are not kept: the last one stays to be scraped. */
		values_make(seeds[i], values + i * OBSERVATIONS);
		values[2 * OBSERVATIONS + i] = 300000000;
	}
	worker_run(scratch, "native", observe_all, &seeds[0]);
	setenv("MSTAT_DIR", scratch->segments, 1);
	const pid_t living = worker_fork(scratch, "native", observe_all, &seeds[1]);
	assert_int_equal(process_wait(living), 0);
	page_await(agent.port, "hits_total{service=\"native\"}", "14");
	prometheus_await(&prometheus, now_s());
	qsort(values, 2 * OBSERVATIONS + 2, sizeof(*values), by_value);
	prometheus_expect(&prometheus, "histogram_count(request_native_seconds)", "40002");
	prometheus_expect(&prometheus, "histogram_count(request_both_seconds)", "40002");
	expect_quantiles(&prometheus, values, 2 * OBSERVATIONS + 2);
	prometheus_expect(&prometheus, "min_over_time(up{job=\"mstat\"}[10m])", "1");
	daemon_stop(&prometheus, SIGTERM);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

/* A program that stays while Prometheus scrapes. */
static void observe_and_wait(void *context)
{
	observe_all(context);
	for (;;)
		pause();
}

static void test_prometheus_returns_the_trace_ids_that_were_written(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0}, prometheus = {0};
	unsigned int seed = 42;
	if (prometheus_missing())
		skip();
	agent_start(&agent, scratch);
	prometheus_start(&prometheus, scratch, agent.port, "native-histograms,exemplar-storage");
	const pid_t living = worker_fork(scratch, "native", observe_and_wait, &seed);
	process_remember(living);
	page_await(agent.port, "hits_total{service=\"native\"}", "7");
	prometheus_await(&prometheus, now_s());
	expect_exemplar(&prometheus, "hits_total", "abcdef0000000000000000000000002a", 7);
	expect_exemplar(&prometheus, "request_both_seconds", "abcdef0000000000000000000000002a", 0.3);
	kill(living, SIGKILL);
	process_wait(living);
	daemon_stop(&prometheus, SIGTERM);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_prometheus_ingests_native_histograms_and_exemplars, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(test_prometheus_returns_the_trace_ids_that_were_written, scratch_setup,
						scratch_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
