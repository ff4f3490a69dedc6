/* SPDX-License-Identifier: MIT */
/* Faults of segments (S rows of tests/fault/faults.def): what a hostile or broken neighbour does to its own file, to
 * the directory or to the machine costs nobody else anything, and shows as a counter with a reason. */
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

#define REFUSED(reason) "mstat_segment_refusals_total{reason=\"" reason "\"}"
#define JOBS "jobs_total{kind=\"a\",service=\"victim\"}"

MSTAT_COUNTER(jobs, "jobs_total", "Jobs done.", "kind");

/* ---- programs beside the oracle's ---- */

static void count_and_stay(void *context)
{
	(void)context;
	mstat_add(mstat_counter_with(&jobs, "a"), 1000);
	pause();
}

static void count_ten(void *context)
{
	(void)context;
	mstat_add(mstat_counter_with(&jobs, "a"), 10);
}

static void victim_path(const struct stage *stage, char path[160])
{
	snprintf(path, 160, "%s/victim.%u.0", stage->scratch->segments, (unsigned)geteuid());
}

/* A program whose file is then harmed, seen on the page. */
static pid_t victim_begin(struct stage *stage, char path[160])
{
	const pid_t pid = worker_fork(stage->scratch, "victim", count_and_stay, NULL);
	page_await(stage->agent.port, JOBS, "1000");
	victim_path(stage, path);
	return pid;
}

static void program_end(pid_t pid)
{
	kill(pid, SIGKILL);
	process_wait(pid);
}

/* A child that does a thing again and again until it is ended. */
static pid_t again_and_again(void (*body)(const char *path, unsigned int turn), const char *path)
{
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (unsigned int turn = 0;; turn++)
			body(path, turn);
	}
	process_remember(pid);
	return pid;
}

static uint64_t page_number(uint16_t port, const char *series)
{
	char *page = page_fresh(port);
	const char *value = page_value(page, series);
	const uint64_t number = value ? strtoull(value, NULL, 10) : 0;
	free(page);
	return number;
}

static void expect_counted(const struct stage *stage, const char *series)
{
	if (!page_number(stage->agent.port, series))
		fail_msg("%s is 0: the fault left no trace", series);
}

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
	page_await(stage.agent.port, JOBS, "0");
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
	const pid_t one = worker_fork(stage.scratch, "victim", count_and_stay, NULL);
	const pid_t other = worker_fork(stage.scratch, "victim", count_and_stay, NULL);
	injected("the same series in the segments of two living processes");
	page_await(stage.agent.port, JOBS, "2000");
	char *page = page_fresh(stage.agent.port), *first = strstr(page, "\n" JOBS " ");
	assert_non_null(first);
	assert_null(strstr(first + 1, "\n" JOBS " "));
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
	page_await(stage.agent.port, JOBS, "0");
	program_end(pid);
	stage_end(&stage);
}

/* ---- names ---- */

static void exchange(const char *path, unsigned int turn)
{
	char other[176];
	(void)turn;
	snprintf(other, sizeof(other), "%.150s.other", path);
	(void)!syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, other, 2u /* RENAME_EXCHANGE */);
}

static void test_s10_names_that_change_places_are_one_file_or_the_other(void **state)
{
	struct stage stage;
	char path[160], other[176], seen[160];
	stage_begin(&stage, state);
	const pid_t pid = victim_begin(&stage, path);
	snprintf(other, sizeof(other), "%.150s.other", path);
	assert_int_equal(symlink("/etc/passwd", other), 0);
	injected("renameat2(EXCHANGE) of a segment and a symbolic link, as fast as possible");
	const pid_t hostile = again_and_again(exchange, path);
	for (int i = 0; i < 10; i++) {
		char *page = page_fresh(stage.agent.port);
		const char *value = page_value(page, JOBS);
		snprintf(seen, sizeof(seen), "%s", value ? value : "1000");
		assert_string_equal(seen, "1000");
		assert_null(strstr(page, "root:"));
		free(page);
	}
	program_end(hostile);
	char *log = daemon_log(&stage.agent);
	assert_null(strstr(log, "root:"));
	free(log);
	program_end(pid);
	stage_end(&stage);
}

static void test_s25_flood_of_names_pushes_nobody_out(void **state)
{
	struct stage stage;
	char path[160];
	stage_begin(&stage, state, "--segment.max-entries=1000");
	for (int i = 0; i < 20000; i++) {
		snprintf(path, sizeof(path), "%s/flood.%u.%d", stage.scratch->segments, (unsigned)geteuid(), i);
		close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640));
	}
	for (int i = 0; i < 20000; i++) {
		snprintf(path, sizeof(path), "%s/no segment %d", stage.scratch->segments, i);
		close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640));
	}
	injected("20,000 files with names of segments and 20,000 others, with --segment.max-entries=1000");
	monitor_await_pages(&stage.monitor, 20);
	expect_counted(&stage, REFUSED("size"));
	stage_end(&stage);
}

static void hold_lock(const char *path, unsigned int turn)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = MSTAT_SHM_LOCK_TREE, .l_len = 1};
	const int fd = open(path, O_RDWR | O_CLOEXEC);
	(void)turn;
	if (fd >= 0)
		fcntl(fd, F_OFD_SETLKW, &lock);
	pause();
}

static void test_s27_lock_that_is_never_released_keeps_its_own_file_only(void **state)
{
	struct stage stage;
	char path[160];
	stage_begin(&stage, state);
	const pid_t pid = victim_begin(&stage, path), sleeper = again_and_again(hold_lock, path);
	program_end(pid);
	injected("a process that holds the lock of a dead program's segment and sleeps");
	worker_run(stage.scratch, "short", count_ten, NULL);
	page_await(stage.agent.port, "mstat_segments_folded_total", "1");
	monitor_await_pages(&stage.monitor, 10);
	/* Not folded, not lost, not doubled. */
	page_await(stage.agent.port, JOBS, "1000");
	page_await(stage.agent.port, "jobs_total{kind=\"a\",service=\"short\"}", "10");
	program_end(sleeper);
	page_await(stage.agent.port, "mstat_segments_folded_total", "2");
	page_await(stage.agent.port, JOBS, "1000");
	stage_end(&stage);
}

static void count_twice(void *context)
{
	const int fd = *(const int *)context;
	char byte;
	mstat_add(mstat_counter_with(&jobs, "a"), 1000);
	/* Goes on when its file has no name any more. */
	if (read(fd, &byte, 1) == 1)
		mstat_add(mstat_counter_with(&jobs, "b"), 1);
	_exit(5);
}

static void test_s28_program_whose_file_is_deleted_goes_on_and_the_next_one_is_seen(void **state)
{
	struct stage stage;
	char path[160];
	int pipes[2];
	stage_begin(&stage, state);
	assert_int_equal(pipe(pipes), 0);
	const pid_t pid = worker_fork(stage.scratch, "victim", count_twice, &pipes[0]);
	page_await(stage.agent.port, JOBS, "1000");
	victim_path(&stage, path);
	assert_int_equal(unlink(path), 0);
	injected("unlink(2) of a living program's segment");
	page_await(stage.agent.port, JOBS, NULL);
	assert_int_equal(write(pipes[1], "x", 1), 1);
	assert_int_equal(WEXITSTATUS(process_wait(pid)), 5);
	worker_run(stage.scratch, "victim", count_ten, NULL);
	page_await(stage.agent.port, JOBS, "10");
	close(pipes[0]);
	close(pipes[1]);
	stage_end(&stage);
}

/* ---- rights ---- */

static void test_s29_file_without_permissions_is_unreadable_and_counted(void **state)
{
	struct stage stage;
	char path[160];
	stage_begin(&stage, state);
	const pid_t pid = victim_begin(&stage, path);
	assert_int_equal(chmod(path, 0), 0);
	injected("chmod 0 of a living program's segment");
	monitor_await_pages(&stage.monitor, 20);
	char *page = page_fresh(stage.agent.port);
	const char *opened = page_value(page, REFUSED("open"));
	if (!opened || !strcmp(opened, "0")) {
		free(page);
		program_end(pid);
		stage_end(&stage);
		print_message("skipped: this user reads files whatever their mode\n");
		skip();
	}
	free(page);
	assert_int_equal(chmod(path, 0640), 0);
	page_await(stage.agent.port, JOBS, "1000");
	program_end(pid);
	stage_end(&stage);
}

/* ---- the machine ---- */

/* A tmpfs of so many bytes in the place of the segment directory; skips where it may not be mounted. */
static void mount_small(const struct scratch *scratch, const char *options)
{
	if (mount("tmpfs", scratch->segments, "tmpfs", MS_NOSUID | MS_NODEV, options)) {
		print_message("skipped: mounting a tmpfs is not permitted here\n");
		skip();
	}
}

static void fill(const char *directory)
{
	static char zeros[65536];
	char path[160];
	snprintf(path, sizeof(path), "%s/fill", directory);
	const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	for (size_t bytes = sizeof(zeros); bytes >= 512;)
		if (write(fd, zeros, bytes) < 0)
			bytes /= 2;
	close(fd);
}

static void count_privately(void *context)
{
	(void)context;
	for (int i = 0; i < 1000; i++)
		mstat_inc(mstat_counter_with(&jobs, "private"));
}

static void test_s26_mount_that_one_user_filled_keeps_what_is_there_exact(void **state)
{
	struct stage stage;
	const struct scratch *scratch = *state;
	mount_small(scratch, "size=8m,mode=700");
	stage_begin(&stage, state);
	fill(scratch->segments);
	injected("a tmpfs of 8 MiB filled to the last block beside a counting program");
	monitor_await_pages(&stage.monitor, 30);
	/* New programs count in private memory and come to their end. */
	const pid_t pid = fork();
	if (!pid) {
		const struct mstat_options options = {
			.size = sizeof(options), .service = "late", .directory = scratch->segments};
		const int r = mstat_open(&options);
		count_privately(NULL);
		_exit(r == MSTAT_REASON_NO_SPACE ? 6 : 1);
	}
	process_remember(pid);
	assert_int_equal(WEXITSTATUS(process_wait(pid)), 6);
	stage_end(&stage);
	umount2(scratch->segments, MNT_DETACH);
}

static void test_s4_hole_in_a_file_on_a_full_tmpfs_is_read_as_zeros(void **state)
{
	struct stage stage;
	char path[160];
	struct mstat_shm_header header;
	const struct scratch *scratch = *state;
	mount_small(scratch, "size=8m,mode=700");
	stage_begin(&stage, state);
	program_end(victim_begin(&stage, path));
	/* The dead one was folded: a file with holes, by hand. */
	snprintf(path, sizeof(path), "%s/steady.%u.0", scratch->segments, (unsigned)geteuid());
	const int from = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(pread(from, &header, sizeof(header), 0) == sizeof(header));
	close(from);
	snprintf(path, sizeof(path), "%s/holes.%u.0", scratch->segments, (unsigned)geteuid());
	const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	assert_true(!fchmod(fd, 0640) && write(fd, &header, sizeof(header)) == sizeof(header));
	assert_int_equal(ftruncate(fd, (off_t)header.file_bytes), 0);
	fill(scratch->segments);
	injected("a segment whose regions are holes, on a tmpfs without a free block");
	monitor_await_pages(&stage.monitor, 30);
	expect_counted(&stage, REFUSED("record"));
	close(fd);
	stage_end(&stage);
	umount2(scratch->segments, MNT_DETACH);
}

static void test_s9_file_system_that_never_answers_is_not_asked(void **state)
{
	struct stage stage;
	struct hung_mount hung;
	char path[128];
	stage_begin(&stage, state);
	snprintf(path, sizeof(path), "%s/hung.%u.0", stage.scratch->segments, (unsigned)geteuid());
	assert_int_equal(mkdir(path, 0700), 0);
	if (hung_mount_open(&hung, path)) {
		stage_end(&stage);
		print_message("skipped: FUSE cannot be mounted here\n");
		skip();
	}
	injected("a FUSE mount that never answers, under the name of a segment");
	page_await(stage.agent.port, REFUSED("open"), "1");
	monitor_await_pages(&stage.monitor, 30);
	hung_mount_close(&hung);
	stage_end(&stage);
}

/* The first process of a PID namespace: it and its like have the same number. */
static pid_t namespace_program(const struct scratch *scratch)
{
	const pid_t outer = fork();
	assert_true(outer >= 0);
	if (outer) {
		process_remember(outer);
		return outer;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWPID))
		_exit(77);
	const pid_t inner = fork();
	if (!inner) {
		const struct mstat_options options = {
			.size = sizeof(options), .service = "victim", .directory = scratch->segments};
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (mstat_open(&options))
			_exit(99);
		count_and_stay(NULL);
	}
	waitpid(inner, NULL, 0);
	_exit(0);
}

static void test_s30_programs_with_the_same_pid_are_two(void **state)
{
	struct stage stage;
	int status;
	stage_begin(&stage, state);
	const pid_t one = namespace_program(stage.scratch), other = namespace_program(stage.scratch);
	usleep(100000);
	if (waitpid(one, &status, WNOHANG) == one && WEXITSTATUS(status) == 77) {
		process_wait(other);
		stage_end(&stage);
		print_message("skipped: PID namespaces may not be made here\n");
		skip();
	}
	injected("two programs of one service, each with pid 1 in its own PID namespace");
	page_await(stage.agent.port, JOBS, "2000");
	page_await(stage.agent.port, "mstat_segments{state=\"live\"}", "3");
	program_end(one);
	program_end(other);
	page_await(stage.agent.port, "mstat_segments{state=\"live\"}", "1");
	page_await(stage.agent.port, JOBS, "2000");
	stage_end(&stage);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_s1_file_truncated_while_it_is_read_is_quarantined),
		TEST(test_s2_hole_in_the_counters_costs_that_program_alone),
		TEST(test_s3_sparse_file_of_a_tebibyte_is_refused_and_takes_no_page),
		TEST(test_s4_hole_in_a_file_on_a_full_tmpfs_is_read_as_zeros),
		TEST(test_s9_file_system_that_never_answers_is_not_asked),
		TEST(test_s10_names_that_change_places_are_one_file_or_the_other),
		TEST(test_s11_header_rewritten_during_the_read_costs_that_program_alone),
		TEST(test_s16_label_values_never_end_a_line),
		TEST(test_s19_two_processes_of_one_service_are_one_line),
		TEST(test_s22_value_poked_down_changes_that_series_alone),
		TEST(test_s25_flood_of_names_pushes_nobody_out),
		TEST(test_s26_mount_that_one_user_filled_keeps_what_is_there_exact),
		TEST(test_s27_lock_that_is_never_released_keeps_its_own_file_only),
		TEST(test_s28_program_whose_file_is_deleted_goes_on_and_the_next_one_is_seen),
		TEST(test_s29_file_without_permissions_is_unreadable_and_counted),
		TEST(test_s30_programs_with_the_same_pid_are_two),
	};
	/* Mounts of a test are its own. Where that is not permitted, the tests that need it say so. */
	(void)namespaces_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
