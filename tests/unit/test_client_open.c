/* SPDX-License-Identifier: MIT */
/* Opening: options, names from the environment, adoption, status; and every way to fail, after which handles go on in
 * private memory. */
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
#include "sanitized.h"
#include "view.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define TMPFS 0x01021994

MSTAT_COUNTER(counted, "counted", "Counted.", "n");
MSTAT_GAUGE(level, "level", "Level.");

static struct mstat_status status_now(void)
{
	struct mstat_status status;
	mstat_status(&status);
	return status;
}

/* Uses everything once and leaves errno and the descriptors as they were. */
static void use_all(void)
{
	char number[16];
	errno = E2BIG;
	for (int i = 0; i < 100; i++) {
		snprintf(number, sizeof(number), "%d", i);
		mstat_inc(mstat_counter_with(&counted, number));
		errno = E2BIG;
	}
	mstat_gauge_set(mstat_gauge_with(&level), 3);
	mstat_gauge_add(mstat_gauge_with(&level), 3);
	mstat_remove(&counted.family, (const char *const[]){"7"}, 1);
	mstat_inc(mstat_counter_with(&counted, "7"));
	check_equal(errno, E2BIG);
}

/* The counts are private, for this reason. */
static void check_private(int reason)
{
	unsigned int descriptors = descriptors_open();
	use_all();
	check_equal(descriptors_open(), descriptors);
	struct mstat_status status = status_now();
	check_equal(status.reason, reason);
	check_equal(status.exposed, 0);
	check_equal(status.path[0], 0);
	check(mstat_drops(reason) > 0);
	check_fork(use_all);
}

/* ---- options ---- */

CHILD_TEST(test_nothing_is_opened_before_the_first_use)
{
	struct mstat_status status = status_now();
	check_equal(status.reason + status.exposed + status.path[0], 0);
	check_equal(view_segments(child_directory), 0);
}

CHILD_TEST(test_open_leaves_errno_and_no_descriptor)
{
	unsigned int descriptors = descriptors_open();
	use_all();
	check_equal(descriptors_open(), descriptors);
	struct mstat_status status = status_now();
	check_equal(status.reason, 0);
	check_equal(status.exposed, 1);
	check(!strncmp(status.path, child_directory, strlen(child_directory)));
	check_equal(view_sum_u64(child_directory, "counted"), 100);
	errno = E2BIG;
	check_equal(mstat_open(NULL), 0);
	check_equal(errno, E2BIG);
}

static const char *wanted_service, *wanted_version;

static void check_identity(const struct segment *segment, void *context)
{
	(void)context;
	check(!strcmp(segment->service, wanted_service));
	check(!strcmp(segment->version, wanted_version));
}

static void check_named(const char *service, const char *version)
{
	use_all();
	wanted_service = service, wanted_version = version;
	view_first(child_directory, check_identity, NULL);
}

CHILD_TEST(test_service_and_version_come_from_the_options)
{
	struct mstat_options options = {.size = sizeof(options), .service = "shop", .version = "1.2"};
	setenv("OTEL_SERVICE_NAME", "other", 1);
	check_equal(mstat_open(&options), 0);
	check_named("shop", "1.2");
	char name[128];
	snprintf(name, sizeof(name), "%s/shop.%u.0", child_directory, (unsigned int)geteuid());
	check(!strcmp(status_now().path, name));
}

CHILD_TEST(test_service_comes_from_otel_service_name_before_the_resource_attributes)
{
	setenv("OTEL_SERVICE_NAME", "named", 1);
	setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,service.version=4.5", 1);
	check_named("named", "4.5");
}

CHILD_TEST(test_service_and_version_come_from_the_resource_attributes)
{
	setenv("OTEL_RESOURCE_ATTRIBUTES", "a=b, service.name=my%20shop%2C,service.version=7,c=d", 1);
	check_named("my shop,", "7");
}

CHILD_TEST(test_service_is_the_program_by_default)
{
	check_named(program_invocation_short_name, "");
}

CHILD_TEST(test_strange_service_names_stay_in_the_directory)
{
	struct mstat_options options = {.size = sizeof(options), .service = "../../x/.y \xe2\x82\xac"};
	check_equal(mstat_open(&options), 0);
	check_named("../../x/.y \xe2\x82\xac", "");
	check_equal(view_segments(child_directory), 1);
}

CHILD_TEST(test_options_out_of_range_are_refused_and_defaults_used)
{
	struct mstat_options options = {.size = sizeof(options), .arena_bytes = 100};
	mstat_open(&options);
	check(mstat_drops(MSTAT_REASON_OPTIONS) > 0);
	use_all();
	check_equal(view_sum_u64(child_directory, "counted"), 100);
}

CHILD_TEST(test_second_open_is_refused_and_changes_nothing)
{
	struct mstat_options first = {.size = sizeof(first), .service = "first"};
	struct mstat_options second = {.size = sizeof(second), .service = "second"};
	check_equal(mstat_open(&first), 0);
	check_equal(mstat_open(&second), MSTAT_REASON_OPTIONS);
	check_named("first", "");
}

CHILD_TEST(test_open_takes_structs_of_older_and_newer_programs)
{
	struct {
		struct mstat_options options;
		char more[64];
	} newer = {.options = {.size = sizeof(newer), .service = "newer", .label_bytes_max = 4}};
	memset(newer.more, 0x55, sizeof(newer.more));
	check_equal(mstat_open(&newer.options), 0);
	check_named("newer", "");
	mstat_inc(mstat_counter_with(&counted, "12345"));
	check_equal(mstat_drops(MSTAT_REASON_LABEL_VALUE), 1);
}

CHILD_TEST(test_open_reads_no_further_than_the_size_of_an_older_struct)
{
	struct mstat_options older = {
		.size = offsetof(struct mstat_options, label_bytes_max), .service = "older", .label_bytes_max = 1};
	check_equal(mstat_open(&older), 0);
	check_named("older", "");
	check_equal(mstat_drops(MSTAT_REASON_LABEL_VALUE), 0);
}

CHILD_TEST(test_dead_segments_are_adopted_and_live_ones_are_not)
{
	for (int i = 0; i < 3; i++)
		check_fork(use_all);
	check_equal(view_segments(child_directory), 1);
	check_equal(view_sum_u64(child_directory, "counted"), 3 * 100 - 2); /* "7" was removed by the second, third */
	use_all();
	pid_t pid = fork_run(use_all); /* in the tree of this process */
	check_equal(child_wait(pid), 0);
	check_equal(view_segments(child_directory), 1);
}

CHILD_TEST(test_segment_is_readable_by_its_group_whatever_the_umask)
{
	struct stat file;
	umask(077);
	use_all();
	check(!stat(status_now().path, &file));
	check_equal(file.st_mode & 07777, 0640);
}

/* ---- failures ---- */

CHILD_TEST(test_missing_directory_makes_memory_private)
{
	setenv("MSTAT_DIR", "/dev/shm/no-such-directory/of-mstat", 1);
	check_private(MSTAT_REASON_NO_DIRECTORY);
}

CHILD_TEST(test_directory_on_a_disk_makes_memory_private)
{
	char path[] = "/var/tmp/mstat-test-XXXXXX";
	struct statfs filesystem;
	if (!mkdtemp(path) || statfs(path, &filesystem))
		check_skip("/var/tmp is not writable");
	rmdir(path);
	if (filesystem.f_type == TMPFS)
		check_skip("/var/tmp is a tmpfs here");
	setenv("MSTAT_DIR", "/var/tmp", 1);
	check_private(MSTAT_REASON_NOT_TMPFS);
}

CHILD_TEST(test_directory_that_others_may_change_makes_memory_private)
{
	check(!chmod(child_directory, 0777));
	check_private(MSTAT_REASON_UNSAFE_DIRECTORY);
}

CHILD_TEST(test_directory_without_permission_makes_memory_private)
{
	check(!chmod(child_directory, 0755));
	if (geteuid() == 0 && setresuid(65534, 65534, 65534))
		check_skip("cannot become another user");
	if (geteuid() != 65534)
		check(!chmod(child_directory, 0555));
	check_private(MSTAT_REASON_PERMISSION);
}

static void file_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	check(file && fputs(text, file) >= 0 && !fclose(file));
}

/* A user namespace in which this user has a number: without one, no file can be made. */
static bool namespace_enter(void)
{
	char map[64];
	const unsigned int uid = geteuid(), gid = getegid();
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return false;
	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	file_write("/proc/self/uid_map", map);
	file_write("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	file_write("/proc/self/gid_map", map);
	return true;
}

/* A tmpfs of its own on child_directory. */
static void mount_here(const char *options, unsigned long flags)
{
	if (unshare(CLONE_NEWNS) && !namespace_enter())
		check_skip("neither mount nor user namespaces may be made here");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", child_directory, "tmpfs", flags, options))
		check_skip("mounting a tmpfs is not permitted here");
}

CHILD_TEST(test_read_only_directory_makes_memory_private)
{
	mount_here("size=64k,mode=700", MS_RDONLY);
	check_private(MSTAT_REASON_PERMISSION);
}

CHILD_TEST(test_tmpfs_too_small_makes_memory_private)
{
	mount_here("size=16k,mode=700", 0);
	check_private(MSTAT_REASON_NO_SPACE);
	check_equal(view_segments(child_directory), 0);
}

CHILD_TEST(test_tmpfs_that_fills_up_costs_series_and_not_the_process)
{
	mount_here("size=256k,mode=700", 0);
	char number[16];
	for (int i = 0; i < 20000; i++) {
		snprintf(number, sizeof(number), "%d", i);
		mstat_inc(mstat_counter_with(&counted, number));
	}
	check_equal(status_now().exposed, 1);
	check(mstat_drops(MSTAT_REASON_NO_SPACE) > 0);
	check_equal(view_sum_u64(child_directory, "counted"), 20000);
	check_fork(use_all);
}

CHILD_TEST(test_no_free_descriptor_makes_memory_private)
{
	struct rlimit none = {0, 0};
	unsigned int descriptors = descriptors_open();
	struct rlimit before;
	check(!getrlimit(RLIMIT_NOFILE, &before));
	none.rlim_max = before.rlim_max;
	check(!setrlimit(RLIMIT_NOFILE, &none));
	use_all();
	check_equal(status_now().reason, MSTAT_REASON_TOO_MANY_FILES);
	check_equal(status_now().error, EMFILE);
	check_equal(status_now().exposed, 0);
	check(!setrlimit(RLIMIT_NOFILE, &before));
	check_equal(descriptors_open(), descriptors);
}

CHILD_TEST(test_descriptors_used_up_after_the_opening_do_not_matter)
{
	struct rlimit before, none = {0, 0};
	use_all();
	check(!getrlimit(RLIMIT_NOFILE, &before));
	none.rlim_max = before.rlim_max;
	check(!setrlimit(RLIMIT_NOFILE, &none));
	check_fork(use_all);
	char number[16];
	for (int i = 1000; i < 3000; i++) {
		snprintf(number, sizeof(number), "%d", i);
		mstat_inc(mstat_counter_with(&counted, number));
	}
	check(!setrlimit(RLIMIT_NOFILE, &before));
	check_equal(view_sum_u64(child_directory, "counted"), 100 + 101 + 2000); /* the child's "7" went on */
}

CHILD_TEST(test_no_address_space_makes_counts_go_nowhere_but_harms_nobody)
{
	unsigned long pages = 0;
	if (SANITIZED)
		check_skip("a sanitizer needs the address space");
	FILE *sizes = fopen("/proc/self/statm", "r");
	check(sizes && fscanf(sizes, "%lu", &pages) == 1);
	fclose(sizes);
	rlim_t room = pages * (rlim_t)sysconf(_SC_PAGESIZE) + (4 << 20);
	struct rlimit small = {room, room};
	check(!setrlimit(RLIMIT_AS, &small));
	use_all();
	check_equal(status_now().reason, MSTAT_REASON_NO_MEMORY);
	check_equal(status_now().exposed, 0);
	check(mstat_drops(MSTAT_REASON_NO_MEMORY) > 0);
	check_fork(use_all);
}

CHILD_TEST(test_limit_of_file_sizes_makes_memory_private_without_a_signal)
{
	struct rlimit small = {4096, 4096};
	check(!setrlimit(RLIMIT_FSIZE, &small));
	check_private(MSTAT_REASON_NO_SPACE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_opened_before_the_first_use),
		cmocka_unit_test(test_open_leaves_errno_and_no_descriptor),
		cmocka_unit_test(test_service_and_version_come_from_the_options),
		cmocka_unit_test(test_service_comes_from_otel_service_name_before_the_resource_attributes),
		cmocka_unit_test(test_service_and_version_come_from_the_resource_attributes),
		cmocka_unit_test(test_service_is_the_program_by_default),
		cmocka_unit_test(test_strange_service_names_stay_in_the_directory),
		cmocka_unit_test(test_options_out_of_range_are_refused_and_defaults_used),
		cmocka_unit_test(test_second_open_is_refused_and_changes_nothing),
		cmocka_unit_test(test_open_takes_structs_of_older_and_newer_programs),
		cmocka_unit_test(test_open_reads_no_further_than_the_size_of_an_older_struct),
		cmocka_unit_test(test_dead_segments_are_adopted_and_live_ones_are_not),
		cmocka_unit_test(test_segment_is_readable_by_its_group_whatever_the_umask),
		cmocka_unit_test(test_missing_directory_makes_memory_private),
		cmocka_unit_test(test_directory_on_a_disk_makes_memory_private),
		cmocka_unit_test(test_directory_that_others_may_change_makes_memory_private),
		cmocka_unit_test(test_directory_without_permission_makes_memory_private),
		cmocka_unit_test(test_read_only_directory_makes_memory_private),
		cmocka_unit_test(test_tmpfs_too_small_makes_memory_private),
		cmocka_unit_test(test_tmpfs_that_fills_up_costs_series_and_not_the_process),
		cmocka_unit_test(test_no_free_descriptor_makes_memory_private),
		cmocka_unit_test(test_descriptors_used_up_after_the_opening_do_not_matter),
		cmocka_unit_test(test_no_address_space_makes_counts_go_nowhere_but_harms_nobody),
		cmocka_unit_test(test_limit_of_file_sizes_makes_memory_private_without_a_signal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
