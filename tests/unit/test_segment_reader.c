/* SPDX-License-Identifier: MIT */
/* The reader understands what a segment says: families, labels, values, processes, growth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "segment_fixture.h"

static const char *const no_labels[] = {NULL};

static const struct image_family requests_family = {.name = "requests",
						    .help = "Requests served.",
						    .kind = MSTAT_SHM_COUNTER,
						    .value = MSTAT_SHM_U64,
						    .labels = {"method", "status"}};

static uint32_t gauge_add(struct segment_fixture *fixture, const char *name, uint8_t value, uint8_t merge,
			  uint8_t flags)
{
	uint32_t family = image_family(
		&fixture->image,
		&(struct image_family){
			.name = name, .kind = MSTAT_SHM_GAUGE, .value = value, .merge = merge, .flags = flags});
	return image_series(&fixture->image, family, no_labels);
}

static int64_t gauge_read(const struct segment_fixture *fixture, uint32_t series)
{
	struct segment_value value = segment_value(fixture->segment, series);
	assert_true(value.present);
	return (int64_t)value.bits;
}

static void test_reader_reads_a_valid_image_exactly(void **state)
{
	struct segment_fixture *fixture = *state;
	const struct segment *segment = fixture->segment;

	fixture_fill(fixture);
	fixture_lock(fixture, MSTAT_SHM_LOCK_TREE);
	assert_int_equal(fixture_read(fixture), SEGMENT_LIVE);
	assert_int_equal(segment->refusal, SEGMENT_REFUSED_NONE);
	assert_string_equal(segment->service, "shop");
	assert_string_equal(segment->version, "1.2.3");
	assert_int_equal(segment->uid, getuid());
	assert_int_equal(segment->file_bytes, 6144);
	assert_int_equal(segment->family_count, 5);
	assert_int_equal(segment->series_count, 6);
	assert_string_equal(segment->families[0].name, "requests");
	assert_string_equal(segment->families[0].help, "Requests served.");
	assert_string_equal(segment->families[0].unit, "");
	assert_int_equal(segment->families[0].label_count, 2);
	assert_string_equal(segment->families[0].label_names[1], "status");
	assert_string_equal(segment->families[1].unit, "seconds");
	assert_int_equal(segment_value(segment, 0).bits, 42);
	assert_true(segment_value(segment, 0).present);
	assert_int_equal(segment_value(segment, 2).bits, bits_of(1.75));
	assert_int_equal(segment->series[0].created_ns, 1700000000000000002ull);
	assert_int_equal(segment->process_count, 2);
	assert_int_equal(segment->processes[1].slot, 2);
	assert_int_equal(segment->processes[1].pid, 7);
}

static void test_reader_sums_u64_rows_modulo_two_to_the_64(void **state)
{
	struct segment_fixture *fixture = *state;
	uint32_t family = image_family(&fixture->image, &requests_family);
	uint32_t series = image_series(&fixture->image, family, (const char *const[]){"GET", "200", NULL});

	*image_series_cell(&fixture->image, 0, series) = UINT64_MAX;
	*image_series_cell(&fixture->image, 1, series) = 3;
	fixture_read(fixture);
	assert_int_equal(segment_value(fixture->segment, series).bits, 2);
}

static void test_reader_adds_only_the_cells_that_a_row_has(void **state)
{
	struct segment_fixture *fixture = *state;
	uint32_t family = image_family(&fixture->image, &requests_family);
	uint32_t low = image_series(&fixture->image, family, (const char *const[]){"GET", "200", NULL});
	uint32_t high = image_series(&fixture->image, family, (const char *const[]){"PUT", "200", NULL});

	for (uint32_t row = 0; row < 3; row++) {
		*image_series_cell(&fixture->image, row, low) = 1;
		*image_series_cell(&fixture->image, row, high) = 1;
	}
	*image_row_state(&fixture->image, 0) = 0;
	*image_row_state(&fixture->image, 1) = MSTAT_SHM_CELL_FIRST + 1;
	*image_row_state(&fixture->image, 2) = UINT64_MAX;
	assert_int_equal(fixture_read(fixture), SEGMENT_DEAD);
	assert_int_equal(segment_value(fixture->segment, low).bits, 2);
	assert_int_equal(segment_value(fixture->segment, high).bits, 1);
}

static void test_reader_gives_label_values_that_stay_until_the_next_read(void **state)
{
	struct segment_fixture *fixture = *state;
	uint32_t family = image_family(&fixture->image, &requests_family);

	image_series(&fixture->image, family, (const char *const[]){"GET", "200", NULL});
	image_series(&fixture->image, family, (const char *const[]){"P\xc3\xbcT", "", NULL});
	image_series(&fixture->image, family, NULL);
	fixture_read(fixture);
	const char *const *first = segment_labels(fixture->segment, 0);
	const char *const *second = segment_labels(fixture->segment, 1);
	assert_string_equal(first[0], "GET");
	assert_string_equal(first[1], "200");
	assert_string_equal(second[0], "P\xc3\xbcT");
	assert_string_equal(second[1], "");
	assert_null(segment_labels(fixture->segment, 2));
	assert_true(fixture->segment->series[2].overflow);
	assert_null(segment_labels(fixture->segment, 3));
}

static void test_reader_shows_an_overflow_series_once_it_was_used(void **state)
{
	struct segment_fixture *fixture = *state;
	uint32_t family = image_family(&fixture->image, &requests_family);
	uint32_t series = image_series(&fixture->image, family, NULL);

	fixture_read(fixture);
	assert_false(segment_value(fixture->segment, series).present);
	*image_series_cell(&fixture->image, 1, series) = 9;
	fixture_read(fixture);
	assert_true(segment_value(fixture->segment, series).present);
	assert_int_equal(segment_value(fixture->segment, series).bits, 9);
}

static void test_reader_parses_only_what_is_new_when_the_segment_grows(void **state)
{
	struct segment_fixture *fixture = *state;
	uint32_t family = image_family(&fixture->image, &requests_family);

	image_series(&fixture->image, family, (const char *const[]){"GET", "200", NULL});
	fixture_read(fixture);
	const char *name = fixture->segment->families[0].name;
	uint32_t other = image_family(
		&fixture->image,
		&(struct image_family){.name = "errors", .kind = MSTAT_SHM_COUNTER, .value = MSTAT_SHM_U64});
	uint32_t series = image_series(&fixture->image, other, no_labels);
	*image_series_cell(&fixture->image, 0, series) = 5;
	assert_int_equal(fixture_read(fixture), SEGMENT_DEAD);
	assert_int_equal(fixture->segment->family_count, 2);
	assert_int_equal(fixture->segment->series_count, 2);
	assert_ptr_equal(fixture->segment->families[0].name, name);
	assert_int_equal(segment_value(fixture->segment, series).bits, 5);
	assert_string_equal(segment_labels(fixture->segment, 0)[0], "GET");
}

static void test_reader_copies_dropped_strings_again_when_the_arena_grows_or_they_are_wanted(void **state)
{
	struct segment_fixture *fixture = *state;
	uint32_t family = image_family(&fixture->image, &requests_family);

	image_series(&fixture->image, family, (const char *const[]){"GET", "200", NULL});
	fixture_read(fixture);
	size_t before = segment_memory_bytes(fixture->segment);
	segment_drop_strings(fixture->segment);
	assert_true(segment_memory_bytes(fixture->segment) < before);
	fixture_read(fixture);
	assert_null(segment_labels(fixture->segment, 0));
	assert_string_equal(fixture->segment->families[0].label_names[0], "method");
	segment_want_strings(fixture->segment);
	fixture_read(fixture);
	assert_string_equal(segment_labels(fixture->segment, 0)[0], "GET");
	segment_drop_strings(fixture->segment);
	image_series(&fixture->image, family, (const char *const[]){"PUT", "201", NULL});
	fixture_read(fixture);
	assert_string_equal(segment_labels(fixture->segment, 0)[1], "200");
	assert_string_equal(segment_labels(fixture->segment, 1)[1], "201");
	assert_int_equal(fixture->segment->family_count, 1);
}

static void test_reader_finds_a_series_whose_record_was_published_long_before_its_entry(void **state)
{
	struct segment_fixture *fixture = *state;
	uint32_t family = image_family(&fixture->image, &requests_family);

	image_series(&fixture->image, family, (const char *const[]){"GET", "200", NULL});
	fixture->image.header->series_published = 0;
	fixture_read(fixture);
	segment_drop_strings(fixture->segment);
	fixture->image.header->series_published = 1;
	assert_int_equal(fixture_read(fixture), SEGMENT_DEAD);
	assert_int_equal(fixture->segment->series_count, 1);
	assert_string_equal(segment_labels(fixture->segment, 0)[0], "GET");
}

static void test_reader_follows_an_entry_to_another_record_of_the_same_index(void **state)
{
	struct segment_fixture *fixture = *state;
	struct segment_image *image = &fixture->image;
	uint32_t family = image_family(image, &requests_family);
	uint32_t first = image_series(image, family, (const char *const[]){"GET", "200", NULL});
	uint32_t second = image_series(image, family, (const char *const[]){"PUT", "200", NULL});

	image->header->series_published = 1;
	fixture_read(fixture);
	segment_drop_strings(fixture->segment);
	image_entry(image, first)->record = image_entry(image, second)->record;
	image_series_record(image, first)->index = first;
	*image_series_cell(image, 0, first) = 77;
	fixture_read(fixture);
	assert_false(fixture->segment->series[first].readable);
	fixture_read(fixture);
	assert_true(fixture->segment->series[first].readable);
	assert_int_equal(segment_value(fixture->segment, first).bits, 77);
	assert_string_equal(segment_labels(fixture->segment, first)[0], "PUT");
}

static void test_reader_starts_anew_when_the_name_leads_to_another_file(void **state)
{
	struct segment_fixture *fixture = *state;

	fixture_fill(fixture);
	fixture_read(fixture);
	assert_int_equal(fixture->segment->series_count, 6);
	fixture_image(fixture, &image_limits_tiny);
	fixture->image.header->uuid[0] = 99;
	image_write(&fixture->image, fixture->directory_fd, "new");
	assert_int_equal(renameat(fixture->directory_fd, "new", fixture->directory_fd, fixture->name), 0);
	assert_int_equal(segment_read(fixture->segment, fixture->directory_fd, NULL), SEGMENT_DEAD);
	assert_int_equal(fixture->segment->series_count, 0);
	assert_int_equal(fixture->segment->header.uuid[0], 99);
}

static void test_reader_says_gone_when_the_name_is_no_more(void **state)
{
	struct segment_fixture *fixture = *state;

	assert_int_equal(segment_read(fixture->segment, fixture->directory_fd, NULL), SEGMENT_GONE);
	fixture_fill(fixture);
	assert_int_equal(fixture_read(fixture), SEGMENT_DEAD);
	unlinkat(fixture->directory_fd, fixture->name, 0);
	assert_int_equal(segment_read(fixture->segment, fixture->directory_fd, NULL), SEGMENT_GONE);
	assert_false(segment_value(fixture->segment, 0).present);
}

static void test_reader_takes_the_lock_for_life(void **state)
{
	struct segment_fixture *fixture = *state;

	fixture_fill(fixture);
	fixture_lock(fixture, MSTAT_SHM_LOCK_TREE);
	assert_int_equal(fixture_read(fixture), SEGMENT_LIVE);
	fixture_unlock(fixture);
	assert_int_equal(fixture_read(fixture), SEGMENT_DEAD);
	assert_int_equal(segment_value(fixture->segment, 0).bits, 42);
	for (uint32_t i = 0; i < fixture->segment->process_count; i++)
		assert_false(fixture->segment->processes[i].live);
}

static void test_reader_assumes_dead_what_the_fold_holds(void **state)
{
	struct segment_fixture *fixture = *state;

	fixture_fill(fixture);
	fixture_lock(fixture, MSTAT_SHM_LOCK_TREE);
	image_write(&fixture->image, fixture->directory_fd, fixture->name);
	assert_int_equal(segment_read_fd(fixture->segment, fixture->lock_fd, NULL, true), SEGMENT_DEAD);
	assert_int_equal(segment_value(fixture->segment, 0).bits, 42);
}

/* Field 22 of /proc/self/stat. */
static uint64_t own_start_ticks(void)
{
	char text[1024] = "";
	FILE *file = fopen("/proc/self/stat", "r");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	const char *field = strrchr(text, ')');
	for (int i = 2; i < 22; i++)
		field = strchr(field + 1, ' ');
	return strtoull(field, NULL, 10);
}

static void test_reader_tells_live_processes_by_lock_or_by_start_time(void **state)
{
	struct segment_fixture *fixture = *state;
	struct stat namespace;
	uint32_t self = (uint32_t)getpid();

	assert_int_equal(stat("/proc/self/ns/pid", &namespace), 0);
	fixture_lock(fixture, MSTAT_SHM_LOCK_TREE);
	fixture_lock(fixture, MSTAT_SHM_LOCK_PROCESS + 1);
	image_claim(&fixture->image, 0, self, 1, 0, MSTAT_SHM_PROCESS_LOCKED);
	image_claim(&fixture->image, 1, self, 1, 0, MSTAT_SHM_PROCESS_LOCKED);
	image_claim(&fixture->image, 2, self, (uint32_t) namespace.st_ino, own_start_ticks(), 0);
	assert_int_equal(fixture_read(fixture), SEGMENT_LIVE);
	assert_false(fixture->segment->processes[0].live);
	assert_true(fixture->segment->processes[1].live);
	assert_true(fixture->segment->processes[2].live);
	image_process(&fixture->image, 2)->start_ticks++;
	image_claim(&fixture->image, 0, UINT32_MAX, (uint32_t) namespace.st_ino, 1, 0);
	image_claim(&fixture->image, 1, UINT32_MAX, (uint32_t) namespace.st_ino + 1, 1, 0);
	fixture_read(fixture);
	assert_false(fixture->segment->processes[0].live);
	assert_true(fixture->segment->processes[1].live);
	assert_false(fixture->segment->processes[2].live);
}

static void test_reader_merges_gauges_by_the_rule_of_their_family(void **state)
{
	struct segment_fixture *fixture = *state;
	struct segment_image *image = &fixture->image;
	uint32_t sum = gauge_add(fixture, "sum", MSTAT_SHM_I64, MSTAT_SHM_MERGE_SUM, 0);
	uint32_t live = gauge_add(fixture, "live", MSTAT_SHM_I64, MSTAT_SHM_MERGE_SUM, MSTAT_SHM_FAMILY_LIVE);
	uint32_t min = gauge_add(fixture, "min", MSTAT_SHM_I64, MSTAT_SHM_MERGE_MIN, 0);
	uint32_t max = gauge_add(fixture, "max", MSTAT_SHM_I64, MSTAT_SHM_MERGE_MAX, 0);
	uint32_t last = gauge_add(fixture, "last", MSTAT_SHM_I64, MSTAT_SHM_MERGE_LAST, 0);
	uint32_t unset = gauge_add(fixture, "unset", MSTAT_SHM_I64, MSTAT_SHM_MERGE_MIN, 0);
	static const int64_t values[] = {100, -7, 20};

	image_claim(image, 0, 1, 1, 0, MSTAT_SHM_PROCESS_LOCKED); /* dead: nobody holds its byte */
	image_claim(image, 2, 1, 1, 0, MSTAT_SHM_PROCESS_LOCKED);
	fixture_lock(fixture, MSTAT_SHM_LOCK_TREE);
	fixture_lock(fixture, MSTAT_SHM_LOCK_PROCESS + 2);
	for (uint32_t i = 0; i < 3; i++) {
		uint32_t row = i + (i == 2); /* the retired values, slot 0, slot 2 */
		for (uint32_t series = sum; series <= last; series++)
			*image_series_cell(image, row, series) = mstat_shm_gauge_from_i64(values[i]);
		image_series_cell(image, row, last)[1] = i == 1 ? 2000 : 1000 + i;
	}
	*image_gauge_cell(image, 2, 0) = mstat_shm_gauge_from_i64(1000000); /* slot 1 is nobody's */
	assert_int_equal(fixture_read(fixture), SEGMENT_LIVE);
	assert_int_equal(gauge_read(fixture, sum), 113);
	assert_int_equal(gauge_read(fixture, live), 20);
	assert_int_equal(gauge_read(fixture, min), -7);
	assert_int_equal(gauge_read(fixture, max), 100);
	assert_int_equal(gauge_read(fixture, last), -7);
	assert_int_equal(segment_value(fixture->segment, last).time_ns, 2000);
	assert_false(segment_value(fixture->segment, unset).present);
}

static void test_reader_keeps_values_of_each_process_apart(void **state)
{
	struct segment_fixture *fixture = *state;
	uint32_t each = gauge_add(fixture, "each", MSTAT_SHM_I64, MSTAT_SHM_MERGE_EACH, 0);

	image_claim(&fixture->image, 0, 11, 1, 0, 0);
	image_claim(&fixture->image, 1, 12, 1, 0, 0);
	*image_series_cell(&fixture->image, 2, each) = mstat_shm_gauge_from_i64(5);
	fixture_read(fixture);
	assert_true(fixture->segment->families[0].live);
	assert_false(segment_value(fixture->segment, each).present);
	assert_false(segment_value_of_process(fixture->segment, each, 0).present);
	assert_int_equal(segment_value_of_process(fixture->segment, each, 1).bits, 5);
	assert_false(segment_value_of_process(fixture->segment, each, 2).present);
}

static void test_reader_lets_nan_lose_against_numbers(void **state)
{
	struct segment_fixture *fixture = *state;
	uint32_t min = gauge_add(fixture, "min", MSTAT_SHM_F64, MSTAT_SHM_MERGE_MIN, 0);
	uint32_t max = gauge_add(fixture, "max", MSTAT_SHM_F64, MSTAT_SHM_MERGE_MAX, 0);
	static const double values[] = {NAN, 2.5, -INFINITY, NAN};

	for (uint32_t row = 0; row < 4; row++) {
		*image_series_cell(&fixture->image, row, min) = mstat_shm_gauge_from_f64(values[row]);
		*image_series_cell(&fixture->image, row, max) = mstat_shm_gauge_from_f64(values[row]);
		if (row)
			image_claim(&fixture->image, row - 1, 1, 1, 0, 0);
	}
	fixture_read(fixture);
	assert_int_equal(segment_value(fixture->segment, min).bits, bits_of(-INFINITY));
	assert_int_equal(segment_value(fixture->segment, max).bits, bits_of(2.5));
}

static void test_reader_skips_removed_series(void **state)
{
	struct segment_fixture *fixture = *state;

	fixture_fill(fixture);
	image_entry(&fixture->image, 0)->state = 1u << 2 | MSTAT_SHM_STATE_REMOVED;
	assert_int_equal(fixture_read(fixture), SEGMENT_DEAD);
	assert_false(fixture->segment->series[0].readable);
	assert_false(segment_value(fixture->segment, 0).present);
	assert_true(segment_value(fixture->segment, 2).present);
}

static void test_reader_keeps_at_most_40_bytes_a_series_besides_strings(void **state)
{
	struct segment_fixture *fixture = *state;
	const uint32_t series_count = 20000;

	fixture_image(fixture, &(struct image_limits){.file_bytes = 8u << 20,
						      .cpu_count = 2,
						      .shared_row_count = 1,
						      .cell_max = series_count + MSTAT_SHM_CELL_FIRST,
						      .series_max = series_count,
						      .process_max = 1,
						      .gauge_cell_max = 1});
	uint32_t family =
		image_family(&fixture->image,
			     &(struct image_family){.name = "many", .kind = MSTAT_SHM_COUNTER, .value = MSTAT_SHM_U64});
	for (uint32_t i = 0; i < series_count; i++)
		*image_series_cell(&fixture->image, 1, image_series(&fixture->image, family, no_labels)) = i;
	assert_int_equal(fixture_read(fixture), SEGMENT_DEAD);
	segment_drop_strings(fixture->segment);
	for (uint32_t i = 0; i < series_count; i++)
		assert_int_equal(segment_value(fixture->segment, i).bits, i);
	/* Besides: the segment itself, and 64 elements to spare in each array. */
	assert_true(segment_memory_bytes(fixture->segment) <= series_count * 40 + 64 * 40 + 4096);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_reader_reads_a_valid_image_exactly),
		TEST(test_reader_sums_u64_rows_modulo_two_to_the_64),
		TEST(test_reader_adds_only_the_cells_that_a_row_has),
		TEST(test_reader_gives_label_values_that_stay_until_the_next_read),
		TEST(test_reader_shows_an_overflow_series_once_it_was_used),
		TEST(test_reader_parses_only_what_is_new_when_the_segment_grows),
		TEST(test_reader_copies_dropped_strings_again_when_the_arena_grows_or_they_are_wanted),
		TEST(test_reader_finds_a_series_whose_record_was_published_long_before_its_entry),
		TEST(test_reader_follows_an_entry_to_another_record_of_the_same_index),
		TEST(test_reader_starts_anew_when_the_name_leads_to_another_file),
		TEST(test_reader_says_gone_when_the_name_is_no_more),
		TEST(test_reader_takes_the_lock_for_life),
		TEST(test_reader_assumes_dead_what_the_fold_holds),
		TEST(test_reader_tells_live_processes_by_lock_or_by_start_time),
		TEST(test_reader_merges_gauges_by_the_rule_of_their_family),
		TEST(test_reader_keeps_values_of_each_process_apart),
		TEST(test_reader_lets_nan_lose_against_numbers),
		TEST(test_reader_skips_removed_series),
		TEST(test_reader_keeps_at_most_40_bytes_a_series_besides_strings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
