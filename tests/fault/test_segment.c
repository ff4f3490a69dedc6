/* SPDX-License-Identifier: MIT */
/* Faults of what is in segments (S rows of tests/fault/rows): what a hostile or broken neighbour writes costs nobody
 * else anything, and shows as a counter with a reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <mstat/mstat.h>

#include "hung_mount.h"
#include "monitor.h"
#include "scrape.h"
#include "victim.h"

MSTAT_COUNTER(jobs, "jobs_total", "Jobs done.", "kind");

/* ---- content ---- */

static void truncate_and_restore(const char *path, unsigned int turn)
{
	static const off_t lengths[] = {0, 700, 4096, 1 << 16};
	(void)!truncate(path, lengths[turn % 4]);
	usleep(3000);
	(void)!truncate(path, 1 << 26);
	usleep(2000);
}

static void test_s1_file_truncated_while_it_is_read_is_quarantined(void **state)
{
	struct stage stage;
	char path[160];
	stage_begin(&stage, state);
	/* Of a dead program: a living one would get SIGBUS from its own file. */
	program_end(victim_begin(&stage, path));
	char hostile[176];
	snprintf(hostile, sizeof(hostile), "%s/hostile.%u.0", stage.scratch->segments, (unsigned)geteuid());
	const int fd = open(hostile, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	assert_true(fd >= 0 && !fchmod(fd, 0640));
	close(fd);
	injected("truncate(2) of a segment to 0, 700, 4096, 65536 bytes and back, every 5 ms during scrapes");
	const pid_t pid = again_and_again(truncate_and_restore, hostile);
	monitor_await_pages(&stage.monitor, 60);
	program_end(pid);
	expect_counted(&stage, REFUSED("size"));
	stage_end(&stage);
}

static void test_s2_hole_in_the_counters_costs_that_program_alone(void **state)
{
	struct stage stage;
	char path[160];
	struct mstat_shm_header header;
	stage_begin(&stage, state);
	const pid_t pid = victim_begin(&stage, path);
	const int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0 && pread(fd, &header, sizeof(header), 0) == sizeof(header));
	for (uint32_t i = 0; i < header.region_count; i++)
		if (header.regions[i].kind == MSTAT_SHM_REGION_ROWS)
			assert_int_equal(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
						   (off_t)header.regions[i].offset, (off_t)header.regions[i].bytes),
					 0);
	close(fd);
	injected("fallocate(PUNCH_HOLE) over all rows of a living program");
	/* Its own values begin anew, as those of a program that was started again: scrapers know a counter that went
	 * down for a reset. */
	page_await(stage.agent.port, VICTIM_JOBS, "0");
	program_end(pid);
	stage_end(&stage);
}

static void make_file(const struct stage *stage, const char *service, off_t bytes)
{
	char path[160];
	snprintf(path, sizeof(path), "%s/%s.%u.0", stage->scratch->segments, service, (unsigned)geteuid());
	const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	assert_true(fd >= 0 && !fchmod(fd, 0640) && !ftruncate(fd, bytes));
	close(fd);
}

static void test_s3_sparse_file_of_a_tebibyte_is_refused_and_takes_no_page(void **state)
{
	struct stage stage;
	struct statfs before, after;
	stage_begin(&stage, state);
	assert_int_equal(statfs(stage.scratch->segments, &before), 0);
	make_file(&stage, "sparse", INT64_C(1) << 40);
	injected("a sparse file of 2^40 bytes");
	page_await(stage.agent.port, REFUSED("size"), "1");
	monitor_await_pages(&stage.monitor, 20);
	assert_int_equal(statfs(stage.scratch->segments, &after), 0);
	/* Others use the file system too. */
	assert_true(after.f_bfree + (16u << 20) / (uint64_t)after.f_bsize > before.f_bfree);
	stage_end(&stage);
}

/* Numbers of the header, each turned to something else and back. */
static void header_flip(const char *path, unsigned int turn)
{
	static const size_t fields[] = {offsetof(struct mstat_shm_header, arena_published),
					offsetof(struct mstat_shm_header, series_published),
					offsetof(struct mstat_shm_header, cells_published),
					offsetof(struct mstat_shm_header, file_bytes),
					offsetof(struct mstat_shm_header, regions) + 8,
					offsetof(struct mstat_shm_header, regions) + 32 + 16,
					offsetof(struct mstat_shm_header, cpu_count),
					offsetof(struct mstat_shm_header, service_off)};
	static const uint32_t lies[] = {0, 1, UINT32_MAX, 0x80000000u, 4096, 0x7fffffff};
	const int fd = open(path, O_RDWR | O_CLOEXEC);
	const off_t at = (off_t)fields[turn % (sizeof(fields) / sizeof(*fields))];
	uint32_t was;
	if (pread(fd, &was, sizeof(was), at) == sizeof(was)) {
		(void)!pwrite(fd, &lies[turn / 8 % 6], sizeof(was), at);
		(void)!pwrite(fd, &was, sizeof(was), at);
	}
	close(fd);
}

static void test_s11_header_rewritten_during_the_read_costs_that_program_alone(void **state)
{
	struct stage stage;
	char path[160];
	stage_begin(&stage, state);
	const pid_t pid = victim_begin(&stage, path);
	injected("eight fields of a header turned to lies and back, as fast as possible, during scrapes");
	const pid_t hostile = again_and_again(header_flip, path);
	monitor_await_pages(&stage.monitor, 60);
	program_end(hostile);
	program_end(pid);
	stage_end(&stage);
}

/* Every series says that it belongs to something else than what was understood before. */
static void series_rewrite(const char *path)
{
	struct mstat_shm_header header;
	const int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0 && pread(fd, &header, sizeof(header), 0) == sizeof(header));
	const off_t arena = (off_t)header.regions[0].offset;
	assert_int_equal(header.regions[0].kind, MSTAT_SHM_REGION_ARENA);
	for (uint64_t at = MSTAT_SHM_ARENA_FIRST; at < header.arena_published;) {
		struct mstat_shm_series series;
		assert_true(pread(fd, &series, sizeof(series), arena + (off_t)at) == sizeof(series));
		if (series.record.kind == MSTAT_SHM_RECORD_SERIES) {
			series.family = (uint32_t)at;
			assert_true(pwrite(fd, &series, sizeof(series), arena + (off_t)at) == sizeof(series));
		}
		at += series.record.bytes;
	}
	close(fd);
}

static void test_s11_series_rewritten_before_the_fold_costs_that_program_alone(void **state)
{
	struct stage stage = {.scratch = *state};
	char path[160];
	agent_start(&stage.agent, stage.scratch, "--segment.fold-after=1s");
	monitor_begin(&stage.monitor, stage.scratch, stage.agent.port);
	program_end(victim_begin(&stage, path));
	series_rewrite(path);
	injected("the series records of a dead program's segment rewritten after they were read");
	usleep(1500000);
	monitor_await_pages(&stage.monitor, 30);
	stage_end(&stage);
}

static void count_with_evil_labels(void *context)
{
	static const char *const evil[] = {"} 1\nfake 9",  "\"} 1\nsteady_total{service=\"steady\"} 0\n#",
					   "\\",           "\\\"",
					   "a\\nb",        "<img src=x onerror=alert(1)>",
					   "\xe2\x80\xa8", "# EOF\n"};
	(void)context;
	for (size_t i = 0; i < sizeof(evil) / sizeof(*evil); i++)
		mstat_inc(mstat_counter_with(&jobs, evil[i]));
	pause();
}

static void test_s16_label_values_never_end_a_line(void **state)
{
	struct stage stage;
	stage_begin(&stage, state);
	const pid_t pid = worker_fork(stage.scratch, "evil", count_with_evil_labels, NULL);
	injected("label values with newlines, quotes, backslashes and whole lines of a page");
	page_await(stage.agent.port, "jobs_total{kind=\"} 1\\nfake 9\",service=\"evil\"}", "1");
	char *page = page_fresh(stage.agent.port);
	assert_null(strstr(page, "\nfake"));
	assert_null(strstr(page, "\nsteady_total{service=\"steady\"}"));
	assert_null(strstr(page, "\n# EOF"));
	assert_non_null(strstr(page, "jobs_total{kind=\"\\\\\\\"\",service=\"evil\"} 1\n"));
	free(page);
	program_end(pid);
	stage_end(&stage);
}

static void test_s19_two_processes_of_one_service_are_one_line(void **state)
{
	struct stage stage;
	stage_begin(&stage, state);
	const pid_t one = worker_fork(stage.scratch, "victim", victim_run, NULL);
	const pid_t other = worker_fork(stage.scratch, "victim", victim_run, NULL);
	injected("the same series in the segments of two living processes");
	page_await(stage.agent.port, VICTIM_JOBS, "2000");
	char *page = page_fresh(stage.agent.port), *first = strstr(page, "\n" VICTIM_JOBS " ");
	assert_non_null(first);
	assert_null(strstr(first + 1, "\n" VICTIM_JOBS " "));
	free(page);
	program_end(one);
	program_end(other);
	stage_end(&stage);
}

static void test_s22_value_poked_down_changes_that_series_alone(void **state)
{
	struct stage stage;
	char path[160];
	struct mstat_shm_header header;
	static const uint64_t zeros[256];
	stage_begin(&stage, state);
	const pid_t pid = victim_begin(&stage, path);
	const int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0 && pread(fd, &header, sizeof(header), 0) == sizeof(header));
	for (uint32_t i = 0; i < header.region_count; i++) {
		const struct mstat_shm_region *region = &header.regions[i];
		for (uint64_t row = 0; region->kind == MSTAT_SHM_REGION_ROWS && row < header.cpu_count; row++)
			assert_true(pwrite(fd, zeros, sizeof(zeros), (off_t)(region->offset + row * region->stride)) >
				    0);
	}
	close(fd);
	injected("the first 256 cells set to 0 in all rows of a living program");
	page_await(stage.agent.port, VICTIM_JOBS, "0");
	program_end(pid);
	stage_end(&stage);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_s1_file_truncated_while_it_is_read_is_quarantined),
		TEST(test_s2_hole_in_the_counters_costs_that_program_alone),
		TEST(test_s3_sparse_file_of_a_tebibyte_is_refused_and_takes_no_page),
		TEST(test_s11_header_rewritten_during_the_read_costs_that_program_alone),
		TEST(test_s11_series_rewritten_before_the_fold_costs_that_program_alone),
		TEST(test_s16_label_values_never_end_a_line),
		TEST(test_s19_two_processes_of_one_service_are_one_line),
		TEST(test_s22_value_poked_down_changes_that_series_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
