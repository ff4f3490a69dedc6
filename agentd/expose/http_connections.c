/* SPDX-License-Identifier: MIT */
/* Connections: how many there may be, and how long a request or an answer may take.
 *
 * Up to the limit connections are served. Some more are taken and told 503, but for /health; when even those are many,
 * the oldest of them must go, so that whoever comes next finds a place. libmicrohttpd closes connections on which
 * nothing moves; deadlines of the whole request and of the whole answer are kept here, by shutting the socket down:
 * libmicrohttpd then sees the end of the connection.
 */
#include "http_private.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <mstat/atomic.h>

/* Connections beyond the limit that are told so. */
#define SURPLUS_MAX 32u
/* Descriptors for everything else: segments, files of the collectors, the log. */
#define DESCRIPTORS_RESERVED 448u
#define CONNECTIONS_MIN 16u
/* What a client must at least take of an answer. */
#define ANSWER_BYTES_PER_SECOND UINT64_C(1048576)

static int64_t coarse_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now); /* some milliseconds late, and no work */
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static unsigned connections_affordable(unsigned wanted)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == RLIM_INFINITY)
		return wanted;
	const rlim_t spare = limit.rlim_cur > DESCRIPTORS_RESERVED + SURPLUS_MAX + CONNECTIONS_MIN
				     ? limit.rlim_cur - DESCRIPTORS_RESERVED - SURPLUS_MAX
				     : CONNECTIONS_MIN;
	return wanted < spare ? wanted : (unsigned)spare;
}

void http_connections_init(struct http *http)
{
	pthread_mutex_init(&http->connections.lock, NULL);
	http->connections.max = connections_affordable(http->options.connections_max);
}

void http_connections_fini(struct http *http)
{
	pthread_mutex_destroy(&http->connections.lock);
}

unsigned http_connections_hard_max(const struct http *http)
{
	/* Those that are shut down count until their thread has seen it. */
	return 2 * (http->connections.max + SURPLUS_MAX);
}

uint64_t http_connections(const struct http *http)
{
	return mstat_load_relaxed(&http->connections.count);
}

uint64_t http_closes(const struct http *http, enum http_close reason)
{
	return mstat_load_relaxed(&http->closes[reason]);
}

/* With the registry's lock, under which the descriptor cannot be closed and given out again. */
static void connection_shut(struct http *http, struct http_connection *connection, enum http_close reason)
{
	shutdown(connection->fd, SHUT_RDWR);
	mstat_store_relaxed(&connection->phase, HTTP_CLOSING);
	mstat_add_relaxed(&http->closes[reason], 1);
}

/* ---- clients ---------------------------------------------------------------------------------------------------- */

/* Whoever has one IPv6 address has the 2^64 beside it, too. */
static void client_of(const struct sockaddr *address, uint8_t client[16])
{
	memset(client, 0, 16);
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
		memset(client + 10, 0xff, 2);
		memcpy(client + 12, &v4->sin_addr, 4);
	} else if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
		memcpy(client, &v6->sin6_addr, IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) ? 16 : 8);
	}
}

enum MHD_Result http_connection_accept(void *context, const struct sockaddr *address, socklen_t address_len)
{
	const struct http_listener *listener = context;
	struct http *http = listener->http;
	uint8_t client[16];
	unsigned count = 0;
	(void)address_len;
	if (listener->loopback || !http->options.connections_per_client_max)
		return MHD_YES;
	client_of(address, client);
	pthread_mutex_lock(&http->connections.lock);
	for (const struct http_connection *one = http->connections.oldest; one; one = one->next)
		count += !memcmp(one->client, client, sizeof(client));
	pthread_mutex_unlock(&http->connections.lock);
	if (count < http->options.connections_per_client_max)
		return MHD_YES;
	mstat_add_relaxed(&http->closes[HTTP_CLOSE_CLIENT], 1);
	return MHD_NO;
}

/* ---- the registry ----------------------------------------------------------------------------------------------- */

static void registry_add(struct http_connections *connections, struct http_connection *connection)
{
	connection->previous = connections->youngest;
	if (connections->youngest)
		connections->youngest->next = connection;
	else
		connections->oldest = connection;
	connections->youngest = connection;
	mstat_store_relaxed(&connections->count, connections->count + 1);
}

static void registry_remove(struct http_connections *connections, struct http_connection *connection)
{
	if (connection->previous)
		connection->previous->next = connection->next;
	else
		connections->oldest = connection->next;
	if (connection->next)
		connection->next->previous = connection->previous;
	else
		connections->youngest = connection->previous;
	mstat_store_relaxed(&connections->count, connections->count - 1);
}

/* Makes room for one that came beyond the surplus: the oldest of its kind goes. */
static void surplus_evict(struct http *http)
{
	for (struct http_connection *one = http->connections.oldest; one; one = one->next) {
		if (!one->surplus || mstat_load_relaxed(&one->phase) != HTTP_READING)
			continue;
		connection_shut(http, one, HTTP_CLOSE_LIMIT);
		return;
	}
}

static struct http_connection *connection_open(struct http_listener *listener, struct MHD_Connection *connection)
{
	struct http *http = listener->http;
	struct http_connections *connections = &http->connections;
	struct http_connection *opened = calloc(1, sizeof(*opened));
	if (!opened)
		return NULL;
	opened->listener = listener;
	opened->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	client_of(MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr, opened->client);
	opened->since_ns = coarse_ns();
	pthread_mutex_lock(&connections->lock);
	opened->surplus = connections->count >= connections->max;
	if (connections->count >= connections->max + SURPLUS_MAX)
		surplus_evict(http);
	registry_add(connections, opened);
	pthread_mutex_unlock(&connections->lock);
	return opened;
}

void http_connection_notify(void *context, struct MHD_Connection *connection, void **socket_context,
			    enum MHD_ConnectionNotificationCode code)
{
	struct http_listener *listener = context;
	struct http_connections *connections = &listener->http->connections;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		struct http_connection *opened = connection_open(listener, connection);
		*socket_context = opened;
		if (opened && listener->tls)
			http_web_connect(opened, connection);
		return;
	}
	struct http_connection *closed = *socket_context;
	if (!closed)
		return;
	pthread_mutex_lock(&connections->lock);
	registry_remove(connections, closed);
	pthread_mutex_unlock(&connections->lock);
	if (closed->web)
		http_web_disconnect(closed, connection);
	free(closed);
}

struct http_connection *http_connection_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

void http_connection_phase(struct http_connection *connection, enum http_phase phase, uint64_t answer_bytes)
{
	mstat_store_relaxed(&connection->answer_bytes, answer_bytes);
	mstat_store_relaxed(&connection->since_ns, coarse_ns());
	mstat_store_relaxed(&connection->phase, (uint8_t)phase);
}

/* ---- deadlines -------------------------------------------------------------------------------------------------- */

static void connection_expire(struct http *http, struct http_connection *connection, int64_t now_ns)
{
	const int64_t idle_ns = http->options.timeout_s * INT64_C(1000000000);
	const int64_t spent_ns = now_ns - mstat_load_relaxed(&connection->since_ns);
	const uint64_t bytes = mstat_load_relaxed(&connection->answer_bytes);
	switch (mstat_load_relaxed(&connection->phase)) {
	case HTTP_READING:
		if (spent_ns >
		    http->options.request_timeout_ns + (mstat_load_relaxed(&connection->served) ? idle_ns : 0))
			connection_shut(http, connection, HTTP_CLOSE_REQUEST_DEADLINE);
		break;
	case HTTP_ANSWERING:
		if (spent_ns > idle_ns + (int64_t)(bytes / ANSWER_BYTES_PER_SECOND) * 1000000000)
			connection_shut(http, connection, HTTP_CLOSE_ANSWER_DEADLINE);
		break;
	default:
		break;
	}
}

void http_expire(struct http *http)
{
	if (!http)
		return;
	const int64_t now_ns = coarse_ns();
	pthread_mutex_lock(&http->connections.lock);
	for (struct http_connection *one = http->connections.oldest; one; one = one->next)
		connection_expire(http, one, now_ns);
	pthread_mutex_unlock(&http->connections.lock);
}
