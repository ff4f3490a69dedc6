/* SPDX-License-Identifier: MIT */
/* The fold: a dead segment's values go into the totals once, whichever step was the last one of an earlier agent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "segment/fold.h"
#include "segment_fixture.h"

static int setup(void **state)
{
	const int r = fixture_setup(state);
	struct segment_fixture *fixture = *state;
	if (!r)
		fixture_fill(fixture);
	return r;
}

static DIR *folding_list(const struct segment_fixture *fixture)
{
	const int fd = openat(fixture->directory_fd, FOLD_DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? NULL : fdopendir(fd);
}

/* The directory of the agent goes first, for the fixture only empties its own. */
static int teardown(void **state)
{
	struct segment_fixture *fixture = *state;
	DIR *listing = folding_list(fixture);
	for (struct dirent *entry; listing && (entry = readdir(listing));)
		if (unlinkat(dirfd(listing), entry->d_name, 0))
			unlinkat(dirfd(listing), entry->d_name, AT_REMOVEDIR);
	if (listing)
		closedir(listing);
	unlinkat(fixture->directory_fd, FOLD_DIRECTORY, AT_REMOVEDIR);
	return fixture_teardown(state);
}

/* How many names in `folding` end in a suffix; "" counts the moved segments. */
static unsigned int folding_count(const struct segment_fixture *fixture, const char *suffix)
{
	unsigned int count = 0;
	DIR *listing = folding_list(fixture);
	assert_non_null(listing);
	for (struct dirent *entry; (entry = readdir(listing));) {
		const size_t len = strlen(entry->d_name), suffix_len = strlen(suffix);
		if (*suffix)
			count += len > suffix_len && !strcmp(entry->d_name + len - suffix_len, suffix);
		else
			count += len > 33 && strspn(entry->d_name, "0123456789abcdef") == 32;
	}
	closedir(listing);
	return count;
}

static void open_fold(struct fold *fold, const struct segment_fixture *fixture)
{
	assert_int_equal(fold_open(fold, fixture->directory_fd, &segment_limits_default, true), 0);
}

static bool take(struct fold *fold, struct segment_fixture *fixture)
{
	return fold_take(fold, fixture->segment, &segment_limits_default);
}

static void take_new(struct fold *fold, struct segment_fixture *fixture)
{
	assert_int_equal(fixture_read(fixture), SEGMENT_DEAD);
	assert_true(take(fold, fixture));
	assert_int_equal(faccessat(fixture->directory_fd, fixture->name, F_OK, 0), -1);
}

/* The one service that there is, with the sample's counter. */
static void assert_total(const struct fold *fold, uint64_t count)
{
	assert_int_equal(fold->service_count, 1);
	const struct totals *totals = fold->services[0];
	assert_string_equal(totals->service, "shop");
	assert_int_equal(totals->uid, geteuid());
	for (uint32_t i = 0; i < totals->series_count; i++) {
		if (strcmp(totals->families[totals->series[i].family].name, "requests") || totals->series[i].overflow)
			continue;
		assert_int_equal(totals->series[i].value.bits, count);
		return;
	}
	fail_msg("the counter is not in the totals");
}

/* What a kill does to an agent: nothing is finished. */
#define KILLED(fold) fold_close(fold)

static void test_fold_adds_a_dead_segment_and_removes_its_file(void **state)
{
	struct segment_fixture *fixture = *state;
	struct fold fold;
	open_fold(&fold, fixture);
	take_new(&fold, fixture);
	assert_total(&fold, 42);
	assert_int_equal(folding_count(fixture, ""), 1);
	assert_int_equal(fold_commit(&fold), 0);
	assert_int_equal(folding_count(fixture, ""), 0);
	assert_int_equal(folding_count(fixture, ".totals"), 1);
	take_new(&fold, fixture);
	assert_int_equal(fold_commit(&fold), 0);
	assert_total(&fold, 84);
	assert_int_equal(fold.folded, 2);
	fold_close(&fold);
	open_fold(&fold, fixture);
	assert_total(&fold, 84);
	assert_int_equal(fold.folded, 0);
	fold_close(&fold);
}

static void test_fold_leaves_a_segment_that_somebody_holds(void **state)
{
	struct segment_fixture *fixture = *state;
	struct fold fold;
	open_fold(&fold, fixture);
	assert_int_equal(fixture_read(fixture), SEGMENT_DEAD);
	assert_false(fold_alive(fixture->directory_fd, fixture->name));
	fixture_lock(fixture, MSTAT_SHM_LOCK_TREE); /* adopted in the meantime */
	assert_true(fold_alive(fixture->directory_fd, fixture->name));
	assert_false(take(&fold, fixture));
	fixture_unlock(fixture);
	assert_true(take(&fold, fixture));
	fold_close(&fold);
}

static void test_fold_leaves_a_name_that_leads_to_another_file(void **state)
{
	struct segment_fixture *fixture = *state;
	struct fold fold;
	open_fold(&fold, fixture);
	assert_int_equal(fixture_read(fixture), SEGMENT_DEAD);
	/* The file that was read keeps its inode under a name beside, and another one has its name. */
	assert_int_equal(renameat(fixture->directory_fd, fixture->name, fixture->directory_fd, "beside"), 0);
	image_write(&fixture->image, fixture->directory_fd, fixture->name);
	assert_false(take(&fold, fixture));
	assert_int_equal(folding_count(fixture, ""), 0);
	assert_int_equal(fold.service_count, 0);
	fold_close(&fold);
}

static void test_agent_killed_before_the_totals_were_written_leaves_the_file_for_the_next(void **state)
{
	struct segment_fixture *fixture = *state;
	struct fold fold;
	open_fold(&fold, fixture);
	take_new(&fold, fixture);
	KILLED(&fold);
	assert_int_equal(folding_count(fixture, ""), 1);
	open_fold(&fold, fixture);
	assert_total(&fold, 42); /* also: of the right user, though the file's name no longer says whose it is */
	assert_int_equal(folding_count(fixture, ""), 0);
	fold_close(&fold);
	open_fold(&fold, fixture);
	assert_total(&fold, 42);
	fold_close(&fold);
}

static void test_agent_killed_after_the_totals_were_written_adds_nothing_twice(void **state)
{
	struct segment_fixture *fixture = *state;
	struct fold fold;
	open_fold(&fold, fixture);
	take_new(&fold, fixture);
	assert_int_equal(totals_save(fold.services[0], fold.folding_fd), 0);
	KILLED(&fold);
	assert_int_equal(folding_count(fixture, ""), 1);
	open_fold(&fold, fixture);
	assert_total(&fold, 42);
	assert_int_equal(folding_count(fixture, ""), 0);
	fold_close(&fold);
}

static void test_marks_do_not_outlive_their_files(void **state)
{
	struct segment_fixture *fixture = *state;
	struct fold fold;
	open_fold(&fold, fixture);
	for (int i = 0; i < 3; i++) {
		take_new(&fold, fixture);
		assert_int_equal(fold_commit(&fold), 0);
		assert_int_equal(fold.services[0]->mark_count, 0);
	}
	fold_close(&fold);
	/* The totals' file was written before the last segment's was removed. */
	open_fold(&fold, fixture);
	assert_int_equal(fold.services[0]->mark_count, 0);
	fold_close(&fold);
}

static void test_totals_that_could_not_be_written_are_written_by_the_next_commit(void **state)
{
	struct segment_fixture *fixture = *state;
	struct fold fold;
	char name[TOTALS_NAME_MAX], fresh[TOTALS_NAME_MAX + 4];
	totals_name("shop", geteuid(), name);
	snprintf(fresh, sizeof(fresh), "%s.new", name);
	open_fold(&fold, fixture);
	take_new(&fold, fixture);
	assert_int_equal(mkdirat(fold.folding_fd, fresh, 0700), 0);
	assert_int_equal(fold_commit(&fold), -EISDIR);
	assert_int_equal(folding_count(fixture, ""), 1);
	assert_int_equal(unlinkat(fold.folding_fd, fresh, AT_REMOVEDIR), 0);
	assert_int_equal(fold_commit(&fold), 0);
	assert_int_equal(folding_count(fixture, ""), 0);
	assert_total(&fold, 42);
	fold_close(&fold);
}

static void test_second_owner_of_a_directory_is_refused(void **state)
{
	struct segment_fixture *fixture = *state;
	struct fold first, second;
	open_fold(&first, fixture);
	assert_int_equal(fold_open(&second, fixture->directory_fd, &segment_limits_default, true), -EBUSY);
	fold_close(&second);
	fold_close(&first);
	open_fold(&second, fixture);
	fold_close(&second);
}

static void test_folding_directory_that_others_may_write_is_refused(void **state)
{
	struct segment_fixture *fixture = *state;
	struct fold fold;
	assert_int_equal(mkdirat(fixture->directory_fd, FOLD_DIRECTORY, 0700), 0);
	assert_int_equal(fchmodat(fixture->directory_fd, FOLD_DIRECTORY, 0777, 0), 0);
	assert_int_equal(fold_open(&fold, fixture->directory_fd, &segment_limits_default, true), -EPERM);
	fold_close(&fold);
}

static void test_who_only_looks_sees_the_totals_and_moves_nothing(void **state)
{
	struct segment_fixture *fixture = *state;
	struct fold fold, looking;
	open_fold(&fold, fixture);
	take_new(&fold, fixture);
	assert_int_equal(fold_commit(&fold), 0);
	assert_int_equal(fixture_read(fixture), SEGMENT_DEAD);
	assert_int_equal(fold_open(&looking, fixture->directory_fd, &segment_limits_default, false), 0);
	assert_total(&looking, 42);
	assert_false(take(&looking, fixture));
	fold_close(&looking);
	assert_true(take(&fold, fixture));
	fold_close(&fold);
}

static void test_damaged_totals_are_put_aside_and_counted(void **state)
{
	struct segment_fixture *fixture = *state;
	struct fold fold;
	char name[TOTALS_NAME_MAX];
	totals_name("shop", geteuid(), name);
	open_fold(&fold, fixture);
	take_new(&fold, fixture);
	assert_int_equal(fold_commit(&fold), 0);
	const int fd = openat(fold.folding_fd, name, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0 && !ftruncate(fd, 40));
	close(fd);
	fold_close(&fold);
	open_fold(&fold, fixture);
	assert_int_equal(fold.bad_totals, 1);
	assert_int_equal(fold.service_count, 0);
	assert_int_equal(folding_count(fixture, ".bad"), 1);
	/* Life goes on. */
	take_new(&fold, fixture);
	assert_int_equal(fold_commit(&fold), 0);
	assert_total(&fold, 42);
	fold_close(&fold);
}

/* Totals that cannot be read just now are not damaged, and their service must not start again from nothing. */
static void test_totals_that_cannot_be_opened_keep_the_agent_from_taking_over(void **state)
{
	struct segment_fixture *fixture = *state;
	struct fold fold;
	struct rlimit before, few;
	open_fold(&fold, fixture);
	take_new(&fold, fixture);
	assert_int_equal(fold_commit(&fold), 0);
	fold_close(&fold);
	const int lowest = dup(0);
	close(lowest);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = (rlim_t)lowest + 3; /* the directory, the lock, the listing */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	const int r = fold_open(&fold, fixture->directory_fd, &segment_limits_default, true);
	fold_close(&fold);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(r, -EMFILE);
	assert_int_equal(folding_count(fixture, ".bad"), 0);
	open_fold(&fold, fixture);
	assert_total(&fold, 42);
	fold_close(&fold);
}

static void test_forgotten_service_leaves_no_file(void **state)
{
	struct segment_fixture *fixture = *state;
	struct fold fold;
	open_fold(&fold, fixture);
	take_new(&fold, fixture);
	assert_int_equal(fold_commit(&fold), 0);
	fold_forget(&fold, 0);
	assert_int_equal(fold.service_count, 0);
	assert_int_equal(folding_count(fixture, ".totals"), 0);
	fold_close(&fold);
}

static void assert_distribution(const struct fold *fold, const char *family, uint64_t sum, uint64_t count)
{
	const struct totals *totals = fold->services[0];
	for (uint32_t i = 0; i < totals->series_count; i++) {
		if (strcmp(totals->families[totals->series[i].family].name, family))
			continue;
		const struct segment_distribution value = totals_distribution(totals, i);
		uint64_t counted = 0;
		for (uint32_t k = 0; k < value.bucket_count; k++)
			counted += value.buckets[k];
		assert_true(value.present);
		assert_int_equal(value.sum, sum);
		assert_int_equal(counted, count);
		return;
	}
	fail_msg("%s is not in the totals", family);
}

static void test_fold_keeps_histograms_and_summaries_over_a_restart(void **state)
{
	struct segment_fixture *fixture = *state;
	struct fold fold;
	fixture_fill_shapes(fixture);
	open_fold(&fold, fixture);
	take_new(&fold, fixture);
	assert_int_equal(fold_commit(&fold), 0);
	fold_close(&fold);
	open_fold(&fold, fixture);
	assert_distribution(&fold, "latency_seconds", 11000000, 5);
	assert_distribution(&fold, "answer", bits_of(6), 6);
	/* The file says the same of their shape as the segment. */
	take_new(&fold, fixture);
	assert_int_equal(fold.refused, 0);
	assert_distribution(&fold, "latency_seconds", 22000000, 10);
	assert_distribution(&fold, "answer", bits_of(12), 12);
	assert_int_equal(fold_commit(&fold), 0);
	fold_close(&fold);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_fold_adds_a_dead_segment_and_removes_its_file),
		TEST(test_fold_leaves_a_segment_that_somebody_holds),
		TEST(test_fold_leaves_a_name_that_leads_to_another_file),
		TEST(test_agent_killed_before_the_totals_were_written_leaves_the_file_for_the_next),
		TEST(test_agent_killed_after_the_totals_were_written_adds_nothing_twice),
		TEST(test_marks_do_not_outlive_their_files),
		TEST(test_totals_that_could_not_be_written_are_written_by_the_next_commit),
		TEST(test_second_owner_of_a_directory_is_refused),
		TEST(test_folding_directory_that_others_may_write_is_refused),
		TEST(test_who_only_looks_sees_the_totals_and_moves_nothing),
		TEST(test_damaged_totals_are_put_aside_and_counted),
		TEST(test_totals_that_cannot_be_opened_keep_the_agent_from_taking_over),
		TEST(test_forgotten_service_leaves_no_file),
		TEST(test_fold_keeps_histograms_and_summaries_over_a_restart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
