/* SPDX-License-Identifier: MIT */
/* Times to live: what is hidden, what comes back, and that sums never go down meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include <mstat/mstat.h>

#include "collect/segments_merged.h"
#include "segments_bench.h"

#define TTL_S 60
#define JOBS "jobs_total{kind=\"a\",service=\"shop\"}"
#define OTHER "jobs_total{kind=\"b\",service=\"shop\"}"
#define FOREVER "forever_total{service=\"shop\"}"
#define LATENCY "latency_seconds{service=\"shop\"}"
#define LEVEL "level{service=\"shop\"}"
#define LOAD "load_seconds_total{service=\"shop\"}"
#define OWN "own{pid=\"%d\",service=\"shop\"}"

MSTAT_COUNTER(jobs, "jobs_total", "Jobs done.", "kind");
MSTAT_COUNTER(forever, "forever_total", "Shown for ever.");
MSTAT_COUNTER_F64_UNIT(load, "load_seconds_total", "seconds", "Load.");
MSTAT_HISTOGRAM(sizes, "sizes", "Sizes.");
MSTAT_SUMMARY_AS(latency, NULL, NULL, "latency_seconds", "seconds", "Latency.");
MSTAT_GAUGE_AS(level, MSTAT_MAX, "level", "", "Level.");
MSTAT_GAUGE_AS(own, MSTAT_EACH | MSTAT_LIVE, "own", "", "Own.");

static void ttl_declare(void)
{
	jobs.family.ttl_s = sizes.family.ttl_s = latency.family.ttl_s = level.family.ttl_s = own.family.ttl_s =
		load.family.ttl_s = TTL_S;
}

static void add_job(void *context)
{
	ttl_declare();
	mstat_add(mstat_counter_with(&jobs, context ? (const char *)context : "a"), 5);
	mstat_inc(mstat_counter_with(&forever));
}

static void add_job_and_stay(void *context)
{
	add_job(context);
	pause();
}

static void job_run(struct segments_bench *bench, const char *kind)
{
	worker_run(bench->scratch, "shop", add_job, (void *)kind);
}

/* A living process whose segment nobody else can adopt. */
static pid_t job_fork(struct segments_bench *bench, int64_t jobs_then)
{
	pid_t pid = worker_fork(bench->scratch, "shop", add_job_and_stay, NULL);
	for (const int64_t end_ms = clock_ms() + WAIT_MS;
	     bench_value(bench, FOREVER) < 1 || bench_now(bench, JOBS) != jobs_then; usleep(1000))
		assert_true(clock_ms() < end_ms);
	return pid;
}

/* ---- tests ---- */

static void test_idle_series_is_hidden_and_comes_back_with_its_count(void **state)
{
	struct segments_bench *bench = *state;
	job_run(bench, "a");
	job_run(bench, "b");
	assert_int_equal(bench_value(bench, JOBS), 5);
	bench_sleep(TTL_S - 1);
	job_run(bench, "b");
	assert_int_equal(bench_value(bench, JOBS), 5);
	bench_sleep(2);
	assert_int_equal(bench_value(bench, JOBS), -1);
	assert_int_equal(bench_now(bench, OTHER), 10);
	assert_int_equal(bench_now(bench, FOREVER), 3);
	job_run(bench, "a");
	assert_int_equal(bench_value(bench, JOBS), 10);
	bench_sleep(1e6);
	assert_int_equal(bench_value(bench, JOBS), -1);
	assert_int_equal(bench_now(bench, FOREVER), 4);
}

static void test_sum_keeps_the_share_of_a_source_that_rests(void **state)
{
	struct segments_bench *bench = *state;
	const pid_t resting = job_fork(bench, 5);
	job_run(bench, "a");
	assert_int_equal(bench_value(bench, JOBS), 10);
	for (int64_t jobs_then = 15; jobs_then < 60; jobs_then += 5) {
		bench_sleep(TTL_S - 1);
		job_run(bench, "a");
		assert_int_equal(bench_value(bench, JOBS), jobs_then);
	}
	bench_sleep(TTL_S);
	assert_int_equal(bench_value(bench, JOBS), -1);
	kill(resting, SIGKILL);
	process_wait(resting);
}

static void test_fold_changes_nothing_about_an_idle_series(void **state)
{
	struct segments_bench *bench = *state;
	const pid_t living = job_fork(bench, 5);
	job_run(bench, "a");
	assert_int_equal(bench_value(bench, JOBS), 10);
	bench_sleep(TTL_S + 1);
	assert_int_equal(bench_value(bench, JOBS), -1);
	assert_int_equal(segments_sweep(bench->segments), 0);
	assert_int_equal(bench_value(bench, JOBS), -1);
	assert_int_equal(segments_stats(bench->segments)->folded, 1);
	kill(living, SIGKILL);
	process_wait(living);
	assert_int_equal(segments_sweep(bench->segments), 0);
	assert_int_equal(bench_value(bench, JOBS), -1);
	assert_int_equal(segments_stats(bench->segments)->folded, 2);
	assert_int_equal(bench_now(bench, FOREVER), 2);
	job_run(bench, "a");
	assert_int_equal(bench_value(bench, JOBS), 15);
	/* Shown now, and for as long as it was not before: the fold does not prolong it. */
	bench_sleep(TTL_S - 1);
	assert_int_equal(segments_sweep(bench->segments), 0);
	assert_int_equal(bench_value(bench, JOBS), 15);
	bench_sleep(2);
	assert_int_equal(bench_value(bench, JOBS), -1);
}

static void test_idle_times_outlive_the_retirement_of_references(void **state)
{
	struct segments_bench *bench = *state;
	const pid_t resting = job_fork(bench, 5);
	job_run(bench, "a");
	builder_set_retire_after(bench->builder, 2);
	assert_int_equal(bench_value(bench, JOBS), 10);
	const uint64_t generation = catalog_generation(bench->catalog);
	bench_sleep(TTL_S + 1);
	for (int i = 0; i < 15; i++) {
		assert_int_equal(bench_value(bench, JOBS), -1);
		/* Once retired, what is hidden has no reference that could become void again. */
		assert_true(i < 5 || catalog_series_count(bench->catalog) == 1);
	}
	assert_true(catalog_generation(bench->catalog) > generation);
	job_run(bench, "a");
	assert_int_equal(bench_value(bench, JOBS), 15);
	/* Another series retires: the references of this one are void while it rests. */
	job_run(bench, "b");
	assert_int_equal(bench_value(bench, JOBS), 15);
	bench_sleep(TTL_S - 1);
	job_run(bench, "a");
	assert_int_equal(bench_value(bench, OTHER), 5);
	bench_sleep(TTL_S / 2);
	for (int i = 0; i < 10; i++)
		assert_int_equal(bench_value(bench, JOBS), 20);
	assert_int_equal(bench_now(bench, OTHER), -1);
	bench_sleep(TTL_S / 2 + 1);
	assert_int_equal(bench_value(bench, JOBS), -1);
	kill(resting, SIGKILL);
	process_wait(resting);
}

static void test_restart_of_the_agent_begins_idle_times_anew(void **state)
{
	struct segments_bench *bench = *state;
	job_run(bench, "a");
	assert_int_equal(bench_value(bench, JOBS), 5);
	bench_sleep(TTL_S + 1);
	assert_int_equal(bench_value(bench, JOBS), -1);
	bench_reopen(bench);
	assert_int_equal(bench_value(bench, JOBS), 5);
	bench_sleep(TTL_S + 1);
	assert_int_equal(bench_value(bench, JOBS), -1);
}

static void add_forever_job(void *context)
{
	(void)context;
	mstat_add(mstat_counter_with(&jobs, "a"), 5);
	mstat_inc(mstat_counter_with(&forever));
}

/* The next version of the program has another time to live, or none: it counts for what the last one has left, too. */
static void test_youngest_declaration_decides_for_all_sources(void **state)
{
	struct segments_bench *bench = *state;
	const pid_t first = job_fork(bench, 5);
	bench_sleep(TTL_S + 1);
	assert_int_equal(bench_value(bench, JOBS), -1);
	worker_run(bench->scratch, "shop", add_forever_job, NULL);
	assert_int_equal(bench_value(bench, JOBS), 10);
	bench_sleep(1e6);
	assert_int_equal(bench_value(bench, JOBS), 10);
	kill(first, SIGKILL);
	process_wait(first);
}

/* ---- other kinds ---- */

static void observe_all(void *context)
{
	const int64_t value = *(const int64_t *)context;
	ttl_declare();
	mstat_observe(mstat_histogram_with(&sizes), value);
	mstat_observe_ns(mstat_histogram_with(&latency), value * 1000000);
	mstat_add_f64(mstat_counter_f64_with(&load), 0.5);
	mstat_inc(mstat_counter_with(&forever));
}

static void observe_run(struct segments_bench *bench, int64_t value)
{
	worker_run(bench->scratch, "shop", observe_all, &value);
}

static void test_observations_show_histograms_and_summaries_again(void **state)
{
	struct segments_bench *bench = *state;
	struct snapshot_sample sample;
	builder_set_retire_after(bench->builder, 2);
	observe_run(bench, 3);
	bench_collect(bench);
	assert_int_equal(bench_count(bench, "sizes{service=\"shop\"}"), 1);
	assert_int_equal(bench_count(bench, LATENCY), 1);
	assert_true(fabs(bench_quantile(bench, LATENCY, 1) - 0.003) < 0.0001);
	bench_sleep(1000);
	for (int i = 0; i < 10; i++)
		bench_collect(bench);
	assert_false(bench_find(bench, "sizes{service=\"shop\"}", &sample));
	assert_false(bench_find(bench, LATENCY, &sample));
	assert_int_equal(bench_now(bench, LOAD), -1);
	assert_int_equal(bench_now(bench, FOREVER), 1);
	/* The same value once more: the quantiles are of this one alone. */
	observe_run(bench, 8);
	bench_collect(bench);
	assert_int_equal(bench_count(bench, "sizes{service=\"shop\"}"), 2);
	assert_int_equal(bench_count(bench, LATENCY), 2);
	assert_true(fabs(bench_quantile(bench, LATENCY, 0) - 0.008) < 0.0002);
	assert_int_equal(bench_now(bench, LOAD), 1);
}

static void set_level(void *context)
{
	ttl_declare();
	mstat_gauge *gauge = mstat_gauge_with(&level);
	if (context)
		mstat_gauge_set(gauge, *(const int64_t *)context);
	mstat_inc(mstat_counter_with(&forever));
}

static void test_gauge_that_is_set_to_zero_has_changed(void **state)
{
	struct segments_bench *bench = *state;
	int64_t value = 0;
	worker_run(bench->scratch, "shop", set_level, NULL);
	assert_int_equal(bench_value(bench, LEVEL), -1);
	bench_sleep(TTL_S + 1);
	bench_collect(bench);
	worker_run(bench->scratch, "shop", set_level, &value);
	assert_int_equal(bench_value(bench, LEVEL), 0);
	bench_sleep(TTL_S + 1);
	worker_run(bench->scratch, "shop", set_level, &value);
	assert_int_equal(bench_value(bench, LEVEL), -1);
}

static void set_own(void *context)
{
	(void)context;
	ttl_declare();
	mstat_gauge_set(mstat_gauge_with(&own), 7);
	mstat_inc(mstat_counter_with(&forever));
	pause();
}

static void test_gauges_by_process_are_hidden_together(void **state)
{
	struct segments_bench *bench = *state;
	const pid_t pid = worker_fork(bench->scratch, "shop", set_own, NULL);
	for (const int64_t end_ms = clock_ms() + WAIT_MS; bench_value(bench, FOREVER) != 1; usleep(1000))
		assert_true(clock_ms() < end_ms);
	assert_int_equal(bench_samples(bench, "own{"), 1);
	bench_sleep(TTL_S + 1);
	bench_collect(bench);
	assert_int_equal(bench_samples(bench, "own{"), 0);
	kill(pid, SIGKILL);
	process_wait(pid);
}

/* ---- merged series ---- */

static void test_merged_series_are_forgotten_when_nobody_took_them_over(void **state)
{
	enum { COUNT = 1000 };
	struct merged_set set = {0};
	uint32_t places[COUNT];
	(void)state;
	for (uint64_t round = 0; round < 5; round++) {
		for (uint64_t i = 0; i < COUNT; i++) {
			places[i] = merged_get(&set, round * COUNT + i + 1);
			assert_int_equal(set.all[places[i]].changed_ns, 0);
			set.all[places[i]].changed_ns = 7;
		}
		/* A user goes, another one comes: it is the same one. */
		merged_put(&set, places[0]);
		assert_int_equal(merged_get(&set, round * COUNT + 1), places[0]);
		merged_sweep(&set);
		assert_int_equal(set.all[places[0]].changed_ns, 7);
		for (size_t i = 0; i < COUNT; i++)
			merged_put(&set, places[i]);
		merged_sweep(&set);
		assert_int_equal(set.count, 0);
		assert_int_equal(set.limit, COUNT);
	}
	merged_set_fini(&set);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_idle_series_is_hidden_and_comes_back_with_its_count),
		TEST(test_sum_keeps_the_share_of_a_source_that_rests),
		TEST(test_fold_changes_nothing_about_an_idle_series),
		TEST(test_idle_times_outlive_the_retirement_of_references),
		TEST(test_restart_of_the_agent_begins_idle_times_anew),
		TEST(test_youngest_declaration_decides_for_all_sources),
		TEST(test_observations_show_histograms_and_summaries_again),
		TEST(test_gauge_that_is_set_to_zero_has_changed),
		TEST(test_gauges_by_process_are_hidden_together),
		cmocka_unit_test(test_merged_series_are_forgotten_when_nobody_took_them_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
