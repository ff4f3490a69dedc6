/* SPDX-License-Identifier: MIT */
/* Dumps by netlink. */
#include "host_netlink.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "host_private.h"

#define ANSWER_BYTES 65536u
#define PAYLOAD_BYTES_MAX 256u
/* The kernel answers at once; this is for a socket that lost its answer. */
#define TIMEOUT_MS 500

static int netlink_open(int protocol)
{
	const struct timeval timeout = {.tv_sec = 0, .tv_usec = TIMEOUT_MS * 1000};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		return -errno;
	if (!setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)))
		return fd;
	int r = -errno;
	close(fd);
	return r;
}

static int request_send(int fd, uint16_t type, uint32_t sequence, const void *payload, size_t len)
{
	struct {
		struct nlmsghdr header;
		char payload[PAYLOAD_BYTES_MAX];
	} request = {.header = {.nlmsg_len = (uint32_t)NLMSG_LENGTH(len),
				.nlmsg_type = type,
				.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
				.nlmsg_seq = sequence}};
	if (len > sizeof(request.payload))
		return -EMSGSIZE;
	memcpy(request.payload, payload, len);
	return send(fd, &request, request.header.nlmsg_len, 0) < 0 ? -errno : 0;
}

/* The messages of one answer: 1 after the last one, 0 for more to come, or -errno. */
static int answer_walk(struct host *host, const char *bytes, size_t len, uint32_t sequence, host_netlink_message *each,
		       void *context)
{
	const struct nlmsghdr *message = (const struct nlmsghdr *)bytes;
	for (; NLMSG_OK(message, len); message = NLMSG_NEXT(message, len)) {
		if (message->nlmsg_seq != sequence)
			continue; /* of a dump that was given up */
		if (message->nlmsg_type == NLMSG_DONE)
			return 1;
		if (message->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *error = NLMSG_DATA(message);
			return message->nlmsg_len < NLMSG_LENGTH(sizeof(*error)) ? -EBADMSG
			       : error->error                                    ? error->error
										 : 1;
		}
		each(host, message, context);
	}
	return 0;
}

static int answer_receive(struct host *host, int fd, uint32_t sequence, host_netlink_message *each, void *context)
{
	struct host_buffer *buffer = host->own->buffer;
	if (!host_buffer_reserve(buffer, ANSWER_BYTES))
		return -ENOMEM;
	for (;;) {
		ssize_t len = recv(fd, buffer->bytes, buffer->capacity, MSG_TRUNC);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if ((size_t)len > buffer->capacity)
			return -EMSGSIZE;
		int r = answer_walk(host, buffer->bytes, (size_t)len, sequence, each, context);
		if (r)
			return r < 0 ? r : 0;
	}
}

int host_netlink_dump(struct host *host, int protocol, uint16_t type, const void *payload, size_t len,
		      host_netlink_message *each, void *context)
{
	struct host_private *own = host->own;
	if (own->netlink_fd_plus_1 && own->netlink_protocol != protocol)
		host_netlink_close(own);
	if (!own->netlink_fd_plus_1) {
		int fd = netlink_open(protocol);
		if (fd < 0)
			return fd;
		own->netlink_fd_plus_1 = fd + 1;
		own->netlink_protocol = protocol;
	}
	int fd = own->netlink_fd_plus_1 - 1;
	int r = request_send(fd, type, ++own->netlink_sequence, payload, len);
	if (!r)
		r = answer_receive(host, fd, own->netlink_sequence, each, context);
	if (r)
		host_netlink_close(own); /* whatever it still holds is of no use to the next dump */
	return r;
}

void host_netlink_close(struct host_private *own)
{
	if (own->netlink_fd_plus_1)
		close(own->netlink_fd_plus_1 - 1);
	own->netlink_fd_plus_1 = 0;
}

void host_netlink_attributes(const struct nlmsghdr *message, size_t header_bytes, const struct rtattr **table,
			     size_t count)
{
	memset(table, 0, count * sizeof(table[0]));
	size_t offset = NLMSG_LENGTH(NLMSG_ALIGN(header_bytes));
	if (message->nlmsg_len < offset)
		return;
	size_t len = message->nlmsg_len - offset;
	const struct rtattr *attribute = (const struct rtattr *)((const char *)message + offset);
	for (; RTA_OK(attribute, len); attribute = RTA_NEXT(attribute, len)) {
		size_t type = attribute->rta_type & NLA_TYPE_MASK;
		if (type < count)
			table[type] = attribute;
	}
}
