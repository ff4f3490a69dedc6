/* SPDX-License-Identifier: MIT */
/* Measurements in a process of their own. */
#include "child.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

static void pipe_make(int fds[2])
{
	if (pipe(fds))
		bench_fail("pipe: %s; raise the limit of open files (ulimit -n)", strerror(errno));
}

static pid_t fork_or_fail(void)
{
	pid_t pid = fork();
	if (pid < 0)
		bench_fail("fork: %s; raise the limit of processes (ulimit -u)", strerror(errno));
	return pid;
}

void child_wait(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			bench_fail("waitpid: %s", strerror(errno));
	if (status)
		bench_fail("a child process failed (wait status 0x%x); its message is above", (unsigned)status);
}

double child_measure(double (*measure)(void *context), void *context)
{
	int fds[2];
	pipe_make(fds);
	pid_t pid = fork_or_fail();
	if (!pid) {
		double value = measure(context);
		/* _exit: what the parent registered with atexit is the parent's. */
		_exit(write(fds[1], &value, sizeof(value)) != sizeof(value));
	}
	close(fds[1]);
	double value = 0;
	ssize_t got = read(fds[0], &value, sizeof(value));
	close(fds[0]);
	child_wait(pid);
	if (got != sizeof(value))
		bench_fail("a child process gave no figure");
	return value;
}

struct child child_start(void (*prepare)(void *context), void *context)
{
	int ready[2], stop[2];
	char byte = 0;
	pipe_make(ready);
	pipe_make(stop);
	pid_t pid = fork_or_fail();
	if (!pid) {
		close(stop[1]);
		prepare(context);
		if (write(ready[1], &byte, 1) != 1)
			_exit(1);
		_exit(read(stop[0], &byte, 1) != 0);
	}
	close(ready[1]);
	close(stop[0]);
	ssize_t got = read(ready[0], &byte, 1);
	close(ready[0]);
	if (got != 1)
		child_wait(pid);
	return (struct child){.pid = pid, .stop_fd = stop[1]};
}

void child_stop(struct child *child)
{
	close(child->stop_fd);
	child_wait(child->pid);
}
