/* SPDX-License-Identifier: MIT */
/* The worker: from a parsed HTTP request to a counted, then sent, answer. */
#include "worker.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <microhttpd.h>

#include "api.h"
#include "cache.h"
#include "connection.h"
#include "db_pool.h"
#include "process_memory.h"
#include "random.h"
#include "stream_metrics.h"
#include "trace.h"

#define STOP_NS_MAX 5000000000ull
#define STOP_POLL_NS 5000000

static struct worker_options options;
static uint32_t threads_seen;
static uint32_t requests_open; /* begun and not completed */
static __thread uint32_t thread_slot = UINT32_MAX;
static __thread uint64_t thread_random;

/* What a request has sent so far. */
struct upload {
	size_t body_len;
	bool too_large;
	char body[REQUEST_BODY_BYTES_MAX + 1];
};

/* Gives each of the daemon's threads one slot of the ledger. */
static uint32_t slot_of_thread(void)
{
	if (thread_slot == UINT32_MAX) {
		uint32_t number = mstat_add_relaxed(&threads_seen, 1);
		assert(number < options.threads);
		thread_slot = options.first_slot + number;
		thread_random = ((uint64_t)getpid() << 32) + number;
	}
	return thread_slot;
}

static enum method method_of(const char *text)
{
	int method = label_find(DOMAIN_METHOD, text);
	return method < 0 ? METHOD_OTHER : (enum method)method;
}

static enum endpoint endpoint_of(const char *path)
{
	int endpoint = path[0] == '/' ? label_find(DOMAIN_ENDPOINT, path) : -1;
	return endpoint < 0 ? ENDPOINT_OTHER : (enum endpoint)endpoint;
}

static enum MHD_Result answer_send(struct MHD_Connection *connection, enum endpoint endpoint,
				   const struct answer *answer)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		answer->body_len, (void *)(uintptr_t)answer->body, MHD_RESPMEM_MUST_COPY);
	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
	if (answer->status == STATUS_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW,
					label_text(DOMAIN_METHOD, endpoint_method(endpoint)));
	enum MHD_Result result = MHD_queue_response(connection, status_code(answer->status), response);
	MHD_destroy_response(response);
	return result;
}

/* Tells the stream process what was done. */
static void event_offer(const struct request *request, const struct outcome *outcome, struct request_key key,
			int64_t begin_ns)
{
	int type = event_type_of(request->endpoint);
	if (type < 0)
		return;
	const struct event event = {
		.time_ns = begin_ns,
		/* A request that is asked again is the same event. */
		.key = key.valid ? (uint64_t)(key.lane + 1) << 40 ^ key.sequence : random_next(&thread_random),
		.type = (uint32_t)type,
		.bytes = outcome->answer.body_len,
		.user = random_below(&thread_random, EVENT_USERS),
		.failed = status_error(outcome->answer.status) != HTTP_ERROR_NONE,
	};
	stream_offer(options.event_fd, &event);
}

/* Handles, counts, answers: in this order, see ledger.h. */
static enum MHD_Result request_finish(struct MHD_Connection *connection, const char *url, const char *method,
				      const struct upload *upload)
{
	struct outcome outcome;
	uint32_t slot = slot_of_thread();
	struct request request = {
		.method = method_of(method),
		.endpoint = endpoint_of(url),
		.too_large = upload->too_large,
		.body = upload->body,
		.body_len = upload->body_len,
		.query_key = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "key"),
		.query_layer = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "layer"),
		.random = &thread_random,
	};
	const struct request_key key = ledger_key(
		options.ledger, MHD_lookup_connection_value(connection, MHD_HEADER_KIND, REQUEST_KEY_HEADER));
	struct trace trace;
	trace_begin(&trace, MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "traceparent"), &thread_random);
	request.trace = &trace;
	int64_t begin_ns = event_now_ns();
	mstat_gauge_inc(process_metrics.active_threads);
	api_handle(&request, &outcome);
	ledger_commit(options.ledger, slot, key, &outcome.effects, &outcome.answer);
	event_offer(&request, &outcome, key, begin_ns);
	mstat_gauge_dec(process_metrics.active_threads);
	return answer_send(connection, request.endpoint, &outcome.answer);
}

static void upload_append(struct upload *upload, const char *data, size_t len)
{
	if (len > REQUEST_BODY_BYTES_MAX - upload->body_len) {
		upload->too_large = true;
		return;
	}
	memcpy(upload->body + upload->body_len, data, len);
	upload->body_len += len;
}

/* Called by libmicrohttpd: once when the headers are there, then for each piece of the body, then to answer. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
				  const char *version, const char *data, size_t *data_len, void **state)
{
	struct upload *upload = *state;
	(void)context;
	(void)version;
	if (!upload) {
		upload = malloc(sizeof(*upload));
		if (!upload)
			return MHD_NO;
		upload->body_len = 0;
		upload->too_large = false;
		*state = upload;
		mstat_add_relaxed(&requests_open, 1);
		connection_begin(connection);
		return MHD_YES;
	}
	if (*data_len) {
		upload_append(upload, data, *data_len);
		*data_len = 0;
		return MHD_YES;
	}
	return request_finish(connection, url, method, upload);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
			 enum MHD_RequestTerminationCode code)
{
	(void)context;
	(void)code;
	if (!*state)
		return;
	free(*state);
	*state = NULL;
	connection_end(connection);
	mstat_add_relaxed(&requests_open, -1);
}

static struct MHD_Daemon *daemon_start(void)
{
	struct MHD_OptionItem pool[] = {
		{MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)options.threads, NULL},
		{MHD_OPTION_END, 0, NULL},
	};
	if (options.threads == 1) /* a pool of one is refused; without a pool there is one thread */
		pool[0] = pool[1];
	return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL, on_request, NULL,
				MHD_OPTION_LISTEN_SOCKET, options.listen_fd, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
				NULL, MHD_OPTION_NOTIFY_CONNECTION, connection_notify, NULL,
				MHD_OPTION_CONNECTION_TIMEOUT, 30u, MHD_OPTION_ARRAY, pool, MHD_OPTION_END);
}

/* Waits for the requests that have begun. False: they did not end in time. */
static bool requests_drain(void)
{
	for (uint64_t ns = 0; mstat_load_relaxed(&requests_open); ns += STOP_POLL_NS) {
		if (ns > STOP_NS_MAX)
			return false;
		nanosleep(&(struct timespec){0, STOP_POLL_NS}, NULL);
	}
	return true;
}

int worker_run(const struct worker_options *given)
{
	sigset_t stop;
	options = *given;
	caches_init();
	db_pool_init(options.threads);
	process_memory_init();
	mstat_gauge_set(process_metrics.active_threads, 0);
	mstat_gauge_set(process_metrics.max_threads, (int64_t)options.threads);
	struct MHD_Daemon *daemon = daemon_start();
	if (!daemon) {
		fprintf(stderr, "demo: a worker could not start its HTTP server: %m\n");
		return 1;
	}
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	while (sigtimedwait(&stop, NULL, &(struct timespec){1, 0}) != SIGTERM)
		process_memory_tick(event_now_ns());

	/* Quiesced, the daemon leaves the listening socket alone, which the other workers share. */
	MHD_quiesce_daemon(daemon);
	if (!requests_drain())
		_exit(0); /* a stuck thread would keep MHD_stop_daemon() waiting for ever */
	MHD_stop_daemon(daemon);
	caches_fini();
	return 0;
}
