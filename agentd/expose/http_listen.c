/* SPDX-License-Identifier: MIT */
/* The HTTP server: sockets and libmicrohttpd daemons, and their exchange on a reload. */
#include "http.h"

#include <errno.h>
#include <gnutls/abstract.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mstat/atomic.h>

#include "http_private.h"

/* Threads of one place. One never waits, and feeds a network card; a second one on the same socket only makes both
 * share caches and locks. */
#define THREADS 1u
/* Of one connection: request line, headers and response headers; bodies are elsewhere. */
#define CONNECTION_BYTES ((size_t)16 * 1024)

/* The path below which services are: of "/metrics" it is "/metrics/service/". */
static char *service_prefix_new(const char *telemetry_path)
{
	const size_t len = strlen(telemetry_path);
	char *prefix;
	const bool slash = len && telemetry_path[len - 1] == '/';
	return asprintf(&prefix, "%s%sservice/", telemetry_path, slash ? "" : "/") < 0 ? NULL : prefix;
}

struct http *http_new(const struct http_options *options)
{
	struct http *http = calloc(1, sizeof(*http));
	if (!http)
		return NULL;
	http->options = *options;
	http->options.name = strdup(options->name);
	http->options.version = strdup(options->version);
	http->options.telemetry_path = strdup(options->telemetry_path);
	http->service_prefix = service_prefix_new(options->telemetry_path);
	http->pieces_known = http_request_pieces_known();
	http_connections_init(http);
	int r = http_work_init(http);
	if (!r)
		r = http_web_init(http);
	if (!r && http->web.path)
		r = http_auth_init(http);
	if (!r && http->options.name && http->options.version && http->options.telemetry_path && http->service_prefix &&
	    !http_canned_init(http))
		return http;
	http_free(http);
	return NULL;
}

static void listener_close(struct http_listener *listener)
{
	http_work_drain(listener->http, listener);
	if (listener->daemon)
		MHD_stop_daemon(listener->daemon);
	else
		close(listener->socket);
	free(listener);
}

void http_free(struct http *http)
{
	if (!http)
		return;
	for (size_t i = 0; i < http->count; i++)
		listener_close(http->listeners[i]);
	free(http->listeners);
	http_auth_fini(http);
	http_work_fini(http);
	http_web_fini(http);
	http_connections_fini(http);
	http_canned_fini(http);
	free((char *)http->options.name);
	free((char *)http->options.version);
	free((char *)http->options.telemetry_path);
	free(http->service_prefix);
	free(http);
}

/* The kernel's view of a socket, which knows the port behind port 0. */
static void socket_place(int fd, struct listen_place *place)
{
	place->len = sizeof(place->address);
	getsockname(fd, (struct sockaddr *)&place->address, &place->len);
}

/* A session for which no configuration could be applied: its handshake fails. */
static int certificate_none(gnutls_session_t session, const gnutls_datum_t *authorities, int authority_count,
			    const gnutls_pk_algorithm_t *algorithms, int algorithm_count,
			    gnutls_pcert_st **certificates, unsigned int *certificate_count, gnutls_privkey_t *key)
{
	(void)session;
	(void)authorities;
	(void)authority_count;
	(void)algorithms;
	(void)algorithm_count;
	(void)certificates;
	(void)certificate_count;
	(void)key;
	return -1;
}

static struct MHD_Daemon *daemon_start(struct http_listener *listener, int fd)
{
	const struct http *http = listener->http;
	const unsigned tls = listener->tls ? MHD_USE_TLS : 0;
	/* Without it libmicrohttpd wants a certificate now; sessions get theirs when they begin. */
	struct MHD_OptionItem options[] = {{MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)certificate_none},
					   {MHD_OPTION_END, 0, NULL}};
	return MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | tls, 0, http_connection_accept, listener,
		http_handle, listener, MHD_OPTION_LISTEN_SOCKET, (MHD_socket)fd, MHD_OPTION_THREAD_POOL_SIZE,
		THREADS > 1 ? THREADS : 0, MHD_OPTION_THREAD_STACK_SIZE, HTTP_STACK_BYTES, MHD_OPTION_URI_LOG_CALLBACK,
		http_request_uri, listener, MHD_OPTION_NOTIFY_COMPLETED, http_complete, listener,
		MHD_OPTION_NOTIFY_CONNECTION, http_connection_notify, listener, MHD_OPTION_CONNECTION_LIMIT,
		THREADS * http_connections_hard_max(http), MHD_OPTION_CONNECTION_TIMEOUT, http->options.timeout_s,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 0,
		MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_ARRAY, options + !tls, MHD_OPTION_END);
}

/* The socket of a place: one that was handed over, or a new one. */
static int socket_open(const struct http *http, const struct listen_place *place)
{
	for (size_t i = 0; i < http->options.socket_count; i++) {
		struct listen_place own;
		socket_place(http->options.sockets[i], &own);
		if (listen_place_equal(&own, place))
			return http->options.sockets[i];
	}
	return listen_open(place);
}

static int listener_open(struct http *http, const struct listen_place *place, struct http_listener **listener)
{
	const int fd = socket_open(http, place);
	if (fd < 0)
		return fd;
	struct http_listener *opened = calloc(1, sizeof(*opened));
	int r = -ENOMEM;
	if (!opened)
		goto out;
	opened->asked = *place;
	opened->http = http;
	opened->tls = http->web.tls;
	opened->socket = -1;
	socket_place(fd, &opened->bound);
	opened->loopback = listen_place_loopback(&opened->bound);
	errno = 0;
	opened->daemon = daemon_start(opened, fd);
	if (opened->daemon) {
		*listener = opened;
		return 0;
	}
	r = errno ? -errno : -ENOMEM;
out:
	free(opened);
	close(fd);
	return r;
}

/* Listeners under construction: those that stay are copied from the server, the others are new. */
struct exchange {
	struct http *http;
	struct http_listener **listeners;
	bool *kept; /* parallel */
	size_t count;
};

static struct http_listener *listener_find(struct http_listener *const *listeners, size_t count,
					   const struct listen_place *place)
{
	for (size_t i = 0; i < count; i++) {
		if (listen_place_equal(&listeners[i]->asked, place))
			return listeners[i];
	}
	return NULL;
}

static int exchange_add(struct exchange *exchange, const struct listen_place *place)
{
	if (listener_find(exchange->listeners, exchange->count, place))
		return 0;
	const struct http *http = exchange->http;
	struct http_listener *present = listener_find(http->listeners, http->count, place);
	exchange->listeners[exchange->count] = present;
	if (!present) {
		int r = listener_open(exchange->http, place, &exchange->listeners[exchange->count]);
		if (r)
			return r;
	}
	exchange->kept[exchange->count++] = present;
	return 0;
}

static int fail(char **error, const char *address, const char *reason)
{
	char *message;
	if (asprintf(&message, "--web.listen-address=%s: %s; choose an address of this machine and a free port",
		     address, reason) >= 0)
		*error = message;
	return -EADDRNOTAVAIL;
}

/* Every place of one address; one that this machine lacks (::1 without IPv6) is left out if another works. */
static int exchange_add_address(struct exchange *exchange, const char *text, char **error)
{
	struct listen_address address;
	struct listen_place places[LISTEN_PLACES_MAX];
	const char *reason = "not HOST:PORT";
	if (listen_address_parse(text, &address))
		return fail(error, text, reason);
	const size_t count = listen_resolve(&address, places, &reason);
	size_t opened = 0;
	for (size_t i = 0; i < count; i++) {
		const int r = exchange_add(exchange, &places[i]);
		if (r && !listen_absent(r))
			return fail(error, text, strerrordesc_np(-r));
		if (r)
			reason = strerrordesc_np(-r);
		opened += !r;
	}
	return opened ? 0 : fail(error, text, reason);
}

/* The sockets that were handed over: they are in every outcome, so that each is taken once and never closed. */
static int exchange_add_sockets(struct exchange *exchange)
{
	const struct http_options *options = &exchange->http->options;
	int r = 0;
	for (size_t i = 0; i < options->socket_count && !r; i++) {
		struct listen_place place;
		socket_place(options->sockets[i], &place);
		r = exchange_add(exchange, &place);
	}
	return r;
}

/* Closes what `listeners` has and the exchange's outcome lacks. */
static void listeners_close_except(struct http_listener *const *listeners, size_t count,
				   struct http_listener *const *staying, size_t staying_count)
{
	for (size_t i = 0; i < count; i++) {
		if (!listener_find(staying, staying_count, &listeners[i]->asked))
			listener_close(listeners[i]);
	}
}

int http_listen(struct http *http, char *const *addresses, size_t count, char **error)
{
	struct exchange exchange = {.http = http};
	const size_t places_max = count * LISTEN_PLACES_MAX + http->options.socket_count;
	int r = -ENOMEM;
	*error = NULL;
	exchange.listeners = calloc(places_max + 1, sizeof(*exchange.listeners));
	exchange.kept = calloc(places_max + 1, sizeof(*exchange.kept));
	if (!exchange.listeners || !exchange.kept)
		goto out;
	r = exchange_add_sockets(&exchange);
	for (size_t i = 0; i < count && !r; i++)
		r = exchange_add_address(&exchange, addresses[i], error);
	if (r) {
		for (size_t i = 0; i < exchange.count; i++) {
			if (!exchange.kept[i])
				listener_close(exchange.listeners[i]);
		}
		goto out;
	}
	listeners_close_except(http->listeners, http->count, exchange.listeners, exchange.count);
	free(http->listeners);
	http->listeners = exchange.listeners;
	http->count = exchange.count;
	exchange.listeners = NULL;
out:
	free(exchange.kept);
	free(exchange.listeners);
	return r;
}

/* Another protocol on the same socket: connections that wait to be accepted are not lost. */
static void listener_restart(struct http_listener *listener, bool tls)
{
	struct http *http = listener->http;
	if (listener->daemon) {
		listener->socket = (int)MHD_quiesce_daemon(listener->daemon);
		http_work_drain(http, listener);
		MHD_stop_daemon(listener->daemon);
	}
	pthread_mutex_lock(&http->work.lock);
	listener->closing = false;
	pthread_mutex_unlock(&http->work.lock);
	listener->tls = tls;
	listener->daemon = daemon_start(listener, listener->socket);
	if (listener->daemon)
		listener->socket = -1;
}

void http_listeners_follow(struct http *http)
{
	for (size_t i = 0; i < http->count; i++) {
		struct http_listener *listener = http->listeners[i];
		if (!listener->daemon || listener->tls != http->web.tls)
			listener_restart(listener, http->web.tls);
	}
}

size_t http_place_count(const struct http *http)
{
	return http->count;
}

void http_place_print(const struct http *http, size_t index, char *out, size_t size)
{
	listen_place_print(&http->listeners[index]->bound, out, size);
}
