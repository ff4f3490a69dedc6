/* SPDX-License-Identifier: MIT */
/* The inspector as its users run it, on a real segment of libmstat. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <mstat/mstat.h>

#include "inspector.h"

MSTAT_COUNTER(requests, "http_requests_total", "HTTP requests served.", "method", "status");
MSTAT_COUNTER_F64_UNIT(busy, "busy_seconds_total", "seconds", "Time at work.");
MSTAT_GAUGE(connections, "connections", "Open connections.", "pool");
MSTAT_HISTOGRAM(latency, "latency_seconds", "Time to answer.", "method");
MSTAT_SUMMARY_F64(size, "size", "Sizes.");
MSTAT_GAUGE_HISTOGRAM(ages, "ages", "Ages.");
MSTAT_INFO(build, "build_info", "What was built.", "version");
static const char *const phases[] = {"start\"ing", "serving", NULL};
MSTAT_STATE_SET(phase, phases, "phase", "What it is doing.");

static char good[64]; /* a directory with the segment of this very process */
static char good_name[64];

#define run_good(...) run(__VA_ARGS__, "--dir", good)

/* 100 observations of 6 ms and 300 of 30 ms, in the buckets up to 10 and 50 ms. */
static void shapes_fill(void)
{
	const struct mstat_exemplar exemplar = {.labels = (const char *const[]){"user", "7", NULL}};
	latency.family.ttl_s = 3600;
	for (int i = 0; i < 100; i++)
		mstat_observe_ms(mstat_histogram_with(&latency, "GET"), 6);
	for (int i = 0; i < 299; i++)
		mstat_observe_ms(mstat_histogram_with(&latency, "GET"), 30);
	mstat_observe_exemplar(mstat_histogram_with(&latency, "GET"), 30000000, &exemplar);
	for (int i = 1; i <= 100; i++)
		mstat_observe_f64(mstat_histogram_f64_with(&size), i);
	mstat_gauge_histogram_add(mstat_gauge_histogram_with(&ages), 2);
	mstat_info_set(mstat_info_with(&build, "1.0"));
	mstat_state_set_only(mstat_state_set_with(&phase), 1);
}

static int group_setup(void **state)
{
	(void)state;
	inspector_find();
	directory_make(good);
	struct mstat_options options = {
		.size = sizeof(options), .service = "shop", .version = "1.0", .directory = good};
	assert_int_equal(mstat_open(&options), 0);
	struct mstat_status status;
	mstat_status(&status);
	strcpy(good_name, strrchr(status.path, '/') + 1);
	mstat_add(mstat_counter_with(&requests, "GET", "200"), 41);
	mstat_add(mstat_counter_with(&requests, "POST", "503"), 3);
	mstat_add_f64(mstat_counter_f64_with(&busy), 0.25);
	mstat_gauge_set(mstat_gauge_with(&connections, "a\033[2Jb\n"), -5);
	shapes_fill();
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	directory_remove(good);
	return 0;
}

/* ---- show, watch, scrape ---- */

static void test_show_prints_exact_values_of_a_running_program(void **state)
{
	(void)state;
	struct outcome outcome = run_good("show");
	assert_int_equal(outcome.code, 0);
	assert_contains(outcome.out, "http_requests_total{method=\"GET\",service=\"shop\",status=\"200\"} 41\n");
	assert_contains(outcome.out, "http_requests_total{method=\"POST\",service=\"shop\",status=\"503\"} 3\n");
	assert_contains(outcome.out, "busy_seconds_total{service=\"shop\"} 0.25\n");
	assert_string_equal(outcome.err, "");
	outcome_free(&outcome);
}

static void test_show_escapes_control_characters(void **state)
{
	(void)state;
	struct outcome outcome = run_good("show", "connections");
	assert_lacks(outcome.out, "\033");
	assert_contains(outcome.out, "connections{pool=\"a\\x1b[2Jb\\n\",service=\"shop\"} -5\n");
	outcome_free(&outcome);
}

static void test_show_selects_by_name_and_by_label(void **state)
{
	(void)state;
	struct outcome outcome = run_good("show", "http_*{status=~\"5..\"}", "service=shop");
	assert_int_equal(outcome.code, 0);
	assert_int_equal(occurrences(outcome.out, "\n"), 1);
	assert_contains(outcome.out, "status=\"503\"} 3\n");
	outcome_free(&outcome);
}

static void test_show_says_by_its_exit_code_that_nothing_matched(void **state)
{
	(void)state;
	assert_outcome(run_good("show", "service=bank"), 1, "");
	assert_outcome(run_good("show", "x{y=z}"), 2, "'x{y=z}': at character 5");
}

static void test_show_json_has_name_labels_type_and_value(void **state)
{
	(void)state;
	struct outcome outcome = run_good("show", "--json", "http_*", "method=GET");
	json_t *array = json_loads(outcome.out, 0, NULL);
	assert_int_equal(json_array_size(array), 1);
	json_t *sample = json_array_get(array, 0);
	assert_string_equal(json_string_value(json_object_get(sample, "name")), "http_requests_total");
	assert_string_equal(json_string_value(json_object_get(sample, "type")), "counter");
	assert_int_equal(json_integer_value(json_object_get(sample, "value")), 41);
	assert_string_equal(json_string_value(json_object_get(json_object_get(sample, "labels"), "service")), "shop");
	json_decref(array);
	outcome_free(&outcome);
}

static void test_show_segments_names_the_file_of_each_value(void **state)
{
	(void)state;
	char expected[160];
	snprintf(expected, sizeof(expected), "service=\"shop\",status=\"200\"} 41  %s\n", good_name);
	assert_outcome(run_good("show", "--segments"), 0, expected);
}

static void test_watch_prints_a_block_for_each_reading(void **state)
{
	(void)state;
	struct outcome outcome = run_good("watch", "--count=3", "--interval", "10ms", "http_*");
	assert_int_equal(outcome.code, 0);
	assert_int_equal(occurrences(outcome.out, "VALUE"), 3);
	assert_int_equal(occurrences(outcome.out, " 41            0/s  http_requests_total{"), 3);
	outcome_free(&outcome);
}

static void test_scrape_prints_the_exposition(void **state)
{
	(void)state;
	struct outcome outcome = run_good("scrape");
	assert_int_equal(outcome.code, 0);
	assert_contains(outcome.out, "# HELP http_requests_total HTTP requests served.\n"
				     "# TYPE http_requests_total counter\n"
				     "http_requests_total{method=\"GET\",service=\"shop\",status=\"200\"} 41\n");
	outcome_free(&outcome);
}

/* ---- values that are more than a number ---- */

#define LATENCY_LINE                                                                                                   \
	"latency_seconds{method=\"GET\",service=\"shop\"}  count 400, sum 9.6, mean 0.024, p50 0.0333, p90 0.0467, "   \
	"p99 0.0497"

static void test_show_sums_up_a_histogram(void **state)
{
	(void)state;
	assert_outcome(run_good("show", "latency_seconds"), 0, LATENCY_LINE "\n");
	assert_outcome(run_good("show", "--segments", "latency_seconds"), 0, LATENCY_LINE "  shop.");
	assert_outcome(run_good("show", "ages"), 0, "ages{service=\"shop\"}  count 1, sum 2, mean 2, ");
	struct outcome outcome = run_good("show", "--json", "latency_seconds");
	json_t *array = json_loads(outcome.out, 0, NULL), *sample = json_array_get(array, 0);
	assert_string_equal(json_string_value(json_object_get(sample, "type")), "histogram");
	assert_int_equal(json_integer_value(json_object_get(sample, "count")), 400);
	assert_true(json_number_value(json_object_get(sample, "sum")) == 9.6);
	json_t *buckets = json_object_get(sample, "buckets");
	assert_int_equal(json_array_size(buckets), 2);
	assert_true(json_number_value(json_object_get(json_array_get(buckets, 0), "upper")) == 0.01);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(buckets, 1), "count")), 300);
	assert_int_equal(json_array_size(json_object_get(sample, "quantiles")), 3);
	assert_null(json_object_get(sample, "value"));
	json_decref(array);
	outcome_free(&outcome);
}

/* In one segment the quantiles are over all that was ever observed; schema 4 is 4.4 % from bucket to bucket. */
static void test_show_segments_computes_the_quantiles_of_a_summary(void **state)
{
	(void)state;
	struct outcome outcome = run_good("show", "--segments", "--json", "size");
	json_t *array = json_loads(outcome.out, 0, NULL), *sample = json_array_get(array, 0);
	json_t *quantiles = json_object_get(sample, "quantiles");
	static const double want[] = {50, 90, 99};
	assert_string_equal(json_string_value(json_object_get(sample, "type")), "summary");
	assert_true(json_number_value(json_object_get(sample, "sum")) == 5050);
	for (size_t i = 0; i < 3; i++) {
		double value = json_number_value(json_object_get(json_array_get(quantiles, i), "value"));
		assert_true(value > want[i] * 0.97 && value < want[i] * 1.03);
	}
	json_decref(array);
	outcome_free(&outcome);
}

static void test_show_has_a_sample_for_each_state_and_names_an_info_as_exposed(void **state)
{
	(void)state;
	struct outcome merged = run_good("show", "phase"), apart = run_good("show", "--segments", "phase");
	assert_contains(merged.out, "phase{phase=\"serving\",service=\"shop\"} 1\n");
	assert_contains(merged.out, "phase{phase=\"start\\\"ing\",service=\"shop\"} 0\n");
	assert_contains(apart.out, "phase{phase=\"serving\",service=\"shop\"} 1  shop.");
	assert_contains(apart.out, "phase{phase=\"start\\\"ing\",service=\"shop\"} 0  shop.");
	outcome_free(&merged);
	outcome_free(&apart);
	struct outcome one = run_good("show", "phase=serving");
	assert_int_equal(occurrences(one.out, "\n"), 1);
	outcome_free(&one);
	assert_outcome(run_good("show", "build_info"), 0, "build_info{service=\"shop\",version=\"1.0\"} 1\n");
	assert_outcome(run_good("show", "--segments", "build_info"), 0,
		       "build_info{service=\"shop\",version=\"1.0\"} 1  shop.");
}

static void test_watch_shows_counts_means_and_quantiles(void **state)
{
	(void)state;
	assert_outcome(
		run_good("watch", "--count=2", "--interval", "10ms", "latency_seconds"), 0,
		" 400            0/s  latency_seconds{method=\"GET\",service=\"shop\"}  mean 0.024, p50 0.0333, ");
}

static void test_describe_tells_buckets_quantiles_states_and_times(void **state)
{
	(void)state;
	assert_outcome(run_good("describe", "latency_seconds"), 0,
		       "buckets   11 bounds, 0.005 to 10; recorded in units of 1e-09\n");
	assert_outcome(run_good("describe", "latency_seconds"), 0, "ttl       3600 s without a change\n");
	assert_outcome(run_good("describe", "size"), 0, "quantiles 0.5, 0.9, 0.99 over 600 s\n");
	assert_outcome(run_good("describe", "size"), 0, "buckets   exponential, schema 4, ");
	assert_outcome(run_good("describe", "phase"), 0, "states    start\"ing, serving\n");
	assert_outcome(run_good("describe", "phase"), 0, "type      state set (i64)\n");
	assert_outcome(run_good("describe", "build"), 0, "type      info (i64)\n");
	struct outcome outcome = run_good("describe", "--json", "latency_seconds");
	json_t *object = json_loads(outcome.out, 0, NULL), *buckets = json_object_get(object, "buckets");
	assert_int_equal(json_array_size(json_object_get(buckets, "bounds")), 11);
	assert_true(json_number_value(json_object_get(buckets, "scale")) == 1e-9);
	assert_int_equal(json_integer_value(json_object_get(object, "ttl_s")), 3600);
	json_decref(object);
	outcome_free(&outcome);
}

static void test_dump_prints_buckets_lists_and_exemplars(void **state)
{
	(void)state;
	struct outcome outcome = run_good("dump", good_name);
	assert_int_equal(outcome.code, 0);
	assert_contains(outcome.out, " exemplars ");
	assert_contains(outcome.out, "buckets 11 bounds, 0.005 to 10; recorded in units of 1e-09: 0.005 0.01 ");
	assert_contains(outcome.out, "list    3 items: 0.5 0.9 0.99\n");
	assert_contains(outcome.out, "list    2 items: \"start\\\"ing\" \"serving\"\n");
	assert_contains(outcome.out, " 0x0000000000000064 100 latency_seconds{method=\"GET\"} bucket 1\n");
	assert_contains(outcome.out, " ttl=3600s ");
	assert_contains(outcome.out, " {user=\"7\"} 30000000 at 20");
	assert_lacks(outcome.out, "torn");
	outcome_free(&outcome);
}

/* ---- ls, describe ---- */

static void test_ls_marks_the_running_process(void **state)
{
	(void)state;
	char pid[32];
	snprintf(pid, sizeof(pid), " %d* ", (int)getpid());
	struct outcome outcome = run_good("ls");
	assert_int_equal(outcome.code, 0);
	assert_contains(outcome.out, pid);
	assert_contains(outcome.out, "  live\n");
	outcome_free(&outcome);
}

static void test_describe_explains_a_metric_by_either_name(void **state)
{
	(void)state;
	assert_outcome(run_good("describe", "http_requests"), 0, "labels    method, status\n");
	assert_outcome(run_good("describe", "http_requests_total"), 0, "series    2 merged\n");
	assert_outcome(run_good("describe", "busy_seconds"), 0, "type      counter (f64)\n");
	assert_outcome(run_good("describe", "nothing"), 1, "");
}

static void test_verify_has_no_findings_in_a_real_segment(void **state)
{
	(void)state;
	assert_outcome(run_good("verify"), 0, "1 segment checked, 0 findings\n");
	assert_outcome(run_good("verify", good_name), 0, "1 segment checked, 0 findings\n");
	assert_outcome(run_good("verify", "nothing.0.0"), 2, "cannot read the segment nothing.0.0");
}

/* ---- usage ---- */

static void test_every_command_has_its_help(void **state)
{
	(void)state;
	static const char *const names[] = {"ls", "show", "watch", "describe", "dump", "verify", "scrape", "help"};
	struct outcome all = run("--help");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char usage[64];
		snprintf(usage, sizeof(usage), "Usage: mstat %s", names[i]);
		assert_outcome(run("help", names[i]), 0, usage);
		assert_outcome(run(names[i], "-h"), 0, usage);
		snprintf(usage, sizeof(usage), "\n  %s ", names[i]);
		assert_contains(all.out, usage);
	}
	assert_outcome(all, 0, "Exit codes:\n  0  fine\n");
	assert_outcome(run("--version"), 0, "mstat " MSTAT_VERSION "\n");
}

static void test_wrong_usage_is_named_with_a_remedy(void **state)
{
	(void)state;
	assert_outcome(run("shwo"), 2, "unknown command 'shwo'; did you mean 'show'?");
	assert_outcome(run("ls", "--jsno"), 2, "unknown option --jsno; did you mean --json?");
	assert_outcome(run("ls", "-x"), 2, "unknown option -x");
	assert_outcome(run("ls", "--count=1"), 2, "'ls' has no option --count");
	assert_outcome(run("ls", "--json=yes"), 2, "--json takes no value");
	assert_outcome(run("ls", "--dir"), 2, "--dir needs a value: --dir=DIR");
	assert_outcome(run("watch", "--interval=fast"), 2, "--interval: 'fast' is no time");
	assert_outcome(run("watch", "--interval=nan"), 2, "--interval: 'nan' is no time");
	assert_outcome(run("watch", "-n0"), 2, "--count: '0' is no number from 1 on");
	assert_outcome(run("watch", "-o", "size"), 2, "--sort: 'size' is no order; use name or rate");
	assert_outcome(run("describe"), 2, "'describe' needs NAME");
	assert_outcome(run("ls", "extra"), 2, "'ls' takes no operand 'extra'");
	assert_outcome(run("ls", "--dir=/nonexistent"), 2, "cannot list the directory /nonexistent: No such file");
	assert_outcome(run("show", "--dir=/nonexistent"), 2, "cannot list the directory /nonexistent: No such file");
}

static void test_a_reader_that_leaves_ends_it_quietly(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	struct outcome outcome = run_to(ends[1], (const char *const[]){"mstat", "show", "--dir", good, NULL});
	assert_int_equal(outcome.code, 0);
	assert_string_equal(outcome.err, "");
	outcome_free(&outcome);
	outcome = run_to(ends[1], (const char *const[]){"mstat", "watch", "-i", "10ms", "--dir", good, NULL});
	assert_string_equal(outcome.err, "");
	outcome_free(&outcome);
	close(ends[1]);
}

static void test_a_full_disk_is_a_failure(void **state)
{
	(void)state;
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_true(full >= 0);
	assert_outcome(run_to(full, (const char *const[]){"mstat", "help", NULL}), 2, "No space left on device");
	close(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_show_prints_exact_values_of_a_running_program),
		cmocka_unit_test(test_show_escapes_control_characters),
		cmocka_unit_test(test_show_selects_by_name_and_by_label),
		cmocka_unit_test(test_show_says_by_its_exit_code_that_nothing_matched),
		cmocka_unit_test(test_show_json_has_name_labels_type_and_value),
		cmocka_unit_test(test_show_segments_names_the_file_of_each_value),
		cmocka_unit_test(test_watch_prints_a_block_for_each_reading),
		cmocka_unit_test(test_scrape_prints_the_exposition),
		cmocka_unit_test(test_show_sums_up_a_histogram),
		cmocka_unit_test(test_show_segments_computes_the_quantiles_of_a_summary),
		cmocka_unit_test(test_show_has_a_sample_for_each_state_and_names_an_info_as_exposed),
		cmocka_unit_test(test_watch_shows_counts_means_and_quantiles),
		cmocka_unit_test(test_describe_tells_buckets_quantiles_states_and_times),
		cmocka_unit_test(test_dump_prints_buckets_lists_and_exemplars),
		cmocka_unit_test(test_ls_marks_the_running_process),
		cmocka_unit_test(test_describe_explains_a_metric_by_either_name),
		cmocka_unit_test(test_verify_has_no_findings_in_a_real_segment),
		cmocka_unit_test(test_every_command_has_its_help),
		cmocka_unit_test(test_wrong_usage_is_named_with_a_remedy),
		cmocka_unit_test(test_a_reader_that_leaves_ends_it_quietly),
		cmocka_unit_test(test_a_full_disk_is_a_failure),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
