/* SPDX-License-Identifier: MIT */
/* The HTTP server on loopback with a page that the test makes up: routes, methods, formats, parameters, readiness,
 * reload. Limits and what is no good HTTP: tests/unit/test_http_limits.c. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include <mstat/atomic.h>

#include "expose/http_private.h"
#include "expose/landing.h"
#include "expose/listen.h"
#include "snapshot/builder.h"

/* ---- a source of pages ---------------------------------------------------------------------------------------- */

#define BODY "# TYPE up gauge\nup 1\n"

struct source {
	struct catalog *catalog;
	struct builder *builder;
	unsigned padding; /* series of a service */
	/* Set and read by several threads. */
	bool failing;
	bool held;
	unsigned collections;
	int64_t deadline_ns;     /* of the last collection */
	uint64_t collector_bits; /* ~0: all */
};

static void padding_add(struct source *source)
{
	for (unsigned i = 0; i < source->padding; i++) {
		char value[16];
		snprintf(value, sizeof(value), "%u", i);
		const struct label labels[] = {{"service", i % 2 ? "shop" : "t/ill"}, {"number", value}};
		builder_sample(source->builder, &(const struct family_request){.name = "padding", .type = METRIC_GAUGE},
			       labels, 2, (struct number){.type = NUMBER_U64, .u64 = i});
	}
}

static struct snapshot *source_collect(void *context, const struct page_collection *collection)
{
	struct source *source = context;
	mstat_store_relaxed(&source->deadline_ns, collection->deadline_ns);
	mstat_store_relaxed(&source->collector_bits, collection->collectors ? collection->collectors->bits[0] : ~0ull);
	mstat_add_relaxed(&source->collections, 1);
	while (mstat_load_relaxed(&source->held))
		usleep(1000);
	if (mstat_load_relaxed(&source->failing))
		return NULL;
	builder_begin(source->builder);
	builder_sample(source->builder, &(const struct family_request){.name = "up", .type = METRIC_GAUGE}, NULL, 0,
		       (struct number){.type = NUMBER_U64, .u64 = 1});
	padding_add(source);
	return builder_freeze(source->builder);
}

static bool find_collector(void *context, const char *name, struct page_collectors *collectors)
{
	(void)context;
	static const char *const names[] = {"cpu", "disk", "net"};
	for (unsigned i = 0; i < 3; i++) {
		if (strcmp(name, names[i]))
			continue;
		page_collectors_add(collectors, i);
		return true;
	}
	return false;
}

/* ---- a server ------------------------------------------------------------------------------------------------- */

struct fixture {
	struct source source;
	struct page_cache *pages;
	struct readiness *readiness;
	struct http *http;
};

static struct http_options options_of(struct fixture *fixture)
{
	return (struct http_options){
		.name = "mstatd",
		.version = "1<2",
		.telemetry_path = "/me&tri\"cs",
		.connections_max = 16,
		.connections_per_client_max = 1, /* must not count: loopback */
		.timeout_s = 30,
		.request_timeout_ns = INT64_C(10000000000),
		.readiness = fixture->readiness,
		.pages = fixture->pages,
		.collector_find = find_collector,
		.context = fixture,
	};
}

static struct fixture *fixture_new(int64_t fresh_ns)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	fixture->source.catalog = catalog_new(10000);
	fixture->source.builder = builder_new(fixture->source.catalog);
	fixture->pages = page_cache_new(&(const struct page_options){.collect = source_collect,
								     .context = &fixture->source,
								     .fresh_ns = fresh_ns,
								     .carrier_new = http_carrier_new,
								     .carrier_free = http_carrier_free});
	fixture->readiness = readiness_new();
	return fixture;
}

static int fixture_listen(struct fixture *fixture, const struct http_options *options)
{
	char *address = (char *)"127.0.0.1:0", *error;
	fixture->http = http_new(options);
	return http_listen(fixture->http, &address, 1, &error);
}

static int server_start(void **state)
{
	struct fixture *fixture = fixture_new(INT64_C(3600000000000));
	const struct http_options options = options_of(fixture);
	*state = fixture;
	return fixture_listen(fixture, &options);
}

static int server_stop(void **state)
{
	struct fixture *fixture = *state;
	mstat_store_relaxed(&fixture->source.held, false);
	http_free(fixture->http);
	page_cache_free(fixture->pages);
	readiness_free(fixture->readiness);
	builder_free(fixture->source.builder);
	catalog_free(fixture->source.catalog);
	free(fixture);
	return 0;
}

static uint16_t server_port(const struct http *http, size_t index)
{
	char place[64];
	http_place_print(http, index, place, sizeof(place));
	return (uint16_t)atoi(strrchr(place, ':') + 1);
}

/* ---- a client ------------------------------------------------------------------------------------------------- */

/* With little room for what comes, if receive_bytes is not 0: a window that was once offered is not taken back. */
static int client_connect_narrow(uint16_t port, int receive_bytes)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	if (receive_bytes)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
	if (!connect(fd, (const struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -1;
}

static int client_connect(uint16_t port)
{
	return client_connect_narrow(port, 0);
}

struct reply {
	int code;
	char text[65536]; /* all of it */
	size_t head_len;
	const char *body; /* in memory of its own, valid until the next request */
};

/* Sends one request and reads to the end of the connection. */
static struct reply exchange(const struct http *http, const char *request)
{
	static struct reply reply;
	memset(&reply, 0, sizeof(reply));
	const int fd = client_connect(server_port(http, 0));
	assert_true(fd >= 0);
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
	size_t len = 0;
	for (ssize_t n; (n = recv(fd, reply.text + len, sizeof(reply.text) - 1 - len, 0)) > 0;)
		len += (size_t)n;
	close(fd);
	if (sscanf(reply.text, "HTTP/1.1 %d", &reply.code) != 1)
		reply.code = 0;
	const char *end = strstr(reply.text, "\r\n\r\n");
	reply.body = end ? end + 4 : "";
	reply.head_len = end ? (size_t)(end + 4 - reply.text) : 0;
	return reply;
}

static struct reply ask(const struct http *http, const char *method, const char *path)
{
	char request[512];
	snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", method, path);
	return exchange(http, request);
}

static bool has_header(const struct reply *reply, const char *line)
{
	char wanted[256];
	snprintf(wanted, sizeof(wanted), "\r\n%s\r\n", line);
	const char *found = strcasestr(reply->text, wanted);
	return found && (size_t)(found - reply->text) < reply->head_len;
}

static void report_all(struct readiness *readiness)
{
	for (int i = 0; i < READY_CHECK_COUNT; i++)
		readiness_report(readiness, (enum ready_check)i, NULL, 1500000);
}

/* ---- tests ---------------------------------------------------------------------------------------------------- */

static void test_http_serves_the_page_with_type_and_length(void **state)
{
	struct fixture *fixture = *state;
	const struct reply reply = ask(fixture->http, "GET", "/me&tri%22cs");
	assert_int_equal(reply.code, 200);
	assert_string_equal(reply.body, BODY);
	assert_true(has_header(&reply, "Content-Type: text/plain; version=0.0.4; charset=utf-8"));
	assert_true(has_header(&reply, "Content-Length: 21"));
	assert_true(has_header(&reply, "Vary: Accept, Accept-Encoding"));
	assert_true(has_header(&reply, "X-Content-Type-Options: nosniff"));
	/* The second time from the same body. */
	assert_string_equal(ask(fixture->http, "GET", "/me&tri%22cs").body, BODY);
	assert_int_equal(fixture->source.collections, 1);
}

static struct reply ask_with(const struct http *http, const char *path, const char *headers)
{
	char request[1024];
	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x:1\r\nConnection: close\r\n%s\r\n", path,
		 headers);
	return exchange(http, request);
}

static void test_http_gives_the_format_that_is_asked_for(void **state)
{
	struct fixture *fixture = *state;
	struct reply reply = ask_with(fixture->http, "/me&tri\"cs",
				      "Accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8\r\n");
	assert_int_equal(reply.code, 200);
	assert_true(has_header(&reply, "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8; "
				       "escaping=allow-utf-8"));
	assert_string_equal(reply.body, "# TYPE up gauge\nup 1\n# EOF\n");
	reply = ask_with(fixture->http, "/me&tri\"cs",
			 "Accept: text/plain;q=0.1\r\naccept: application/x\r\n"
			 "ACCEPT: application/openmetrics-text;q=0.2\r\n");
	assert_true(has_header(&reply, "Content-Type: application/openmetrics-text; version=0.0.1; charset=utf-8"));
	reply = ask_with(fixture->http, "/me&tri\"cs", "Accept: image/png\r\n");
	assert_int_equal(reply.code, 200);
	assert_string_equal(reply.body, BODY);
	assert_int_equal(fixture->source.collections, 1);
}

static void test_http_small_bodies_stay_plain(void **state)
{
	struct fixture *fixture = *state;
	const struct reply reply = ask_with(fixture->http, "/me&tri\"cs", "Accept-Encoding: gzip\r\n");
	assert_string_equal(reply.body, BODY);
	assert_null(strcasestr(reply.text, "Content-Encoding"));
	assert_true(has_header(&reply, "Vary: Accept, Accept-Encoding"));
}

static void test_http_compresses_what_is_large_enough(void **state)
{
	struct fixture *fixture = *state;
	fixture->source.padding = 100;
	const size_t whole = strlen(ask(fixture->http, "GET", "/me&tri\"cs").body);
	struct reply reply = ask_with(fixture->http, "/me&tri\"cs", "Accept-Encoding: gzip\r\n");
	assert_true(has_header(&reply, "Content-Encoding: gzip"));
	assert_memory_equal(reply.body, "\x1f\x8b", 2);
	const size_t zipped = strtoul(strcasestr(reply.text, "Content-Length: ") + 16, NULL, 10);
	assert_true(zipped < whole / 2);
	reply = ask_with(fixture->http, "/me&tri\"cs", "Accept-Encoding: gzip, zstd\r\n");
	assert_true(has_header(&reply, "Content-Encoding: zstd"));
	assert_memory_equal(reply.body, "\x28\xb5\x2f\xfd", 4);
	/* What HEAD tells is what GET would bring. */
	const struct reply head = exchange(fixture->http, "HEAD /me&tri\"cs HTTP/1.1\r\nHost: x\r\n"
							  "Accept-Encoding: gzip\r\nConnection: close\r\n\r\n");
	assert_true(has_header(&head, "Content-Encoding: gzip"));
	assert_int_equal(strtoul(strcasestr(head.text, "Content-Length: ") + 16, NULL, 10), zipped);
	assert_string_equal(head.body, "");
}

static void test_http_head_has_the_length_and_no_body(void **state)
{
	struct fixture *fixture = *state;
	struct reply reply = ask(fixture->http, "HEAD", "/me&tri\"cs");
	assert_int_equal(reply.code, 200);
	assert_true(has_header(&reply, "Content-Length: 21"));
	assert_string_equal(reply.body, "");
	reply = ask(fixture->http, "HEAD", "/nowhere");
	assert_int_equal(reply.code, 404);
	assert_string_equal(reply.body, "");
}

static void test_http_answers_health_without_collecting(void **state)
{
	struct fixture *fixture = *state;
	mstat_store_relaxed(&fixture->source.failing, true);
	const struct reply reply = ask(fixture->http, "GET", "/health");
	assert_int_equal(reply.code, 200);
	assert_true(has_header(&reply, "Content-Type: application/json"));
	assert_string_equal(reply.body, "{\"status\":\"ok\"}\n");
	assert_int_equal(fixture->source.collections, 0);
}

static void test_http_answers_health_while_collections_hang(void **state)
{
	struct fixture *fixture = *state;
	static const char request[] = "GET /me&tri\"cs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
	int fds[8];
	mstat_store_relaxed(&fixture->source.held, true);
	for (int i = 0; i < 8; i++) {
		fds[i] = client_connect(server_port(fixture->http, 0));
		assert_int_equal(send(fds[i], request, sizeof(request) - 1, MSG_NOSIGNAL),
				 (ssize_t)sizeof(request) - 1);
	}
	while (!mstat_load_relaxed(&fixture->source.collections))
		usleep(1000);
	for (int i = 0; i < 20; i++)
		assert_int_equal(ask(fixture->http, "GET", "/health").code, 200);
	assert_int_equal(ask(fixture->http, "GET", "/ready").code, 503);
	mstat_store_relaxed(&fixture->source.held, false);
	for (int i = 0; i < 8; i++) {
		char text[1024] = "";
		assert_true(recv(fds[i], text, sizeof(text) - 1, MSG_WAITALL) > 0);
		assert_non_null(strstr(text, "\r\n\r\n" BODY));
		close(fds[i]);
	}
	assert_int_equal(fixture->source.collections, 1);
}

static void test_http_failed_collection_is_503_with_a_reason(void **state)
{
	struct fixture *fixture = *state;
	mstat_store_relaxed(&fixture->source.failing, true);
	const struct reply reply = ask(fixture->http, "GET", "/me&tri\"cs");
	assert_int_equal(reply.code, 503);
	assert_string_equal(reply.body, "The collection failed; /ready and the log say why.\n");
	assert_true(has_header(&reply, "Content-Type: text/plain; charset=utf-8"));
}

static void test_http_other_paths_are_404(void **state)
{
	struct fixture *fixture = *state;
	static const char *const paths[] = {"/metrics",
					    "/health/",
					    "/HEALTH",
					    "/readyz",
					    "//",
					    "/../etc/passwd",
					    "/me&tri\"cs/",
					    "/me&tri\"cs/service",
					    "/me&tri\"cs/service/"};
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_int_equal(ask(fixture->http, "GET", paths[i]).code, 404);
	assert_int_equal(ask(fixture->http, "GET", "/health?x=1").code, 200);
}

static void test_http_other_methods_are_405_with_allow(void **state)
{
	struct fixture *fixture = *state;
	static const char *const methods[] = {"PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"};
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		const struct reply reply = ask(fixture->http, methods[i], "/health");
		assert_int_equal(reply.code, 405);
		assert_true(has_header(&reply, "Allow: GET, HEAD"));
	}
	const struct reply reply = exchange(fixture->http, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
							   "Content-Length: 3\r\n\r\nabc");
	assert_int_equal(reply.code, 405);
}

static void test_http_keeps_the_connection_for_further_requests(void **state)
{
	struct fixture *fixture = *state;
	const struct reply reply =
		exchange(fixture->http, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
					"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"
					"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	int answers = 0;
	for (const char *at = reply.text; (at = strstr(at, "HTTP/1.1 ")); at++)
		answers++;
	assert_int_equal(answers, 3);
}

static void test_http_refuses_headers_without_end(void **state)
{
	struct fixture *fixture = *state;
	static char request[40000];
	int len = snprintf(request, sizeof(request), "GET /health HTTP/1.1\r\nHost: x\r\nX: ");
	memset(request + len, 'a', sizeof(request) - 1 - (size_t)len);
	const int fd = client_connect(server_port(fixture->http, 0));
	assert_true(fd >= 0);
	/* The server may hang up in the middle of it. */
	if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
		assert_true(errno == EPIPE || errno == ECONNRESET);
	char answer[64] = "";
	if (recv(fd, answer, sizeof(answer) - 1, 0) > 0)
		assert_memory_equal(answer, "HTTP/1.1 4", 10);
	close(fd);
	assert_int_equal(ask(fixture->http, "GET", "/health").code, 200);
}

static void test_http_many_clients_of_loopback_are_not_limited_as_one(void **state)
{
	struct fixture *fixture = *state;
	int fds[6];
	for (int i = 0; i < 6; i++)
		fds[i] = client_connect(server_port(fixture->http, 0));
	assert_int_equal(ask(fixture->http, "GET", "/health").code, 200);
	for (int i = 0; i < 6; i++)
		close(fds[i]);
}

/* ---- parameters ---- */

static void test_http_collect_runs_only_those_named(void **state)
{
	struct fixture *fixture = *state;
	struct reply reply = ask(fixture->http, "GET", "/me&tri\"cs?collect[]=cpu&collect%5B%5D=net");
	assert_int_equal(reply.code, 200);
	assert_int_equal(fixture->source.collector_bits, 5);
	reply = ask(fixture->http, "GET", "/me&tri\"cs?exclude[]=disk");
	assert_int_equal(reply.code, 200);
	assert_true(fixture->source.collector_bits == ~2ull);
	reply = ask(fixture->http, "GET", "/me&tri\"cs?other=1&empty");
	assert_int_equal(reply.code, 200);
	assert_true(fixture->source.collector_bits == ~0ull);
}

static void test_http_unknown_collectors_and_both_ways_are_400(void **state)
{
	struct fixture *fixture = *state;
	struct reply reply = ask(fixture->http, "GET", "/me&tri\"cs?collect[]=cpu&collect[]=gpu");
	assert_int_equal(reply.code, 400);
	assert_string_equal(reply.body, "collect[]=gpu: no collector that runs here has this name; see --help.\n");
	reply = ask(fixture->http, "GET", "/me&tri\"cs?exclude[]=");
	assert_int_equal(reply.code, 400);
	assert_string_equal(reply.body, "exclude[]=: no collector that runs here has this name; see --help.\n");
	reply = ask(fixture->http, "GET", "/me&tri\"cs?collect[]=cpu&exclude[]=disk");
	assert_int_equal(reply.code, 400);
	assert_string_equal(reply.body, "collect[] and exclude[] exclude each other; give one of them.\n");
	assert_int_equal(fixture->source.collections, 0);
}

static void test_http_name_lets_pass_only_these_families(void **state)
{
	struct fixture *fixture = *state;
	fixture->source.padding = 2;
	struct reply reply = ask(fixture->http, "GET", "/me&tri\"cs?name[]=up&name[]=down");
	assert_int_equal(reply.code, 200);
	assert_string_equal(reply.body, BODY);
	reply = ask(fixture->http, "GET", "/me&tri\"cs?name[]=down");
	assert_int_equal(reply.code, 200);
	assert_string_equal(reply.body, "");
}

static void test_http_service_has_a_page_of_its_own(void **state)
{
	struct fixture *fixture = *state;
	fixture->source.padding = 3;
	struct reply reply = ask(fixture->http, "GET", "/me&tri\"cs/service/shop");
	assert_int_equal(reply.code, 200);
	assert_string_equal(reply.body, "# TYPE padding gauge\npadding{number=\"1\",service=\"shop\"} 1\n");
	reply = ask(fixture->http, "GET", "/me&tri\"cs/service/t%2Fill");
	assert_int_equal(reply.code, 200);
	assert_non_null(strstr(reply.body, "padding{number=\"2\",service=\"t/ill\"} 2\n"));
	assert_null(strstr(reply.body, "shop"));
	reply = ask(fixture->http, "GET", "/me&tri\"cs/service/nobody");
	assert_int_equal(reply.code, 404);
	assert_string_equal(reply.body, "No such service. /sd lists those that there are.\n");
	assert_int_equal(fixture->source.collections, 1);
}

static void test_http_discovery_tells_the_host_that_the_client_used(void **state)
{
	struct fixture *fixture = *state;
	fixture->source.padding = 3;
	struct reply reply = ask_with(fixture->http, "/sd", "");
	assert_int_equal(reply.code, 200);
	assert_true(has_header(&reply, "Content-Type: application/json"));
	json_t *list = json_loads(reply.body, 0, NULL);
	assert_int_equal(json_array_size(list), 2);
	const json_t *group = json_array_get(list, 1);
	assert_string_equal(json_string_value(json_array_get(json_object_get(group, "targets"), 0)), "x:1");
	assert_string_equal(json_string_value(json_object_get(json_object_get(group, "labels"), "__metrics_path__")),
			    "/me&tri\"cs/service/t%2Fill");
	json_decref(list);
	/* A client of HTTP/1.0 need not say. */
	char place[64], wanted[128];
	http_place_print(fixture->http, 0, place, sizeof(place));
	snprintf(wanted, sizeof(wanted), "{\"targets\":[\"%s\"],", place);
	reply = exchange(fixture->http, "GET /sd HTTP/1.0\r\n\r\n");
	assert_non_null(strstr(reply.text, wanted));
}

static void test_http_scrape_timeout_becomes_the_deadline(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t deadline_ns;
	} cases[] = {
		{"10", 9800000000},
		{"2.000", 1800000000},
		{"0.5", 450000000},
		{"0", 0},
		{"-1", 0},
		{"1e999", 0},
		{"nan", 0},
		{"10s", 0},
		{"", 0},
		{"3601", 0},
	};
	struct fixture *fixture = fixture_new(0);
	const struct http_options options = options_of(fixture);
	assert_int_equal(fixture_listen(fixture, &options), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char header[128];
		snprintf(header, sizeof(header), "X-Prometheus-Scrape-Timeout-Seconds: %s\r\n", cases[i].text);
		assert_int_equal(ask_with(fixture->http, "/me&tri\"cs", header).code, 200);
		if (llabs(fixture->source.deadline_ns - cases[i].deadline_ns) > 1)
			fail_msg("%lld ns for %s", (long long)fixture->source.deadline_ns, cases[i].text);
	}
	server_stop((void **)&fixture);
}

/* ---- clients that are a burden ---- */

/* The server's end of the only connection. */
static int server_end(struct http *http)
{
	for (;; usleep(1000)) {
		pthread_mutex_lock(&http->connections.lock);
		const int fd = http->connections.oldest ? http->connections.oldest->fd : -1;
		pthread_mutex_unlock(&http->connections.lock);
		if (fd >= 0)
			return fd;
	}
}

static void test_http_answers_that_are_taken_too_slowly_are_cut_off(void **state)
{
	struct fixture *fixture = *state;
	static const char request[] = "GET /me&tri\"cs HTTP/1.1\r\nHost: x\r\n\r\n";
	const int small = 4096;
	struct http_options options = options_of(fixture);
	http_free(fixture->http);
	fixture->source.padding = 9000;
	options.timeout_s = 1;
	assert_int_equal(fixture_listen(fixture, &options), 0);
	/* Little room on the way, or all of the answer would be there. */
	const int fd = client_connect_narrow(server_port(fixture->http, 0), small);
	setsockopt(server_end(fixture->http), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	assert_int_equal(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL), (ssize_t)sizeof(request) - 1);
	/* Something moves all the time: it is the whole that takes too long. */
	char bytes[512];
	ssize_t n = 1;
	while (n > 0 && !http_closes(fixture->http, HTTP_CLOSE_ANSWER_DEADLINE)) {
		n = recv(fd, bytes, sizeof(bytes), 0);
		http_expire(fixture->http);
		usleep(10000);
	}
	assert_int_equal(http_closes(fixture->http, HTTP_CLOSE_ANSWER_DEADLINE), 1);
	close(fd);
}

static void test_http_clients_of_other_machines_are_limited_each(void **state)
{
	struct fixture *fixture = *state;
	char byte;
	fixture->http->listeners[0]->loopback = false; /* as if it were not */
	const int first = client_connect(server_port(fixture->http, 0));
	server_end(fixture->http);
	const int second = client_connect(server_port(fixture->http, 0));
	assert_true(recv(second, &byte, 1, 0) <= 0);
	assert_int_equal(http_closes(fixture->http, HTTP_CLOSE_CLIENT), 1);
	close(first);
	close(second);
	while (http_connections(fixture->http))
		usleep(1000);
	assert_int_equal(ask(fixture->http, "GET", "/health").code, 200);
}

static void test_http_scrapes_that_wait_are_limited(void **state)
{
	struct fixture *fixture = *state;
	static const char request[] = "GET /me&tri\"cs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
	struct http_options options = options_of(fixture);
	http_free(fixture->http);
	options.requests_max = 1;
	assert_int_equal(fixture_listen(fixture, &options), 0);
	mstat_store_relaxed(&fixture->source.held, true);
	const int first = client_connect(server_port(fixture->http, 0));
	assert_int_equal(send(first, request, sizeof(request) - 1, MSG_NOSIGNAL), (ssize_t)sizeof(request) - 1);
	while (!mstat_load_relaxed(&fixture->source.collections))
		usleep(1000);
	assert_int_equal(ask(fixture->http, "GET", "/me&tri\"cs").code, 503);
	mstat_store_relaxed(&fixture->source.held, false);
	char text[1024] = "";
	assert_true(recv(first, text, sizeof(text) - 1, MSG_WAITALL) > 0);
	assert_memory_equal(text, "HTTP/1.1 200", 12);
	close(first);
	/* What is there does not wait. */
	assert_int_equal(ask(fixture->http, "GET", "/me&tri\"cs").code, 200);
}

static void test_http_client_that_leaves_while_its_page_is_made_does_no_harm(void **state)
{
	struct fixture *fixture = *state;
	static const char request[] = "GET /me&tri\"cs?name[]=up HTTP/1.1\r\nHost: x\r\n\r\n";
	mstat_store_relaxed(&fixture->source.held, true);
	for (int i = 0; i < 8; i++) {
		const int fd = client_connect(server_port(fixture->http, 0));
		assert_int_equal(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL), (ssize_t)sizeof(request) - 1);
		close(fd);
	}
	while (!mstat_load_relaxed(&fixture->source.collections))
		usleep(1000);
	mstat_store_relaxed(&fixture->source.held, false);
	assert_int_equal(ask(fixture->http, "GET", "/me&tri\"cs").code, 200);
	while (http_connections(fixture->http))
		usleep(1000);
}

static void *close_run(void *http)
{
	http_free(http);
	return NULL;
}

static void test_http_listener_that_goes_answers_who_waits_first(void **state)
{
	struct fixture *fixture = *state;
	static const char request[] = "GET /me&tri\"cs HTTP/1.1\r\nHost: x\r\n\r\n";
	pthread_t closer;
	mstat_store_relaxed(&fixture->source.held, true);
	const int fd = client_connect(server_port(fixture->http, 0));
	assert_int_equal(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL), (ssize_t)sizeof(request) - 1);
	while (!mstat_load_relaxed(&fixture->source.collections))
		usleep(1000);
	assert_int_equal(pthread_create(&closer, NULL, close_run, fixture->http), 0);
	usleep(20000);
	mstat_store_relaxed(&fixture->source.held, false);
	pthread_join(closer, NULL);
	fixture->http = NULL;
	close(fd);
}

static void test_http_ready_is_503_until_every_check_has_passed(void **state)
{
	struct fixture *fixture = *state;
	struct reply reply = ask(fixture->http, "GET", "/ready");
	assert_int_equal(reply.code, 503);
	report_all(fixture->readiness);
	reply = ask(fixture->http, "GET", "/ready");
	assert_int_equal(reply.code, 200);
	json_t *root = json_loads(reply.body, 0, NULL);
	json_t *check = json_object_get(json_object_get(root, "checks"), "segments");
	assert_string_equal(json_string_value(json_object_get(root, "status")), "ok");
	assert_string_equal(json_string_value(json_object_get(check, "status")), "ok");
	assert_true(json_real_value(json_object_get(check, "response_time_ms")) == 1.5);
	int end = 0;
	const char *time = json_string_value(json_object_get(check, "last_check"));
	sscanf(time, "%*4d-%*2d-%*2dT%*2d:%*2d:%*2d.%*3dZ%n", &end);
	assert_int_equal(end, strlen(time));
	json_decref(root);
}

static void test_http_ready_names_the_failing_check_and_its_reason(void **state)
{
	struct fixture *fixture = *state;
	report_all(fixture->readiness);
	readiness_report(fixture->readiness, READY_COLLECTION, "out of \"memory\"\n", 0);
	const struct reply reply = ask(fixture->http, "GET", "/ready");
	assert_int_equal(reply.code, 503);
	json_t *root = json_loads(reply.body, 0, NULL);
	json_t *checks = json_object_get(root, "checks");
	json_t *check = json_object_get(checks, "collection");
	assert_string_equal(json_string_value(json_object_get(root, "status")), "failing");
	assert_string_equal(json_string_value(json_object_get(check, "status")), "failing");
	assert_string_equal(json_string_value(json_object_get(check, "reason")), "out of \"memory\"\n");
	assert_string_equal(json_string_value(json_object_get(json_object_get(checks, "http"), "status")), "ok");
	json_decref(root);
}

static void test_http_landing_page_escapes_what_it_shows(void **state)
{
	struct fixture *fixture = *state;
	const struct reply reply = ask(fixture->http, "GET", "/");
	assert_int_equal(reply.code, 200);
	assert_true(has_header(&reply, "Content-Type: text/html; charset=utf-8"));
	assert_non_null(strstr(reply.body, "Version 1&lt;2."));
	assert_non_null(strstr(reply.body, "<a href=\"/me&amp;tri&quot;cs\">/me&amp;tri&quot;cs</a>"));
	assert_non_null(strstr(reply.body, "href=\"/ready\""));
	assert_non_null(strstr(reply.body, "href=\"/sd\""));
	assert_null(strstr(reply.body, "1<2"));
}

static void test_http_counts_responses_by_path_and_code(void **state)
{
	struct fixture *fixture = *state;
	ask(fixture->http, "GET", "/health");
	ask(fixture->http, "HEAD", "/health");
	ask(fixture->http, "PUT", "/health");
	ask(fixture->http, "GET", "/a");
	ask(fixture->http, "GET", "/b");
	assert_int_equal(http_responses(fixture->http, HTTP_PATH_HEALTH, HTTP_CODE_200), 2);
	assert_int_equal(http_responses(fixture->http, HTTP_PATH_HEALTH, HTTP_CODE_405), 1);
	assert_int_equal(http_responses(fixture->http, HTTP_PATH_OTHER, HTTP_CODE_404), 2);
	assert_int_equal(http_responses(fixture->http, HTTP_PATH_METRICS, HTTP_CODE_200), 0);
}

static void test_http_listen_again_keeps_what_stays_and_closes_what_goes(void **state)
{
	struct fixture *fixture = *state;
	char *error;
	char *addresses[] = {(char *)"127.0.0.1:0", (char *)"127.0.0.2:0"};
	const uint16_t first = server_port(fixture->http, 0);
	assert_int_equal(http_listen(fixture->http, addresses, 2, &error), 0);
	assert_int_equal(http_place_count(fixture->http), 2);
	assert_int_equal(server_port(fixture->http, 0), first);
	assert_int_equal(ask(fixture->http, "GET", "/health").code, 200);

	assert_int_equal(http_listen(fixture->http, addresses + 1, 1, &error), 0);
	assert_int_equal(http_place_count(fixture->http), 1);
	assert_int_equal(client_connect(first), -1);
}

static void test_http_listen_failure_names_the_address_and_changes_nothing(void **state)
{
	struct fixture *fixture = *state;
	char taken[64], *error;
	http_place_print(fixture->http, 0, taken, sizeof(taken));
	struct fixture *other;
	assert_int_equal(server_start((void **)&other), 0);
	const uint16_t port = server_port(other->http, 0);
	char *addresses[] = {(char *)"127.0.0.2:0", taken};
	assert_int_not_equal(http_listen(other->http, addresses, 2, &error), 0);
	char expected[256];
	snprintf(expected, sizeof(expected),
		 "--web.listen-address=%s: Address already in use; choose an address of this machine and a free port",
		 taken);
	assert_string_equal(error, expected);
	free(error);
	assert_int_equal(http_place_count(other->http), 1);
	assert_int_equal(server_port(other->http, 0), port);
	assert_int_equal(ask(other->http, "GET", "/health").code, 200);
	server_stop((void **)&other);
}

static void test_listen_address_is_taken_apart(void **state)
{
	(void)state;
	struct listen_address address;
	assert_int_equal(listen_address_parse(":9466", &address), 0);
	assert_string_equal(address.host, "");
	assert_int_equal(address.port, 9466);
	assert_int_equal(listen_address_parse("[::1]:65535", &address), 0);
	assert_string_equal(address.host, "::1");
	assert_int_equal(address.port, 65535);
	assert_int_equal(listen_address_parse("localhost:0", &address), 0);
	assert_string_equal(address.host, "localhost");
}

#define server_test(name) cmocka_unit_test_setup_teardown(name, server_start, server_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		server_test(test_http_serves_the_page_with_type_and_length),
		server_test(test_http_gives_the_format_that_is_asked_for),
		server_test(test_http_small_bodies_stay_plain),
		server_test(test_http_compresses_what_is_large_enough),
		server_test(test_http_head_has_the_length_and_no_body),
		server_test(test_http_answers_health_without_collecting),
		server_test(test_http_answers_health_while_collections_hang),
		server_test(test_http_failed_collection_is_503_with_a_reason),
		server_test(test_http_other_paths_are_404),
		server_test(test_http_other_methods_are_405_with_allow),
		server_test(test_http_keeps_the_connection_for_further_requests),
		server_test(test_http_refuses_headers_without_end),
		server_test(test_http_many_clients_of_loopback_are_not_limited_as_one),
		server_test(test_http_collect_runs_only_those_named),
		server_test(test_http_unknown_collectors_and_both_ways_are_400),
		server_test(test_http_name_lets_pass_only_these_families),
		server_test(test_http_service_has_a_page_of_its_own),
		server_test(test_http_discovery_tells_the_host_that_the_client_used),
		server_test(test_http_scrape_timeout_becomes_the_deadline),
		server_test(test_http_answers_that_are_taken_too_slowly_are_cut_off),
		server_test(test_http_clients_of_other_machines_are_limited_each),
		server_test(test_http_scrapes_that_wait_are_limited),
		server_test(test_http_client_that_leaves_while_its_page_is_made_does_no_harm),
		server_test(test_http_listener_that_goes_answers_who_waits_first),
		server_test(test_http_ready_is_503_until_every_check_has_passed),
		server_test(test_http_ready_names_the_failing_check_and_its_reason),
		server_test(test_http_landing_page_escapes_what_it_shows),
		server_test(test_http_counts_responses_by_path_and_code),
		server_test(test_http_listen_again_keeps_what_stays_and_closes_what_goes),
		server_test(test_http_listen_failure_names_the_address_and_changes_nothing),
		cmocka_unit_test(test_listen_address_is_taken_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
