/* SPDX-License-Identifier: MIT */
/* The reader is not deceived by a file that changes while it is being read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "segment/private.h"
#include "segment_fixture.h"

static const struct image_family hits_family = {
	.name = "hits", .kind = MSTAT_SHM_COUNTER, .value = MSTAT_SHM_U64, .labels = {"path"}};

/* Changes the file when the reader comes to a place for the n-th time. */
static struct {
	struct segment_fixture *fixture;
	off_t offset;
	int countdown;
	void (*change)(struct segment_fixture *fixture);
	bool stays; /* at every later visit too */
	uint64_t seed;
} hook;

static ssize_t hooked_read(int fd, void *buffer, size_t len, off_t offset)
{
	if (offset == hook.offset && hook.countdown && (!--hook.countdown || (hook.stays && hook.countdown < 2))) {
		hook.change(hook.fixture);
		image_write(&hook.fixture->image, hook.fixture->directory_fd, hook.fixture->name);
		hook.countdown = hook.stays ? 1 : 0;
	}
	return pread(fd, buffer, len, offset);
}

static void hook_set(struct segment_fixture *fixture, uint64_t offset, int visit,
		     void (*change)(struct segment_fixture *fixture), bool stays)
{
	hook.fixture = fixture;
	hook.offset = (off_t)offset;
	hook.countdown = visit;
	hook.change = change;
	hook.stays = stays;
	fixture->segment->private->read_at = hooked_read;
}

static void remove_first(struct segment_fixture *fixture)
{
	image_entry(&fixture->image, 0)->state = 1u << 2 | MSTAT_SHM_STATE_REMOVED;
}

static void reuse_first(struct segment_fixture *fixture)
{
	image_entry(&fixture->image, 0)->state = 2u << 2 | MSTAT_SHM_STATE_LIVE;
}

static void test_reader_skips_series_removed_during_scan(void **state)
{
	struct segment_fixture *fixture = *state;
	uint64_t series_offset = image_region(&fixture->image, MSTAT_SHM_REGION_SERIES)->offset;

	fixture_fill(fixture);
	hook_set(fixture, series_offset, 2, remove_first, false);
	assert_int_equal(fixture_read(fixture), SEGMENT_DEAD);
	assert_false(segment_value(fixture->segment, 0).present);
	assert_true(segment_value(fixture->segment, 2).present);
	hook_set(fixture, series_offset, 2, reuse_first, false);
	image_entry(&fixture->image, 0)->state = 1u << 2 | MSTAT_SHM_STATE_LIVE;
	fixture_read(fixture);
	assert_false(segment_value(fixture->segment, 0).present);
	fixture_read(fixture);
	assert_true(segment_value(fixture->segment, 0).present);
}

static void register_rest(struct segment_fixture *fixture)
{
	fixture->image.header->series_published--;
	uint32_t family = image_family(&fixture->image, &hits_family);
	image_series(&fixture->image, family, (const char *const[]){"/", NULL});
}

static void test_reader_leaves_series_registered_during_scan_for_the_next_one(void **state)
{
	struct segment_fixture *fixture = *state;
	uint64_t series_offset = image_region(&fixture->image, MSTAT_SHM_REGION_SERIES)->offset;

	/* The header is torn: its series_published is newer than its other lengths. */
	fixture_fill(fixture);
	fixture->image.header->series_published++;
	hook_set(fixture, series_offset, 1, register_rest, false);
	assert_int_equal(fixture_read(fixture), SEGMENT_DEAD);
	assert_int_equal(fixture->segment->series_count, 6);
	assert_int_equal(segment_value(fixture->segment, 0).bits, 42);
	assert_int_equal(fixture_read(fixture), SEGMENT_DEAD);
	assert_int_equal(fixture->segment->series_count, 7);
	/* A header that goes on saying so is a lie. */
	fixture_image(fixture, &image_limits_tiny);
	fixture_fill(fixture);
	fixture->image.header->series_published++;
	image_entry(&fixture->image, 6)->record = (uint32_t)fixture->image.header->arena_published;
	segment_free(fixture->segment);
	fixture->segment = segment_new(fixture->name);
	assert_int_equal(fixture_read(fixture), SEGMENT_CORRUPT);
	assert_int_equal(fixture->segment->refusal, SEGMENT_REFUSED_SERIES);
	assert_int_equal(fixture->segment->refusal_offset, series_offset + 6 * sizeof(struct mstat_shm_entry));
}

static void retire_process(struct segment_fixture *fixture)
{
	if ((image_process(&fixture->image, 0)->state & MSTAT_SHM_PROCESS_MASK) != MSTAT_SHM_PROCESS_LIVE)
		return;
	*image_gauge_cell(&fixture->image, 0, 0) = *image_gauge_cell(&fixture->image, 1, 0);
	*image_gauge_cell(&fixture->image, 1, 0) = MSTAT_SHM_GAUGE_UNSET;
	image_process(&fixture->image, 0)->state = 2u << 2 | MSTAT_SHM_PROCESS_FREE;
}

static void test_reader_counts_a_gauge_once_when_its_process_retires_during_scan(void **state)
{
	struct segment_fixture *fixture = *state;
	struct segment_image *image = &fixture->image;
	uint32_t family = image_family(image, &(struct image_family){.name = "g",
								     .kind = MSTAT_SHM_GAUGE,
								     .value = MSTAT_SHM_I64,
								     .merge = MSTAT_SHM_MERGE_SUM});
	uint32_t series = image_series(image, family, (const char *const[]){NULL});
	uint64_t gauges_offset = image_region(image, MSTAT_SHM_REGION_GAUGES)->offset;
	uint64_t slot_row = gauges_offset + image_region(image, MSTAT_SHM_REGION_GAUGES)->stride;

	image_claim(image, 0, 1, 1, 0, 0);
	*image_series_cell(image, 1, series) = mstat_shm_gauge_from_i64(5);
	hook_set(fixture, slot_row, 1, retire_process, false); /* row 0 was copied before: it would be seen nowhere */
	assert_int_equal(fixture_read(fixture), SEGMENT_DEAD);
	assert_int_equal(segment_value(fixture->segment, series).bits, 5);
	assert_int_equal(fixture->segment->process_count, 0);
}

static void flip_process(struct segment_fixture *fixture)
{
	image_process(&fixture->image, 0)->state += 4;
}

static void test_reader_does_not_wait_for_a_process_table_that_never_rests(void **state)
{
	struct segment_fixture *fixture = *state;

	fixture_fill(fixture);
	hook_set(fixture, image_region(&fixture->image, MSTAT_SHM_REGION_PROCESSES)->offset, 1, flip_process, true);
	assert_int_equal(fixture_read(fixture), SEGMENT_DEAD);
	assert_int_equal(fixture->segment->process_count, 2);
}

static void truncate_file(struct segment_fixture *fixture)
{
	fixture->image.len = 2000;
}

static void test_reader_notices_a_truncation_during_scan(void **state)
{
	struct segment_fixture *fixture = *state;

	fixture_fill(fixture);
	image_write(&fixture->image, fixture->directory_fd, fixture->name);
	hook_set(fixture, image_region(&fixture->image, MSTAT_SHM_REGION_ARENA)->offset, 1, truncate_file, false);
	segment_read(fixture->segment, fixture->directory_fd, NULL);
	assert_int_equal(fixture->segment->refusal, SEGMENT_REFUSED_SIZE);
}

static uint64_t random_next(void)
{
	hook.seed ^= hook.seed << 13;
	hook.seed ^= hook.seed >> 7;
	hook.seed ^= hook.seed << 17;
	return hook.seed;
}

/* Every copy lies anew: what was checked a moment ago is different when it is read again. */
static ssize_t lying_read(int fd, void *buffer, size_t len, off_t offset)
{
	ssize_t got = pread(fd, buffer, len, offset);
	unsigned char *bytes = buffer;

	for (uint64_t lies = random_next() % 4; got > 0 && lies; lies--) {
		uint64_t place = random_next() % (uint64_t)got;
		if (offset || place >= 16) /* most lies get past the magic number */
			bytes[place] = random_next() % 2 ? (unsigned char)random_next()
							 : bytes[place] ^ (unsigned char)(1u << random_next() % 8);
	}
	return got;
}

static void test_reader_survives_a_file_that_lies_at_every_read(void **state)
{
	struct segment_fixture *fixture = *state;
	const char *given = getenv("MSTAT_TEST_SEED");

	hook.seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) << 20 | 1;
	print_message("seed: MSTAT_TEST_SEED=%llu\n", (unsigned long long)hook.seed);
	fixture_fill(fixture);
	image_write(&fixture->image, fixture->directory_fd, fixture->name);
	for (int round = 0; round < 2000; round++) {
		struct segment *segment = segment_new(fixture->name);
		for (int i = 0; i < 6; i++) {
			segment->private->read_at = random_next() % 2 ? lying_read : pread;
			segment_read(segment, fixture->directory_fd, NULL);
			assert_in_range(segment->state, SEGMENT_LIVE, SEGMENT_CORRUPT);
			fixture_consume(segment);
			if (random_next() % 2)
				segment_drop_strings(segment);
			if (random_next() % 4 == 0)
				segment_want_strings(segment);
		}
		segment_free(segment);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_reader_skips_series_removed_during_scan),
		TEST(test_reader_leaves_series_registered_during_scan_for_the_next_one),
		TEST(test_reader_counts_a_gauge_once_when_its_process_retires_during_scan),
		TEST(test_reader_does_not_wait_for_a_process_table_that_never_rests),
		TEST(test_reader_notices_a_truncation_during_scan),
		TEST(test_reader_survives_a_file_that_lies_at_every_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
