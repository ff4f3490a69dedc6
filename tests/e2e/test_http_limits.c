/* SPDX-License-Identifier: MIT */
/* Clients that take more than their share of the agent: connections, time, descriptors. Those that do not take their
 * answers, and those of other machines: tests/unit/test_http.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon.h"
#include "scrape.h"

#define IDLE_MAX 400

static void connections_open(uint16_t port, int *fds, int count)
{
	for (int i = 0; i < count; i++) {
		fds[i] = http_connect(port);
		assert_true(fds[i] >= 0);
	}
}

static void connections_close(const int *fds, int count)
{
	for (int i = 0; i < count; i++)
		close(fds[i]);
}

/* One question; the code of the answer. */
static int code_of(uint16_t port, const char *path)
{
	char *answer = http_ask(port, "GET", path);
	const int code = answer && !strncmp(answer, "HTTP/1.1 ", 9) ? atoi(answer + 9) : 0;
	free(answer);
	return code;
}

/* Asks until the code comes, since the agent may not have seen yet that others went. */
static void code_await(uint16_t port, const char *path, int code)
{
	for (const int64_t end_ms = clock_ms() + WAIT_MS; code_of(port, path) != code; usleep(10000))
		assert_true(clock_ms() < end_ms);
}

/* Waits until the other side has hung up. */
static void end_await(int fd)
{
	char bytes[4096];
	ssize_t n;
	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		;
	if (n < 0 && errno != ECONNRESET)
		fail_msg("the connection was not closed: %s", strerror(errno));
}

static void test_health_is_answered_at_the_connection_limit(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	int fds[IDLE_MAX];
	agent_start(&agent, scratch, "--web.max-connections=20");
	connections_open(agent.port, fds, 20);
	code_await(agent.port, "/metrics", 503);
	assert_int_equal(code_of(agent.port, "/health"), 200);
	assert_int_equal(code_of(agent.port, "/ready"), 503);
	/* Many more: the oldest of those beyond the limit must go. */
	connections_open(agent.port, fds + 20, IDLE_MAX - 20);
	for (int i = 0; i < 20; i++)
		assert_int_equal(code_of(agent.port, "/health"), 200);
	connections_close(fds, IDLE_MAX);
	code_await(agent.port, "/metrics", 200);
	char *page = page_fresh(agent.port);
	assert_non_null(page_value(page, "mstat_http_connections_closed_total{reason=\"limit\"}"));
	assert_true(atoi(page_value(page, "mstat_http_connections_closed_total{reason=\"limit\"}")) > 300);
	free(page);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

static void test_descriptors_are_kept_for_the_collectors(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	struct rlimit limit, low;
	int fds[IDLE_MAX];
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = limit;
	low.rlim_cur = 600;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	agent_start(&agent, scratch); /* the default would be 512 connections */
	connections_open(agent.port, fds, IDLE_MAX);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	code_await(agent.port, "/metrics", 503);
	assert_int_equal(code_of(agent.port, "/health"), 200);
	connections_close(fds, IDLE_MAX);
	code_await(agent.port, "/metrics", 200);
	char *page = page_fresh(agent.port);
	assert_page(page, "mstat_collector_success{collector=\"segments\"}", "1");
	assert_page(page, "mstat_collector_success{collector=\"host\"}", "1");
	free(page);
	char *log = daemon_log(&agent);
	assert_null(strstr(log, "level=error"));
	free(log);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

static void test_headers_that_drip_are_cut_off(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	agent_start(&agent, scratch, "--web.request-timeout=200ms");
	const int idle = http_connect(agent.port), slow = http_connect(agent.port);
	ssize_t sent = send(slow, "GET /health HTTP/1.1\r\nHost: x\r\nX: ", 34, MSG_NOSIGNAL);
	const int64_t end_ms = clock_ms() + WAIT_MS;
	/* Something moves all the time, but the headers never end. */
	while (sent > 0) {
		assert_true(clock_ms() < end_ms);
		usleep(20000);
		sent = send(slow, "a", 1, MSG_NOSIGNAL);
	}
	assert_true(errno == EPIPE || errno == ECONNRESET);
	end_await(idle);
	close(idle);
	close(slow);
	char *page = page_fresh(agent.port);
	assert_page(page, "mstat_http_connections_closed_total{reason=\"request_deadline\"}", "2");
	free(page);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

static void test_kept_connection_lives_longer_than_its_first_request(void **state)
{
	const struct scratch *scratch = *state;
	static const char request[] = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
	struct daemon agent = {0};
	char answer[512];
	agent_start(&agent, scratch, "--web.request-timeout=100ms");
	const int fd = http_connect(agent.port);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL), (ssize_t)sizeof(request) - 1);
		assert_true(recv(fd, answer, sizeof(answer), 0) > 0);
		assert_memory_equal(answer, "HTTP/1.1 200 OK\r\n", 17);
		usleep(1200000); /* the agent looks every second */
	}
	close(fd);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_health_is_answered_at_the_connection_limit),
		TEST(test_descriptors_are_kept_for_the_collectors),
		TEST(test_headers_that_drip_are_cut_off),
		TEST(test_kept_connection_lives_longer_than_its_first_request),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
