/* SPDX-License-Identifier: MIT */
/* The reader says what is wrong with a segment, and where; what it merely does not know it skips. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <byteswap.h>
#include <fcntl.h>
#include <unistd.h>

#include "segment/private.h"
#include "segment_fixture.h"

static const struct image_family hits_family = {
	.name = "hits", .kind = MSTAT_SHM_COUNTER, .value = MSTAT_SHM_U64, .labels = {"path"}};

#define HEADER_AT(field) offsetof(struct mstat_shm_header, field)

static void assert_refused(struct segment_fixture *fixture, enum segment_refusal refusal, uint64_t offset)
{
	segment_free(fixture->segment);
	fixture->segment = segment_new(fixture->name);
	fixture_read(fixture);
	assert_string_equal(segment_refusal_label(fixture->segment->refusal), segment_refusal_label(refusal));
	assert_int_equal(fixture->segment->state, refusal ? refusal_state(refusal) : SEGMENT_DEAD);
	assert_int_equal(fixture->segment->refusal_offset, offset);
}

static void test_reader_names_what_is_wrong_with_a_header(void **state)
{
	struct segment_fixture *fixture = *state;
	struct mstat_shm_header *header = fixture->image.header;
	const struct mstat_shm_header good = *header;

	header->magic++;
	assert_refused(fixture, SEGMENT_REFUSED_MAGIC, HEADER_AT(magic));
	header->magic = bswap_64(MSTAT_SHM_MAGIC);
	assert_refused(fixture, SEGMENT_REFUSED_BYTE_ORDER, HEADER_AT(magic));
	*header = good;
	header->byte_order = 0x04030201;
	assert_refused(fixture, SEGMENT_REFUSED_BYTE_ORDER, HEADER_AT(byte_order));
	*header = good;
	header->major = MSTAT_SHM_MAJOR + 1;
	assert_refused(fixture, SEGMENT_REFUSED_VERSION, HEADER_AT(major));
	assert_string_equal(segment_state_word(fixture->segment->state), "incompatible");
	*header = good;
	header->incompatible = 1;
	assert_refused(fixture, SEGMENT_REFUSED_FLAGS, HEADER_AT(incompatible));
	*header = good;
	header->file_bytes++;
	assert_refused(fixture, SEGMENT_REFUSED_SIZE, HEADER_AT(file_bytes));
	*header = good;
	header->header_bytes = 512;
	assert_refused(fixture, SEGMENT_REFUSED_HEADER, HEADER_AT(header_bytes));
	*header = good;
	header->region_count = MSTAT_SHM_REGION_MAX + 1;
	assert_refused(fixture, SEGMENT_REFUSED_HEADER, HEADER_AT(region_count));
	*header = good;
	header->series_published = header->series_max + 1;
	assert_refused(fixture, SEGMENT_REFUSED_HEADER, HEADER_AT(series_published));
	*header = good;
	header->service_off = 12;
	assert_refused(fixture, SEGMENT_REFUSED_HEADER, HEADER_AT(service_off));
}

static void assert_region_refused(struct segment_fixture *fixture, uint32_t kind)
{
	const struct mstat_shm_region *region = image_region(&fixture->image, kind);
	uint64_t index = (uint64_t)(region - fixture->image.header->regions);
	assert_refused(fixture, SEGMENT_REFUSED_REGION, MSTAT_SHM_REGIONS_OFFSET + index * sizeof(*region));
}

static void test_reader_refuses_regions_whose_numbers_wrap_or_leave_the_file(void **state)
{
	struct segment_fixture *fixture = *state;

	for (uint32_t kind = 1; kind < SEGMENT_REGION_KINDS; kind++) {
		struct mstat_shm_region *region = image_region(&fixture->image, kind);
		const struct mstat_shm_region good = *region;
		const struct mstat_shm_region bad[] = {
			{kind, 1, UINT64_MAX - 7, 16, good.stride, 0},
			{kind, 1, good.offset, UINT64_MAX - 7, good.stride, 0},
			{kind, 1, good.offset + 4, good.bytes, good.stride, 0},
			{kind, 1, 512, good.bytes, good.stride, 0},
			{kind, 1, fixture->image.len, 8, good.stride, 0},
			{kind, 1, good.offset, good.bytes, 0, 0},
			{kind, 1, good.offset, good.bytes, UINT32_MAX - 7, 0},
			{kind, 1, good.offset, good.bytes, good.stride + 4, 0},
		};
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			*region = bad[i];
			assert_region_refused(fixture, kind);
		}
		*region = good;
		region->version = 2;
		segment_free(fixture->segment);
		fixture->segment = segment_new(fixture->name);
		assert_int_equal(fixture_read(fixture), SEGMENT_INCOMPATIBLE);
		*region = good;
	}
}

static void test_reader_refuses_counts_beyond_their_region(void **state)
{
	struct segment_fixture *fixture = *state;
	struct mstat_shm_header *header = fixture->image.header;
	const struct mstat_shm_header good = *header;

	header->cpu_count = UINT32_MAX;
	assert_refused(fixture, SEGMENT_REFUSED_HEADER, HEADER_AT(shared_row_count));
	*header = good;
	header->cpu_count++;
	assert_region_refused(fixture, MSTAT_SHM_REGION_ROW_STATES);
	*header = good;
	header->cell_max++;
	assert_region_refused(fixture, MSTAT_SHM_REGION_ROWS);
	*header = good;
	header->process_max = UINT32_MAX;
	assert_region_refused(fixture, MSTAT_SHM_REGION_PROCESSES);
	*header = good;
	header->series_max = UINT32_MAX;
	assert_region_refused(fixture, MSTAT_SHM_REGION_SERIES);
}

static void test_reader_refuses_a_region_that_is_missing_twice_there_or_over_another(void **state)
{
	struct segment_fixture *fixture = *state;
	struct mstat_shm_header *header = fixture->image.header;
	struct mstat_shm_region *series = image_region(&fixture->image, MSTAT_SHM_REGION_SERIES);
	struct mstat_shm_region *processes = image_region(&fixture->image, MSTAT_SHM_REGION_PROCESSES);
	const struct mstat_shm_region good = *series;

	series->kind = 77;
	assert_refused(fixture, SEGMENT_REFUSED_REGION, MSTAT_SHM_REGIONS_OFFSET);
	*series = good;
	processes->offset = image_region(&fixture->image, MSTAT_SHM_REGION_ROWS)->offset;
	assert_region_refused(fixture, MSTAT_SHM_REGION_PROCESSES);
	processes->offset += image_region(&fixture->image, MSTAT_SHM_REGION_ROWS)->bytes;
	header->regions[header->region_count++] = good;
	image_region(&fixture->image, MSTAT_SHM_REGION_ARENA)->bytes -= good.bytes;
	uint32_t second = header->region_count - 1;
	header->regions[second].offset = fixture->image.len - good.bytes;
	assert_refused(fixture, SEGMENT_REFUSED_REGION,
		       MSTAT_SHM_REGIONS_OFFSET + second * sizeof(struct mstat_shm_region));
}

static void test_reader_skips_unknown_kinds_flags_and_later_minors(void **state)
{
	struct segment_fixture *fixture = *state;
	struct image_limits limits = image_limits_tiny;

	limits.file_bytes = 8192;
	limits.header_bytes = 2048;
	fixture_image(fixture, &limits);
	image_record(&fixture->image, 4711, "anything", 8);
	fixture_fill(fixture);
	fixture->image.header->minor = 9;
	fixture->image.header->compatible = UINT32_MAX;
	fixture->image.header->regions[fixture->image.header->region_count++] =
		(struct mstat_shm_region){.kind = 4711, .version = 3, .offset = 3, .bytes = UINT64_MAX};
	assert_int_equal(fixture_read(fixture), SEGMENT_DEAD);
	assert_int_equal(segment_value(fixture->segment, 0).bits, 42);
}

static uint64_t arena_at(struct segment_fixture *fixture, uint32_t off)
{
	return image_region(&fixture->image, MSTAT_SHM_REGION_ARENA)->offset + off;
}

static void test_reader_refuses_broken_records_at_their_place(void **state)
{
	struct segment_fixture *fixture = *state;
	uint32_t off = image_record(&fixture->image, 99, NULL, 24);
	struct mstat_shm_record *record = image_arena(&fixture->image, off);
	static const uint32_t bad[] = {0, 4, 20, 40, UINT32_MAX - 7};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		record->bytes = bad[i];
		assert_refused(fixture, SEGMENT_REFUSED_RECORD, arena_at(fixture, off));
	}
}

static void test_reader_refuses_strings_that_are_not_clean_utf8(void **state)
{
	struct segment_fixture *fixture = *state;
	uint32_t off = image_string(&fixture->image, "abcdefgh");
	struct mstat_shm_string *string = image_arena(&fixture->image, off);
	char *text = (char *)string + offsetof(struct mstat_shm_string, text);
	static const char *const bad[] = {
		"\xc0\x80", "\xc1\xbf",     "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
		"\xf5\x80", "\x80",         "\xc3",         "\xe2\x82",         "\xf0\x9f\x98", "\xff",
		"\xc3\x28", "\xe2\x28\xa1",
	};
	static const char *const good[] = {"\xc2\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf0\x90\x80\x80",
					   "\xf4\x8f\xbf\xbf"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(text, 0, 8);
		strcpy(text, bad[i]);
		string->len = (uint32_t)strlen(bad[i]);
		assert_refused(fixture, SEGMENT_REFUSED_STRING, arena_at(fixture, off));
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		memset(text, 0, 8);
		strcpy(text, good[i]);
		string->len = (uint32_t)strlen(good[i]);
		assert_refused(fixture, SEGMENT_REFUSED_NONE, 0);
	}
	memcpy(text, "a\0b", 4);
	string->len = 3;
	assert_refused(fixture, SEGMENT_REFUSED_STRING, arena_at(fixture, off));
	string->len = UINT32_MAX;
	assert_refused(fixture, SEGMENT_REFUSED_STRING, arena_at(fixture, off));
}

static void assert_family_refused(struct segment_fixture *fixture, struct image_family family,
				  enum segment_refusal refusal)
{
	fixture_image(fixture, &image_limits_tiny);
	uint32_t off = image_family(&fixture->image, &family);
	assert_refused(fixture, refusal, refusal ? arena_at(fixture, off) : 0);
}

static void test_reader_refuses_families_against_the_rules(void **state)
{
	struct segment_fixture *fixture = *state;
	struct image_family gauge = {.name = "g", .kind = MSTAT_SHM_GAUGE, .value = MSTAT_SHM_I64, .merge = 1};
	static const char *const bad_names[] = {"", "0a", "a-b", "a b", "\xc3\xa4"};
	static const char *const bad_labels[][2] = {{"", NULL}, {"__a", NULL}, {"a:b", NULL},
						    {"b", "a"}, {"a", "a"},    {"1", NULL}};

	assert_family_refused(fixture, gauge, SEGMENT_REFUSED_NONE);
	for (size_t i = 0; i < sizeof(bad_names) / sizeof(bad_names[0]); i++) {
		struct image_family bad = gauge;
		bad.name = bad_names[i];
		assert_family_refused(fixture, bad, SEGMENT_REFUSED_FAMILY_NAME);
	}
	for (size_t i = 0; i < sizeof(bad_labels) / sizeof(bad_labels[0]); i++) {
		struct image_family bad = gauge;
		memcpy(bad.labels, bad_labels[i], sizeof(bad_labels[i]));
		assert_family_refused(fixture, bad, SEGMENT_REFUSED_FAMILY_NAME);
	}
	struct image_family bad = gauge;
	bad.unit = "seconds";
	assert_family_refused(fixture, bad, SEGMENT_REFUSED_FAMILY_NAME);
	bad = gauge;
	bad.kind = 3;
	assert_family_refused(fixture, bad, SEGMENT_REFUSED_FAMILY);
	bad = gauge;
	bad.value = MSTAT_SHM_U64;
	assert_family_refused(fixture, bad, SEGMENT_REFUSED_FAMILY);
	bad = gauge;
	bad.merge = 6;
	assert_family_refused(fixture, bad, SEGMENT_REFUSED_FAMILY);
}

static void test_reader_refuses_series_that_do_not_fit_their_family_or_entry(void **state)
{
	struct segment_fixture *fixture = *state;
	struct segment_image *image = &fixture->image;
	uint32_t family = image_family(image, &hits_family);
	uint32_t series = image_series(image, family, (const char *const[]){"/", NULL});
	struct mstat_shm_series *record = image_series_record(image, series);
	struct mstat_shm_entry *entry = image_entry(image, series);
	uint64_t place = image_region(image, MSTAT_SHM_REGION_SERIES)->offset;
	const struct mstat_shm_series good = *record;
	const struct mstat_shm_entry good_entry = *entry;
	/* family, index, cell, label_count */
	const uint32_t bad[][4] = {
		{family + 8, series, good.cell, 1},
		{family, series + 1, good.cell, 1},
		{family, series, 1, 1},
		{family, series, good.cell + 1, 1},
		{family, series, UINT32_MAX, 1},
		{family, series, good.cell, 0},
		{family, series, good.cell, 2},
		{family, series, good.cell, UINT32_MAX},
	};

	assert_refused(fixture, SEGMENT_REFUSED_NONE, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		*record = (struct mstat_shm_series){good.record, bad[i][0], bad[i][1], bad[i][2], bad[i][3]};
		assert_refused(fixture, SEGMENT_REFUSED_SERIES, place);
	}
	*record = good;
	record->label_values[0] += 8;
	assert_refused(fixture, SEGMENT_REFUSED_SERIES, place);
	record->label_values[0] -= 8;
	const uint32_t bad_records[] = {0, family, good_entry.record + 1, (uint32_t)image->header->arena_published,
					UINT32_MAX - 7};
	for (size_t i = 0; i < sizeof(bad_records) / sizeof(bad_records[0]); i++) {
		entry->record = bad_records[i];
		assert_refused(fixture, SEGMENT_REFUSED_SERIES, place);
	}
	*entry = good_entry;
	entry->state |= 3;
	assert_refused(fixture, SEGMENT_REFUSED_SERIES, place);
}

static void test_reader_refuses_a_file_that_takes_back_what_it_said(void **state)
{
	struct segment_fixture *fixture = *state;
	struct mstat_shm_header *header = fixture->image.header;

	fixture_fill(fixture);
	fixture_read(fixture);
	header->series_published--;
	assert_int_equal(fixture_read(fixture), SEGMENT_CORRUPT);
	assert_int_equal(fixture->segment->refusal, SEGMENT_REFUSED_SHRUNK);
	assert_false(segment_value(fixture->segment, 0).present);
	header->series_published++;
	assert_int_equal(fixture_read(fixture), SEGMENT_DEAD);
	assert_string_equal(segment_labels(fixture->segment, 0)[0], "GET");
	header->uuid[3]++;
	fixture_read(fixture);
	assert_int_equal(fixture->segment->refusal, SEGMENT_REFUSED_SHRUNK);
	header->uuid[3]--;
	memcpy((char *)image_arena(&fixture->image, header->service_off) + 12, "evil", 4);
	segment_drop_strings(fixture->segment);
	segment_want_strings(fixture->segment);
	fixture_read(fixture);
	assert_int_equal(fixture->segment->refusal, SEGMENT_REFUSED_SHRUNK);
	assert_string_equal(fixture->segment->service, "shop");
}

static void test_reader_gives_no_labels_from_a_copy_that_tells_another_story(void **state)
{
	struct segment_fixture *fixture = *state;
	struct mstat_shm_series *record;

	fixture_fill(fixture);
	record = image_series_record(&fixture->image, 0);
	for (int story = 0; story < 4; story++) {
		segment_drop_strings(fixture->segment);
		segment_want_strings(fixture->segment);
		record->label_count -= story == 1;
		record->label_values[1] += story == 2 ? 8 : 0;
		assert_int_equal(fixture_read(fixture), SEGMENT_DEAD);
		const char *const *labels = segment_labels(fixture->segment, 0);
		assert_true((labels != NULL) == (story == 0 || story == 3));
		record->label_count += story == 1;
		record->label_values[1] -= story == 2 ? 8 : 0;
	}
}

static void test_reader_stays_within_its_budget(void **state)
{
	struct segment_fixture *fixture = *state;
	struct segment_limits limits = segment_limits_default;

	fixture_fill(fixture);
	image_write(&fixture->image, fixture->directory_fd, fixture->name);
	limits.memory_bytes_max = 1000;
	segment_read(fixture->segment, fixture->directory_fd, &limits);
	assert_int_equal(fixture->segment->refusal, SEGMENT_REFUSED_BUDGET);
	limits = segment_limits_default;
	limits.rows_bytes_max = 8;
	segment_read(fixture->segment, fixture->directory_fd, &limits);
	assert_int_equal(fixture->segment->refusal, SEGMENT_REFUSED_BUDGET);
	limits = segment_limits_default;
	limits.series_max = 5;
	segment_read(fixture->segment, fixture->directory_fd, &limits);
	assert_int_equal(fixture->segment->refusal, SEGMENT_REFUSED_BUDGET);
	limits = segment_limits_default;
	limits.file_bytes_max = 4095;
	segment_read(fixture->segment, fixture->directory_fd, &limits);
	assert_int_equal(fixture->segment->refusal, SEGMENT_REFUSED_SIZE);
	limits = segment_limits_default;
	limits.string_bytes_max = 15;
	segment_read(fixture->segment, fixture->directory_fd, &limits);
	assert_int_equal(fixture->segment->refusal, SEGMENT_REFUSED_STRING);
	assert_int_equal(segment_read(fixture->segment, fixture->directory_fd, NULL), SEGMENT_DEAD);
}

/* 1 GiB of holes costs the writer nothing; it must not cost the reader more than its budget. */
static void test_reader_refuses_a_sparse_giant(void **state)
{
	struct segment_fixture *fixture = *state;
	struct mstat_shm_header *header = fixture->image.header;
	const uint64_t giant = 1ull << 30;

	header->file_bytes = giant;
	header->cell_max = header->cells_published = 1u << 26;
	*image_region(&fixture->image, MSTAT_SHM_REGION_ROWS) = (struct mstat_shm_region){
		.kind = MSTAT_SHM_REGION_ROWS, .version = 1, .offset = 6144, .bytes = giant - 6144, .stride = 1u << 29};
	header->cpu_count = 1;
	header->shared_row_count = 0;
	image_write(&fixture->image, fixture->directory_fd, fixture->name);
	int fd = openat(fixture->directory_fd, fixture->name, O_RDWR | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, (off_t)giant), 0);
	close(fd);
	segment_read(fixture->segment, fixture->directory_fd, NULL);
	assert_int_equal(fixture->segment->refusal, SEGMENT_REFUSED_BUDGET);
	assert_true(segment_memory_bytes(fixture->segment) < 1u << 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_reader_names_what_is_wrong_with_a_header),
		TEST(test_reader_refuses_regions_whose_numbers_wrap_or_leave_the_file),
		TEST(test_reader_refuses_counts_beyond_their_region),
		TEST(test_reader_refuses_a_region_that_is_missing_twice_there_or_over_another),
		TEST(test_reader_skips_unknown_kinds_flags_and_later_minors),
		TEST(test_reader_refuses_broken_records_at_their_place),
		TEST(test_reader_refuses_strings_that_are_not_clean_utf8),
		TEST(test_reader_refuses_families_against_the_rules),
		TEST(test_reader_refuses_series_that_do_not_fit_their_family_or_entry),
		TEST(test_reader_refuses_a_file_that_takes_back_what_it_said),
		TEST(test_reader_gives_no_labels_from_a_copy_that_tells_another_story),
		TEST(test_reader_stays_within_its_budget),
		TEST(test_reader_refuses_a_sparse_giant),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
