/* SPDX-License-Identifier: MIT */
/* Listening sockets that the service manager hands over. */
#include "sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

static int fail(char **error, const char *what, const char *reason)
{
	if (asprintf(error, "socket activation: %s: %s; mend the socket unit (ListenStream=HOST:PORT)", what, reason) <
	    0)
		*error = NULL;
	return -EINVAL;
}

static const char *socket_complaint(int fd)
{
	if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0)
		return "not a listening stream socket";
	if (sd_is_socket(fd, AF_INET, 0, -1) <= 0 && sd_is_socket(fd, AF_INET6, 0, -1) <= 0)
		return "not a TCP socket";
	/* A client that gave up before it was accepted must not hold the server up. */
	return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) ? "cannot be made non-blocking" : NULL;
}

int sockets_take(struct sockets *sockets, char **error)
{
	struct sockets taken = {.count = 0};
	char **names = NULL;
	const int count = sd_listen_fds_with_names(1, &names);
	int r = count < 0 ? count : 0;
	if (count > SOCKETS_MAX)
		r = fail(error, "the socket units", "they open more sockets than the agent takes (16)");
	for (int i = 0; !r && i < count; i++) {
		const int fd = SD_LISTEN_FDS_START + i;
		const char *complaint = socket_complaint(fd);
		if (complaint)
			r = fail(error, names ? names[i] : "?", complaint);
		else
			taken.fds[taken.count++] = fd;
	}
	for (int i = 0; names && i < count; i++)
		free(names[i]);
	free(names);
	if (!r)
		*sockets = taken;
	return r;
}
