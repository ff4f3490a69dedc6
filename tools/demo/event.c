/* SPDX-License-Identifier: MIT */
/* The pipe between workers and stream process. */
#include "event.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define PIPE_BYTES (64 << 10)

/* A record that is longer than this could be written in parts. */
_Static_assert(sizeof(struct event) <= PIPE_BUF, "events are written whole");

int event_pipe_open(int fds[2])
{
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
		return -errno;
	fcntl(fds[0], F_SETPIPE_SZ, PIPE_BYTES); /* the default, unless a user has too many pipes */
	return 0;
}

uint32_t event_pipe_capacity(int fd)
{
	int bytes = fcntl(fd, F_GETPIPE_SZ);
	return bytes > 0 ? (uint32_t)bytes / (uint32_t)sizeof(struct event) : 0;
}

uint32_t event_pipe_size(int fd)
{
	int bytes = 0;
	return ioctl(fd, FIONREAD, &bytes) == 0 ? (uint32_t)bytes / (uint32_t)sizeof(struct event) : 0;
}

bool event_write(int fd, const struct event *event)
{
	return write(fd, event, sizeof(*event)) == (ssize_t)sizeof(*event);
}

uint32_t event_read(int fd, struct event *events, uint32_t count)
{
	ssize_t got = read(fd, events, count * sizeof(*events));
	return got > 0 ? (uint32_t)((size_t)got / sizeof(*events)) : 0;
}

int event_type_of(enum endpoint endpoint)
{
	static const int types[ENDPOINT_COUNT] = {
		[ENDPOINT_REGISTER] = EVENT_REGISTRATION,
		[ENDPOINT_LLM] = EVENT_COMPLETION,
		[ENDPOINT_OPTIMIZE] = EVENT_OPTIMIZATION,
		[ENDPOINT_CACHE] = EVENT_LOOKUP,
		[ENDPOINT_HEALTH] = -1,
		[ENDPOINT_OTHER] = -1,
	};
	return types[endpoint];
}

int64_t event_now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
