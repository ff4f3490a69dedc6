/* SPDX-License-Identifier: MIT */
/* The HTTP server on loopback with a page that the test makes up: routes, methods, HEAD, readiness, reload. */
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

#include "expose/http.h"
#include "expose/landing.h"
#include "expose/listen.h"

/* ---- a page --------------------------------------------------------------------------------------------------- */

static struct page fake_page = {"up 1\n", 5, "text/plain; version=0.0.4; charset=utf-8"};
static bool fake_failing;
static int pages_lent; /* by threads of the server */

static const struct page *fake_get(void *context)
{
	assert(context == &fake_page);
	if (mstat_load_relaxed(&fake_failing))
		return NULL;
	mstat_add_relaxed(&pages_lent, 1);
	return &fake_page;
}

static void fake_put(const struct page *page)
{
	assert(page == &fake_page);
	mstat_add_relaxed(&pages_lent, -1);
}

/* ---- a server ------------------------------------------------------------------------------------------------- */

struct fixture {
	struct readiness *readiness;
	struct http *http;
};

static int server_start(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	char *address = (char *)"127.0.0.1:0", *error;
	fixture->readiness = readiness_new();
	const struct http_options options = {
		.name = "mstatd",
		.version = "1<2",
		.telemetry_path = "/me&tri\"cs",
		.connections_max = 16,
		.connections_per_client_max = 1, /* must not count: loopback */
		.timeout_s = 30,
		.readiness = fixture->readiness,
		.page_get = fake_get,
		.page_put = fake_put,
		.page_context = &fake_page,
	};
	fixture->http = http_new(&options);
	fake_failing = false;
	*state = fixture;
	return http_listen(fixture->http, &address, 1, &error);
}

static int server_stop(void **state)
{
	struct fixture *fixture = *state;
	http_free(fixture->http);
	readiness_free(fixture->readiness);
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

static int client_connect(uint16_t port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	if (!connect(fd, (const struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -1;
}

struct reply {
	int code;
	char text[8192]; /* all of it */
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

static void test_http_serves_the_page_with_type_and_length_and_gives_it_back(void **state)
{
	struct fixture *fixture = *state;
	const struct reply reply = ask(fixture->http, "GET", "/me&tri%22cs");
	assert_int_equal(reply.code, 200);
	assert_string_equal(reply.body, "up 1\n");
	assert_true(has_header(&reply, "Content-Type: text/plain; version=0.0.4; charset=utf-8"));
	assert_true(has_header(&reply, "Content-Length: 5"));
	/* Stopping waits for the threads, so that every page must be back then. */
	http_free(fixture->http);
	fixture->http = NULL;
	assert_int_equal(pages_lent, 0);
}

static void test_http_head_has_the_length_and_no_body(void **state)
{
	struct fixture *fixture = *state;
	struct reply reply = ask(fixture->http, "HEAD", "/me&tri\"cs");
	assert_int_equal(reply.code, 200);
	assert_true(has_header(&reply, "Content-Length: 5"));
	assert_string_equal(reply.body, "");
	reply = ask(fixture->http, "HEAD", "/nowhere");
	assert_int_equal(reply.code, 404);
	assert_string_equal(reply.body, "");
}

static void test_http_answers_health_without_collecting(void **state)
{
	struct fixture *fixture = *state;
	mstat_store_relaxed(&fake_failing, true);
	const struct reply reply = ask(fixture->http, "GET", "/health");
	assert_int_equal(reply.code, 200);
	assert_true(has_header(&reply, "Content-Type: application/json"));
	assert_string_equal(reply.body, "{\"status\":\"ok\"}\n");
}

static void test_http_failed_collection_is_503_with_a_reason(void **state)
{
	struct fixture *fixture = *state;
	mstat_store_relaxed(&fake_failing, true);
	const struct reply reply = ask(fixture->http, "GET", "/me&tri\"cs");
	assert_int_equal(reply.code, 503);
	assert_string_equal(reply.body, "The collection failed; /ready and the log say why.\n");
	assert_true(has_header(&reply, "Content-Type: text/plain; charset=utf-8"));
}

static void test_http_other_paths_are_404(void **state)
{
	struct fixture *fixture = *state;
	static const char *const paths[] = {"/metrics", "/health/", "/HEALTH", "/readyz", "//", "/../etc/passwd"};
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
		server_test(test_http_serves_the_page_with_type_and_length_and_gives_it_back),
		server_test(test_http_head_has_the_length_and_no_body),
		server_test(test_http_answers_health_without_collecting),
		server_test(test_http_failed_collection_is_503_with_a_reason),
		server_test(test_http_other_paths_are_404),
		server_test(test_http_other_methods_are_405_with_allow),
		server_test(test_http_keeps_the_connection_for_further_requests),
		server_test(test_http_refuses_headers_without_end),
		server_test(test_http_many_clients_of_loopback_are_not_limited_as_one),
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
