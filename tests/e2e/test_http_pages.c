/* SPDX-License-Identifier: MIT */
/* The agent's HTTP side as clients of the real program see it, and its stop while one of them hangs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include <mstat/mstat.h>

#include "daemon.h"
#include "scrape.h"

MSTAT_COUNTER(jobs, "jobs_total", "Jobs done.");

static void add_job(void *context)
{
	(void)context;
	mstat_inc(mstat_counter_with(&jobs));
}

static void expect_part(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in:\n%s", part, text);
}

/* One question; the answer begins with the status line and holds the parts. */
static void expect_answer(uint16_t port, const char *method, const char *path, const char *status, const char *part)
{
	char *answer = http_ask(port, method, path);
	assert_non_null(answer);
	if (strncmp(answer, status, strlen(status)))
		fail_msg("%s %s: not '%s':\n%s", method, path, status, answer);
	expect_part(answer, part);
	free(answer);
}

static void test_metrics_come_as_text_0_0_4_with_their_length(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	char length[64];
	worker_run(scratch, "shop", add_job, NULL);
	agent_start(&agent, scratch);
	char *answer = http_ask(agent.port, "GET", "/metrics");
	assert_memory_equal(answer, "HTTP/1.1 200 OK\r\n", 17);
	expect_part(answer, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
	snprintf(length, sizeof(length), "\r\nContent-Length: %zu\r\n", strlen(http_body(answer)));
	expect_part(answer, length);
	expect_part(answer, "\njobs_total{service=\"shop\"} 1\n");
	free(answer);
	/* The head alone, with the length of the page that GET would bring. */
	answer = http_ask(agent.port, "HEAD", "/metrics");
	assert_memory_equal(answer, "HTTP/1.1 200 OK\r\n", 17);
	expect_part(answer, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
	expect_part(answer, "\r\nContent-Length: ");
	assert_string_equal(http_body(answer), "");
	free(answer);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

static void test_other_paths_and_methods_are_told_so(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	agent_start(&agent, scratch, "--web.telemetry-path=/my-metrics");
	expect_answer(agent.port, "GET", "/my-metrics", "HTTP/1.1 200 OK\r\n", "\nmstat_build_info{");
	expect_answer(agent.port, "GET", "/metrics", "HTTP/1.1 404 ", "\r\n");
	expect_answer(agent.port, "GET", "/my-metrics/x", "HTTP/1.1 404 ", "\r\n");
	expect_answer(agent.port, "POST", "/my-metrics", "HTTP/1.1 405 ", "\r\nAllow: GET, HEAD\r\n");
	expect_answer(agent.port, "DELETE", "/", "HTTP/1.1 405 ", "\r\nAllow: GET, HEAD\r\n");
	expect_answer(agent.port, "GET", "/health", "HTTP/1.1 200 OK\r\n", "\r\n\r\n");
	expect_answer(agent.port, "GET", "/", "HTTP/1.1 200 OK\r\n", "/my-metrics");
	expect_answer(agent.port, "GET", "/", "HTTP/1.1 200 OK\r\n", "\r\nContent-Type: text/html");
	usleep(120000); /* the page is shared for 100 ms */
	char *answer = http_ask(agent.port, "GET", "/my-metrics");
	assert_page(answer, "mstat_http_requests_total{code=\"404\",path=\"other\"}", "2");
	assert_page(answer, "mstat_http_requests_total{code=\"405\",path=\"metrics\"}", "1");
	free(answer);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

/* The status of one check in the answer of /ready, with the code of the answer. */
static int ready_ask(uint16_t port, const char *check, char *status, size_t status_bytes)
{
	char *answer = http_ask(port, "GET", "/ready");
	assert_non_null(answer);
	json_t *root = json_loads(http_body(answer), 0, NULL);
	json_t *entry = json_object_get(json_object_get(root, "checks"), check);
	if (!json_is_object(entry))
		fail_msg("no check '%s' in:\n%s", check, answer);
	assert_true(json_is_real(json_object_get(entry, "response_time_ms")));
	assert_true(json_is_string(json_object_get(entry, "last_check")));
	const int code = atoi(answer + strlen("HTTP/1.1 "));
	/* Code and text never contradict each other. */
	assert_string_equal(json_string_value(json_object_get(root, "status")), code == 200 ? "ok" : "failing");
	snprintf(status, status_bytes, "%s", json_string_value(json_object_get(entry, "status")));
	json_decref(root);
	free(answer);
	return code;
}

static void ready_await(uint16_t port, int code)
{
	char status[32];
	const int64_t end_ms = clock_ms() + WAIT_MS;
	while (ready_ask(port, "segments", status, sizeof(status)) != code) {
		assert_true(clock_ms() < end_ms);
		usleep(20000);
	}
}

static void test_ready_says_503_while_the_directory_cannot_be_listed(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	char status[32], aside[128];
	agent_start(&agent, scratch);
	assert_int_equal(ready_ask(agent.port, "segments", status, sizeof(status)), 200);
	assert_string_equal(status, "ok");
	assert_int_equal(ready_ask(agent.port, "collection", status, sizeof(status)), 200);
	assert_int_equal(ready_ask(agent.port, "http", status, sizeof(status)), 200);
	/* A file where the directory was: nobody can list that, not even root. */
	snprintf(aside, sizeof(aside), "%s/aside", scratch->path);
	assert_int_equal(rename(scratch->segments, aside), 0);
	close(open(scratch->segments, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	ready_await(agent.port, 503);
	ready_ask(agent.port, "segments", status, sizeof(status));
	assert_string_equal(status, "failing");
	/* Alive it is, and it serves what it has. */
	expect_answer(agent.port, "GET", "/health", "HTTP/1.1 200 OK\r\n", "\r\n\r\n");
	expect_answer(agent.port, "GET", "/metrics", "HTTP/1.1 200 OK\r\n", "\nmstat_build_info{");
	unlink(scratch->segments);
	assert_int_equal(rename(aside, scratch->segments), 0);
	/* The collection's own check is renewed by a scrape. */
	free(page_fresh(agent.port));
	ready_await(agent.port, 200);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

static void test_agent_stops_while_clients_hang(void **state)
{
	const struct scratch *scratch = *state;
	static const char *const beginnings[] = {"", "GET /met", "GET /metrics HTTP/1.1\r\nHost: x\r\n",
						 "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"};
	struct daemon agent = {0};
	int fds[4];
	agent_start(&agent, scratch);
	for (size_t i = 0; i < 4; i++) {
		fds[i] = http_connect(agent.port);
		assert_true(fds[i] >= 0);
		assert_int_equal(send(fds[i], beginnings[i], strlen(beginnings[i]), MSG_NOSIGNAL),
				 strlen(beginnings[i]));
	}
	free(page_now(agent.port));
	/* The clients stay, and none of their requests ends: the agent must not wait for them. */
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
	for (size_t i = 0; i < 4; i++)
		close(fds[i]);
}

static void add_odd_job(void *context)
{
	(void)context;
	mstat_add(mstat_counter_with(&jobs), 7);
}

static void test_each_service_has_a_page_and_is_discovered(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	char wanted[128];
	worker_run(scratch, "shop", add_job, NULL);
	worker_run(scratch, "odd/one", add_odd_job, NULL);
	agent_start(&agent, scratch);
	char *answer = http_ask(agent.port, "GET", "/metrics/service/odd%2Fone");
	assert_memory_equal(answer, "HTTP/1.1 200 OK\r\n", 17);
	assert_page(http_body(answer), "jobs_total{service=\"odd/one\"}", "7");
	assert_page(http_body(answer), "jobs_total{service=\"shop\"}", NULL);
	assert_page_lacks(http_body(answer), "mstat_build_info");
	free(answer);
	expect_answer(agent.port, "GET", "/metrics/service/none", "HTTP/1.1 404 ", "No such service");
	answer = http_ask(agent.port, "GET", "/sd");
	json_t *list = json_loads(http_body(answer), 0, NULL), *group, *found = NULL;
	size_t i;
	json_array_foreach(list, i, group)
	{
		json_t *labels = json_object_get(group, "labels");
		snprintf(wanted, sizeof(wanted), "%s", json_string_value(json_object_get(labels, "service")));
		if (!strcmp(wanted, "odd/one"))
			found = json_object_get(labels, "__metrics_path__");
	}
	assert_string_equal(json_string_value(found), "/metrics/service/odd%2Fone");
	json_decref(list);
	free(answer);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

static void test_collect_and_exclude_choose_what_runs(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	worker_run(scratch, "shop", add_job, NULL);
	agent_start(&agent, scratch, "--collector.disable-defaults", "--collector.loadavg", "--collector.uname");
	char *answer = http_ask(agent.port, "GET", "/metrics?collect[]=loadavg");
	expect_part(answer, "\nnode_load1 ");
	expect_part(answer, "\nnode_scrape_collector_success{collector=\"loadavg\"} 1\n");
	assert_page_lacks(answer, "uname");
	assert_page_lacks(answer, "jobs_total");
	assert_page_lacks(answer, "mstat_build_info");
	free(answer);
	answer = http_ask(agent.port, "GET", "/metrics?exclude[]=host&exclude[]=self");
	expect_part(answer, "\njobs_total{service=\"shop\"} 1\n");
	assert_page_lacks(answer, "node_");
	free(answer);
	/* Known, but not enabled. */
	expect_answer(agent.port, "GET", "/metrics?collect[]=cpu", "HTTP/1.1 400 ", "collect[]=cpu: ");
	expect_answer(agent.port, "GET", "/metrics?collect[]=loadavg&exclude[]=uname", "HTTP/1.1 400 ", "exclude");
	/* However often some are asked, nothing of the others ages. */
	char *before = page_fresh(agent.port);
	for (int i = 0; i < 100; i++) {
		char path[64];
		snprintf(path, sizeof(path), "/metrics?collect[]=%s", i % 2 ? "uname" : i % 4 ? "segments" : "self");
		free(http_ask(agent.port, "GET", path));
	}
	char *after = page_fresh(agent.port);
	assert_string_equal(page_value(before, "mstat_catalog_series"), page_value(after, "mstat_catalog_series"));
	assert_page(after, "jobs_total{service=\"shop\"}", "1");
	free(before);
	free(after);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_metrics_come_as_text_0_0_4_with_their_length),
		TEST(test_other_paths_and_methods_are_told_so),
		TEST(test_ready_says_503_while_the_directory_cannot_be_listed),
		TEST(test_agent_stops_while_clients_hang),
		TEST(test_each_service_has_a_page_and_is_discovered),
		TEST(test_collect_and_exclude_choose_what_runs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
