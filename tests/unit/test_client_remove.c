/* SPDX-License-Identifier: MIT */
/* Removal: the series goes, its late updates harm nobody, and its cell serves another only when nobody can write to it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <mstat/mstat.h>

#include "child.h"
#include "view.h"

#include <pthread.h>

static int remove_one(mstat_counter_family *family, const char *value)
{
	return mstat_remove(&family->family, &value, 1);
}

MSTAT_COUNTER(things, "things", "Things.", "name");

CHILD_TEST(test_removed_series_is_not_seen_and_late_updates_are_dropped)
{
	mstat_counter *a = mstat_counter_with(&things, "a"), *b = mstat_counter_with(&things, "b");
	mstat_add(a, 5);
	mstat_add(b, 7);
	errno = E2BIG;
	check_equal(remove_one(&things, "a"), 1);
	check_equal(remove_one(&things, "a"), 0);
	check_equal(remove_one(&things, "never there"), 0);
	check_equal(errno, E2BIG);
	mstat_add(a, 100);
	check_equal(view_series(child_directory, "things"), 1);
	check_equal(view_sum_u64(child_directory, "things"), 7);
	check_equal(view_rows(child_directory).sinks, 100);
}

CHILD_TEST(test_removal_before_any_lookup_removes_nothing)
{
	check_equal(remove_one(&things, "a"), 0);
	mstat_inc(mstat_counter_with(&things, "a"));
	check_equal(remove_one(&things, "b"), 0);
	check_equal(view_sum_u64(child_directory, "things"), 1);
}

CHILD_TEST(test_removed_series_asked_for_again_starts_at_zero_and_old_handles_count_again)
{
	mstat_counter *a = mstat_counter_with(&things, "a");
	mstat_add(a, 5);
	check_equal(remove_one(&things, "a"), 1);
	mstat_counter *again = mstat_counter_with(&things, "a");
	mstat_add(again, 2);
	mstat_add(a, 1);
	check_equal(view_u64(child_directory, "things", "a"), 3);
	check_equal(view_series(child_directory, "things"), 1);
}

CHILD_TEST(test_cell_of_a_removed_series_serves_the_next_one_from_zero)
{
	mstat_counter *a = mstat_counter_with(&things, "a");
	mstat_add(a, 5);
	check_equal(remove_one(&things, "a"), 1);
	mstat_counter *b = mstat_counter_with(&things, "b");
	mstat_add(b, 2);
	mstat_add(a, 100);
	check_equal(view_u64(child_directory, "things", "b"), 2);
	struct view_rows rows = view_rows(child_directory);
	check_equal(rows.cpu_rows + rows.shared_rows, 2);
}

CHILD_TEST(test_series_asked_for_again_does_not_share_its_old_cell_with_the_next_owner)
{
	mstat_counter *a = mstat_counter_with(&things, "a");
	mstat_add(a, 5);
	check_equal(remove_one(&things, "a"), 1);
	mstat_counter *b = mstat_counter_with(&things, "b");
	mstat_add(b, 2);
	mstat_counter *again = mstat_counter_with(&things, "a");
	mstat_add(again, 30);
	mstat_add(a, 1); /* the old handle belongs to the same series */
	check_equal(view_u64(child_directory, "things", "a"), 31);
	check_equal(view_u64(child_directory, "things", "b"), 2);
	/* And round again. */
	check_equal(remove_one(&things, "b"), 1);
	mstat_add(mstat_counter_with(&things, "c"), 4);
	mstat_add(mstat_counter_with(&things, "b"), 8);
	check_equal(view_u64(child_directory, "things", "a"), 31);
	check_equal(view_u64(child_directory, "things", "b"), 8);
	check_equal(view_u64(child_directory, "things", "c"), 4);
	check_equal(view_series(child_directory, "things"), 3);
}

static void run_first_life(void)
{
	mstat_add(mstat_counter_with(&things, "a"), 5);
	check_equal(remove_one(&things, "a"), 1);
	mstat_add(mstat_counter_with(&things, "b"), 2);
}

CHILD_TEST(test_adopter_does_not_revive_a_series_in_a_cell_that_was_given_away)
{
	check_fork(run_first_life);
	mstat_add(mstat_counter_with(&things, "a"), 30);
	mstat_add(mstat_counter_with(&things, "b"), 1);
	check_equal(view_segments(child_directory), 1);
	check_equal(view_u64(child_directory, "things", "a"), 30);
	check_equal(view_u64(child_directory, "things", "b"), 3);
}

/* Threads that go on with handles of removed series while their cells change hands. */
#define TURNS 300

static uint64_t stop;
static mstat_counter *late[TURNS];

static void *late_updates(void *context)
{
	(void)context;
	while (!mstat_load_relaxed(&stop))
		for (int i = 0; i < TURNS; i++) {
			mstat_counter *handle = mstat_load_acquire(&late[i]); /* pairs with the release in the test */
			if (handle)
				mstat_add(handle, 1000000);
		}
	return NULL;
}

CHILD_TEST(test_late_updates_by_other_threads_never_reach_the_next_owner_of_a_cell)
{
	pthread_t threads[2];
	char name[32];
	for (int i = 0; i < 2; i++)
		check(!pthread_create(&threads[i], NULL, late_updates, NULL));
	for (int turn = 0; turn < TURNS; turn++) {
		snprintf(name, sizeof(name), "old %d", turn);
		mstat_counter *old = mstat_counter_with(&things, name);
		mstat_store_release(&late[turn], old); /* pairs with the acquire in late_updates() */
		mstat_inc(old);
		check_equal(remove_one(&things, name), 1);
		snprintf(name, sizeof(name), "new %d", turn);
		mstat_add(mstat_counter_with(&things, name), (uint64_t)turn + 1);
	}
	mstat_store_relaxed(&stop, 1);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	for (int turn = 0; turn < TURNS; turn += 37) {
		snprintf(name, sizeof(name), "new %d", turn);
		check_equal(view_u64(child_directory, "things", name), (uint64_t)turn + 1);
	}
	check_equal(view_sum_u64(child_directory, "things"), TURNS * (TURNS + 1) / 2);
	check_equal(view_series(child_directory, "things"), TURNS);
}

/* Two threads remove and revive the same few series: a cell that was given back twice would get two owners. */
#define NAMES 4

static void *remove_and_revive(void *context)
{
	unsigned int random = (unsigned int)(uintptr_t)context;
	for (int i = 0; i < 400; i++) {
		char name[16];
		snprintf(name, sizeof(name), "%d", rand_r(&random) % NAMES);
		if (rand_r(&random) % 2)
			remove_one(&things, name);
		else
			mstat_inc(mstat_counter_with(&things, name));
	}
	return NULL;
}

CHILD_TEST(test_removal_and_revival_by_several_threads_never_give_one_cell_to_two_series)
{
	pthread_t threads[3];
	unsigned int seed = (unsigned int)getpid();
	printf("seed %u\n", seed);
	for (unsigned int i = 0; i < 3; i++)
		check(!pthread_create(&threads[i], NULL, remove_and_revive, (void *)(uintptr_t)(seed + i)));
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	/* Each series gets a power of its own: shared cells would show. */
	uint64_t before[3 * NAMES];
	char name[16];
	for (unsigned int i = 0; i < 3 * NAMES; i++) {
		snprintf(name, sizeof(name), "%u", i);
		mstat_counter_with(&things, name);
	}
	for (unsigned int i = 0; i < 3 * NAMES; i++) {
		snprintf(name, sizeof(name), "%u", i);
		before[i] = view_u64(child_directory, "things", name);
		mstat_add(mstat_counter_with(&things, name), 1ull << (20 + i));
		check_equal(view_u64(child_directory, "things", name) - before[i], 1ull << (20 + i));
	}
	for (unsigned int i = 0; i < 3 * NAMES; i++) {
		snprintf(name, sizeof(name), "%u", i);
		check_equal(view_u64(child_directory, "things", name) - before[i], 1ull << (20 + i));
	}
}

static mstat_counter *inherited;

static void count_in_child(void)
{
	mstat_add(inherited, 10);
	mstat_add(mstat_counter_with(&things, "a"), 10);
}

CHILD_TEST(test_cells_are_not_reused_after_a_fork)
{
	inherited = mstat_counter_with(&things, "a");
	mstat_inc(inherited);
	check_fork(count_in_child);
	check_equal(remove_one(&things, "a"), 1);
	mstat_add(mstat_counter_with(&things, "b"), 3);
	check_fork(count_in_child); /* asks for "a", which comes back */
	check_equal(view_u64(child_directory, "things", "b"), 3);
}

MSTAT_GAUGE(levels, "levels", "Levels.", "name");

CHILD_TEST(test_removed_gauge_is_not_seen_until_it_is_asked_for_again)
{
	const char *value = "a";
	mstat_gauge *a = mstat_gauge_with(&levels, "a");
	mstat_gauge_set(a, 5);
	check_equal(mstat_remove(&levels.family, &value, 1), 1);
	mstat_gauge_set(a, 6);
	check_equal(view_series(child_directory, "levels"), 0);
	mstat_gauge_set(mstat_gauge_with(&levels, "b"), 7);
	mstat_gauge_set(mstat_gauge_with(&levels, "a"), 8);
	check_equal(view_i64(child_directory, "levels", "a"), 8);
	check_equal(view_i64(child_directory, "levels", "b"), 7);
}

/* ---- histograms ---- */

static const struct mstat_buckets narrow = {.scale = 1, MSTAT_BOUNDS(10)};
static const struct mstat_buckets wide = {.scale = 1, MSTAT_BOUNDS(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)};
MSTAT_HISTOGRAM_AS(sizes, &narrow, "sizes", "", "Sizes.", "name");
MSTAT_HISTOGRAM_AS(details, &wide, "details", "", "Details.", "name");
MSTAT_HISTOGRAM_F64_AS(weights, &narrow, "weights", "", "Weights.", "name");

static int remove_named(struct mstat_family *family, const char *value)
{
	return mstat_remove(family, &value, 1);
}

static void histogram_check(const char *family, const char *name, uint64_t count, uint64_t sum)
{
	const struct view_distribution *have = view_distribution(child_directory, family, name);
	check_equal(have->count, count);
	check_equal(have->sum_u64 + (uint64_t)have->sum_f64, sum);
}

CHILD_TEST(test_removed_histogram_is_not_seen_and_late_observations_are_dropped)
{
	mstat_histogram *a = mstat_histogram_with(&sizes, "a");
	mstat_histogram_f64 *w = mstat_histogram_f64_with(&weights, "a");
	mstat_observe(a, 5);
	mstat_observe_f64(w, 5);
	check_equal(remove_named(&sizes.family, "a"), 1);
	check_equal(remove_named(&weights.family, "a"), 1);
	mstat_observe(a, 100);
	mstat_observe_f64(w, 100);
	check_equal(view_series(child_directory, "sizes"), 0);
	check_equal(view_series(child_directory, "weights"), 0);
	mstat_observe(mstat_histogram_with(&sizes, "b"), 7);
	mstat_observe_f64(mstat_histogram_f64_with(&weights, "b"), 7);
	histogram_check("sizes", "b", 1, 7);
	histogram_check("weights", "b", 1, 7);
}

CHILD_TEST(test_removed_histogram_asked_for_again_starts_at_zero)
{
	mstat_histogram *a = mstat_histogram_with(&sizes, "a");
	mstat_observe(a, 5);
	check_equal(remove_named(&sizes.family, "a"), 1);
	mstat_histogram *again = mstat_histogram_with(&sizes, "a");
	check(again == a);
	mstat_observe(again, 20);
	mstat_observe(a, 3);
	histogram_check("sizes", "a", 2, 23);
	check_equal(view_distribution(child_directory, "sizes", "a")->buckets[0], 1);
}

static void cells_published(const struct segment *segment, void *count)
{
	*(uint32_t *)count = segment->header.cells_published;
}

/* Thousands come and go: as many cells as were ever used at once, and each starts with zeros. */
CHILD_TEST(test_cells_of_removed_histograms_serve_others_of_the_same_size)
{
	uint32_t before, after;
	char name[16];
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "%d", i);
		mstat_observe(mstat_histogram_with(&sizes, name), i % 20);
		mstat_observe(mstat_histogram_with(&details, name), i % 20);
		mstat_observe_f64(mstat_histogram_f64_with(&weights, name), i % 20);
		histogram_check("sizes", name, 1, (uint64_t)i % 20);
		histogram_check("details", name, 1, (uint64_t)i % 20);
		histogram_check("weights", name, 1, (uint64_t)i % 20);
		check_equal(remove_named(&sizes.family, name), 1);
		check_equal(remove_named(&details.family, name), 1);
		check_equal(remove_named(&weights.family, name), 1);
		if (i == 2)
			view_first(child_directory, cells_published, &before);
	}
	view_first(child_directory, cells_published, &after);
	check_equal(after, before);
}

static void run_with_histograms(void)
{
	mstat_observe(mstat_histogram_with(&sizes, "a"), 5);
	mstat_observe_f64(mstat_histogram_f64_with(&weights, "a"), 2.5);
	mstat_observe(mstat_histogram_with(&details, "gone"), 3);
	check_equal(remove_named(&details.family, "gone"), 1);
	mstat_observe(mstat_histogram_with(&details, "kept"), 4);
}

CHILD_TEST(test_adopter_goes_on_in_the_histograms_of_a_dead_run)
{
	check_fork(run_with_histograms);
	mstat_observe(mstat_histogram_with(&sizes, "a"), 50);
	mstat_observe_f64(mstat_histogram_f64_with(&weights, "a"), 2.5);
	mstat_observe(mstat_histogram_with(&details, "gone"), 9);
	mstat_observe(mstat_histogram_with(&details, "kept"), 1);
	check_equal(view_segments(child_directory), 1);
	histogram_check("sizes", "a", 2, 55);
	histogram_check("weights", "a", 2, 5);
	histogram_check("details", "gone", 1, 9);
	histogram_check("details", "kept", 2, 5);
	check_equal(view_distribution(child_directory, "sizes", "a")->buckets[0], 1);
	check_equal(view_distribution(child_directory, "sizes", "a")->buckets[1], 1);
}

static void run_with_other_buckets(void)
{
	MSTAT_HISTOGRAM_AS(sizes_before, &wide, "sizes", "", "Other buckets, in the version before.", "name");
	mstat_observe(mstat_histogram_with(&sizes_before, "a"), 5);
}

CHILD_TEST(test_adopter_with_other_buckets_is_told_of_the_conflict)
{
	check_fork(run_with_other_buckets);
	mstat_observe(mstat_histogram_with(&sizes, "a"), 50);
	check_equal(mstat_drops(MSTAT_REASON_CONFLICT), 1);
	histogram_check("sizes", "a", 1, 5);
}

static mstat_histogram *inherited_histogram;

static void observe_in_child(void)
{
	mstat_observe(inherited_histogram, 5);
	mstat_observe(mstat_histogram_with(&sizes, "a"), 6);
	mstat_observe(mstat_histogram_with(&details, "new in the child"), 7);
}

CHILD_TEST(test_children_observe_in_the_histograms_of_their_parent)
{
	inherited_histogram = mstat_histogram_with(&sizes, "a");
	check_fork(observe_in_child);
	mstat_observe(inherited_histogram, 1);
	mstat_observe(mstat_histogram_with(&details, "new in the child"), 1);
	histogram_check("sizes", "a", 3, 12);
	histogram_check("details", "new in the child", 2, 8);
	check_equal(remove_named(&sizes.family, "a"), 1);
	mstat_observe(mstat_histogram_with(&sizes, "b"), 3);
	check_fork(observe_in_child); /* asks for "a", which comes back */
	histogram_check("sizes", "b", 1, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_removed_series_is_not_seen_and_late_updates_are_dropped),
		cmocka_unit_test(test_removal_before_any_lookup_removes_nothing),
		cmocka_unit_test(test_removed_series_asked_for_again_starts_at_zero_and_old_handles_count_again),
		cmocka_unit_test(test_cell_of_a_removed_series_serves_the_next_one_from_zero),
		cmocka_unit_test(test_series_asked_for_again_does_not_share_its_old_cell_with_the_next_owner),
		cmocka_unit_test(test_adopter_does_not_revive_a_series_in_a_cell_that_was_given_away),
		cmocka_unit_test(test_late_updates_by_other_threads_never_reach_the_next_owner_of_a_cell),
		cmocka_unit_test(test_removal_and_revival_by_several_threads_never_give_one_cell_to_two_series),
		cmocka_unit_test(test_cells_are_not_reused_after_a_fork),
		cmocka_unit_test(test_removed_gauge_is_not_seen_until_it_is_asked_for_again),
		cmocka_unit_test(test_removed_histogram_is_not_seen_and_late_observations_are_dropped),
		cmocka_unit_test(test_removed_histogram_asked_for_again_starts_at_zero),
		cmocka_unit_test(test_cells_of_removed_histograms_serve_others_of_the_same_size),
		cmocka_unit_test(test_adopter_goes_on_in_the_histograms_of_a_dead_run),
		cmocka_unit_test(test_adopter_with_other_buckets_is_told_of_the_conflict),
		cmocka_unit_test(test_children_observe_in_the_histograms_of_their_parent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
