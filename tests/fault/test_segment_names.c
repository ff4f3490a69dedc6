/* SPDX-License-Identifier: MIT */
/* Faults of names, rights and file systems around segments (S rows of tests/fault/rows): they cost nobody else
 * anything, and show as a counter with a reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

static void count_ten(void *context)
{
	(void)context;
	mstat_add(mstat_counter_with(&jobs, "a"), 10);
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
		const char *value = page_value(page, VICTIM_JOBS);
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
	page_await(stage.agent.port, VICTIM_JOBS, "1000");
	page_await(stage.agent.port, "jobs_total{kind=\"a\",service=\"short\"}", "10");
	program_end(sleeper);
	page_await(stage.agent.port, "mstat_segments_folded_total", "2");
	page_await(stage.agent.port, VICTIM_JOBS, "1000");
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
	page_await(stage.agent.port, VICTIM_JOBS, "1000");
	victim_path(&stage, path);
	assert_int_equal(unlink(path), 0);
	injected("unlink(2) of a living program's segment");
	page_await(stage.agent.port, VICTIM_JOBS, NULL);
	assert_int_equal(write(pipes[1], "x", 1), 1);
	assert_int_equal(WEXITSTATUS(process_wait(pid)), 5);
	worker_run(stage.scratch, "victim", count_ten, NULL);
	page_await(stage.agent.port, VICTIM_JOBS, "10");
	close(pipes[0]);
	close(pipes[1]);
	stage_end(&stage);
}

/* ---- rights ---- */

/* An agent without a capability: of root, too. */
static bool agent_start_bare(struct stage *stage, const struct scratch *scratch)
{
	char program[PATH_MAX], directory[128];
	const char *words[] = {"setpriv",
			       "--bounding-set=-all",
			       program,
			       directory,
			       "--web.listen-address=127.0.0.1:0",
			       "--segment.fold-after=0s",
			       NULL};
	int status;
	if (!program_installed("setpriv"))
		return false;
	*stage = (struct stage){.scratch = scratch};
	program_path("mstatd", program, sizeof(program));
	snprintf(directory, sizeof(directory), "--segment.dir=%s", scratch->segments);
	daemon_spawn(&stage->agent, scratch, "agent.log", words);
	assert_true(daemon_listens(&stage->agent, &status));
	monitor_begin(&stage->monitor, scratch, stage->agent.port);
	return true;
}

static void test_s29_file_without_permissions_is_unreadable_and_counted(void **state)
{
	struct stage stage;
	char path[160];
	if (!agent_start_bare(&stage, *state)) {
		print_message("skipped: setpriv is not installed\n");
		skip();
	}
	const pid_t pid = victim_begin(&stage, path);
	assert_int_equal(chmod(path, 0), 0);
	injected("chmod 0 of a living program's segment");
	monitor_await_pages(&stage.monitor, 20);
	expect_counted(&stage, REFUSED("open"));
	assert_int_equal(chmod(path, 0640), 0);
	page_await(stage.agent.port, VICTIM_JOBS, "1000");
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
		victim_run(NULL);
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
	page_await(stage.agent.port, VICTIM_JOBS, "2000");
	page_await(stage.agent.port, "mstat_segments{state=\"live\"}", "3");
	program_end(one);
	program_end(other);
	page_await(stage.agent.port, "mstat_segments{state=\"live\"}", "1");
	page_await(stage.agent.port, VICTIM_JOBS, "2000");
	stage_end(&stage);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_s4_hole_in_a_file_on_a_full_tmpfs_is_read_as_zeros),
		TEST(test_s9_file_system_that_never_answers_is_not_asked),
		TEST(test_s10_names_that_change_places_are_one_file_or_the_other),
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
