/* SPDX-License-Identifier: MIT */
/* Filters of a page and service discovery, on a snapshot with services of awkward names. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "expose/discovery.h"
#include "expose/filter.h"
#include "snapshot/builder.h"
#include "snapshot/snapshot.h"

struct fixture {
	struct catalog *catalog;
	struct builder *builder;
	struct snapshot *snapshot;
};

static void add(struct fixture *fixture, const char *name, enum metric_type type, const char *label, const char *value)
{
	const struct label labels[] = {{label, value}, {"a", "b"}};
	const struct family_request request = {.name = name, .type = type};
	assert_int_equal(builder_sample(fixture->builder, &request, labels, label ? 2 : 0,
					(struct number){.type = NUMBER_U64, .u64 = 1}),
			 CATALOG_OK);
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	fixture->catalog = catalog_new(100);
	fixture->builder = builder_new(fixture->catalog);
	builder_begin(fixture->builder);
	add(fixture, "jobs", METRIC_COUNTER, "service", "shop");
	add(fixture, "jobs", METRIC_COUNTER, "service", "we\"ird\\/n\name");
	add(fixture, "jobs", METRIC_COUNTER, "service", "till");
	add(fixture, "load", METRIC_GAUGE, NULL, NULL);
	add(fixture, "build", METRIC_INFO, "service", "shop");
	/* None of these is a service, whatever its text looks like. */
	add(fixture, "decoy", METRIC_GAUGE, "other", ",service=\"fake\"");
	add(fixture, "decoy", METRIC_GAUGE, "other", ",service=");
	add(fixture, "decoy", METRIC_GAUGE, "my_service", "fake");
	add(fixture, "decoy", METRIC_GAUGE, "z", "{service=\"fake\\");
	fixture->snapshot = builder_freeze(fixture->builder);
	*state = fixture;
	return fixture->snapshot ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	snapshot_unref(fixture->snapshot);
	builder_free(fixture->builder);
	catalog_free(fixture->catalog);
	free(fixture);
	return 0;
}

static char *render(const struct fixture *fixture, const struct filter *filter)
{
	const struct format_options options = {.format = FORMAT_TEXT, .filter = filter_format(filter)};
	char *body, *text;
	size_t len;
	assert_int_equal(format_render(fixture->snapshot, &options, &body, &len), 0);
	text = strndup(body, len);
	free(body);
	return text;
}

static void assert_rendered(const struct fixture *fixture, const struct filter *filter, const char *expected)
{
	char *text = render(fixture, filter);
	assert_string_equal(text, expected);
	free(text);
}

static void test_filter_passes_families_by_their_own_and_their_exposed_name(void **state)
{
	struct fixture *fixture = *state;
	struct filter *filter = filter_new();
	assert_int_equal(filter_add_name(filter, "load"), 0);
	assert_rendered(fixture, filter, "# TYPE load gauge\nload 1\n");
	assert_int_equal(filter_add_name(filter, "build_info"), 0);
	assert_rendered(fixture, filter,
			"# TYPE build_info gauge\nbuild_info{a=\"b\",service=\"shop\"} 1\n"
			"# TYPE load gauge\nload 1\n");
	filter_free(filter);
}

static void test_filter_passes_no_family_by_half_a_name(void **state)
{
	struct fixture *fixture = *state;
	static const char *const names[] = {"loa", "load1", "load_total", "jobs_info", "jobs_tota", "", "LOAD"};
	struct filter *filter = filter_new();
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_int_equal(filter_add_name(filter, names[i]), 0);
	assert_rendered(fixture, filter, "");
	filter_free(filter);
}

static void test_filter_counter_is_found_with_and_without_total(void **state)
{
	struct fixture *fixture = *state;
	static const char *const names[] = {"jobs", "jobs_total"};
	for (size_t i = 0; i < 2; i++) {
		struct filter *filter = filter_new();
		assert_int_equal(filter_add_name(filter, names[i]), 0);
		char *text = render(fixture, filter);
		assert_non_null(strstr(text, "jobs_total{a=\"b\",service=\"till\"} 1\n"));
		assert_null(strstr(text, "load"));
		free(text);
		filter_free(filter);
	}
}

static void test_filter_names_have_an_end(void **state)
{
	(void)state;
	struct filter *filter = filter_new();
	for (unsigned i = 0; i < FILTER_NAMES_MAX; i++)
		assert_int_equal(filter_add_name(filter, "a"), 0);
	assert_int_equal(filter_add_name(filter, "a"), -E2BIG);
	filter_free(filter);
}

static void test_filter_service_passes_its_samples_only(void **state)
{
	struct fixture *fixture = *state;
	struct filter *filter = filter_new();
	assert_int_equal(filter_set_service(filter, "shop"), 0);
	assert_false(filter_matched(filter));
	assert_rendered(fixture, filter,
			"# TYPE build_info gauge\nbuild_info{a=\"b\",service=\"shop\"} 1\n"
			"# TYPE jobs_total counter\njobs_total{a=\"b\",service=\"shop\"} 1\n");
	assert_true(filter_matched(filter));
	filter_free(filter);
}

static void test_filter_service_of_an_awkward_name_is_found(void **state)
{
	struct fixture *fixture = *state;
	struct filter *filter = filter_new();
	assert_int_equal(filter_set_service(filter, "we\"ird\\/n\name"), 0);
	assert_rendered(fixture, filter,
			"# TYPE jobs_total counter\njobs_total{a=\"b\",service=\"we\\\"ird\\\\/n\\name\"} 1\n");
	filter_free(filter);
}

static void test_filter_unknown_service_matches_nothing(void **state)
{
	struct fixture *fixture = *state;
	static const char *const names[] = {"fake", "sho", "shopp", "", "shop\""};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct filter *filter = filter_new();
		assert_int_equal(filter_set_service(filter, names[i]), 0);
		assert_rendered(fixture, filter, "");
		assert_false(filter_matched(filter));
		filter_free(filter);
	}
}

static void assert_group(const json_t *group, const char *path, const char *service)
{
	const json_t *labels = json_object_get(group, "labels");
	assert_int_equal(json_array_size(json_object_get(group, "targets")), 1);
	assert_string_equal(json_string_value(json_array_get(json_object_get(group, "targets"), 0)), "[::1]:9466");
	assert_string_equal(json_string_value(json_object_get(labels, "__metrics_path__")), path);
	assert_string_equal(json_string_value(json_object_get(labels, "service")), service);
}

static void test_discovery_lists_each_service_once_with_its_path(void **state)
{
	struct fixture *fixture = *state;
	char *body;
	size_t len;
	assert_int_equal(discovery_render(fixture->snapshot, "[::1]:9466", "/metrics/service/", &body, &len), 0);
	json_t *list = json_loadb(body, len, 0, NULL);
	assert_int_equal(json_array_size(list), 3);
	assert_group(json_array_get(list, 0), "/metrics/service/shop", "shop");
	assert_group(json_array_get(list, 1), "/metrics/service/till", "till");
	assert_group(json_array_get(list, 2), "/metrics/service/we%22ird%5C%2Fn%0Aame", "we\"ird\\/n\name");
	json_decref(list);
	free(body);
}

static void test_discovery_of_many_services_in_any_order_is_whole(void **state)
{
	(void)state;
	struct fixture fixture = {.catalog = catalog_new(20000)};
	char name[32], *body;
	size_t len;
	fixture.builder = builder_new(fixture.catalog);
	builder_begin(fixture.builder);
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "service-%u", i * 7919 % 3000);
		add(&fixture, "one", METRIC_GAUGE, "service", name);
		add(&fixture, "other", METRIC_GAUGE, "service", name);
	}
	fixture.snapshot = builder_freeze(fixture.builder);
	assert_int_equal(discovery_render(fixture.snapshot, "x", "/", &body, &len), 0);
	json_t *list = json_loadb(body, len, 0, NULL);
	assert_int_equal(json_array_size(list), 3000);
	json_decref(list);
	free(body);
	snapshot_unref(fixture.snapshot);
	builder_free(fixture.builder);
	catalog_free(fixture.catalog);
}

static void test_discovery_without_services_is_an_empty_list(void **state)
{
	(void)state;
	struct fixture fixture = {.catalog = catalog_new(10)};
	char *body;
	size_t len;
	fixture.builder = builder_new(fixture.catalog);
	builder_begin(fixture.builder);
	fixture.snapshot = builder_freeze(fixture.builder);
	assert_int_equal(discovery_render(fixture.snapshot, "x", "/", &body, &len), 0);
	assert_int_equal(len, 2);
	assert_memory_equal(body, "[]", 2);
	free(body);
	snapshot_unref(fixture.snapshot);
	builder_free(fixture.builder);
	catalog_free(fixture.catalog);
}

#define FILTER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILTER_TEST(test_filter_passes_families_by_their_own_and_their_exposed_name),
		FILTER_TEST(test_filter_passes_no_family_by_half_a_name),
		FILTER_TEST(test_filter_counter_is_found_with_and_without_total),
		FILTER_TEST(test_filter_names_have_an_end),
		FILTER_TEST(test_filter_service_passes_its_samples_only),
		FILTER_TEST(test_filter_service_of_an_awkward_name_is_found),
		FILTER_TEST(test_filter_unknown_service_matches_nothing),
		FILTER_TEST(test_discovery_lists_each_service_once_with_its_path),
		FILTER_TEST(test_discovery_of_many_services_in_any_order_is_whole),
		FILTER_TEST(test_discovery_without_services_is_an_empty_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
