/* SPDX-License-Identifier: MIT */
/* Tests in processes of their own. */
#include "child.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define HANG_SECONDS 60

char child_directory[64];

_Noreturn void check_failed(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, condition);
	_exit(1);
}

void check_equal_at(const char *file, int line, const char *text, uint64_t have, uint64_t want)
{
	if (have == want)
		return;
	fprintf(stderr, "%s:%d: %s is %" PRIu64 " (%" PRId64 "), not %" PRIu64 "\n", file, line, text, have,
		(int64_t)have, want);
	_exit(1);
}

_Noreturn void check_skip(const char *why)
{
	fprintf(stderr, "skipped: %s\n", why);
	_exit(CHILD_SKIPPED);
}

static int entry_remove(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status, (void)type, (void)where;
	return remove(path);
}

void directory_begin(void)
{
	strcpy(child_directory, "/dev/shm/mstat-test-client-XXXXXX");
	if (!mkdtemp(child_directory)) {
		fprintf(stderr, "mkdtemp %s: %s; tests need a tmpfs on /dev/shm\n", child_directory, strerror(errno));
		exit(1);
	}
	setenv("MSTAT_DIR", child_directory, 1);
	unsetenv("OTEL_SERVICE_NAME");
	unsetenv("OTEL_RESOURCE_ATTRIBUTES");
}

void directory_end(void)
{
	nftw(child_directory, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

int child_wait(pid_t pid)
{
	int status = 0;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 255;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

pid_t fork_run(void (*function)(void))
{
	fflush(NULL);
	pid_t pid = fork();
	if (pid)
		return pid;
	alarm(HANG_SECONDS);
	function();
	_exit(0);
}

void check_fork(void (*function)(void))
{
	check_equal(child_wait(fork_run(function)), 0);
}

int child_run(void (*function)(void))
{
	directory_begin();
	pid_t pid = fork_run(function);
	int status = pid < 0 ? 255 : child_wait(pid);
	directory_end();
	return status;
}

void assert_child(void (*function)(void))
{
	int status = child_run(function);
	if (status == CHILD_SKIPPED)
		skip();
	if (status > 128)
		fail_msg("the child died by signal %d (%s)", status - 128, strsignal(status - 128));
	assert_int_equal(status, 0);
}

unsigned int descriptors_open(void)
{
	unsigned int count = 0;
	DIR *list = opendir("/proc/self/fd");
	check(list != NULL);
	while (readdir(list))
		count++;
	closedir(list);
	return count - 3; /* ., .., and the list's own */
}
