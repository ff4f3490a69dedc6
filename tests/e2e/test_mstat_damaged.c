/* SPDX-License-Identifier: MIT */
/* The inspector on segments that are damaged, double or at odds with each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "inspector.h"
#include "segment_fixture.h"

static char scratch[64]; /* a directory for images */

#define run_scratch(...) run(__VA_ARGS__, "--dir", scratch)

/* Writes an image as SERVICE.UID.0 into the scratch directory; returns its path. */
static const char *image_place(const struct segment_image *image, const char *service)
{
	static char path[160];
	char name[64];
	int fd = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(name, sizeof(name), "%s.%u.0", service, (unsigned)geteuid());
	snprintf(path, sizeof(path), "%s/%s", scratch, name);
	image_write(image, fd, name);
	close(fd);
	return path;
}

static const struct image_family jobs_counter = {.name = "jobs",
						 .help = "Jobs done.",
						 .unit = "",
						 .kind = MSTAT_SHM_COUNTER,
						 .value = MSTAT_SHM_U64,
						 .labels = {"queue"}};
static const struct image_family jobs_gauge = {.name = "jobs",
					       .help = "Jobs done.",
					       .unit = "",
					       .kind = MSTAT_SHM_GAUGE,
					       .value = MSTAT_SHM_I64,
					       .merge = MSTAT_SHM_MERGE_SUM,
					       .labels = {"queue"}};

/* An image with jobs_total{queue="VALUE"} 7. */
static uint32_t image_jobs(struct segment_image *image, const char *queue)
{
	image_init(image, &image_limits_tiny);
	uint32_t family = image_family(image, &jobs_counter);
	uint32_t index = image_series(image, family, (const char *const[]){queue, NULL});
	*image_series_cell(image, 0, index) = 7;
	return family;
}

static int group_setup(void **state)
{
	(void)state;
	inspector_find();
	directory_make(scratch);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	directory_remove(scratch);
	return 0;
}

static int scratch_clear(void **state)
{
	(void)state;
	directory_empty(scratch);
	return 0;
}

static void test_ls_names_the_reason_of_a_refusal(void **state)
{
	(void)state;
	struct segment_image image;
	image_jobs(&image, "mail");
	image.header->magic ^= 1;
	image_place(&image, "broken");
	image_fini(&image);
	assert_outcome(run_scratch("ls"), 1, "corrupt: not a segment: the magic number is missing (offset 0)");
	struct outcome outcome = run_scratch("ls", "--json");
	json_t *array = json_loads(outcome.out, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(json_array_get(array, 0), "reason")), "magic");
	json_decref(array);
	outcome_free(&outcome);
}

static void test_describe_and_verify_find_a_conflict_between_segments(void **state)
{
	(void)state;
	struct segment_image image;
	image_jobs(&image, "mail");
	image_place(&image, "first");
	image_fini(&image);
	image_init(&image, &image_limits_tiny);
	uint32_t family = image_family(&image, &jobs_gauge);
	((struct mstat_shm_family *)image_arena(&image, family))->created_ns++;
	const char *path = image_place(&image, "second");
	image_fini(&image);
	assert_outcome(run_scratch("describe", "jobs"), 1, "  type\n");
	struct outcome outcome = run_scratch("verify");
	assert_int_equal(outcome.code, 1);
	assert_contains(outcome.out, path);
	assert_contains(outcome.out, "family jobs: type not as in the older declaration of");
	outcome_free(&outcome);
}

static void test_verify_finds_a_series_that_is_there_twice(void **state)
{
	(void)state;
	struct segment_image image;
	uint32_t family = image_jobs(&image, "mail");
	uint32_t index = image_series(&image, family, (const char *const[]){"mail", NULL});
	uint32_t record = image_entry(&image, index)->record;
	char expected[256];
	snprintf(expected, sizeof(expected), "%s: offset %llu: the series is there twice: jobs{queue=\"mail\"}",
		 image_place(&image, "twice"),
		 (unsigned long long)image_region(&image, MSTAT_SHM_REGION_ARENA)->offset + record);
	assert_outcome(run_scratch("verify"), 1, expected);
	image_entry(&image, index)->state = MSTAT_SHM_STATE_REMOVED;
	image_place(&image, "twice");
	assert_outcome(run_scratch("verify"), 0, "0 findings");
	image_fini(&image);
}

static void test_verify_finds_a_family_that_is_there_twice(void **state)
{
	(void)state;
	struct segment_image image;
	image_jobs(&image, "mail");
	image_family(&image, &jobs_counter);
	image_place(&image, "twice");
	image_fini(&image);
	assert_outcome(run_scratch("verify"), 1, "the family is there twice: jobs ");
}

/* Everything that has buckets or a list; the series are in the order of fixture_fill_shapes(). */
static void image_shapes(struct segment_image *image)
{
	struct segment_fixture fixture = {0};
	image_init(&fixture.image, &image_limits_tiny);
	fixture_fill_shapes(&fixture);
	*image = fixture.image;
}

static void test_verify_finds_cells_of_two_series(void **state)
{
	(void)state;
	struct segment_image image;
	image_shapes(&image);
	image_place(&image, "shapes");
	assert_outcome(run_scratch("verify"), 0, "0 findings");
	image_series_record(&image, 1)->cell -= 1; /* the summary begins with the last bucket of the histogram */
	image_place(&image, "shapes");
	image_fini(&image);
	assert_outcome(run_scratch("verify"), 1, "cell 11 of answer{} is also one of latency_seconds{}\n");
}

static void test_describe_and_verify_find_other_buckets_and_states(void **state)
{
	(void)state;
	struct segment_image image;
	image_shapes(&image);
	image_place(&image, "first");
	struct mstat_shm_family *family = image_arena(&image, image_series_record(&image, 0)->family);
	((struct mstat_shm_buckets *)image_arena(&image, family->buckets))->bounds[1] = 0.02;
	family->created_ns++;
	family = image_arena(&image, image_series_record(&image, 3)->family);
	((struct mstat_shm_list *)image_arena(&image, family->list))->items[1] = image_string(&image, "off");
	family->created_ns++;
	image_place(&image, "second");
	image_fini(&image);
	assert_outcome(run_scratch("describe", "latency_seconds"), 1, "  buckets\n");
	assert_outcome(run_scratch("verify"), 1, "family latency_seconds: buckets not as in the older declaration of");
	assert_outcome(run_scratch("verify"), 1, "family phase: states not as in the older declaration of");
}

static void test_dump_tells_why_an_exemplar_is_not_believed(void **state)
{
	(void)state;
	struct segment_image image;
	image_shapes(&image);
	struct mstat_shm_exemplar *slot = image_exemplar_slot(&image, 0);
	slot->value++;
	assert_outcome(run("dump", image_place(&image, "torn")), 0, " torn: the check is another\n");
	slot->sequence++;
	assert_outcome(run("dump", image_place(&image, "torn")), 0, " being written, or its writer died\n");
	slot->sequence++;
	slot->labels_len = UINT32_MAX;
	assert_outcome(run("dump", image_place(&image, "torn")), 0, " longer than a slot\n");
	image_fini(&image);
}

static void test_dump_prints_records_entries_and_cells_with_their_offsets(void **state)
{
	(void)state;
	struct segment_image image;
	char cell[160];
	image_jobs(&image, "a\"b");
	uint64_t offset = (uint64_t)((unsigned char *)image_series_cell(&image, 0, 0) - image.bytes);
	snprintf(cell, sizeof(cell), " %llu    cell 8      0x0000000000000007 7 jobs_total{queue=\"a\\\"b\"}\n",
		 (unsigned long long)offset);
	struct outcome outcome = run("dump", image_place(&image, "raw"));
	image_fini(&image);
	assert_int_equal(outcome.code, 0);
	assert_contains(outcome.out, cell);
	assert_contains(outcome.out, "       0  magic                  0x474553544154534d\n");
	assert_contains(outcome.out, " entry 0      live generation ");
	outcome_free(&outcome);
}

static void test_dump_goes_on_behind_a_broken_record(void **state)
{
	(void)state;
	struct segment_image image;
	uint32_t family = image_jobs(&image, "mail");
	char expected[96];
	((struct mstat_shm_record *)image_arena(&image, family))->bytes = 3;
	snprintf(expected, sizeof(expected), "  ! offset %llu: the record says that it has 3 bytes",
		 (unsigned long long)image_region(&image, MSTAT_SHM_REGION_ARENA)->offset + family);
	struct outcome outcome = run("dump", image_place(&image, "broken"));
	image_fini(&image);
	assert_int_equal(outcome.code, 1);
	assert_contains(outcome.out, expected);
	assert_contains(outcome.out, "(no family at arena+");
	assert_contains(outcome.out, "  row 0 (cpu 0), ");
	outcome_free(&outcome);
}

/* Dumps the image, expects a part in the output (or its absence), and lets go of the image. */
static void assert_dump(struct segment_image *image, int code, const char *part, const char *absent)
{
	struct outcome outcome = run("dump", image_place(image, "broken"));
	image_fini(image);
	if (absent)
		assert_lacks(outcome.out, absent);
	assert_outcome(outcome, code, part);
}

static void test_dump_follows_no_reference_to_a_record_of_another_kind(void **state)
{
	(void)state;
	struct segment_image image;
	image_jobs(&image, "mail");
	/* Read as a series, this string would be one without labels. */
	image_entry(&image, 0)->record = image_string(&image, "7 bytes");
	assert_dump(&image, 1, "the entry leads to no series record", NULL);
	uint32_t family = image_jobs(&image, "mail");
	((struct mstat_shm_family *)image_arena(&image, family))->name = family;
	assert_dump(&image, 0, "(no string at arena+", NULL);
}

static void test_dump_follows_no_record_beyond_the_arena(void **state)
{
	(void)state;
	struct segment_image image;
	image_jobs(&image, "mail");
	/* The last record: a label that claims to go on for a mebibyte. */
	image_series_record(&image, 0)->record.bytes = 1 << 20;
	image_series_record(&image, 0)->label_count = (1 << 18) - 6;
	assert_dump(&image, 1, "the entry leads to no series record", "jobs_total{queue=");
	image_jobs(&image, "mail");
	image_entry(&image, 0)->record = 0xfffffff8u;
	assert_dump(&image, 1, "(no series at arena+4294967288)", NULL);
}

static void test_dump_reads_no_cell_that_is_not_there(void **state)
{
	(void)state;
	struct segment_image image;
	image_jobs(&image, "mail");
	image_series_record(&image, 0)->cell = 0x7fffffff;
	assert_dump(&image, 1, "cell 2147483647 is not among the published ones", NULL);
	image_jobs(&image, "mail");
	*image_row_state(&image, 0) = 2;
	assert_dump(&image, 0, "  row 0 (cpu 0), 2 cells\n", "0x0000000000000007");
	image_jobs(&image, "mail");
	image.header->cells_published = UINT32_MAX;
	assert_dump(&image, 1, "4294967295 counter cells are published; ", NULL);
}

static void test_dump_reads_no_region_beyond_the_file(void **state)
{
	(void)state;
	struct segment_image image;
	image_jobs(&image, "mail");
	image_region(&image, MSTAT_SHM_REGION_ROWS)->offset = UINT64_MAX - 7;
	assert_dump(&image, 1, "the region begins at no multiple of 8, or behind the end of the file",
		    "0x0000000000000007");
	image_jobs(&image, "mail");
	image_region(&image, MSTAT_SHM_REGION_SERIES)->stride = 8;
	assert_dump(&image, 1, "the stride of the series is 8; it must be a multiple of 8, at least 16", NULL);
}

/* What all commands must survive, whatever the bytes are. */
static void assert_survives(const struct segment_image *image, size_t place)
{
	static const char *const commands[] = {"dump", "verify"};
	const char *path = image_place(image, "wild");
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		struct outcome outcome = run(commands[i], path);
		if (outcome.code != 0 && outcome.code != 1)
			fail_msg("%s: exit code %d with byte %zu changed: %s", commands[i], outcome.code, place,
				 outcome.err);
		outcome_free(&outcome);
	}
}

static void test_dump_and_verify_survive_changed_bytes(void **state)
{
	(void)state;
	struct segment_image image;
	unsigned seed = (unsigned)time(NULL);
	print_message("seed %u\n", seed);
	image_shapes(&image);
	size_t arena = image_region(&image, MSTAT_SHM_REGION_ARENA)->offset, arena_len = image.header->arena_published;
	for (int round = 0; round < 200; round++) {
		/* Most of the bytes behind the arena's records are zeros that nobody looks at. */
		size_t place = round % 2   ? (size_t)rand_r(&seed) % image.len
			       : round % 4 ? arena + (size_t)rand_r(&seed) % arena_len
					   : (size_t)rand_r(&seed) % 1280;
		unsigned char before = image.bytes[place];
		image.bytes[place] = (unsigned char)rand_r(&seed);
		assert_survives(&image, place);
		image.bytes[place] = before;
	}
	image_fini(&image);
}

static void test_dump_and_verify_survive_truncation(void **state)
{
	(void)state;
	struct segment_image image;
	image_shapes(&image);
	size_t len = image.len;
	for (image.len = 0; image.len < len; image.len += 72)
		assert_survives(&image, image.len);
	image.len = len;
	image_fini(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_ls_names_the_reason_of_a_refusal, scratch_clear),
		cmocka_unit_test_setup(test_describe_and_verify_find_a_conflict_between_segments, scratch_clear),
		cmocka_unit_test_setup(test_verify_finds_a_series_that_is_there_twice, scratch_clear),
		cmocka_unit_test_setup(test_verify_finds_a_family_that_is_there_twice, scratch_clear),
		cmocka_unit_test_setup(test_verify_finds_cells_of_two_series, scratch_clear),
		cmocka_unit_test_setup(test_describe_and_verify_find_other_buckets_and_states, scratch_clear),
		cmocka_unit_test_setup(test_dump_tells_why_an_exemplar_is_not_believed, scratch_clear),
		cmocka_unit_test(test_dump_prints_records_entries_and_cells_with_their_offsets),
		cmocka_unit_test(test_dump_goes_on_behind_a_broken_record),
		cmocka_unit_test(test_dump_follows_no_reference_to_a_record_of_another_kind),
		cmocka_unit_test(test_dump_follows_no_record_beyond_the_arena),
		cmocka_unit_test(test_dump_reads_no_cell_that_is_not_there),
		cmocka_unit_test(test_dump_reads_no_region_beyond_the_file),
		cmocka_unit_test(test_dump_and_verify_survive_changed_bytes),
		cmocka_unit_test(test_dump_and_verify_survive_truncation),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
