/* SPDX-License-Identifier: MIT */
/* One connection of the load generator: enough HTTP/1.1 to ask and to know whether the whole answer came. */
#ifndef DEMO_LOAD_CLIENT_H
#define DEMO_LOAD_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#define CLIENT_BYTES_MAX 4096u

struct client {
	int fd; /* -1: not connected */
	size_t len;
	char bytes[CLIENT_BYTES_MAX + 1]; /* of the answer that is being received */
};

struct client_answer {
	unsigned code;
	const char *body; /* NUL-terminated, in the client's buffer until the next call */
	bool close;       /* the service ends the connection */
};

/* Connects. Returns 0 or -errno. */
int client_open(struct client *client, const struct sockaddr *address, socklen_t address_len);

/* Closes, if open. */
void client_close(struct client *client);

/* Sends a request and waits for the whole answer. Returns 0, or -errno when the connection broke before it was
 * complete (-EPROTO: it is no answer); the connection is closed then, and nothing is known about the request. */
int client_ask(struct client *client, const char *request, size_t request_len, struct client_answer *answer);

#endif
