/* SPDX-License-Identifier: MIT */
/* The reader, the totals and the fold when memory runs out or a read fails: every allocation is made to fail once.
 *
 * malloc and its kin are this program's own here, and the C library's functions call them too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "sanitized.h"
#include "segment/discover.h"
#include "segment/fold.h"
#include "segment/private.h"
#include "segment_fixture.h"

/* ---- allocations that fail ---- */

static uint64_t countdown; /* the allocation that fails; 0: none */
static bool failed;

static bool fails(void)
{
	if (!countdown || --countdown)
		return false;
	failed = true;
	errno = ENOMEM;
	return true;
}

#if !SANITIZED
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *old, size_t bytes);

void *malloc(size_t bytes)
{
	return fails() ? NULL : __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
	return fails() ? NULL : __libc_calloc(count, bytes);
}

void *realloc(void *old, size_t bytes)
{
	return fails() ? NULL : __libc_realloc(old, bytes);
}
#endif

/* Runs the action with its first allocation failing, then its second, until there are no more to fail. Returns how many
 * there were. */
static unsigned int sweep(void (*action)(struct segment_fixture *fixture), struct segment_fixture *fixture)
{
	unsigned int number = 0;

	do {
		failed = false;
		countdown = ++number;
		action(fixture);
		countdown = 0;
	} while (failed);
	return number - 1;
}

static void skip_where_malloc_is_not_ours(void)
{
	if (!SANITIZED)
		return;
	print_message("skipped: the sanitizer's malloc cannot be replaced\n");
	skip();
}

/* ---- the reader ---- */

static void read_once(struct segment_fixture *fixture)
{
	struct segment *segment = segment_new(fixture->name);
	bool made = segment != NULL;

	if (segment)
		segment_read(segment, fixture->directory_fd, NULL);
	if (segment && failed) {
		assert_int_equal(segment->state, SEGMENT_UNREADABLE);
		assert_int_equal(segment->refusal, SEGMENT_REFUSED_READ);
		assert_int_equal(segment->error, ENOMEM);
	}
	assert_true(made || failed);
	/* Looking at it needs memory too: what cannot be had is not there, and the next read is well. */
	if (segment)
		fixture_consume(segment);
	if (segment && failed) {
		assert_int_equal(segment_read(segment, fixture->directory_fd, NULL), SEGMENT_LIVE);
		assert_int_equal(segment_value(segment, 0).bits, 42);
		assert_non_null(segment_labels(segment, 0));
		fixture_consume(segment);
	}
	segment_free(segment);
}

static void test_reader_recovers_from_every_failed_allocation(void **state)
{
	struct segment_fixture *fixture = *state;

	skip_where_malloc_is_not_ours();
	fixture_fill(fixture);
	fixture_fill_shapes(fixture);
	fixture_lock(fixture, MSTAT_SHM_LOCK_TREE);
	assert_int_equal(fixture_read(fixture), SEGMENT_LIVE);
	assert_true(sweep(read_once, fixture) > 10);
}

static void test_free_of_nothing_is_fine(void **state)
{
	(void)state;
	segment_free(NULL);
	totals_free(NULL);
}

static void test_every_state_and_refusal_has_its_words(void **state)
{
	(void)state;
	for (int i = 0; i < SEGMENT_STATE_COUNT; i++) {
		assert_true(strlen(segment_state_word((enum segment_state)i)) > 0);
		assert_true(strlen(segment_state_text((enum segment_state)i)) > 0);
	}
	for (int i = 0; i < SEGMENT_REFUSAL_COUNT; i++) {
		assert_true(strlen(segment_refusal_label((enum segment_refusal)i)) > 0);
		assert_true(strlen(segment_refusal_text((enum segment_refusal)i)) > 0);
	}
}

/* ---- reads that fail ---- */

static struct {
	unsigned int countdown;
	int error;
} reading;

static ssize_t failing_read(int fd, void *buffer, size_t len, off_t offset)
{
	if (reading.countdown && !--reading.countdown) {
		errno = reading.error;
		return -1;
	}
	return pread(fd, buffer, len, offset);
}

/* One byte at a time at the first place, all at once elsewhere. */
static ssize_t short_read(int fd, void *buffer, size_t len, off_t offset)
{
	return pread(fd, buffer, offset < 64 ? 1 : len, offset);
}

static void test_reader_says_which_read_failed_and_recovers(void **state)
{
	struct segment_fixture *fixture = *state;
	unsigned int reads = 0;

	fixture_fill(fixture);
	fixture_fill_shapes(fixture);
	fixture_lock(fixture, MSTAT_SHM_LOCK_TREE);
	image_write(&fixture->image, fixture->directory_fd, fixture->name);
	fixture->segment->private->read_at = failing_read;
	do {
		reading.countdown = ++reads;
		reading.error = EIO;
		segment_read(fixture->segment, fixture->directory_fd, NULL);
		if (fixture->segment->refusal)
			assert_int_equal(fixture->segment->error, EIO);
		fixture_consume(fixture->segment);
	} while (!reading.countdown);
	assert_true(reads > 8);
	assert_int_equal(fixture->segment->state, SEGMENT_LIVE);
	assert_int_equal(segment_value(fixture->segment, 0).bits, 42);
}

static void test_reader_goes_on_after_interrupted_and_short_reads(void **state)
{
	struct segment_fixture *fixture = *state;

	fixture_fill(fixture);
	fixture->segment->private->read_at = failing_read;
	for (unsigned int i = 1; i < 6; i++) {
		reading.countdown = i;
		reading.error = EINTR;
		assert_int_equal(fixture_read(fixture), SEGMENT_DEAD);
	}
	fixture->segment->private->read_at = short_read;
	assert_int_equal(fixture_read(fixture), SEGMENT_DEAD);
	assert_int_equal(segment_value(fixture->segment, 0).bits, 42);
}

static void test_reader_refuses_a_descriptor_that_is_none(void **state)
{
	struct segment_fixture *fixture = *state;

	assert_int_equal(segment_read_fd(fixture->segment, -1, NULL, false), SEGMENT_UNREADABLE);
	assert_int_equal(fixture->segment->refusal, SEGMENT_REFUSED_READ);
	assert_int_equal(fixture->segment->error, EBADF);
}

/* ---- values of several processes ---- */

static void test_gauges_of_doubles_add_up_over_processes(void **state)
{
	struct segment_fixture *fixture = *state;
	struct segment_image *image = &fixture->image;
	uint32_t family = image_family(image, &(struct image_family){.name = "g",
								     .kind = MSTAT_SHM_GAUGE,
								     .value = MSTAT_SHM_F64,
								     .merge = MSTAT_SHM_MERGE_SUM});
	uint32_t series = image_series(image, family, (const char *const[]){NULL});

	image_claim(image, 0, 1, 1, 0, 0);
	image_claim(image, 1, 2, 1, 0, 0);
	*image_series_cell(image, 1, series) = bits_of(0.25) ^ MSTAT_SHM_GAUGE_FLIP;
	*image_series_cell(image, 2, series) = bits_of(-3) ^ MSTAT_SHM_GAUGE_FLIP;
	assert_int_equal(fixture_read(fixture), SEGMENT_DEAD);
	assert_int_equal(segment_value(fixture->segment, series).bits, bits_of(-2.75));
}

static void test_states_of_processes_are_all_on(void **state)
{
	struct segment_fixture *fixture = *state;
	struct segment_image *image = &fixture->image;
	const uint64_t names[] = {image_string(image, "up"), image_string(image, "down"), image_string(image, "off")};
	uint32_t family = image_family(image, &(struct image_family){.name = "s",
								     .kind = MSTAT_SHM_STATE_SET,
								     .value = MSTAT_SHM_I64,
								     .merge = MSTAT_SHM_MERGE_MAX,
								     .list = image_list(image, names, 3)});
	uint32_t series = image_series(image, family, (const char *const[]){NULL});

	fixture_lock(fixture, MSTAT_SHM_LOCK_TREE);
	image_claim(image, 0, 1, 1, 0, 0);
	image_claim(image, 1, 2, 1, 0, 0);
	*image_series_cell(image, 1, series) = mstat_shm_gauge_from_i64(1);
	*image_series_cell(image, 2, series) = mstat_shm_gauge_from_i64(4);
	assert_int_equal(fixture_read(fixture), SEGMENT_LIVE);
	assert_int_equal(segment_value(fixture->segment, series).bits, 5);
}

/* ---- totals and fold ---- */

static void totals_once(struct segment_fixture *fixture)
{
	struct totals *totals = totals_new("shop", getuid()), *loaded = NULL;
	const struct totals_mark mark = {.inode = 1};
	char name[TOTALS_NAME_MAX];
	uint64_t refused = 0;
	unsigned int line;

	assert_true(totals || failed);
	int r = totals ? totals_prepare(totals, fixture->segment, &refused) : -ENOMEM;
	assert_true(!r || (r == -ENOMEM && failed));
	if (!r)
		totals_add(totals, fixture->segment, &mark, 1);
	if (!r)
		r = totals_save(totals, fixture->directory_fd);
	totals_name("shop", getuid(), name);
	if (!r) {
		r = totals_load(fixture->directory_fd, name, &loaded, &line);
		/* A whole file is never called a bad one. */
		assert_true(!r || (r == -ENOMEM && failed));
	}
	totals_free(loaded);
	totals_free(totals);
}

static void test_totals_fail_whole_when_an_allocation_fails(void **state)
{
	struct segment_fixture *fixture = *state;

	skip_where_malloc_is_not_ours();
	fixture_fill(fixture);
	fixture_fill_shapes(fixture);
	assert_int_equal(fixture_read(fixture), SEGMENT_DEAD);
	for (uint32_t i = 0; i < fixture->segment->series_count; i++)
		segment_labels(fixture->segment, i); /* their memory is the segment's, not the totals' */
	assert_true(sweep(totals_once, fixture) > 20);
}

/* The counter's total after folding, with one allocation failing on the way: folded now or at the next attempt, once.
 */
static void fold_once(struct segment_fixture *fixture)
{
	struct fold fold;
	uint64_t left = countdown;
	struct segment *segment;

	countdown = 0;
	image_write(&fixture->image, fixture->directory_fd, fixture->name);
	countdown = left;
	for (int attempt = 0; attempt < 2; attempt++) {
		int r = fold_open(&fold, fixture->directory_fd, NULL, true);
		assert_true(!r || failed);
		segment = r ? NULL : segment_new(fixture->name);
		/* Only what was read is taken. */
		if (segment && segment_read(segment, fixture->directory_fd, NULL) == SEGMENT_DEAD)
			fold_take(&fold, segment, NULL);
		if (!r)
			(void)fold_commit(&fold);
		segment_free(segment);
		fold_close(&fold);
	}
	left = countdown;
	countdown = 0;
	assert_int_equal(fold_open(&fold, fixture->directory_fd, NULL, true), 0);
	assert_int_equal(fold.bad_totals, 0);
	assert_int_equal(fold.service_count, 1);
	assert_int_equal(fold.services[0]->series[0].value.bits, 42);
	fold_forget(&fold, 0);
	fold_close(&fold);
	countdown = left;
}

static void test_fold_counts_once_whichever_allocation_fails(void **state)
{
	struct segment_fixture *fixture = *state;

	skip_where_malloc_is_not_ours();
	fixture_fill(fixture);
	fixture_fill_shapes(fixture);
	assert_true(sweep(fold_once, fixture) > 20);
}

static void scan_once(struct segment_fixture *fixture)
{
	struct segment_directory directory;
	char *paths[3] = {NULL};
	int r = segment_directory_init(&directory, fixture->path);

	assert_true(!r || failed);
	if (!r) {
		r = segment_directory_scan(&directory, 10);
		assert_true(!r || failed);
		segment_directory_read(&directory, NULL);
		segment_directory_fini(&directory);
	}
	size_t count = segment_default_directories(paths);
	for (size_t i = 0; i < count; i++)
		free(paths[i]);
}

static void test_a_directory_is_listed_or_says_why_not(void **state)
{
	struct segment_fixture *fixture = *state;

	skip_where_malloc_is_not_ours();
	fixture_fill(fixture);
	image_write(&fixture->image, fixture->directory_fd, fixture->name);
	assert_true(sweep(scan_once, fixture) > 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_reader_recovers_from_every_failed_allocation),
		TEST(test_free_of_nothing_is_fine),
		TEST(test_every_state_and_refusal_has_its_words),
		TEST(test_reader_says_which_read_failed_and_recovers),
		TEST(test_reader_goes_on_after_interrupted_and_short_reads),
		TEST(test_reader_refuses_a_descriptor_that_is_none),
		TEST(test_gauges_of_doubles_add_up_over_processes),
		TEST(test_states_of_processes_are_all_on),
		TEST(test_totals_fail_whole_when_an_allocation_fails),
		TEST(test_fold_counts_once_whichever_allocation_fails),
		TEST(test_a_directory_is_listed_or_says_why_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
