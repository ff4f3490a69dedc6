/* SPDX-License-Identifier: MIT */
/* Watches on directories that come and go. Each wait ends with the event; only a broken watch runs into its limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <systemd/sd-event.h>

#include "watch.h"

#define WAIT_US 5000000

static char root[] = "/dev/shm/mstat-test-watch-XXXXXX";
static char directory[64], file[96];

static int root_make(void **state)
{
	(void)state;
	if (!mkdtemp(root))
		return -1;
	snprintf(directory, sizeof(directory), "%s/segments", root);
	snprintf(file, sizeof(file), "%s/name", directory);
	return 0;
}

static int root_remove(void **state)
{
	(void)state;
	return rmdir(root);
}

static void on_change(void *context)
{
	++*(int *)context;
}

/* Turns the loop until a change was reported, and on until the queue is empty. */
static void expect_change(sd_event *event, int *changes)
{
	*changes = 0;
	while (!*changes) {
		if (sd_event_run(event, WAIT_US) <= 0)
			fail_msg("no change was reported");
	}
	while (sd_event_run(event, 0) > 0)
		;
}

static void file_make(void)
{
	FILE *out = fopen(file, "w");
	assert_non_null(out);
	fclose(out);
}

static void test_watch_reports_names_in_a_directory_that_appears_disappears_and_comes_again(void **state)
{
	(void)state;
	sd_event *event;
	int changes = 0;
	char *paths[] = {directory};
	assert_int_equal(sd_event_new(&event), 0);
	struct watch *watch = watch_new(event, paths, 1, on_change, &changes);
	assert_non_null(watch);
	watch_refresh(watch);
	for (int round = 0; round < 3; round++) {
		assert_int_equal(mkdir(directory, 0700), 0);
		expect_change(event, &changes);
		file_make();
		expect_change(event, &changes);
		unlink(file);
		expect_change(event, &changes);
		rmdir(directory);
		expect_change(event, &changes);
	}
	watch_free(watch);
	sd_event_unref(event);
}

static void test_watch_reports_the_name_that_linkat_gives(void **state)
{
	(void)state;
	sd_event *event;
	int changes = 0;
	char *paths[] = {directory}, target[96];
	assert_int_equal(mkdir(directory, 0700), 0);
	assert_int_equal(sd_event_new(&event), 0);
	struct watch *watch = watch_new(event, paths, 1, on_change, &changes);
	watch_refresh(watch);
	file_make();
	expect_change(event, &changes);
	snprintf(target, sizeof(target), "%s/second", directory);
	assert_int_equal(link(file, target), 0);
	expect_change(event, &changes);
	unlink(file);
	unlink(target);
	watch_free(watch);
	sd_event_unref(event);
	assert_int_equal(rmdir(directory), 0);
}

static void test_watch_makes_up_for_a_missing_parent_on_refresh(void **state)
{
	(void)state;
	sd_event *event;
	int changes = 0;
	char deep[96];
	char *paths[] = {deep};
	snprintf(deep, sizeof(deep), "%s/deep", directory);
	assert_int_equal(sd_event_new(&event), 0);
	struct watch *watch = watch_new(event, paths, 1, on_change, &changes);
	watch_refresh(watch);
	assert_int_equal(mkdir(directory, 0700), 0);
	watch_refresh(watch);
	assert_int_equal(mkdir(deep, 0700), 0);
	expect_change(event, &changes);
	watch_free(watch);
	sd_event_unref(event);
	rmdir(deep);
	rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_watch_reports_names_in_a_directory_that_appears_disappears_and_comes_again),
		cmocka_unit_test(test_watch_reports_the_name_that_linkat_gives),
		cmocka_unit_test(test_watch_makes_up_for_a_missing_parent_on_refresh),
	};
	return cmocka_run_group_tests(tests, root_make, root_remove);
}
