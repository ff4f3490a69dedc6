/* SPDX-License-Identifier: MIT */
/* The process_* metrics of instrumented services: segments of images and a procfs of our own, and real workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <mstat/mstat.h>

#include "collect/process_services.h"
#include "collect/segments.h"
#include "daemon.h"
#include "host_files.h"
#include "process_fixture.h"
#include "sanitized.h"
#include "segment_fixture.h"

MSTAT_COUNTER(jobs, "jobs_total", "Jobs done.");

static struct scratch scratch;
static struct segments *segments;
static struct process_services *services;

static int open_with(const char *procfs)
{
	char *directories[] = {scratch.segments};
	char *error = NULL;
	const struct segments_options options = {.directories = directories,
						 .directory_count = 1,
						 .keep_dead_ns = INT64_C(3600000000000),
						 .services_max = 100,
						 .limits = segment_limits_default,
						 .entries_max = 100};
	int r = segments_open(&options, &segments, &error);
	return r ? r : process_services_new(segments, procfs, &services);
}

static int setup(void **state)
{
	host_fixture_setup(state);
	scratch_make(&scratch);
	return open_with(test_host.paths[HOST_PROC]);
}

static int setup_real(void **state)
{
	host_fixture_setup(state);
	scratch_make(&scratch);
	return open_with("/proc");
}

static int teardown(void **state)
{
	process_services_free(services);
	segments_close(segments);
	scratch_remove(&scratch);
	return host_fixture_teardown(state);
}

static void collect(void)
{
	snapshot_unref(test_host.snapshot);
	builder_begin(test_host.builder);
	assert_int_equal(segments_collect(segments, test_host.builder), 0);
	assert_int_equal(process_services_collect(services, test_host.builder), 0);
	test_host.snapshot = builder_freeze(test_host.builder);
	assert_non_null(test_host.snapshot);
}

/* A segment whose tree lives and has these processes. */
struct claim {
	uint32_t pid;
	uint32_t pid_ns;
	uint64_t start_ticks;
};
static void *fixture;

static void segment_begin(void)
{
	assert_int_equal(fixture_setup(&fixture), 0);
}

static void segment_write(const struct claim *claims, uint32_t count)
{
	struct segment_fixture *segment = fixture;
	char from[256], to[256];
	for (uint32_t i = 0; i < count; i++)
		image_claim(&segment->image, i, claims[i].pid, claims[i].pid_ns, claims[i].start_ticks, 0);
	image_write(&segment->image, segment->directory_fd, segment->name);
	snprintf(from, sizeof(from), "%s/%s", segment->path, segment->name);
	snprintf(to, sizeof(to), "%s/%s", scratch.segments, segment->name);
	assert_int_equal(rename(from, to), 0);
	const int fd = open(to, O_RDWR | O_CLOEXEC);
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = MSTAT_SHM_LOCK_TREE, .l_len = 1};
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
	segment->lock_fd = fd;
}

static void segment_end(void)
{
	fixture_teardown(&fixture);
}

#define SERVICE(family) family "{service=\"shop\"}"

static void test_processes_of_other_namespaces_are_found_by_their_inner_pid(void **state)
{
	(void)state;
	segment_begin();
	PROCESS(.pid = 500, .comm = "a", .start_ticks = 900, .innermost_pid = 7, .user_ticks = 100,
		.resident_pages = 2);
	host_fixture_link(&test_host, "proc/500/ns/pid", "pid:[4026539999]");
	PROCESS(.pid = 7, .comm = "b", .start_ticks = 900, .resident_pages = 50);
	host_fixture_link(&test_host, "proc/7/ns/pid", "pid:[4026530000]");
	segment_write(&(const struct claim){7, 4026539999u, 900}, 1);
	collect();
	assert_value(SERVICE("process_instances"), 1);
	assert_value(SERVICE("process_resident_memory_bytes"), 2.0 * (double)sysconf(_SC_PAGESIZE));
	assert_value(SERVICE("process_open_fds"), 3);
	assert_value(SERVICE("process_max_fds"), 100);
	collect();
	assert_value(SERVICE("process_instances"), 1);
	segment_end();
}

static void test_a_process_that_started_at_another_time_is_not_counted(void **state)
{
	(void)state;
	segment_begin();
	PROCESS(.pid = 7, .comm = "a", .start_ticks = 901);
	segment_write(&(const struct claim){7, 0, 900}, 1);
	collect();
	assert_int_equal(host_fixture_count(&test_host, "process_resident_memory_bytes"), 0);
	assert_value(SERVICE("process_cpu_seconds_total"), 0);
	segment_end();
}

static void test_counters_keep_what_gone_processes_did(void **state)
{
	(void)state;
	const double tick = 1.0 / (double)sysconf(_SC_CLK_TCK);
	segment_begin();
	/* Live as long as the tree, since they are of another namespace. */
	PROCESS(.pid = 7, .comm = "a", .start_ticks = 900, .user_ticks = 100, .read_bytes = 10);
	PROCESS(.pid = 8, .comm = "a", .start_ticks = 800, .user_ticks = 50, .read_bytes = 1);
	segment_write((const struct claim[]){{7, 0, 900}, {8, 0, 800}}, 2);
	collect();
	assert_value(SERVICE("process_instances"), 2);
	assert_value(SERVICE("process_io_read_bytes_total"), 11);
	assert_true(host_fixture_value(&test_host, SERVICE("process_cpu_seconds_total")) == 150 * tick);
	process_erase(8);
	collect();
	assert_value(SERVICE("process_instances"), 1);
	assert_value(SERVICE("process_io_read_bytes_total"), 11);
	process_erase(7);
	collect();
	assert_value(SERVICE("process_io_read_bytes_total"), 11);
	assert_int_equal(host_fixture_count(&test_host, "process_instances"), 0);
	segment_end();
}

static void test_forks_that_run_the_same_program_belong_to_it_and_others_do_not(void **state)
{
	(void)state;
	segment_begin();
	PROCESS(.pid = 7, .comm = "a", .start_ticks = 900, .image = 77, .read_bytes = 1);
	PROCESS(.pid = 8, .comm = "a", .start_ticks = 950, .parent = 7, .image = 77, .read_bytes = 10);
	PROCESS(.pid = 9, .comm = "sh", .start_ticks = 960, .parent = 7, .image = 78, .read_bytes = 100);
	PROCESS(.pid = 10, .comm = "a", .start_ticks = 970, .parent = 8, .image = 77, .read_bytes = 1000);
	FILES({"proc/7/task/7/children", "8 9 "}, {"proc/8/task/8/children", "10 4711 x"});
	segment_write(&(const struct claim){7, 0, 900}, 1);
	collect();
	assert_value(SERVICE("process_instances"), 3);
	assert_value(SERVICE("process_io_read_bytes_total"), 1011);
	/* The parent goes, and with it what led to the others. */
	process_erase(7);
	collect();
	assert_value(SERVICE("process_instances"), 2);
	assert_value(SERVICE("process_io_read_bytes_total"), 1011);
	PROCESS(.pid = 8, .comm = "a", .start_ticks = 950, .parent = 1, .image = 77, .read_bytes = 15);
	collect();
	assert_value(SERVICE("process_io_read_bytes_total"), 1016);
	segment_end();
}

static void count_and_stay(void *context)
{
	(void)context;
	mstat_inc(mstat_counter_with(&jobs));
	alarm(2 * WAIT_MS / 1000); /* should the test fail before it kills this process */
	pause();
}

static void test_a_real_worker_is_there_while_it_lives(void **state)
{
	(void)state;
	const pid_t pid = worker_fork(&scratch, "shop", count_and_stay, NULL);
	collect();
	for (const int64_t end_ms = clock_ms() + WAIT_MS; !host_fixture_count(&test_host, "process_threads");
	     usleep(1000)) {
		assert_true(clock_ms() < end_ms);
		collect();
	}
	assert_value(SERVICE("process_instances"), 1);
	if (!SANITIZED) /* whose thread is counted, too */
		assert_value(SERVICE("process_threads"), 1);
	assert_true(host_fixture_value(&test_host, SERVICE("process_resident_memory_bytes")) > 100000);
	assert_true(host_fixture_value(&test_host, SERVICE("process_open_fds")) >= 3);
	const double faults = host_fixture_value(&test_host, SERVICE("process_minor_page_faults_total"));
	assert_true(faults > 0);
	kill(pid, SIGKILL);
	process_wait(pid);
	collect();
	assert_int_equal(host_fixture_count(&test_host, "process_threads"), 0);
	assert_true(host_fixture_value(&test_host, SERVICE("process_minor_page_faults_total")) >= faults);
}

#define SERVICE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVICE_TEST(test_processes_of_other_namespaces_are_found_by_their_inner_pid),
		SERVICE_TEST(test_a_process_that_started_at_another_time_is_not_counted),
		SERVICE_TEST(test_counters_keep_what_gone_processes_did),
		SERVICE_TEST(test_forks_that_run_the_same_program_belong_to_it_and_others_do_not),
		cmocka_unit_test_setup_teardown(test_a_real_worker_is_there_while_it_lives, setup_real, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
