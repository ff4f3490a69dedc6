/* SPDX-License-Identifier: MIT */
/* The demo: options, listening socket, segment, then the supervisor. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "event.h"
#include "families.h"
#include "gateway.h"
#include "ledger.h"
#include "options.h"
#include "process_memory.h"
#include "segment_value.h"
#include "stream_metrics.h"
#include "supervisor.h"
#include "timings.h"

#define LISTEN_BACKLOG 512

/* Splits ADDRESS:PORT; [ADDRESS]:PORT for IPv6. Returns 0 or -EINVAL. */
static int address_split(const char *text, char *host, size_t host_bytes, const char **port)
{
	const char *colon = strrchr(text, ':');
	if (!colon)
		return -EINVAL;
	size_t len = (size_t)(colon - text);
	bool brackets = len >= 2 && text[0] == '[' && text[len - 1] == ']';
	if (len == 0 || len >= host_bytes || (!brackets && memchr(text, ':', len)))
		return -EINVAL;
	snprintf(host, host_bytes, "%.*s", (int)(brackets ? len - 2 : len), text + brackets);
	*port = colon + 1;
	return 0;
}

static int socket_listen(const struct addrinfo *info, struct supervisor_options *supervisor)
{
	int one = 1;
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	supervisor->address_len = sizeof(supervisor->address);
	if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, LISTEN_BACKLOG) != 0 ||
	    getsockname(fd, (struct sockaddr *)&supervisor->address, &supervisor->address_len) != 0) {
		int error = -errno;
		close(fd);
		return error;
	}
	supervisor->listen_fd = fd;
	return 0;
}

/* One socket for all workers, made before they are: a connection that waits in its queue outlives any of them. */
static int listen_open(struct supervisor_options *supervisor)
{
	char host[256];
	const char *port;
	const char *text = supervisor->options->listen;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *info = NULL;
	if (address_split(text, host, sizeof(host), &port) || getaddrinfo(host, port, &hints, &info)) {
		fprintf(stderr, "demo: --listen %s: give ADDRESS:PORT, as in 127.0.0.1:9467\n", text);
		return -EINVAL;
	}
	int error = socket_listen(info, supervisor);
	if (error)
		fprintf(stderr, "demo: --listen %s: %s; choose another port, or 0 for a free one\n", text,
			strerror(-error));
	freeaddrinfo(info);
	return error;
}

static void address_print(const struct supervisor_options *supervisor)
{
	char host[256], port[16];
	if (getnameinfo((const struct sockaddr *)&supervisor->address, supervisor->address_len, host, sizeof(host),
			port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		printf(strchr(host, ':') ? "demo: listening on http://[%s]:%s\n" : "demo: listening on http://%s:%s\n",
		       host, port);
}

static void segment_open(void)
{
	struct mstat_options options = {
		.size = sizeof(options),
		.service = getenv("OTEL_SERVICE_NAME") ? NULL : "llm-gateway",
		.version = MSTAT_VERSION,
	};
	struct mstat_status status;
	int reason = mstat_open(&options);
	families_init();
	timings_init();
	stream_metrics_init();
	gateway_init();
	process_memory_init();
	mstat_status(&status);
	if (reason)
		fprintf(stderr, "demo: mstat: %s\n", mstat_reason_text(reason));
	int error = segment_value_open();
	if (!error)
		printf("demo: segment %s\n", status.path);
	else
		fprintf(stderr, "demo: the segment cannot be read (%s): counts are right until a worker is killed\n",
			strerror(-error));
}

int main(int argc, char **argv)
{
	struct options options;
	struct supervisor_options supervisor = {.options = &options};
	if (options_parse(&options, argc, argv))
		return 2;
	if (options.help) {
		options_help(stdout);
		return 0;
	}
	if (listen_open(&supervisor))
		return 1;
	segment_open();
	int error = event_pipe_open(supervisor.event_fds);
	if (error) {
		fprintf(stderr, "demo: no pipe for events: %s\n", strerror(-error));
		return 1;
	}
	supervisor.ledger = ledger_new(supervisor_slots(&options), (uint32_t)options.connections);
	if (!supervisor.ledger) {
		fprintf(stderr, "demo: no memory for the ledger: %m\n");
		return 1;
	}
	address_print(&supervisor);
	int code = supervisor_run(&supervisor);
	ledger_free(supervisor.ledger);
	segment_value_close();
	close(supervisor.event_fds[0]);
	close(supervisor.event_fds[1]);
	close(supervisor.listen_fd);
	return code;
}
