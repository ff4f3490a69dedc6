/* SPDX-License-Identifier: MIT */
/* Running collectors, and the process metrics of the agent itself. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "collect/collect.h"
#include "collect/self_process.h"
#include "snapshot/snapshot.h"

struct fixture {
	struct catalog *catalog;
	struct builder *builder;
};

static int setup(void **state)
{
	static struct fixture fixture;
	fixture.catalog = catalog_new(1000);
	fixture.builder = builder_new(fixture.catalog);
	builder_begin(fixture.builder);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	builder_free(fixture->builder);
	catalog_free(fixture->catalog);
	return 0;
}

/* The value of a series by its whole text; fails where there is none. */
static double value_of(const struct snapshot *snapshot, const char *text)
{
	for (size_t i = 0; i < snapshot_sample_count(snapshot); i++) {
		const struct snapshot_sample sample = snapshot_sample(snapshot, i);
		if (sample.text_len != strlen(text) || memcmp(sample.text, text, sample.text_len))
			continue;
		return sample.number.type == NUMBER_F64 ? sample.number.f64 : (double)sample.number.u64;
	}
	fail_msg("no series %s", text);
	return 0;
}

static int calls;

static int collect_badly(struct collector *collector, struct builder *builder)
{
	static const struct family_request family = {.name = "half", .help = "Half.", .type = METRIC_GAUGE};
	assert_ptr_equal(collector->state, &calls);
	calls++;
	collect_sample(builder, &family, NULL, NUMBER_U64_OF(7));
	return -EIO;
}

static int collect_well(struct collector *collector, struct builder *builder)
{
	static const struct family_request family = {.name = "whole", .help = "Whole.", .type = METRIC_GAUGE};
	const struct collect_labels labels = {.names = {"a", "b"}, .values = {"1", NULL}};
	(void)collector;
	calls++;
	collect_sample(builder, &family, &labels, NUMBER_U64_OF(8));
	return 0;
}

static const struct collector_ops bad_ops = {.name = "bad", .help = "", .collect = collect_badly};
static const struct collector_ops good_ops = {.name = "good", .help = "", .collect = collect_well};

static void test_collect_goes_on_after_a_collector_that_fails_and_says_which(void **state)
{
	struct fixture *fixture = *state;
	struct collect collect;
	void *const states[COLLECTOR_COUNT] = {&calls, NULL};
	int error = 0;
	collect_init(&collect, states);
	collect.collectors[COLLECTOR_SEGMENTS].ops = &bad_ops;
	collect.collectors[COLLECTOR_SELF].ops = &good_ops;
	calls = 0;
	const struct collector *failed =
		collect_run(&collect, fixture->builder, &(const struct collect_request){.selection = NULL}, &error);
	assert_int_equal(calls, 2);
	assert_string_equal(failed->ops->name, "bad");
	assert_int_equal(error, -EIO);
	struct snapshot *snapshot = builder_freeze(fixture->builder);
	assert_true(value_of(snapshot, "half") == 7);
	assert_true(value_of(snapshot, "whole{a=\"1\"}") == 8);
	assert_true(value_of(snapshot, "mstat_collector_success{collector=\"bad\"}") == 0);
	assert_true(value_of(snapshot, "mstat_collector_success{collector=\"good\"}") == 1);
	assert_true(value_of(snapshot, "mstat_collector_duration_seconds{collector=\"bad\"}") >= 0);
	assert_true(value_of(snapshot, "mstat_collections_total") == 1);
	snapshot_unref(snapshot);
	collect_fini(&collect);
}

static struct snapshot *process_snapshot(struct builder *builder)
{
	builder_begin(builder);
	assert_int_equal(self_process_collect(builder), 0);
	return builder_freeze(builder);
}

static void test_self_process_tells_what_the_kernel_tells(void **state)
{
	struct fixture *fixture = *state;
	struct snapshot *before = process_snapshot(fixture->builder);
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_true(value_of(before, "process_max_fds{service=\"mstatd\"}") == (double)limit.rlim_cur);
	const double resident = value_of(before, "process_resident_memory_bytes{service=\"mstatd\"}");
	assert_true(resident >= 4096);
	assert_true(value_of(before, "process_virtual_memory_bytes{service=\"mstatd\"}") >= resident);
	const double start = value_of(before, "process_start_time_seconds{service=\"mstatd\"}");
	assert_true(start > 0 && start <= (double)time(NULL) + 1);

	const int fd = open("/", O_PATH | O_CLOEXEC);
	struct snapshot *after = process_snapshot(fixture->builder);
	assert_true(value_of(after, "process_open_fds{service=\"mstatd\"}") ==
		    value_of(before, "process_open_fds{service=\"mstatd\"}") + 1);
	assert_true(value_of(after, "process_start_time_seconds{service=\"mstatd\"}") == start);
	assert_true(value_of(after, "process_cpu_seconds_total{service=\"mstatd\"}") >=
		    value_of(before, "process_cpu_seconds_total{service=\"mstatd\"}"));
	close(fd);
	snapshot_unref(before);
	snapshot_unref(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_collect_goes_on_after_a_collector_that_fails_and_says_which, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_self_process_tells_what_the_kernel_tells, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
