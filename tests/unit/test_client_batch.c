/* SPDX-License-Identifier: MIT */
/* Several updates in one call, and families that are switched off. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <mstat/mstat.h>

#include "child.h"
#include "view.h"

MSTAT_COUNTER(hits, "shop_hits", "Hits.", "page");
MSTAT_COUNTER_F64(paid, "shop_paid", "Paid.");
MSTAT_GAUGE(depth, "shop_depth", "Depth.");
MSTAT_GAUGE_F64(heat, "shop_heat", "Heat.");
MSTAT_HISTOGRAM(latency, "shop_latency_seconds", "Latency.");
MSTAT_HISTOGRAM_F64(weight, "weight", "Weight.");

CHILD_TEST(test_batch_does_what_its_updates_say_and_passes_over_unknown_ones)
{
	mstat_counter *hit = mstat_counter_with(&hits, "a");
	const struct mstat_update updates[] = {
		{.operation = MSTAT_ADD, .handle = hit, .u64 = 5},
		{.operation = MSTAT_ADD_F64, .handle = mstat_counter_f64_with(&paid), .f64 = 2.5},
		{.operation = MSTAT_SET, .handle = mstat_gauge_with(&depth), .i64 = -9},
		{.operation = (enum mstat_operation)99, .handle = hit, .u64 = 1000},
		{.operation = MSTAT_SET_F64, .handle = mstat_gauge_f64_with(&heat), .f64 = 36.5},
		{.operation = MSTAT_GAUGE_ADD, .handle = mstat_gauge_with(&depth), .i64 = 2},
		{.operation = MSTAT_OBSERVE, .handle = mstat_histogram_with(&latency), .i64 = 7000000},
		{.operation = MSTAT_OBSERVE_F64, .handle = mstat_histogram_f64_with(&weight), .f64 = 0.25},
		{.operation = MSTAT_ADD, .handle = hit, .u64 = 1},
	};
	mstat_batch(updates, sizeof(updates) / sizeof(*updates));
	mstat_batch(NULL, 0);
	check_equal(view_u64(child_directory, "shop_hits", "a"), 6);
	check(view_f64(child_directory, "shop_paid", "") == 2.5);
	check_equal(view_i64(child_directory, "shop_depth", ""), -7);
	check(view_f64(child_directory, "shop_heat", "") == 36.5);
	check_equal(view_distribution(child_directory, "shop_latency_seconds", "")->buckets[1], 1);
	check_equal(view_distribution(child_directory, "shop_latency_seconds", "")->sum_u64, 7000000);
	check(view_distribution(child_directory, "weight", "")->sum_f64 == 0.25);
}

/* ---- switched off ---- */

CHILD_TEST(test_family_that_is_off_drops_updates_without_counting_them)
{
	mstat_counter *before = mstat_counter_with(&hits, "a");
	check(mstat_enabled(&hits));
	mstat_enable(&hits.family, 0);
	check(!mstat_enabled(&hits));
	errno = E2BIG;
	mstat_add(mstat_counter_with(&hits, "a"), 100);
	mstat_add(mstat_counter_with(&hits, "b"), 100);
	mstat_inc(before); /* from before: stays as it is */
	check_equal(errno, E2BIG);
	check_equal(view_sum_u64(child_directory, "shop_hits"), 1);
	check_equal(view_series(child_directory, "shop_hits"), 1);
	check_equal(view_rows(child_directory).sinks, 0);
	mstat_enable(&hits.family, 1);
	mstat_inc(mstat_counter_with(&hits, "b"));
	check_equal(view_sum_u64(child_directory, "shop_hits"), 2);
	struct mstat_status status;
	mstat_status(&status);
	check_equal(status.last_reason, 0);
}

CHILD_TEST(test_every_instrument_can_be_off)
{
	static const char *const states[] = {"a", "b", NULL};
	MSTAT_GAUGE_HISTOGRAM(ages, "ages", "Ages.");
	MSTAT_INFO(build, "build", "Build.");
	MSTAT_STATE_SET(phase, states, "phase", "Phase.");
	struct mstat_family *const families[] = {&hits.family, &paid.family,    &depth.family,
						 &heat.family, &latency.family, &weight.family,
						 &ages.family, &build.family,   &phase.family};
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		mstat_enable(families[i], 0);
	const struct mstat_exemplar exemplar = {.trace_id = (const uint8_t *)"0123456789abcdef"};
	mstat_add(mstat_counter_with(&hits, "a"), 3);
	mstat_add_f64(mstat_counter_f64_with(&paid), 3);
	mstat_gauge_set(mstat_gauge_with(&depth), 3);
	mstat_gauge_add(mstat_gauge_with(&depth), 3);
	mstat_gauge_max(mstat_gauge_with(&depth), 3);
	mstat_gauge_f64_set(mstat_gauge_f64_with(&heat), 3);
	mstat_gauge_f64_min(mstat_gauge_f64_with(&heat), 3);
	for (int64_t value = -1; value < 2; value++) {
		mstat_observe(mstat_histogram_with(&latency), value);
		mstat_observe_f64(mstat_histogram_f64_with(&weight), (double)value);
		mstat_observe_exemplar(mstat_histogram_with(&latency), value, &exemplar);
		mstat_observe_f64_exemplar(mstat_histogram_f64_with(&weight), (double)value, &exemplar);
		mstat_gauge_histogram_add(mstat_gauge_histogram_with(&ages), value);
		mstat_gauge_histogram_remove(mstat_gauge_histogram_with(&ages), value);
	}
	mstat_add_exemplar(mstat_counter_with(&hits, "a"), 3, &exemplar);
	mstat_add_f64_exemplar(mstat_counter_f64_with(&paid), 3, &exemplar);
	mstat_info_set(mstat_info_with(&build));
	mstat_state_set_on(mstat_state_set_with(&phase), 1);
	MSTAT_COUNTER(on, "on", "On.");
	mstat_inc(mstat_counter_with(&on));
	check_equal(view_sum_u64(child_directory, "on"), 1);
	check_equal(view_exemplars(child_directory), 0);
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		check_equal(view_series(child_directory, families[i]->name), 0);
}

static bool disabled_by(const char *patterns, struct mstat_family *family)
{
	setenv("MSTAT_DISABLE", patterns, 1);
	family->disabled = family->asked = 0;
	family->state[0] = 0; /* as before its first use */
	mstat_counter_find((mstat_counter_family *)family, (const char *const[]){"a"}, 1);
	return family->disabled;
}

CHILD_TEST(test_environment_switches_families_off_by_pattern)
{
	static const struct {
		const char *patterns;
		bool disabled;
	} cases[] = {
		{"", false},
		{",", false},
		{",,", false},
		{"shop_hits", true},
		{"shop_hit", false},
		{"shop_hitss", false},
		{"*", true},
		{"shop_*", true},
		{"*_hits", true},
		{"s*p*h*s", true},
		{"*hit", false},
		{"x,shop_hits", true},
		{"shop_hits,x", true},
		{"x,y", false},
		{"x,*", true},
		{"shop**", true},
		{"shop_hits*", true},
		{"*shop_hits", true},
		{"shop_*_hits", false},
		{"shop_hits ", false},
		{"**", true},
		{"shop,hits", false},
		{"*s*,", true},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (disabled_by(cases[i].patterns, &hits.family) != cases[i].disabled) {
			fprintf(stderr, "MSTAT_DISABLE=%s\n", cases[i].patterns);
			check(!"switched as the pattern says");
		}
	/* The program has the last word. */
	mstat_inc(mstat_counter_with(&hits, "a"));
	mstat_enable(&hits.family, 1);
	mstat_inc(mstat_counter_with(&hits, "a"));
	check_equal(view_sum_u64(child_directory, "shop_hits"), 1);
}

/* A program that wants its own patterns must not be stalled by theirs. */
CHILD_TEST(test_pattern_of_many_stars_ends_in_time)
{
	char name[256], pattern[256];
	memset(name, 'a', 255);
	for (int i = 0; i < 254; i++)
		pattern[i] = i % 2 ? 'a' : '*';
	pattern[254] = 'b';
	name[255] = pattern[255] = 0;
	struct mstat_family family = {.name = name,
				      .help = "",
				      .kind = MSTAT_SHM_COUNTER,
				      .value = MSTAT_SHM_U64,
				      .merge = MSTAT_SUM,
				      .label_names = {"a"}};
	check(!disabled_by(pattern, &family));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_batch_does_what_its_updates_say_and_passes_over_unknown_ones),
		cmocka_unit_test(test_family_that_is_off_drops_updates_without_counting_them),
		cmocka_unit_test(test_every_instrument_can_be_off),
		cmocka_unit_test(test_environment_switches_families_off_by_pattern),
		cmocka_unit_test(test_pattern_of_many_stars_ends_in_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
