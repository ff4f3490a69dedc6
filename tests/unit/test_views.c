/* SPDX-License-Identifier: MIT */
/* Views: what they change about what is exposed, and the exact message of everything that is refused. */
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

#include "collect/views.h"
#include "config.h"
#include "segments_bench.h"

MSTAT_COUNTER(requests, "requests_total", "Requests.", "method", "path");
MSTAT_COUNTER(errors, "errors_total", "Errors.");
MSTAT_GAUGE(depth, "depth", "Depth.", "queue");
MSTAT_GAUGE_AS(highest, MSTAT_MAX, "highest", "", "Highest.", "queue");
MSTAT_HISTOGRAM_AS(size, MSTAT_NATIVE, "size_bytes", "bytes", "Size.", "path");
MSTAT_SUMMARY(latency, "latency_seconds", "Latency.", "path");
MSTAT_COUNTER(reserved, "reserved_total", "Names of the agent's own labels.", "pid", "segment", "service");
MSTAT_INFO(build, "build_info", "Build.", "version");

/* ---- configuration ---------------------------------------------------------------------------------------------- */

static char config_path[] = "/dev/shm/mstat-test-views-XXXXXX";

static int config_make(void **state)
{
	(void)state;
	const int fd = mkstemp(config_path);
	return fd < 0 || close(fd);
}

static int config_remove(void **state)
{
	(void)state;
	return unlink(config_path);
}

static int config_read(const char *text, struct config **config, char **error)
{
	char flag[96];
	FILE *file = fopen(config_path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
	snprintf(flag, sizeof(flag), "--config.file=%s", config_path);
	*error = NULL;
	*config = NULL;
	return config_load(2, (char *[]){(char *)"mstatd", flag, NULL}, config, error);
}

static struct views *views_of(const char *text)
{
	struct config *config;
	char *error;
	if (config_read(text, &config, &error))
		fail_msg("%s", error);
	struct views *views = config->views;
	config->views = NULL;
	config_free(config);
	return views;
}

static void views_set(struct segments_bench *bench, const char *text)
{
	segments_set_views(bench->segments, views_of(text));
}

/* The message without the path; `line` counts from 1. */
static void expect_error(unsigned int line, const char *message, const char *text)
{
	struct config *config;
	char *error, *expected;
	assert_int_not_equal(config_read(text, &config, &error), 0);
	assert_null(config);
	assert_true(asprintf(&expected, "%s:%u: views: %s", config_path, line, message) > 0);
	assert_string_equal(error, expected);
	free(expected);
	free(error);
}

/* ---- programs ---- */

static void serve(void *context)
{
	(void)context;
	mstat_add(mstat_counter_with(&requests, "GET", "/a"), 1);
	mstat_add(mstat_counter_with(&requests, "GET", "/b"), 2);
	mstat_add(mstat_counter_with(&requests, "PUT", "/b"), 4);
	mstat_inc(mstat_counter_with(&errors));
	mstat_gauge_set(mstat_gauge_with(&highest, "one"), 3);
	mstat_gauge_set(mstat_gauge_with(&highest, "two"), 8);
	mstat_observe(mstat_histogram_with(&size, "/a"), 100);
	mstat_observe(mstat_histogram_with(&size, "/b"), 200);
	for (int i = 0; i < 10; i++) {
		mstat_observe_ns(mstat_histogram_with(&latency, "/a"), 1000000);
		mstat_observe_ns(mstat_histogram_with(&latency, "/b"), 9000000);
	}
}

static void serve_and_stay(void *context)
{
	serve(context);
	mstat_gauge_set(mstat_gauge_with(&depth, "one"), 10);
	mstat_gauge_set(mstat_gauge_with(&depth, "two"), 20);
	mstat_info_set(mstat_info_with(&build, "1"));
	pause();
}

/* Waits until its last value is there: the sum of all living ones. */
static pid_t serve_fork(struct segments_bench *bench, const char *service)
{
	struct snapshot_sample sample;
	char text[96];
	snprintf(text, sizeof(text), "build_info{service=\"%s\",version=\"1\"}", service);
	const pid_t pid = worker_fork(bench->scratch, service, serve_and_stay, NULL);
	for (const int64_t end_ms = clock_ms() + WAIT_MS;; usleep(1000)) {
		bench_collect(bench);
		if (bench_find(bench, text, &sample))
			return pid;
		assert_true(clock_ms() < end_ms);
	}
}

static void serve_end(pid_t pid)
{
	kill(pid, SIGKILL);
	process_wait(pid);
}

/* ---- what they change ------------------------------------------------------------------------------------------- */

static void test_labels_that_go_merge_series_by_the_rule_of_the_family(void **state)
{
	struct segments_bench *bench = *state;
	worker_run(bench->scratch, "shop", serve, NULL);
	views_set(bench, "views:\n"
			 "  - match: {name: '.*'}\n"
			 "    labels: {drop: [path, queue]}\n");
	assert_int_equal(bench_value(bench, "requests_total{method=\"GET\",service=\"shop\"}"), 3);
	assert_int_equal(bench_now(bench, "requests_total{method=\"PUT\",service=\"shop\"}"), 4);
	assert_int_equal(bench_samples(bench, "requests_total"), 2);
	assert_int_equal(bench_now(bench, "highest{service=\"shop\"}"), 8);
	assert_int_equal(bench_count(bench, "size_bytes{service=\"shop\"}"), 2);
	assert_int_equal(bench_count(bench, "latency_seconds{service=\"shop\"}"), 20);
	assert_true(fabs(bench_quantile(bench, "latency_seconds{service=\"shop\"}", 0) - 0.001) < 0.00003);
	assert_true(fabs(bench_quantile(bench, "latency_seconds{service=\"shop\"}", 1) - 0.009) < 0.0002);
	/* Folded: the same. */
	assert_int_equal(segments_sweep(bench->segments), 0);
	assert_int_equal(bench_value(bench, "requests_total{method=\"GET\",service=\"shop\"}"), 3);
	assert_int_equal(bench_count(bench, "latency_seconds{service=\"shop\"}"), 20);
	assert_true(fabs(bench_quantile(bench, "latency_seconds{service=\"shop\"}", 1) - 0.009) < 0.0002);
	assert_int_equal(segments_stats(bench->segments)->folded, 1);
}

static void test_labels_are_kept_renamed_and_added(void **state)
{
	struct segments_bench *bench = *state;
	worker_run(bench->scratch, "shop", serve, NULL);
	views_set(bench, "views:\n"
			 "  - match: {name: requests}\n"
			 "    labels: {keep: [method], rename: {method: http_method}, add: {team: 'p\"y'}}\n"
			 "  - match: {name: errors_total}\n"
			 "    labels: {rename: {service: job}}\n"
			 "  - match: {name: highest}\n"
			 "    labels: {drop: [service], add: {queue: all}}\n");
	bench_collect(bench);
	assert_int_equal(bench_now(bench, "requests_total{http_method=\"GET\",service=\"shop\",team=\"p\\\"y\"}"), 3);
	assert_int_equal(bench_samples(bench, "requests_total"), 2);
	assert_int_equal(bench_now(bench, "errors_total{job=\"shop\"}"), 1);
	assert_int_equal(bench_now(bench, "highest{queue=\"all\"}"), 8);
	assert_int_equal(bench_samples(bench, "highest"), 1);
}

static void test_families_are_renamed_and_dropped(void **state)
{
	struct segments_bench *bench = *state;
	worker_run(bench->scratch, "shop", serve, NULL);
	worker_run(bench->scratch, "test-1", serve, NULL);
	views_set(bench, "views:\n"
			 "  - match: {service: 'test-.*'}\n"
			 "    drop: true\n"
			 "  - match: {name: requests_total}\n"
			 "    rename: shop_requests_total\n"
			 "  - match: {name: size_bytes}\n"
			 "    rename: body\n"
			 "  - match: {name: requests}\n"
			 "    drop: true\n");
	bench_collect(bench);
	assert_int_equal(bench_now(bench, "shop_requests_total{method=\"GET\",path=\"/a\",service=\"shop\"}"), 1);
	assert_int_equal(bench_samples(bench, "requests_total"), 0);
	assert_int_equal(bench_samples(bench, "shop_requests_total"), 3);
	assert_int_equal(bench_count(bench, "body{path=\"/a\",service=\"shop\"}"), 1);
	for (size_t i = 0; i < snapshot_family_count(bench->snapshot); i++)
		if (!strcmp(snapshot_family(bench->snapshot, i)->name, "body"))
			assert_string_equal(snapshot_family(bench->snapshot, i)->unit, "");
	assert_int_equal(bench_now(bench, "errors_total{service=\"shop\"}"), 1);
	assert_int_equal(bench_samples(bench, "errors_total"), 1);
	for (int i = 0; i < CATALOG_CONFLICT_COUNT; i++)
		assert_int_equal(builder_conflicts(bench->builder, (enum catalog_conflict)i), 0);
}

/* Of two services one has a view that changes its labels: both are there. */
static void test_view_of_one_service_leaves_the_others_alone(void **state)
{
	static const char *const texts[] = {"one", "two"};
	struct segments_bench *bench = *state;
	char view[128], merged[64], whole[64];
	worker_run(bench->scratch, "one", serve, NULL);
	worker_run(bench->scratch, "two", serve, NULL);
	for (int i = 0; i < 2; i++) {
		snprintf(view, sizeof(view), "views:\n  - match: {service: %s}\n    labels: {drop: [method, path]}\n",
			 texts[i]);
		snprintf(merged, sizeof(merged), "requests_total{service=\"%s\"}", texts[i]);
		snprintf(whole, sizeof(whole), "requests_total{method=\"PUT\",path=\"/b\",service=\"%s\"}",
			 texts[1 - i]);
		views_set(bench, view);
		assert_int_equal(bench_value(bench, merged), 7);
		assert_int_equal(bench_now(bench, whole), 4);
	}
	views_set(bench, "log: {level: info}\n");
	assert_int_equal(bench_value(bench, merged), -1);
	assert_int_equal(bench_samples(bench, "requests_total"), 6);
}

static int schema_of(const struct segments_bench *bench, uint32_t *buckets)
{
	struct snapshot_sample sample;
	assert_true(bench_find(bench, "size_bytes{path=\"/a\",service=\"shop\"}", &sample));
	*buckets = sample.composite->shape->buckets.positive_count;
	return sample.composite->shape->buckets.schema;
}

static void test_exponential_buckets_are_merged_to_a_schema_and_a_number(void **state)
{
	struct segments_bench *bench = *state;
	uint32_t declared, buckets;
	worker_run(bench->scratch, "shop", serve, NULL);
	bench_collect(bench);
	assert_int_equal(schema_of(bench, &declared), 3);
	views_set(bench, "views: [{match: {name: size_bytes}, schema_max: 1}]\n");
	bench_collect(bench);
	assert_int_equal(schema_of(bench, &buckets), 1);
	assert_true(buckets <= declared / 4 + 1);
	assert_int_equal(bench_count(bench, "size_bytes{path=\"/a\",service=\"shop\"}"), 1);
	for (unsigned int max = declared; max; max /= 2) {
		char view[96];
		snprintf(view, sizeof(view), "views: [{match: {name: size_bytes}, buckets_max: %u}]\n", max);
		views_set(bench, view);
		bench_collect(bench);
		int schema = schema_of(bench, &buckets);
		assert_true(buckets <= max || schema == -4);
		assert_true(max < declared || schema == 3);
	}
	views_set(bench, "views: [{match: {name: size_bytes}, schema_max: 5}]\n");
	bench_collect(bench);
	assert_int_equal(schema_of(bench, &buckets), 3);
}

static void test_each_shows_gauges_by_process_and_others_by_segment(void **state)
{
	struct segments_bench *bench = *state;
	char text[128];
	views_set(bench, "views: [{match: {name: 'depth|errors_total|latency_seconds'}, each: true}]\n");
	/* Dead: not shown. */
	worker_run(bench->scratch, "shop", serve, NULL);
	bench_collect(bench);
	assert_int_equal(bench_samples(bench, "errors_total"), 0);
	assert_int_equal(bench_samples(bench, "latency_seconds"), 0);
	assert_int_equal(bench_samples(bench, "requests_total"), 3);
	const pid_t one = serve_fork(bench, "shop"); /* adopts it */
	const pid_t two = worker_fork(bench->scratch, "shop", serve_and_stay, NULL);
	for (const int64_t end_ms = clock_ms() + WAIT_MS; bench_samples(bench, "depth") != 4; bench_collect(bench))
		assert_true(clock_ms() < end_ms);
	snprintf(text, sizeof(text), "depth{pid=\"%d\",queue=\"two\",service=\"shop\"}", (int)two);
	assert_int_equal(bench_now(bench, text), 20);
	snprintf(text, sizeof(text), "errors_total{segment=\"shop.%u.0\",service=\"shop\"}", (unsigned int)geteuid());
	assert_int_equal(bench_now(bench, text), 2);
	snprintf(text, sizeof(text), "errors_total{segment=\"shop.%u.1\",service=\"shop\"}", (unsigned int)geteuid());
	assert_int_equal(bench_now(bench, text), 1);
	assert_int_equal(bench_samples(bench, "latency_seconds"), 4);
	serve_end(two);
	bench_collect(bench);
	assert_int_equal(bench_now(bench, text), -1);
	assert_int_equal(bench_samples(bench, "depth"), 2);
	assert_int_equal(bench_samples(bench, "latency_seconds"), 2);
	serve_end(one);
}

static void add_reserved(void *context)
{
	(void)context;
	mstat_add(mstat_counter_with(&reserved, "p", "s", "v"), 3);
	pause();
}

static void test_labels_named_like_the_agents_own_are_exported(void **state)
{
	struct segments_bench *bench = *state;
	char text[160];
	const pid_t pid = worker_fork(bench->scratch, "shop", add_reserved, NULL);
	for (const int64_t end_ms = clock_ms() + WAIT_MS;
	     bench_value(bench, "reserved_total{exported_service=\"v\",pid=\"p\",segment=\"s\",service=\"shop\"}") != 3;
	     usleep(1000))
		assert_true(clock_ms() < end_ms);
	views_set(bench, "views: [{match: {name: reserved_total}, each: true}]\n");
	snprintf(text, sizeof(text),
		 "reserved_total{exported_segment=\"s\",exported_service=\"v\",pid=\"p\",segment=\"shop.%u.0\","
		 "service=\"shop\"}",
		 (unsigned int)geteuid());
	assert_int_equal(bench_value(bench, text), 3);
	serve_end(pid);
}

/* ---- series_max ---- */

static void add_path(void *context)
{
	mstat_inc(mstat_counter_with(&requests, "GET", context));
}

static void test_series_beyond_the_limit_are_added_to_the_overflow_series(void **state)
{
	struct segments_bench *bench = *state;
	char path[16];
	builder_set_retire_after(bench->builder, 2);
	views_set(bench, "views: [{match: {name: requests_total}, series_max: 3}]\n");
	const pid_t living = serve_fork(bench, "live");
	const uint64_t generation = catalog_generation(bench->catalog);
	for (int i = 0; i < 10; i++) {
		snprintf(path, sizeof(path), "/%d", i);
		worker_run(bench->scratch, "shop", add_path, path);
		worker_run(bench->scratch, "two", add_path, path);
		bench_collect(bench);
	}
	for (int i = 0; i < 12; i++) {
		/* Folded, and references void: the same series are in front. */
		if (i == 3)
			assert_int_equal(segments_sweep(bench->segments), 0);
		if (i == 5)
			serve_end(living);
		bench_collect(bench);
		assert_int_equal(bench_now(bench, "requests_total{method=\"GET\",path=\"/0\",service=\"shop\"}"), 1);
		assert_int_equal(bench_now(bench, "requests_total{method=\"GET\",path=\"/2\",service=\"two\"}"), 1);
		assert_int_equal(bench_now(bench, "requests_total{otel_metric_overflow=\"true\",service=\"shop\"}"), 7);
		assert_int_equal(bench_now(bench, "requests_total{otel_metric_overflow=\"true\",service=\"two\"}"), 7);
	}
	assert_true(catalog_generation(bench->catalog) > generation);
	/* Views that stay what they are forget nothing. */
	views_set(bench, "views: [{match: {name: requests_total}, series_max: 3}]\n");
	assert_int_equal(bench_value(bench, "requests_total{otel_metric_overflow=\"true\",service=\"shop\"}"), 7);
	views_set(bench, "views: [{match: {name: requests_total}, series_max: 5}]\n");
	assert_int_equal(bench_value(bench, "requests_total{otel_metric_overflow=\"true\",service=\"shop\"}"), 5);
	views_set(bench, "views: [{match: {name: requests_total}, series_max: 2}]\n");
	assert_int_equal(bench_value(bench, "requests_total{otel_metric_overflow=\"true\",service=\"shop\"}"), 8);
}

/* ---- reload ---- */

static void test_views_that_change_apply_to_what_is_there_already(void **state)
{
	struct segments_bench *bench = *state;
	const pid_t living = serve_fork(bench, "shop");
	for (int i = 0; i < 5; i++) {
		views_set(bench, "views: [{match: {name: requests_total}, rename: calls_total}]\n");
		assert_int_equal(bench_value(bench, "calls_total{method=\"PUT\",path=\"/b\",service=\"shop\"}"), 4);
		assert_int_equal(bench_samples(bench, "requests_total"), 0);
		assert_true(fabs(bench_quantile(bench, "latency_seconds{path=\"/a\",service=\"shop\"}", 0) - 0.001) <
			    0.00003);
		views_set(bench, "");
		assert_int_equal(bench_value(bench, "requests_total{method=\"PUT\",path=\"/b\",service=\"shop\"}"), 4);
		assert_int_equal(bench_samples(bench, "calls_total"), 0);
	}
	serve_end(living);
}

static void test_equal_views_are_known(void **state)
{
	(void)state;
	struct views *one = views_of("views: [{match: {name: a}, drop: true}]\n");
	struct views *same = views_of("log: {level: warn}\nviews:\n  - match:\n      name: a\n    drop: true # so\n");
	struct views *other = views_of("views: [{match: {name: b}, drop: true}]\n");
	struct views *none = views_of("views: []\n");
	assert_true(views_equal(one, same));
	assert_false(views_equal(one, other));
	assert_false(views_equal(one, none));
	assert_false(views_equal(one, NULL));
	assert_true(views_equal(NULL, NULL));
	views_free(one);
	views_free(same);
	views_free(other);
	views_free(none);
}

/* ---- matching ---- */

static bool matches(const char *match, const char *name, enum metric_type type, const char *service)
{
	char text[256];
	snprintf(text, sizeof(text), "views: [{match: {%s}, drop: true}]\n", match);
	struct views *views = views_of(text);
	bool found = views_find(views, name, type, service) != NULL;
	views_free(views);
	return found;
}

static void test_names_match_as_a_whole_with_or_without_suffix(void **state)
{
	(void)state;
	assert_true(matches("name: jobs", "jobs", METRIC_COUNTER, "shop"));
	assert_true(matches("name: jobs_total", "jobs", METRIC_COUNTER, "shop"));
	assert_false(matches("name: jobs_total", "jobs", METRIC_GAUGE, "shop"));
	assert_true(matches("name: build_info", "build", METRIC_INFO, "shop"));
	assert_false(matches("name: job", "jobs", METRIC_COUNTER, "shop"));
	assert_true(matches("name: 'job.*'", "jobs", METRIC_COUNTER, "shop"));
	assert_false(matches("name: 'job.'", "jobs_done", METRIC_COUNTER, "shop"));
	assert_false(matches("name: 'a|b'", "ab", METRIC_GAUGE, "shop"));
	assert_true(matches("name: 'a|b'", "b", METRIC_GAUGE, "shop"));
	assert_true(matches("service: shop.v2", "a", METRIC_GAUGE, "shop.v2"));
	assert_false(matches("service: shop.v2", "a", METRIC_GAUGE, "shopxv2"));
	assert_false(matches("name: a, service: shop", "a", METRIC_GAUGE, "shop@1001"));
	assert_true(matches("name: a, service: 'shop(@.*)?'", "a", METRIC_GAUGE, "shop@1001"));
	assert_false(matches("name: b, service: shop", "a", METRIC_GAUGE, "shop"));
}

/* ---- what is refused -------------------------------------------------------------------------------------------- */

static void test_errors_of_a_view_name_the_line_and_the_remedy(void **state)
{
	(void)state;
	expect_error(1, "expected a list of entries such as - {match: {name: a}, drop: true}", "views: {}\n");
	expect_error(2,
		     "a view: expected a mapping with some of: match rename labels drop schema_max buckets_max each "
		     "series_max",
		     "views:\n  - drop\n");
	expect_error(3,
		     "colour: unknown key of a view; there are: match rename labels drop schema_max buckets_max each "
		     "series_max",
		     "views:\n  - match: {name: a}\n    colour: red\n");
	expect_error(4, "drop: given twice; remove one",
		     "views:\n  - match: {name: a}\n    drop: true\n    drop: true\n");
	expect_error(2, "match is missing; give a name, a service or both", "views:\n  - drop: true\n");
	expect_error(2, "match is missing; give a name, a service or both", "views:\n  - match: {}\n    drop: true\n");
	expect_error(3, "nothing to do; give rename, labels, drop, schema_max, buckets_max, each or series_max",
		     "log: {level: info}\nviews:\n  - match: {name: a}\n");
	expect_error(2, "drop: a family that is dropped has nothing else; remove the other keys",
		     "views:\n  - {match: {name: a}, drop: true, each: true}\n");
	expect_error(2, "drop: expected true; remove the key where it is not",
		     "views:\n  - {match: {name: a}, drop: false}\n");
	expect_error(2, "rename: needs a match of one name that is no pattern",
		     "views:\n  - {match: {name: 'a.*'}, rename: b}\n");
	expect_error(2, "rename: needs a match of one name that is no pattern",
		     "views:\n  - {match: {service: a}, rename: b}\n");
	expect_error(2, "rename: expected a metric name: letters, digits, _ and :",
		     "views:\n  - {match: {name: a}, rename: 1b}\n");
	expect_error(2, "host: unknown key of match; there are: name service",
		     "views:\n  - {match: {host: a}, drop: true}\n");
	expect_error(2, "name: \"\": expected a text that is not empty",
		     "views:\n  - {match: {name: ''}, drop: true}\n");
	expect_error(2, "service: expected a text or pattern", "views:\n  - {match: {service: [a]}, drop: true}\n");
	expect_error(2, "schema_max: expected a whole number from -4 to 8",
		     "views:\n  - {match: {name: a}, schema_max: 9}\n");
	expect_error(2, "schema_max: expected a whole number from -4 to 8",
		     "views:\n  - {match: {name: a}, schema_max: 1.5}\n");
	expect_error(2, "buckets_max: expected a whole number from 1 to 16384",
		     "views:\n  - {match: {name: a}, buckets_max: 0}\n");
	expect_error(2, "series_max: expected a whole number from 1 to 16777216",
		     "views:\n  - {match: {name: a}, series_max: [1]}\n");
}

static void test_errors_of_a_views_labels_name_the_line_and_the_remedy(void **state)
{
	(void)state;
	expect_error(3, "drop: expected a list of label names: [a, b]",
		     "views:\n  - match: {name: a}\n    labels: {drop: a}\n");
	expect_error(2, "drop: the list is empty; remove the key",
		     "views:\n  - {match: {name: a}, labels: {drop: []}}\n");
	expect_error(5, "keep: a-b is no label name; expected letters, digits and _",
		     "views:\n  - match: {name: a}\n    labels:\n      keep:\n      - a-b\n");
	expect_error(2, "labels: keep and drop exclude each other; remove one",
		     "views:\n  - {match: {name: a}, labels: {keep: [a], drop: [b]}}\n");
	expect_error(2, "rename: expected a mapping: {a: b}",
		     "views:\n  - {match: {name: a}, labels: {rename: [a]}}\n");
	expect_error(2, "rename: 1 is no label name; expected letters, digits and _",
		     "views:\n  - {match: {name: a}, labels: {rename: {a: 1}}}\n");
	expect_error(2, "rename: the mapping is empty; remove the key",
		     "views:\n  - {match: {name: a}, labels: {rename: {}}}\n");
	expect_error(2, "add: b is given twice; remove one",
		     "views:\n  - {match: {name: a}, labels: {add: {b: c, b: d}}}\n");
	expect_error(2, "add: b: expected a text that is not empty",
		     "views:\n  - {match: {name: a}, labels: {add: {b: ''}}}\n");
	expect_error(2, "nothing to do; give rename, labels, drop, schema_max, buckets_max, each or series_max",
		     "views:\n  - {match: {name: a}, labels: {}}\n");
}

static void test_bad_patterns_are_refused_with_their_place(void **state)
{
	(void)state;
	struct config *config;
	char *error;
	assert_int_not_equal(config_read("views:\n  - {match: {name: 'a('}, drop: true}\n", &config, &error), 0);
	assert_non_null(strstr(error, ":2: views: name: \"a(\": not a regular expression: "));
	free(error);
}

/* Every beginning of a good file is taken or refused, never a crash or a leak (seen under ASan). */
static void test_views_survive_truncation_anywhere(void **state)
{
	(void)state;
	static const char text[] =
		"views:\n- match: {name: 'a.*', service: b}\n  labels: {keep: [a], rename: {a: b}, "
		"add: {c: d}}\n  series_max: 7\n- {match: {name: a}, rename: b}\nlog: {level: info}\n";
	char beginning[sizeof(text)] = "";
	for (size_t len = 0; len < sizeof(text); len++) {
		struct config *config;
		char *error;
		memcpy(beginning, text, len);
		if (config_read(beginning, &config, &error)) {
			assert_non_null(strstr(error, config_path));
			free(error);
		} else {
			config_free(config);
		}
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_labels_that_go_merge_series_by_the_rule_of_the_family),
		TEST(test_labels_are_kept_renamed_and_added),
		TEST(test_families_are_renamed_and_dropped),
		TEST(test_view_of_one_service_leaves_the_others_alone),
		TEST(test_exponential_buckets_are_merged_to_a_schema_and_a_number),
		TEST(test_each_shows_gauges_by_process_and_others_by_segment),
		TEST(test_labels_named_like_the_agents_own_are_exported),
		TEST(test_series_beyond_the_limit_are_added_to_the_overflow_series),
		TEST(test_views_that_change_apply_to_what_is_there_already),
		cmocka_unit_test(test_equal_views_are_known),
		cmocka_unit_test(test_names_match_as_a_whole_with_or_without_suffix),
		cmocka_unit_test(test_errors_of_a_view_name_the_line_and_the_remedy),
		cmocka_unit_test(test_errors_of_a_views_labels_name_the_line_and_the_remedy),
		cmocka_unit_test(test_bad_patterns_are_refused_with_their_place),
		cmocka_unit_test(test_views_survive_truncation_anywhere),
	};
	return cmocka_run_group_tests(tests, config_make, config_remove);
}
