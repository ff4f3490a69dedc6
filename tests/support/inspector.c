/* SPDX-License-Identifier: MIT */
/* Runs the inspector. See inspector.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "inspector.h"

extern char **environ;

static char program[PATH_MAX];

void inspector_find(void)
{
	const char *bin = getenv("MSTAT_BIN_DIR");
	if (bin) {
		snprintf(program, sizeof(program), "%s/mstat", bin);
		return;
	}
	ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 32);
	assert_true(len > 0);
	program[len] = '\0';
	*strrchr(program, '/') = '\0';
	strcat(program, "/../../mstat");
}

static char *file_text(int fd)
{
	off_t len = lseek(fd, 0, SEEK_END);
	char *text = calloc(1, (size_t)len + 1);
	assert_non_null(text);
	assert_int_equal(pread(fd, text, (size_t)len, 0), len);
	close(fd);
	return text;
}

struct outcome run_to(int out_fd, const char *const *words)
{
	int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC), status;
	posix_spawn_file_actions_t actions;
	pid_t pid;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out_fd >= 0 ? out_fd : out, 1);
	posix_spawn_file_actions_adddup2(&actions, err, 2);
	assert_int_equal(posix_spawn(&pid, program, &actions, NULL, (char *const *)words, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	struct outcome outcome = {WIFEXITED(status) ? WEXITSTATUS(status) : -1, file_text(out), file_text(err)};
	return outcome;
}

void outcome_free(struct outcome *outcome)
{
	free(outcome->out);
	free(outcome->err);
}

void assert_contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in:\n%s", part, text);
}

void assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("'%s' is in:\n%s", part, text);
}

void assert_outcome(struct outcome outcome, int code, const char *part)
{
	if (outcome.code != code)
		fail_msg("exit code %d, not %d:\n%s%s", outcome.code, code, outcome.out, outcome.err);
	assert_contains(code == 2 ? outcome.err : outcome.out, part);
	outcome_free(&outcome);
}

size_t occurrences(const char *text, const char *part)
{
	size_t count = 0;
	for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
		count++;
	return count;
}

void directory_make(char path[64])
{
	strcpy(path, "/dev/shm/test_mstat.XXXXXX");
	assert_non_null(mkdtemp(path));
}

void directory_empty(const char *path)
{
	DIR *directory = opendir(path);
	assert_non_null(directory);
	for (struct dirent *entry; (entry = readdir(directory));)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(directory), entry->d_name, 0);
	closedir(directory);
}

void directory_remove(const char *path)
{
	directory_empty(path);
	rmdir(path);
}
