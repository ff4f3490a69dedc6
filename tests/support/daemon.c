/* SPDX-License-Identifier: MIT */
/* Starts and ends programs. See daemon.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <mstat/mstat.h>

#include "daemon.h"

#define LISTENING "msg=listening address=127.0.0.1:"
#define CHILDREN_MAX 64

extern char **environ;

/* Started and not reaped: killed when a test fails half-way. */
static pid_t children[CHILDREN_MAX];

void process_remember(pid_t pid)
{
	for (size_t i = 0; i < CHILDREN_MAX; i++) {
		if (!children[i]) {
			children[i] = pid;
			return;
		}
	}
	fail_msg("more than %d children at once", CHILDREN_MAX);
}

static void process_forget(pid_t pid)
{
	for (size_t i = 0; i < CHILDREN_MAX; i++)
		if (children[i] == pid)
			children[i] = 0;
}

int64_t clock_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

/* ---- the directory ---- */

void scratch_make(struct scratch *scratch)
{
	strcpy(scratch->path, "/dev/shm/mstat-e2e-XXXXXX");
	assert_non_null(mkdtemp(scratch->path));
	snprintf(scratch->segments, sizeof(scratch->segments), "%s/segments", scratch->path);
	assert_int_equal(mkdir(scratch->segments, 0700), 0);
}

static int entry_remove(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status;
	(void)kind;
	(void)place;
	remove(path);
	return 0;
}

void scratch_remove(struct scratch *scratch)
{
	nftw(scratch->path, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

int scratch_setup(void **state)
{
	struct scratch *scratch = calloc(1, sizeof(*scratch));
	if (!scratch)
		return -1;
	scratch_make(scratch);
	*state = scratch;
	return 0;
}

int scratch_teardown(void **state)
{
	struct scratch *scratch = *state;
	for (size_t i = 0; i < CHILDREN_MAX; i++) {
		if (!children[i])
			continue;
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
		children[i] = 0;
	}
	scratch_remove(scratch);
	free(scratch);
	return 0;
}

/* ---- programs ---- */

void program_path(const char *name, char *path, size_t path_bytes)
{
	char self[PATH_MAX];
	const char *bin = getenv("MSTAT_BIN_DIR");
	if (bin) {
		snprintf(path, path_bytes, "%s/%s", bin, name);
		return;
	}
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	assert_true(len > 0);
	self[len] = '\0';
	*strrchr(self, '/') = '\0';
	snprintf(path, path_bytes, "%s/../../%s", self, name);
}

bool program_installed(const char *name)
{
	char *list = strdup(getenv("PATH") ?: "/usr/bin:/bin"), *rest = list, path[PATH_MAX];
	bool found = false;
	for (char *part; !found && (part = strsep(&rest, ":"));) {
		snprintf(path, sizeof(path), "%s/%s", part, name);
		found = !access(path, X_OK);
	}
	free(list);
	return found;
}

void daemon_spawn(struct daemon *daemon, const struct scratch *scratch, const char *log, const char *const *words)
{
	posix_spawn_file_actions_t actions;
	snprintf(daemon->log, sizeof(daemon->log), "%s/%s", scratch->path, log);
	unlink(daemon->log);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, daemon->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	posix_spawn_file_actions_adddup2(&actions, 1, 2);
	const int r = posix_spawnp(&daemon->pid, words[0], &actions, NULL, (char *const *)words, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (r)
		fail_msg("%s: %s", words[0], strerror(r));
	process_remember(daemon->pid);
}

char *daemon_log(const struct daemon *daemon)
{
	struct stat status;
	const int fd = open(daemon->log, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0 && !fstat(fd, &status));
	char *text = calloc(1, (size_t)status.st_size + 1);
	assert_non_null(text);
	assert_true(read(fd, text, (size_t)status.st_size) >= 0);
	close(fd);
	return text;
}

bool daemon_listens(struct daemon *daemon, int *status)
{
	for (const int64_t end_ms = clock_ms() + WAIT_MS; clock_ms() < end_ms; usleep(2000)) {
		const bool ended = waitpid(daemon->pid, status, WNOHANG) == daemon->pid;
		char *log = daemon_log(daemon);
		const char *line = strstr(log, LISTENING);
		/* The whole line, or the port might be cut short. */
		daemon->port = line && strchr(line, '\n') ? (uint16_t)atoi(line + strlen(LISTENING)) : 0;
		free(log);
		if (ended) {
			process_forget(daemon->pid);
			daemon->pid = 0;
			return false;
		}
		if (daemon->port)
			return true;
	}
	fail_msg("%s: neither listening nor ended after %d ms", daemon->log, WAIT_MS);
	return false;
}

void agent_start_flags(struct daemon *daemon, const struct scratch *scratch, const char *const *flags)
{
	char program[PATH_MAX], directory[128];
	const char *words[16] = {program, directory, "--web.listen-address=127.0.0.1:0"};
	int status;
	for (size_t i = 0; flags[i]; i++) {
		assert_true(i < 12);
		words[3 + i] = flags[i];
	}
	program_path("mstatd", program, sizeof(program));
	snprintf(directory, sizeof(directory), "--segment.dir=%s", scratch->segments);
	daemon_spawn(daemon, scratch, "agent.log", words);
	if (!daemon_listens(daemon, &status)) {
		char *log = daemon_log(daemon);
		fail_msg("the agent did not start:\n%s", log);
	}
}

int process_wait(pid_t pid)
{
	int status;
	for (const int64_t end_ms = clock_ms() + WAIT_MS; clock_ms() < end_ms; usleep(1000)) {
		const pid_t ended = waitpid(pid, &status, WNOHANG);
		assert_true(ended >= 0);
		if (ended == pid) {
			process_forget(pid);
			return status;
		}
	}
	fail_msg("process %d did not end within %d ms", (int)pid, WAIT_MS);
	return -1;
}

int daemon_stop(struct daemon *daemon, int number)
{
	const pid_t pid = daemon->pid;
	daemon->pid = 0;
	assert_int_equal(kill(pid, number), 0);
	return process_wait(pid);
}

/* ---- workers ---- */

pid_t worker_fork(const struct scratch *scratch, const char *service, void (*body)(void *context), void *context)
{
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid) {
		process_remember(pid);
		return pid;
	}
	const struct mstat_options options = {
		.size = sizeof(options), .service = service, .directory = scratch->segments};
	if (mstat_open(&options))
		_exit(99);
	body(context);
	_exit(0);
}

void worker_run(const struct scratch *scratch, const char *service, void (*body)(void *context), void *context)
{
	assert_int_equal(process_wait(worker_fork(scratch, service, body, context)), 0);
}
