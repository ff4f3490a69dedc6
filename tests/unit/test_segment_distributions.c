/* SPDX-License-Identifier: MIT */
/* Histograms, summaries, gauge histograms, state sets and infos as the reader gives them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "segment/private.h"
#include "segment_fixture.h"

enum { REQUESTS, OVERFLOW, BUSY, DEPTH, VERSION, MEMORY, LATENCY, ANSWER, AGES, PHASE, BUILD };

static int setup(void **state)
{
	const int r = fixture_setup(state);
	struct segment_fixture *fixture = *state;
	if (!r) {
		fixture_fill(fixture);
		fixture_fill_shapes(fixture);
	}
	return r;
}

/* Live gauges count while their process lives: that of slot 0, by its lock. */
static void read_live(struct segment_fixture *fixture)
{
	image_claim(&fixture->image, 0, 7, 1, 2, MSTAT_SHM_PROCESS_LOCKED);
	image_write(&fixture->image, fixture->directory_fd, fixture->name);
	fixture_lock(fixture, MSTAT_SHM_LOCK_TREE);
	fixture_lock(fixture, MSTAT_SHM_LOCK_PROCESS);
	assert_int_equal(segment_read(fixture->segment, fixture->directory_fd, NULL), SEGMENT_LIVE);
}

static const struct segment_family *family_of(const struct segment_fixture *fixture, uint32_t series)
{
	return &fixture->segment->families[fixture->segment->series[series].family];
}

static void test_histogram_is_the_sum_of_its_rows(void **state)
{
	struct segment_fixture *fixture = *state;
	assert_int_equal(fixture_read(fixture), SEGMENT_DEAD);
	struct segment_distribution value = segment_distribution(fixture->segment, LATENCY);
	assert_true(value.present);
	assert_int_equal(value.bucket_count, 3);
	assert_int_equal(value.buckets[0], 2);
	assert_int_equal(value.buckets[1], 3);
	assert_int_equal(value.buckets[2], 0);
	assert_int_equal(value.sum, 11000000);
	assert_int_equal(family_of(fixture, LATENCY)->ttl_s, 60);
	assert_int_equal(family_of(fixture, LATENCY)->sums, 1);
	assert_true(family_of(fixture, LATENCY)->buckets->bounds[1] == 0.01);
}

static void test_summary_adds_its_four_sums_and_has_its_quantiles(void **state)
{
	struct segment_fixture *fixture = *state;
	assert_int_equal(fixture_read(fixture), SEGMENT_DEAD);
	struct segment_distribution value = segment_distribution(fixture->segment, ANSWER);
	assert_int_equal(value.bucket_count, 4);
	assert_int_equal(value.buckets[1], 6);
	assert_int_equal(value.sum, bits_of(6));
	const struct segment_family *family = family_of(fixture, ANSWER);
	assert_true(family->item_count == 2 && family->quantiles[0] == 0.5 && family->quantiles[1] == 1);
	assert_true(family->window_s == 600 && family->sums == 4 && family->cells == 8);
}

static void test_kinds_are_asked_by_their_own_function(void **state)
{
	struct segment_fixture *fixture = *state;
	read_live(fixture);
	static const uint32_t numbers[] = {REQUESTS, BUSY, DEPTH, PHASE, BUILD};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		assert_false(segment_distribution(fixture->segment, numbers[i]).present);
	assert_false(segment_value(fixture->segment, LATENCY).present);
	assert_false(segment_value(fixture->segment, ANSWER).present);
	assert_false(segment_value(fixture->segment, AGES).present);
	assert_false(segment_distribution(fixture->segment, 999).present);
	assert_false(segment_value_of_process(fixture->segment, AGES, 0).present);
}

static void test_gauge_histogram_counts_while_its_process_lives(void **state)
{
	struct segment_fixture *fixture = *state;
	assert_int_equal(fixture_read(fixture), SEGMENT_DEAD);
	assert_false(segment_distribution(fixture->segment, AGES).present);
	assert_false(segment_value(fixture->segment, PHASE).present);
	assert_false(segment_value(fixture->segment, BUILD).present);
	read_live(fixture);
	struct segment_distribution value = segment_distribution(fixture->segment, AGES);
	assert_true(value.present);
	assert_int_equal(value.sum, 321);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(value.buckets[i], i + 1);
	assert_int_equal(segment_value(fixture->segment, PHASE).bits, 2);
	assert_string_equal(family_of(fixture, PHASE)->states[1], "down");
	assert_int_equal(segment_value(fixture->segment, BUILD).bits, 1);
}

/* Putting in and taking out are two steps in two cells, and may be seen in another order. */
static void test_gauge_histogram_has_no_bucket_below_zero(void **state)
{
	struct segment_fixture *fixture = *state;
	uint64_t *cells = image_series_cell(&fixture->image, 1, AGES);
	cells[0] = mstat_shm_gauge_from_i64(-5);
	cells[1] = mstat_shm_gauge_from_i64(-1);
	cells[2] = MSTAT_SHM_GAUGE_UNSET;
	read_live(fixture);
	struct segment_distribution value = segment_distribution(fixture->segment, AGES);
	assert_true(value.present);
	assert_int_equal((int64_t)value.sum, -5);
	assert_int_equal(value.buckets[0], 0);
	assert_int_equal(value.buckets[1], 0);
	assert_int_equal(value.buckets[2], 3);
}

static void test_distribution_whose_cells_a_row_lacks_counts_what_there_is(void **state)
{
	struct segment_fixture *fixture = *state;
	uint32_t first = image_series_record(&fixture->image, LATENCY)->cell;
	*image_row_state(&fixture->image, 1) = first + 1; /* the sum, but no bucket */
	assert_int_equal(fixture_read(fixture), SEGMENT_DEAD);
	struct segment_distribution value = segment_distribution(fixture->segment, LATENCY);
	assert_int_equal(value.sum, 11000000);
	assert_int_equal(value.buckets[0] + value.buckets[1], 2);
}

/* ---- refusals ---- */

static void assert_refused(struct segment_fixture *fixture, enum segment_refusal refusal)
{
	segment_free(fixture->segment);
	fixture->segment = segment_new(fixture->name);
	fixture_read(fixture);
	assert_string_equal(segment_refusal_label(fixture->segment->refusal), segment_refusal_label(refusal));
}

static struct mstat_shm_family *record_of(struct segment_fixture *fixture, uint32_t series)
{
	return image_arena(&fixture->image, image_series_record(&fixture->image, series)->family);
}

static void test_reader_refuses_buckets_that_are_none(void **state)
{
	struct segment_fixture *fixture = *state;
	struct mstat_shm_family *family = record_of(fixture, LATENCY);
	struct mstat_shm_buckets *buckets = image_arena(&fixture->image, family->buckets);
	const struct mstat_shm_buckets good = *buckets;
	static const uint32_t offsets[] = {0, 4, 8, 1u << 20, UINT32_MAX, UINT32_MAX - 7};
	const uint32_t right = family->buckets;
	for (size_t i = 0; i < sizeof(offsets) / sizeof(*offsets); i++) {
		family->buckets = offsets[i];
		assert_refused(fixture, SEGMENT_REFUSED_FAMILY);
	}
	family->buckets = right;
	buckets->bound_count = 3; /* more than the record has */
	assert_refused(fixture, SEGMENT_REFUSED_FAMILY);
	*buckets = good;
	buckets->flags = 0;
	assert_refused(fixture, SEGMENT_REFUSED_FAMILY);
	*buckets = good;
	buckets->bounds[0] = 0.01;
	assert_refused(fixture, SEGMENT_REFUSED_FAMILY);
	buckets->bounds[0] = 0.001;
	assert_refused(fixture, SEGMENT_REFUSED_NONE);
	/* More buckets than the series have cells. */
	buckets->flags |= MSTAT_SHM_BUCKETS_EXPONENTIAL;
	buckets->count = 1000;
	assert_refused(fixture, SEGMENT_REFUSED_SERIES);
}

static void test_reader_refuses_lists_that_are_none(void **state)
{
	struct segment_fixture *fixture = *state;
	struct mstat_shm_family *summary = record_of(fixture, ANSWER), *states = record_of(fixture, PHASE);
	struct mstat_shm_list *quantiles = image_arena(&fixture->image, summary->list);
	struct mstat_shm_list *names = image_arena(&fixture->image, states->list);
	const uint64_t half = quantiles->items[0], up = names->items[0];
	static const double bad[] = {-0.1, 1.5, 1};
	for (size_t i = 0; i < 3; i++) {
		quantiles->items[0] = bits_of(bad[i]);
		assert_refused(fixture, SEGMENT_REFUSED_FAMILY);
	}
	quantiles->items[0] = half;
	static const uint32_t counts[] = {0, 3, 65, UINT32_MAX};
	for (size_t i = 0; i < 4; i++) {
		quantiles->count = counts[i];
		assert_refused(fixture, SEGMENT_REFUSED_FAMILY);
		quantiles->count = 2;
		names->count = counts[i];
		assert_refused(fixture, SEGMENT_REFUSED_FAMILY);
		names->count = 2;
	}
	const uint64_t wrong[] = {0, 4, up + 8, UINT64_MAX, up | 1ull << 32, names->items[1], states->list};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		names->items[0] = wrong[i];
		assert_refused(fixture, SEGMENT_REFUSED_FAMILY);
	}
	names->items[0] = up;
	states->list = summary->list; /* numbers, not names */
	assert_refused(fixture, SEGMENT_REFUSED_FAMILY);
}

static void test_reader_refuses_kinds_with_numbers_that_they_do_not_have(void **state)
{
	struct segment_fixture *fixture = *state;
	static const struct {
		uint32_t series;
		uint8_t value;
	} wrong[] = {{LATENCY, MSTAT_SHM_I64},
		     {ANSWER, 0},
		     {AGES, MSTAT_SHM_F64},
		     {PHASE, MSTAT_SHM_F64},
		     {BUILD, MSTAT_SHM_U64}};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct mstat_shm_family *family = record_of(fixture, wrong[i].series);
		const uint8_t right = family->value;
		family->value = wrong[i].value;
		assert_refused(fixture, SEGMENT_REFUSED_FAMILY);
		family->value = right;
	}
	record_of(fixture, BUILD)->merge = MSTAT_SHM_MERGE_EACH;
	assert_refused(fixture, SEGMENT_REFUSED_FAMILY);
	record_of(fixture, BUILD)->merge = MSTAT_SHM_MERGE_MAX;
	record_of(fixture, BUILD)->kind = MSTAT_SHM_STATE_SET + 1;
	assert_refused(fixture, SEGMENT_REFUSED_FAMILY);
}

/* A series costs the writer 16 bytes and a record; all of them naming the same thousands of cells would cost the reader
 * and what comes behind it as many numbers each. */
static const struct image_limits limits_wide = {
	.file_bytes = 4u << 20,
	.cpu_count = 1,
	.shared_row_count = 1,
	.cell_max = 5000,
	.series_max = 4000,
	.process_max = 1,
	.gauge_cell_max = 5000,
};

static void fill_overlapping(struct segment_fixture *fixture, uint8_t kind, uint8_t value)
{
	const struct mstat_shm_buckets buckets = {
		.flags = MSTAT_SHM_BUCKETS_EXPONENTIAL, .schema = 8, .first = 0, .count = 4000, .scale = 1};
	struct segment_image *image = &fixture->image;
	fixture_image(fixture, &limits_wide);
	uint32_t off = image_buckets(image, &buckets, NULL);
	uint32_t family = image_family(image, &(struct image_family){.name = "wide",
								     .kind = kind,
								     .value = value,
								     .merge = MSTAT_SHM_MERGE_SUM,
								     .labels = {"n"},
								     .buckets = off});
	uint32_t *published =
		mstat_shm_kind_in_rows(kind) ? &image->header->cells_published : &image->header->gauge_cells_published;
	uint32_t before = *published, after = 0;
	for (int i = 0; i < 3900; i++) {
		char text[16];
		snprintf(text, sizeof(text), "%d", i);
		*published = before; /* the same cells again */
		image_series(image, family, (const char *const[]){text, NULL});
		after = *published;
	}
	*published = after;
}

static void test_reader_refuses_distributions_that_overlap_by_the_thousand(void **state)
{
	struct segment_fixture *fixture = *state;
	fill_overlapping(fixture, MSTAT_SHM_HISTOGRAM, MSTAT_SHM_U64);
	assert_refused(fixture, SEGMENT_REFUSED_BUDGET);
	fill_overlapping(fixture, MSTAT_SHM_GAUGE_HISTOGRAM, MSTAT_SHM_I64);
	assert_refused(fixture, SEGMENT_REFUSED_SERIES);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_histogram_is_the_sum_of_its_rows),
		TEST(test_summary_adds_its_four_sums_and_has_its_quantiles),
		TEST(test_kinds_are_asked_by_their_own_function),
		TEST(test_gauge_histogram_counts_while_its_process_lives),
		TEST(test_gauge_histogram_has_no_bucket_below_zero),
		TEST(test_distribution_whose_cells_a_row_lacks_counts_what_there_is),
		TEST(test_reader_refuses_buckets_that_are_none),
		TEST(test_reader_refuses_lists_that_are_none),
		TEST(test_reader_refuses_kinds_with_numbers_that_they_do_not_have),
		TEST(test_reader_refuses_distributions_that_overlap_by_the_thousand),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
