/* SPDX-License-Identifier: MIT */
/* Stopping in time.
 *
 * These are real handlers and no signalfd: a loop that hangs in a file system reads no descriptor, but a handler runs.
 */
#include "stop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int stop_fd = -1;

static void on_stop(int number)
{
	(void)number;
	const int errno_before = errno;
	const uint64_t one = 1;
	alarm(STOP_DEADLINE_S);
	/* It can only fail when it was written to 2^64 - 2 times. */
	const ssize_t ignored = write(stop_fd, &one, sizeof(one));
	(void)ignored;
	errno = errno_before;
}

static void on_deadline(int number)
{
	static const char message[] = "level=error msg=\"the stop took too long\"\n";
	(void)number;
	const ssize_t ignored = write(STDERR_FILENO, message, sizeof(message) - 1);
	(void)ignored;
	_exit(1);
}

int stop_open(int *fd)
{
	if (stop_fd < 0)
		stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (stop_fd < 0)
		return -errno;
	struct sigaction action = {.sa_handler = on_deadline};
	sigaction(SIGALRM, &action, NULL);
	action = (struct sigaction){.sa_handler = on_stop, .sa_flags = SA_RESTART};
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	*fd = stop_fd;
	return 0;
}
