/* SPDX-License-Identifier: MIT */
/* Listening sockets that the service manager has opened and hands over (socket activation). */
#ifndef AGENTD_SOCKETS_H
#define AGENTD_SOCKETS_H

#include <stddef.h>

#define SOCKETS_MAX 16

struct sockets {
	int fds[SOCKETS_MAX];
	size_t count; /* 0: none were handed over */
};

/* Takes what $LISTEN_FDS announces and removes the announcement, so that no child takes it for its own. Every one must
 * be a listening TCP socket. 0, -errno of reading the announcement, or -EINVAL; *error is then a malloc'ed message that
 * names the socket and the remedy. To be called once, before other descriptors are opened. */
int sockets_take(struct sockets *sockets, char **error);

#endif
