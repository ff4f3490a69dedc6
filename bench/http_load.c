/* SPDX-License-Identifier: MIT */
/* A load of HTTP requests. */
#include "http_load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

#define CONNECTIONS_MAX 1024u
#define BUFFER_BYTES ((size_t)256 * 1024)
/* One counter for each microsecond; what is slower is in the last. */
#define LATENCIES 1000000u

struct connection {
	int fd;
	int64_t sent_ns;
	size_t expected; /* bytes of the answer that are missing; 0: the head has not come yet */
	size_t head_len;
	char head[1024];
};

struct loader {
	const struct http_load *load;
	struct connection connections[CONNECTIONS_MAX];
	char request[1024];
	size_t request_len;
	int epoll_fd;
	uint64_t requests;
	uint64_t body_bytes;
	uint32_t latencies[LATENCIES];
	char buffer[BUFFER_BYTES];
};

static int try_connect(uint16_t port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		bench_fail("socket: %s", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (!connect(fd, (const struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -1;
}

void http_load_await(uint16_t port)
{
	for (int i = 0; i < 1000; i++) {
		const int fd = try_connect(port);
		if (fd >= 0) {
			close(fd);
			return;
		}
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
	bench_fail("nobody listens on 127.0.0.1:%u after 10 s", port);
}

static void ask(struct loader *loader, struct connection *connection)
{
	connection->sent_ns = bench_now_ns();
	connection->expected = 0;
	connection->head_len = 0;
	if (send(connection->fd, loader->request, loader->request_len, MSG_NOSIGNAL) != (ssize_t)loader->request_len)
		bench_fail("send to 127.0.0.1:%u: %s", loader->load->port, strerror(errno));
}

static void answered(struct loader *loader, struct connection *connection)
{
	const int64_t latency_us = (bench_now_ns() - connection->sent_ns) / 1000;
	loader->latencies[latency_us < LATENCIES ? latency_us : LATENCIES - 1]++;
	loader->requests++;
	ask(loader, connection);
}

/* Reads the head out of what came; returns how many bytes of it were the head. */
static size_t head_take(struct loader *loader, struct connection *connection, const char *bytes, size_t len)
{
	const size_t room = sizeof(connection->head) - 1 - connection->head_len;
	const size_t n = len < room ? len : room, before = connection->head_len;
	memcpy(connection->head + before, bytes, n);
	connection->head[before + n] = '\0';
	char *end = strstr(connection->head, "\r\n\r\n");
	connection->head_len += n;
	if (!end && n == len)
		return len;
	const char *length = end ? strcasestr(connection->head, "\r\nContent-Length:") : NULL;
	if (!length || strncmp(connection->head, "HTTP/1.1 200 ", 13))
		bench_fail("127.0.0.1:%u%s answers: %.200s", loader->load->port, loader->load->path, connection->head);
	loader->body_bytes = strtoull(length + 17, NULL, 10);
	connection->expected = loader->body_bytes;
	return (size_t)(end + 4 - connection->head) - before;
}

static void receive(struct loader *loader, struct connection *connection)
{
	const ssize_t n = recv(connection->fd, loader->buffer, BUFFER_BYTES, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		bench_fail("127.0.0.1:%u hung up: %s", loader->load->port, n ? strerror(errno) : "end of file");
	size_t len = (size_t)n, used = 0;
	if (!connection->expected) {
		used = head_take(loader, connection, loader->buffer, len);
		if (!connection->expected)
			return;
	}
	connection->expected -= len - used;
	if (!connection->expected)
		answered(loader, connection);
}

static void loader_open(struct loader *loader)
{
	const struct http_load *load = loader->load;
	if (load->connections > CONNECTIONS_MAX)
		bench_fail("more than %u connections", CONNECTIONS_MAX);
	loader->request_len = (size_t)snprintf(loader->request, sizeof(loader->request),
					       "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s\r\n", load->path,
					       load->port, load->headers);
	loader->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (unsigned i = 0; i < load->connections; i++) {
		struct connection *connection = &loader->connections[i];
		struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = connection}};
		connection->fd = try_connect(load->port);
		if (connection->fd < 0 || epoll_ctl(loader->epoll_fd, EPOLL_CTL_ADD, connection->fd, &event))
			bench_fail("connection %u to 127.0.0.1:%u: %s", i, load->port, strerror(errno));
	}
}

static double percentile(const struct loader *loader, double share)
{
	uint64_t wanted = (uint64_t)((double)loader->requests * share), seen = 0;
	for (uint32_t i = 0; i < LATENCIES; i++) {
		seen += loader->latencies[i];
		if (seen > wanted)
			return i + 1;
	}
	return LATENCIES;
}

struct http_load_result http_load_run(const struct http_load *load)
{
	struct loader *loader = calloc(1, sizeof(*loader));
	if (!loader)
		bench_fail("out of memory");
	loader->load = load;
	loader_open(loader);
	const int64_t start_ns = bench_now_ns();
	int64_t now_ns = start_ns;
	for (unsigned i = 0; i < load->connections; i++)
		ask(loader, &loader->connections[i]);
	for (; now_ns - start_ns < load->duration_ns; now_ns = bench_now_ns()) {
		struct epoll_event events[64];
		const int count = epoll_wait(loader->epoll_fd, events, 64, 1000);
		for (int i = 0; i < count; i++)
			receive(loader, events[i].data.ptr);
	}
	const struct http_load_result result = {
		.requests = loader->requests,
		.requests_per_second = (double)loader->requests * 1e9 / (double)(now_ns - start_ns),
		.median_us = percentile(loader, 0.5),
		.p99_us = percentile(loader, 0.99),
		.body_bytes = loader->body_bytes,
	};
	for (unsigned i = 0; i < load->connections; i++)
		close(loader->connections[i].fd);
	close(loader->epoll_fd);
	free(loader);
	return result;
}
