/* SPDX-License-Identifier: MIT */
/* mstat ps as its users run it, on a real segment of libmstat. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <mstat/atomic.h>
#include <mstat/mstat.h>

#include "inspector.h"

MSTAT_COUNTER(requests, "http_requests_total", "HTTP requests served.", "method");

static char good[64]; /* a directory with the segment of this very process */
static char empty[64];
static pthread_t counter;
static int stop;

/* What is busy while the inspector looks. */
static void *count(void *context)
{
	(void)context;
	while (!mstat_load_relaxed(&stop)) {
		mstat_inc(mstat_counter_with(&requests, "GET"));
		usleep(1000);
	}
	return NULL;
}

static int group_setup(void **state)
{
	(void)state;
	inspector_find();
	directory_make(good);
	directory_make(empty);
	struct mstat_options options = {.size = sizeof(options), .service = "shop", .directory = good};
	assert_int_equal(mstat_open(&options), 0);
	mstat_add(mstat_counter_with(&requests, "POST"), 3);
	return pthread_create(&counter, NULL, count, NULL);
}

static int group_teardown(void **state)
{
	(void)state;
	mstat_store_relaxed(&stop, 1);
	pthread_join(counter, NULL);
	directory_remove(good);
	directory_remove(empty);
	return 0;
}

static void test_ps_shows_the_process_and_its_busiest_series(void **state)
{
	(void)state;
	char pid[32];
	snprintf(pid, sizeof(pid), "%d ", (int)getpid());
	struct outcome outcome = run("ps", "--interval", "100ms", "--dir", good);
	assert_int_equal(outcome.code, 0);
	assert_contains(outcome.out, "BUSIEST\n");
	assert_contains(outcome.out, "shop ");
	assert_contains(outcome.out, pid);
	assert_contains(outcome.out, "/s http_requests_total{method=\"GET\",service=\"shop\"}\n");
	assert_lacks(outcome.out, "POST");
	assert_string_equal(outcome.err, "");
	outcome_free(&outcome);
}

static void test_ps_json_has_the_figures_of_the_process(void **state)
{
	(void)state;
	struct outcome outcome = run("ps", "--json", "--interval", "50ms", "--dir", good, "shop");
	assert_int_equal(outcome.code, 0);
	json_t *array = json_loads(outcome.out, 0, NULL);
	assert_int_equal(json_array_size(array), 1);
	const json_t *service = json_array_get(array, 0);
	assert_string_equal(json_string_value(json_object_get(service, "service")), "shop");
	const json_t *process = json_array_get(json_object_get(service, "processes"), 0);
	assert_int_equal(json_integer_value(json_object_get(process, "pid")), getpid());
	assert_int_equal(json_integer_value(json_object_get(process, "threads")), 2);
	assert_true(json_integer_value(json_object_get(process, "resident_bytes")) > 100000);
	assert_true(json_integer_value(json_object_get(process, "open_fds")) >= 3);
	assert_true(json_is_real(json_object_get(process, "cpu_percent")));
	json_decref(array);
	outcome_free(&outcome);
}

static void test_ps_says_by_its_exit_code_that_there_is_nobody(void **state)
{
	(void)state;
	struct outcome outcome = run("ps", "--dir", empty);
	assert_int_equal(outcome.code, 1);
	assert_contains(outcome.err, "no live process");
	outcome_free(&outcome);
	outcome = run("ps", "--dir", good, "bank");
	assert_int_equal(outcome.code, 1);
	outcome_free(&outcome);
	assert_outcome(run("ps", "--dir=/nonexistent"), 2, "cannot list the directory /nonexistent");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ps_shows_the_process_and_its_busiest_series),
		cmocka_unit_test(test_ps_json_has_the_figures_of_the_process),
		cmocka_unit_test(test_ps_says_by_its_exit_code_that_there_is_nobody),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
