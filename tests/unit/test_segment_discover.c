/* SPDX-License-Identifier: MIT */
/* Discovery finds segments by name, keeps them while their names are there, and does not mind what else it meets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "segment/discover.h"
#include "segment_fixture.h"

static void touch(struct segment_fixture *fixture, const char *name)
{
	int fd = openat(fixture->directory_fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0640);
	assert_true(fd >= 0);
	close(fd);
}

static void assert_names(const struct segment_directory *directory, const char *const *names)
{
	size_t count = 0;

	for (; names[count]; count++) {
		assert_true(count < directory->count);
		assert_string_equal(directory->segments[count]->name, names[count]);
	}
	assert_int_equal(directory->count, count);
}
#define ASSERT_NAMES(directory, ...) assert_names((directory), (const char *const[]){__VA_ARGS__, NULL})

static void test_names_of_segments_are_service_uid_and_ordinal(void **state)
{
	static const char *const good[] = {"shop.0.0", "a.1000.12", "a.b.c.1000.0", "x-y_z.4294967294.4294967295",
					   "\xc3\xa4.1.1"};
	static const char *const bad[] = {"",
					  ".",
					  "..",
					  "shop",
					  "shop.0",
					  "shop.0.",
					  "shop..0",
					  ".1.0",
					  ".shop.0.0",
					  "shop.00.0",
					  "shop.0.01",
					  "shop.-1.0",
					  "shop.0.0x",
					  "shop.0.0 ",
					  "shop.4294967295.0",
					  "0.0",
					  "shop.0.0.",
					  "a/b.0.0",
					  "shop.1e3.0",
					  "shop.0.4294967296",
					  "..0.0",
					  "shop.0.99999999999"};
	(void)state;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(segment_name_valid(good[i], NULL));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uid_t uid = 77;
		assert_false(segment_name_valid(bad[i], &uid));
		assert_int_equal(uid, 77);
	}
	uid_t uid = 77;
	assert_true(segment_name_valid("a.b.1000.3", &uid));
	assert_int_equal(uid, 1000);
}

static void test_default_directories_are_those_of_the_client(void **state)
{
	char *paths[3];
	char own[64];
	(void)state;

	setenv("MSTAT_DIR", "/dev/shm/elsewhere", 1);
	assert_int_equal(segment_default_directories(paths), 1);
	assert_string_equal(paths[0], "/dev/shm/elsewhere");
	free(paths[0]);
	setenv("MSTAT_DIR", "", 1);
	setenv("XDG_RUNTIME_DIR", "/run/user/5", 1);
	snprintf(own, sizeof(own), "/dev/shm/mstat-%u", (unsigned)geteuid());
	assert_int_equal(segment_default_directories(paths), 3);
	assert_string_equal(paths[0], "/run/mstat");
	assert_string_equal(paths[1], "/run/user/5/mstat");
	assert_string_equal(paths[2], own);
	for (int i = 0; i < 3; i++)
		free(paths[i]);
	unsetenv("MSTAT_DIR");
	unsetenv("XDG_RUNTIME_DIR");
	assert_int_equal(segment_default_directories(paths), 2);
	assert_string_equal(paths[1], own);
	free(paths[0]);
	free(paths[1]);
}

static void test_scan_lists_segments_in_order_and_counts_what_it_ignores(void **state)
{
	struct segment_fixture *fixture = *state;
	struct segment_directory directory;

	assert_int_equal(segment_directory_init(&directory, fixture->path), 0);
	touch(fixture, "shop.0.1");
	touch(fixture, "shop.0.0");
	touch(fixture, "bank.0.0");
	touch(fixture, "README");
	touch(fixture, "core.1");
	touch(fixture, ".hidden.0.0");
	assert_int_equal(mkdirat(fixture->directory_fd, "folding", 0700), 0);
	assert_int_equal(segment_directory_scan(&directory, 100), 0);
	ASSERT_NAMES(&directory, "bank.0.0", "shop.0.0", "shop.0.1");
	assert_int_equal(directory.ignored, 2);
	assert_int_equal(directory.over_limit, 0);
	assert_int_equal(directory.segments[0]->state, SEGMENT_UNREAD);
	segment_directory_fini(&directory);
}

static void test_scan_keeps_the_objects_of_names_that_stay(void **state)
{
	struct segment_fixture *fixture = *state;
	struct segment_directory directory;

	segment_directory_init(&directory, fixture->path);
	touch(fixture, "b.0.0");
	touch(fixture, "c.0.0");
	segment_directory_scan(&directory, 100);
	struct segment *kept = directory.segments[1];
	unlinkat(fixture->directory_fd, "b.0.0", 0);
	touch(fixture, "a.0.0");
	touch(fixture, "d.0.0");
	assert_int_equal(segment_directory_scan(&directory, 100), 0);
	ASSERT_NAMES(&directory, "a.0.0", "c.0.0", "d.0.0");
	assert_ptr_equal(directory.segments[1], kept);
	segment_directory_fini(&directory);
}

static void test_scan_keeps_known_segments_when_a_flood_of_names_comes(void **state)
{
	struct segment_fixture *fixture = *state;
	struct segment_directory directory;
	char name[32];

	segment_directory_init(&directory, fixture->path);
	touch(fixture, "m.0.0");
	touch(fixture, "n.0.0");
	segment_directory_scan(&directory, 3);
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "flood.0.%d", i);
		touch(fixture, name);
	}
	assert_int_equal(segment_directory_scan(&directory, 3), 0);
	assert_int_equal(directory.count, 3);
	assert_string_equal(directory.segments[1]->name, "m.0.0");
	assert_string_equal(directory.segments[2]->name, "n.0.0");
	assert_int_equal(directory.over_limit, 49);
	assert_int_equal(segment_directory_scan(&directory, 1), 0);
	assert_int_equal(directory.count, 1);
	assert_int_equal(directory.over_limit, 51);
	segment_directory_fini(&directory);
}

static void test_scan_waits_for_a_directory_that_is_absent_and_follows_its_replacement(void **state)
{
	struct segment_fixture *fixture = *state;
	struct segment_directory directory;
	char path[80];
	char aside[80];

	snprintf(path, sizeof(path), "%s/sub", fixture->path);
	snprintf(aside, sizeof(aside), "%s/aside", fixture->path);
	segment_directory_init(&directory, path);
	assert_int_equal(segment_directory_scan(&directory, 10), -ENOENT);
	assert_int_equal(directory.error, ENOENT);
	assert_int_equal(directory.fd, -1);
	assert_int_equal(mkdir(path, 0700), 0);
	touch(fixture, "sub/a.0.0");
	assert_int_equal(segment_directory_scan(&directory, 10), 0);
	assert_int_equal(directory.error, 0);
	ASSERT_NAMES(&directory, "a.0.0");
	assert_int_equal(rename(path, aside), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	touch(fixture, "sub/b.0.0");
	assert_int_equal(segment_directory_scan(&directory, 10), 0);
	ASSERT_NAMES(&directory, "b.0.0");
	unlinkat(fixture->directory_fd, "sub/b.0.0", 0);
	unlinkat(fixture->directory_fd, "aside/a.0.0", 0);
	assert_int_equal(rmdir(path), 0);
	touch(fixture, "sub");
	assert_int_equal(segment_directory_scan(&directory, 10), -ENOTDIR);
	assert_int_equal(directory.count, 0);
	segment_directory_fini(&directory);
}

static void test_one_bad_segment_costs_only_itself(void **state)
{
	struct segment_fixture *fixture = *state;
	struct segment_directory directory;
	char bad[64];

	snprintf(bad, sizeof(bad), "bad.%u.0", (unsigned)getuid());
	fixture_fill(fixture);
	image_write(&fixture->image, fixture->directory_fd, fixture->name);
	touch(fixture, bad);
	segment_directory_init(&directory, fixture->path);
	assert_int_equal(segment_directory_scan(&directory, 10), 0);
	segment_directory_read(&directory, NULL);
	assert_int_equal(directory.segments[0]->state, SEGMENT_CORRUPT);
	assert_int_equal(directory.segments[0]->refusal, SEGMENT_REFUSED_SIZE);
	assert_int_equal(directory.segments[1]->state, SEGMENT_DEAD);
	assert_int_equal(segment_value(directory.segments[1], 0).bits, 42);
	segment_directory_fini(&directory);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_names_of_segments_are_service_uid_and_ordinal),
		TEST(test_default_directories_are_those_of_the_client),
		TEST(test_scan_lists_segments_in_order_and_counts_what_it_ignores),
		TEST(test_scan_keeps_the_objects_of_names_that_stay),
		TEST(test_scan_keeps_known_segments_when_a_flood_of_names_comes),
		TEST(test_scan_waits_for_a_directory_that_is_absent_and_follows_its_replacement),
		TEST(test_one_bad_segment_costs_only_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
