/* SPDX-License-Identifier: MIT */
/* Requests that are no good HTTP, or that another server on the way may understand in another way: refused, and nothing
 * that follows them on the connection is taken for a request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon.h"
#include "scrape.h"

#define FOLLOWING "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

/* Sends bytes, ends the sending side if told to, and reads all there is; malloc'ed. */
static char *send_bytes(uint16_t port, const char *bytes, size_t len, size_t *answer_len)
{
	char *answer = calloc(1, 256 * 1024);
	size_t got = 0;
	const int fd = http_connect(port);
	assert_true(fd >= 0);
	/* The server may hang up in the middle of it. */
	(void)send(fd, bytes, len, MSG_NOSIGNAL);
	for (ssize_t n; got < 256 * 1024 - 1 && (n = recv(fd, answer + got, 256 * 1024 - 1 - got, 0)) > 0;)
		got += (size_t)n;
	close(fd);
	*answer_len = got;
	return answer;
}

struct refusal {
	const char *bytes;
	size_t len;
	int code;
};
#define REFUSED(code, bytes)                                                                                           \
	{                                                                                                              \
		bytes, sizeof(bytes) - 1, code                                                                         \
	}
#define GET "GET /health HTTP/1.1\r\nHost: x\r\n"

static const struct refusal refusals[] = {
	/* lengths that do not agree, or are none */
	REFUSED(400, GET "Content-Length: 5\r\nContent-Length: 0\r\n\r\n"),
	REFUSED(400, GET "Content-Length: 0\r\nContent-Length: 0\r\n\r\n"),
	REFUSED(400, GET "Content-Length: 0, 0\r\n\r\n"),
	REFUSED(400, GET "Content-Length: +5\r\n\r\n"),
	REFUSED(400, GET "Content-Length: -1\r\n\r\n"),
	REFUSED(400, GET "Content-Length: 0x10\r\n\r\n"),
	REFUSED(400, GET "Content-Length:\r\n\r\n"),
	REFUSED(400, GET "Content-Length: 1 0\r\n\r\n"),
	REFUSED(413, GET "Content-Length: 99999999999999999999999\r\n\r\n"),
	/* a length and chunks, chunks that are none, codings that hide them */
	REFUSED(400, GET "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	REFUSED(400, GET "Transfer-Encoding: identity\r\n\r\n"),
	REFUSED(400, GET "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
	REFUSED(400, GET "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
	REFUSED(400, GET "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"),
	REFUSED(400, GET "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n"),
	REFUSED(400, GET "Transfer-Encoding:\x0b"
			 "chunked\r\n\r\n0\r\n\r\n"),
	REFUSED(400, "GET /health HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	REFUSED(405, "POST /health HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n"),
	/* bodies */
	REFUSED(413, GET "Content-Length: 33\r\n\r\n"),
	REFUSED(413, GET "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	REFUSED(413, GET "Expect: 100-continue\r\n\r\n"),
	REFUSED(405, "POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 33\r\n\r\n"),
	REFUSED(405, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"),
	/* characters that end a text for some and not for others */
	REFUSED(400, GET "X: a\0b\r\n\r\n"),
	REFUSED(400, GET "X: a\0b\r\nY: c\r\n\r\n"),
	REFUSED(400, GET "X\0Y: a\r\n\r\n"),
	REFUSED(400, "GET /health\0x HTTP/1.1\r\nHost: x\r\n\r\n"),
	REFUSED(400, "GET /health%00x HTTP/1.1\r\nHost: x\r\n\r\n"),
	REFUSED(400, GET "X: a\rContent-Length: 5\r\n\r\n"),
	REFUSED(400, GET "X: a\x01\r\n\r\n"),
	REFUSED(400, GET "X: a\x7f\r\n\r\n"),
	REFUSED(400, GET "Content-Length : 33\r\n\r\n"),
	REFUSED(400, GET "X(: a\r\n\r\n"),
	REFUSED(400, GET ": a\r\n\r\n"),
	REFUSED(400, GET "no colon\r\n\r\n"),
	/* folded lines */
	REFUSED(400, GET "X: a\r\n b\r\n\r\n"),
	REFUSED(400, GET "X: a\r\n\tContent-Length: 33\r\n\r\n"),
	REFUSED(400, "GET /health HTTP/1.1\r\n X: a\r\nHost: x\r\n\r\n"),
	/* targets */
	REFUSED(400, "GET http://x/health HTTP/1.1\r\nHost: x\r\n\r\n"),
	REFUSED(400, "CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n"),
	REFUSED(400, "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"),
	REFUSED(400, "GET health HTTP/1.1\r\nHost: x\r\n\r\n"),
	REFUSED(400, "GET  /health HTTP/1.1\r\nHost: x\r\n\r\n"),
	REFUSED(400, "GET /health x HTTP/1.1\r\nHost: x\r\n\r\n"),
	/* hosts */
	REFUSED(400, "GET /health HTTP/1.1\r\n\r\n"),
	REFUSED(400, "GET /health HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"),
	REFUSED(400, "GET /health HTTP/1.1\r\nHost: x/\"<>\r\n\r\n"),
	/* versions */
	REFUSED(400, "GET /health\r\n\r\n"),
	REFUSED(400, "GET /health HTTP/1.2\r\nHost: x\r\n\r\n"),
	REFUSED(505, "GET /health HTTP/2.0\r\nHost: x\r\n\r\n"),
	REFUSED(505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
	REFUSED(400, "GET /health http/1.1\r\nHost: x\r\n\r\n"),
	/* methods */
	REFUSED(405, "get /health HTTP/1.1\r\nHost: x\r\n\r\n"),
	REFUSED(405, "DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n"),
};

static void test_refused_requests_end_the_connection(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	agent_start(&agent, scratch);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		const struct refusal *refusal = &refusals[i];
		char bytes[512];
		size_t len;
		memcpy(bytes, refusal->bytes, refusal->len);
		memcpy(bytes + refusal->len, FOLLOWING, sizeof(FOLLOWING) - 1);
		char *answer = send_bytes(agent.port, bytes, refusal->len + sizeof(FOLLOWING) - 1, &len);
		if (strncmp(answer, "HTTP/1.1 ", 9) || atoi(answer + 9) != refusal->code)
			fail_msg("not %d for:\n%s\nbut:\n%s", refusal->code, refusal->bytes, answer);
		if (strstr(answer, " 200 OK\r\n"))
			fail_msg("what follows was answered:\n%s\n%s", refusal->bytes, answer);
		free(answer);
	}
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

static void expect_code(uint16_t port, const char *bytes, size_t len, int code)
{
	size_t answer_len;
	char *answer = send_bytes(port, bytes, len, &answer_len);
	if (strncmp(answer, "HTTP/1.1 ", 9) || atoi(answer + 9) != code)
		fail_msg("not %d for:\n%.100s...\nbut:\n%.300s", code, bytes, answer);
	free(answer);
}

static void test_too_long_requests_are_told_so(void **state)
{
	const struct scratch *scratch = *state;
	static char bytes[64 * 1024];
	struct daemon agent = {0};
	agent_start(&agent, scratch);
	size_t len = (size_t)snprintf(bytes, sizeof(bytes), "GET /%020000d HTTP/1.1\r\nHost: x\r\n\r\n", 0);
	expect_code(agent.port, bytes, len, 414);
	len = (size_t)snprintf(bytes, sizeof(bytes), GET "X: %020000d\r\n\r\n", 0);
	expect_code(agent.port, bytes, len, 431);
	len = (size_t)snprintf(bytes, sizeof(bytes), GET);
	for (int i = 0; i < 4000; i++)
		len += (size_t)snprintf(bytes + len, sizeof(bytes) - len, "X: a\r\n");
	len += (size_t)snprintf(bytes + len, sizeof(bytes) - len, "\r\n");
	expect_code(agent.port, bytes, len, 431);
	len = (size_t)snprintf(bytes, sizeof(bytes), "GET /metrics?a=1");
	for (int i = 0; i < 1000; i++)
		len += (size_t)snprintf(bytes + len, sizeof(bytes) - len, "&a=1");
	len += (size_t)snprintf(bytes + len, sizeof(bytes) - len, " HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_code(agent.port, bytes, len, 414);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

static void test_good_requests_of_odd_shape_are_answered(void **state)
{
	const struct scratch *scratch = *state;
	static const char *const requests[] = {
		"GET /health HTTP/1.0\r\n\r\n",
		"GET /health HTTP/1.1\nHost: x\nConnection: close\n\n",
		"\r\n\r\n" FOLLOWING,
		GET "Content-Length: 0\r\nConnection: close\r\n\r\n",
		GET "X:\r\nY:   \r\nZ:a\r\nConnection: close\r\n\r\n",
		GET "X: \xc3\xa9 \xff\r\nConnection: close\r\n\r\n",
		"GET /health?a=%41&b&=c&& HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n",
		"GET /%68ealth HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close\r\n\r\n",
	};
	struct daemon agent = {0};
	agent_start(&agent, scratch);
	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++)
		expect_code(agent.port, requests[i], strlen(requests[i]), 200);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

static void test_pipelined_requests_are_answered_in_order(void **state)
{
	const struct scratch *scratch = *state;
	static const char bytes[] =
		GET "\r\nGET /metrics HTTP/1.1\r\nHost: x\r\n\r\nHEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
		    "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n" FOLLOWING;
	static const char *const parts[] = {"{\"status\":\"ok\"}\n", "\nmstat_build_info{", "HTTP/1.1 200 OK",
					    "HTTP/1.1 404 Not Found\r\n", "{\"status\":\"ok\"}\n"};
	struct daemon agent = {0};
	size_t len;
	agent_start(&agent, scratch);
	char *answer = send_bytes(agent.port, bytes, sizeof(bytes) - 1, &len), *at = answer;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		at = strstr(at, parts[i]);
		if (!at)
			fail_msg("part %zu, '%s', is missing in:\n%s", i, parts[i], answer);
		at++;
	}
	free(answer);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

static void test_server_survives_any_bytes(void **state)
{
	const struct scratch *scratch = *state;
	static const char *const pieces[] = {"GET ",
					     "POST ",
					     "/metrics",
					     "/sd",
					     "?collect[]=",
					     "&",
					     "%",
					     "cpu",
					     " HTTP/1.1",
					     " HTTP/1.0",
					     "\r\n",
					     "\n",
					     "\r",
					     "Host: x",
					     "Content-Length: ",
					     "5",
					     "chunked",
					     "Transfer-Encoding: ",
					     "\x80",
					     "\t",
					     " ",
					     ":",
					     "Accept: ",
					     "gzip;q=",
					     "0.5",
					     ",",
					     "\r\n\r\n",
					     "Connection: close"};
	const unsigned seed = (unsigned)time(NULL);
	struct daemon agent = {0};
	print_message("seed %u\n", seed);
	srandom(seed);
	agent_start(&agent, scratch, "--web.request-timeout=100ms");
	for (int round = 0; round < 300; round++) {
		char bytes[1024] = "";
		for (long i = random() % 24; i >= 0; i--)
			strcat(bytes, pieces[(size_t)random() % (sizeof(pieces) / sizeof(*pieces))]);
		const int fd = http_connect(agent.port);
		assert_true(fd >= 0);
		(void)send(fd, bytes, strlen(bytes), MSG_NOSIGNAL);
		close(fd);
	}
	expect_code(agent.port, FOLLOWING, sizeof(FOLLOWING) - 1, 200);
	free(page_fresh(agent.port));
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_refused_requests_end_the_connection),
		TEST(test_too_long_requests_are_told_so),
		TEST(test_good_requests_of_odd_shape_are_answered),
		TEST(test_pipelined_requests_are_answered_in_order),
		TEST(test_server_survives_any_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
