/* SPDX-License-Identifier: MIT */
/* Blocking sockets: a lane has nothing else to do than to wait. */
#include "load_client.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

int client_open(struct client *client, const struct sockaddr *address, socklen_t address_len)
{
	int one = 1;
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, address, address_len) != 0) {
		int error = -errno;
		close(fd);
		return error;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	client->fd = fd;
	return 0;
}

void client_close(struct client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
}

static int send_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -errno;
		data += sent;
		len -= (size_t)sent;
	}
	return 0;
}

/* Receives more; an end of the stream is a broken connection, for an answer is still due. */
static int receive(struct client *client)
{
	if (client->len == CLIENT_BYTES_MAX)
		return -EPROTO;
	for (;;) {
		ssize_t got = recv(client->fd, client->bytes + client->len, CLIENT_BYTES_MAX - client->len, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -ECONNRESET;
		client->len += (size_t)got;
		client->bytes[client->len] = '\0';
		return 0;
	}
}

/* Value of a header in the head of the answer, or NULL. */
static const char *header_find(const char *head, const char *name)
{
	size_t len = strlen(name);
	for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
		line += 2;
		if (strncasecmp(line, name, len) == 0 && line[len] == ':')
			return line + len + 1 + strspn(line + len + 1, " ");
	}
	return NULL;
}

static int head_parse(const char *head, struct client_answer *answer, size_t *body_len)
{
	const char *length = header_find(head, "Content-Length");
	const char *connection = header_find(head, "Connection");
	if (sscanf(head, "HTTP/1.1 %3u", &answer->code) != 1 || !length)
		return -EPROTO;
	*body_len = strtoul(length, NULL, 10);
	answer->close = connection && strncasecmp(connection, "close", 5) == 0;
	return 0;
}

static int answer_receive(struct client *client, struct client_answer *answer)
{
	char *end;
	size_t body_len;
	client->len = 0;
	client->bytes[0] = '\0';
	while (!(end = strstr(client->bytes, "\r\n\r\n"))) {
		int error = receive(client);
		if (error)
			return error;
	}
	end[2] = '\0'; /* the head ends with its last line */
	int error = head_parse(client->bytes, answer, &body_len);
	if (error)
		return error;
	size_t head_len = (size_t)(end + 4 - client->bytes);
	while (!error && client->len < head_len + body_len)
		error = receive(client);
	if (error)
		return error;
	answer->body = client->bytes + head_len;
	return client->len > head_len + body_len ? -EPROTO : 0; /* more than was asked for */
}

int client_ask(struct client *client, const char *request, size_t request_len, struct client_answer *answer)
{
	int error = send_all(client->fd, request, request_len);
	if (!error)
		error = answer_receive(client, answer);
	if (error)
		client_close(client);
	return error;
}
