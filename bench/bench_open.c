/* SPDX-License-Identifier: MIT */
/* What does a process pay for its segment: the first run of a program, which creates one, and every later run, which
 * adopts what the last one left? Each figure comes from processes that were started by exec. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <mstat/mstat.h>

#include "child.h"
#include "harness.h"
#include "scratch.h"

extern char **environ;

MSTAT_COUNTER(runs, "bench_runs_total", "Runs of the benchmark's child.");

/* First argument of this program when it is its own child: "--child KIND DIRECTORY". */
#define CHILD_OPTION "--child"

enum kind { KIND_NOTHING, KIND_FILE, KIND_SEGMENT };

/* What the child tells its parent. */
struct times {
	int64_t open_ns; /* the opening alone */
};

/* ---- the child ---- */

/* The least that any file-backed segment costs: a file of that size, mapped, one page of it written. */
static void file_open(const char *directory)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/file", directory);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, 1 << 20))
		bench_fail("%s: %s", path, strerror(errno));
	char *map = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		bench_fail("mmap of %s: %s", path, strerror(errno));
	close(fd);
	map[0] = 1;
}

static int child_main(enum kind kind, const char *directory)
{
	int64_t start_ns = bench_now_ns();
	if (kind == KIND_FILE)
		file_open(directory);
	if (kind == KIND_SEGMENT)
		scratch_segment_open(directory, 1024);
	struct times times = {.open_ns = bench_now_ns() - start_ns};
	if (kind == KIND_SEGMENT) {
		mstat_inc(mstat_counter_with(&runs));
		scratch_segment_check();
	}
	return write(STDOUT_FILENO, &times, sizeof(times)) != sizeof(times);
}

/* ---- the parent ---- */

/* What one figure is the mean of. */
struct series_of_runs {
	const char *directory;
	enum kind kind;
	bool keep;  /* what one run leaves is there for the next: adoption */
	bool whole; /* the time of the whole process, from spawn to exit, instead of the opening alone */
	unsigned count;
};

static void child_spawn(const struct series_of_runs *runs_of, int out_fd, pid_t *pid)
{
	char kind[4];
	snprintf(kind, sizeof(kind), "%d", (int)runs_of->kind);
	char *arguments[] = {(char *)"bench_open", (char *)CHILD_OPTION, kind, (char *)runs_of->directory, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
	int error = posix_spawn(pid, "/proc/self/exe", &actions, NULL, arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (error)
		bench_fail("cannot start a child: %s", strerror(error));
}

static double run_once_ns(const struct series_of_runs *runs_of)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC))
		bench_fail("pipe: %s; raise the limit of open files (ulimit -n)", strerror(errno));
	int64_t start_ns = bench_now_ns();
	pid_t pid;
	child_spawn(runs_of, fds[1], &pid);
	child_wait(pid);
	int64_t whole_ns = bench_now_ns() - start_ns;
	struct times times;
	if (read(fds[0], &times, sizeof(times)) != sizeof(times))
		bench_fail("a child process gave no figure");
	close(fds[0]);
	close(fds[1]);
	return (double)(runs_of->whole ? whole_ns : times.open_ns);
}

static double runs_measure_us(void *context)
{
	const struct series_of_runs *runs_of = context;
	double sum_ns = 0;
	if (runs_of->keep)
		run_once_ns(runs_of);
	for (unsigned i = 0; i < runs_of->count; i++) {
		sum_ns += run_once_ns(runs_of);
		if (!runs_of->keep)
			scratch_clear(runs_of->directory);
	}
	unsigned left = scratch_clear(runs_of->directory);
	if (runs_of->keep && left != 1)
		bench_fail("%u segments after %u runs instead of 1: adoption did not happen", left, runs_of->count + 1);
	return sum_ns / runs_of->count / 1000;
}

static void opening_run(const char *directory, unsigned count)
{
	struct series_of_runs file = {directory, KIND_FILE, false, false, count};
	struct series_of_runs create = {directory, KIND_SEGMENT, false, false, count};
	struct series_of_runs adopt = {directory, KIND_SEGMENT, true, false, count};
	const struct bench_case cases[] = {
		{.name = "a plain 1 MiB file: create, map, touch", .measure = runs_measure_us, .context = &file},
		{.name = "mstat_open, creating", .measure = runs_measure_us, .context = &create},
		{.name = "mstat_open, adopting", .measure = runs_measure_us, .context = &adopt},
	};
	bench_group("the opening alone", "us/process", 1, cases, sizeof(cases) / sizeof(*cases));
}

static void whole_run(const char *directory, unsigned count)
{
	struct series_of_runs nothing = {directory, KIND_NOTHING, false, true, count};
	struct series_of_runs create = {directory, KIND_SEGMENT, false, true, count};
	struct series_of_runs adopt = {directory, KIND_SEGMENT, true, true, count};
	const struct bench_case cases[] = {
		{.name = "a process that does nothing", .measure = runs_measure_us, .context = &nothing},
		{.name = "create, count once, exit", .measure = runs_measure_us, .context = &create},
		{.name = "adopt, count once, exit", .measure = runs_measure_us, .context = &adopt},
	};
	bench_group("the whole process, spawn to exit", "us/process", 1, cases, sizeof(cases) / sizeof(*cases));
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], CHILD_OPTION))
		return child_main((enum kind)atoi(argv[2]), argv[3]);
	bench_begin("what does a process pay for its segment?", argc, argv);
	const char *directory = scratch_directory();
	unsigned count = bench_quick() ? 5 : 100;
	opening_run(directory, count);
	whole_run(directory, count);
	return bench_end();
}
