/* SPDX-License-Identifier: MIT */
/* The bpf collector as a whole: what is on and off, what it costs, what is left when it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "bpf_fixture.h"
#include "child.h"

static void naps_take(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		usleep(1000);
}

/* ---- the collector ---------------------------------------------------------------------------------------------- */

static void test_features_that_are_off_say_so_and_cost_no_program(void **state)
{
	(void)state;
	test_host.options.bpf_process_life = true;
	bpf_start("process_life");
	assert_string_equal(bpf_state("tcp"), "disabled");
	assert_string_equal(bpf_errno("tcp"), "");
	assert_int_equal(host_fixture_count(&test_host, "node_bpf_tcp"), 0);
	assert_int_equal(bpf_descriptors_open("bpf-prog"), 3);
}

static void test_programs_and_descriptors_are_gone_after_the_end(void **state)
{
	(void)state;
	const int programs = bpf_program_count();
	const unsigned descriptors = descriptors_open();
#define BPF_FEATURE(name, ...) test_host.options.bpf_##name = true;
#include "collect/bpf/bpf_features.def"
	bpf_start("run_queue");
	assert_true(descriptors_open() > descriptors);
	host_set_free(test_host.set);
	test_host.set = NULL;
	assert_int_equal(descriptors_open(), descriptors);
	/* The kernel unloads programs a grace period later. */
	for (int i = 0; i < 1000 && programs >= 0 && bpf_program_count() > programs; i++)
		usleep(10000);
	assert_true(bpf_program_count() <= programs);
}

static void test_cost_of_each_program_is_told(void **state)
{
	(void)state;
	static const char series[] = "mstat_bpf_program_runs_total{feature=\"run_queue\",program=\"run\"}";
	test_host.options.bpf_cost = true;
	BPF_START(run_queue);
	if (!host_fixture_has(&test_host, series))
		skip_because("no permission to have the kernel count (CAP_SYS_ADMIN)");
	const double before = bpf_value(series);
	naps_take(20);
	bpf_collect();
	assert_grown(series, before, 20);
	assert_true(bpf_value("mstat_bpf_program_run_seconds_total{feature=\"run_queue\",program=\"run\"}") > 0);
	assert_true(host_fixture_value(&test_host,
				       "mstat_bpf_dropped_total{feature=\"run_queue\",reason=\"memory\"}") == 0);
}

static void test_values_never_go_down_and_collections_leak_no_descriptor(void **state)
{
	(void)state;
	BPF_START(run_queue);
	const unsigned descriptors = descriptors_open();
	double last = 0;
	for (int i = 0; i < 300; i++) {
		bpf_collect();
		assert_grown("node_bpf_run_queue_latency_seconds", last, 0);
		last = bpf_value("node_bpf_run_queue_latency_seconds");
	}
	assert_int_equal(descriptors_open(), descriptors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BPF_TEST(test_features_that_are_off_say_so_and_cost_no_program),
		BPF_TEST(test_programs_and_descriptors_are_gone_after_the_end),
		BPF_TEST(test_cost_of_each_program_is_told),
		BPF_TEST(test_values_never_go_down_and_collections_leak_no_descriptor),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
