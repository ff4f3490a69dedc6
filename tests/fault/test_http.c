/* SPDX-License-Identifier: MIT */
/* Faults of HTTP clients (H rows of tests/fault/rows) that no other test injects: whatever clients do, others get
 * their page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <mstat/mstat.h>

#include "monitor.h"
#include "sanitized.h"
#include "scrape.h"

MSTAT_COUNTER(wide, "wide_total", "One of many series.", "a", "b");

static int connect_quietly(uint16_t port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address))) {
		close(fd);
		return -1;
	}
	return fd;
}

static void say(int fd, const char *text)
{
	(void)!send(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* In a process of its own, with its own descriptors, until it is ended. */
static pid_t client_begin(void (*body)(uint16_t port), uint16_t port)
{
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct rlimit limit;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!getrlimit(RLIMIT_NOFILE, &limit)) {
			limit.rlim_cur = limit.rlim_max;
			setrlimit(RLIMIT_NOFILE, &limit);
		}
		body(port);
		_exit(0);
	}
	process_remember(pid);
	return pid;
}

static void client_end(pid_t pid)
{
	kill(pid, SIGKILL);
	process_wait(pid);
}

/* ---- H1: headers that never end ---- */

#define SLOW_CONNECTIONS 5000

/* Keeps as many as it may: one that was closed is opened again. Each says a byte at a time. */
static void drip(uint16_t port)
{
	static int fds[SLOW_CONNECTIONS];
	for (size_t i = 0; i < SLOW_CONNECTIONS; i++)
		fds[i] = -1;
	for (size_t turn = 0;; turn++) {
		for (size_t i = 0; i < SLOW_CONNECTIONS; i++) {
			if (fds[i] >= 0 && send(fds[i], "X", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1)
				continue;
			if (fds[i] >= 0)
				close(fds[i]);
			fds[i] = connect_quietly(port);
			if (fds[i] >= 0)
				say(fds[i], "GET /metrics HTTP/1.1\r\nHost: a\r\nX-Drip: ");
			if (i % 50 == 0)
				usleep(1000);
		}
		usleep(100000);
	}
}

static int64_t health_slowest_ms(uint16_t port, int count, int *refused)
{
	int64_t slowest_ms = 0;
	for (int i = 0; i < count; i++) {
		const int64_t begun_ms = clock_ms();
		char *answer = http_ask(port, "GET", "/health");
		const int64_t took_ms = clock_ms() - begun_ms;
		*refused += !answer || strncmp(answer, "HTTP/1.1 200 ", 13);
		free(answer);
		slowest_ms = took_ms > slowest_ms ? took_ms : slowest_ms;
		usleep(10000);
	}
	return slowest_ms;
}

static void test_h1_five_thousand_dripping_connections_stop_no_scrape(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	int refused = 0, pages = 0, asked = 0;
	agent_start(&agent, scratch, "--web.request-timeout=2s", "--web.max-connections=6000");
	injected("%d connections that say a byte of a header now and then, and come back when cut off",
		 SLOW_CONNECTIONS);
	const pid_t slow = client_begin(drip, agent.port);
	usleep(1500000);
	for (const int64_t end_ms = clock_ms() + 4000; clock_ms() < end_ms; asked++) {
		char *answer = http_ask(agent.port, "GET", "/metrics");
		pages += answer && !strncmp(answer, "HTTP/1.1 200 ", 13);
		free(answer);
		usleep(10000);
	}
	const int64_t slowest_ms = health_slowest_ms(agent.port, 50, &refused);
	print_message("%d of %d scrapes answered, /health within %lld ms, %d refused\n", pages, asked,
		      (long long)slowest_ms, refused);
	client_end(slow);
	char *page = page_fresh(agent.port);
	const char *cut = page_value(page, "mstat_http_connections_closed_total{reason=\"request_deadline\"}");
	assert_true(cut && strtoull(cut, NULL, 10) > 1000);
	free(page);
	assert_int_equal(pages, asked);
	assert_int_equal(refused, 0);
	assert_true(asked > 20);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

/* ---- H2, H11: who takes nothing ---- */

#define WIDE 60000

static void count_wide(void *context)
{
	char a[16];
	(void)context;
	for (int i = 0; i < WIDE; i++) {
		snprintf(a, sizeof(a), "%d", i);
		mstat_inc(
			mstat_counter_with(&wide, a, i % 2 ? "odd" : "even, and a value that makes a long line of it"));
	}
	pause();
}

/* Asks for a long page and takes nothing of it. */
static void take_nothing(uint16_t port)
{
	for (int i = 0; i < 100; i++) {
		const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), small = 1024;
		const struct sockaddr_in address = {
			.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
		if (!connect(fd, (const struct sockaddr *)&address, sizeof(address)))
			say(fd, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
	}
	pause();
}

static uint64_t memory_kib(pid_t pid)
{
	char path[64], line[128];
	uint64_t kib = 0;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		sscanf(line, "VmRSS: %lu", (unsigned long *)&kib);
	fclose(file);
	return kib;
}

static void test_h11_long_page_that_nobody_takes_is_there_once(void **state)
{
	struct stage stage;
	stage_begin(&stage, state);
	const pid_t pid = fork();
	if (!pid) {
		const struct mstat_options options = {.size = sizeof(options),
						      .service = "wide",
						      .directory = stage.scratch->segments,
						      .series_max = 70000,
						      .family_series_max = 70000};
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (mstat_open(&options))
			_exit(99);
		count_wide(NULL);
	}
	process_remember(pid);
	page_await(stage.agent.port, "wide_total{a=\"59999\",b=\"odd\",service=\"wide\"}", "1");
	char *page = page_fresh(stage.agent.port);
	const size_t page_kib = strlen(page) / 1024;
	free(page);
	const uint64_t before_kib = memory_kib(stage.agent.pid);
	injected("100 connections with a window of 1 KiB that ask for a page of %zu KiB and take nothing", page_kib);
	const pid_t lazy = client_begin(take_nothing, stage.agent.port);
	usleep(500000);
	monitor_await_pages(&stage.monitor, 20);
	const uint64_t after_kib = memory_kib(stage.agent.pid);
	print_message("memory of the agent: %llu KiB, then %llu KiB\n", (unsigned long long)before_kib,
		      (unsigned long long)after_kib);
	/* A page for each would be hundreds of MiB. */
	assert_true(SANITIZED || after_kib < before_kib + 16 * page_kib + 65536);
	client_end(lazy);
	kill(pid, SIGKILL);
	process_wait(pid);
	stage_end(&stage);
}

/* ---- H3, H10: who comes and goes ---- */

static void come_and_go(uint16_t port)
{
	const struct linger reset = {.l_onoff = 1, .l_linger = 0};
	for (unsigned int i = 0; i < 100000; i++) {
		const int fd = connect_quietly(port);
		if (fd < 0)
			continue;
		if (i % 3 == 1)
			say(fd, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
		if (i % 3 == 2)
			say(fd, "GET /met");
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(fd);
	}
}

static void test_h3_storm_of_connects_and_resets_passes(void **state)
{
	struct stage stage;
	stage_begin(&stage, state, "--web.max-connections=4096");
	injected("connections reset at once, after half a request, and with the answer under way, 100,000 of them");
	const pid_t pid = client_begin(come_and_go, stage.agent.port);
	monitor_await_pages(&stage.monitor, 60);
	client_end(pid);
	page_await(stage.agent.port, "mstat_http_connections", "1");
	stage_end(&stage);
}

/* ---- H4: many at once ---- */

#define SCRAPERS 64

struct scrapers {
	uint16_t port;
	unsigned int pages, others;
};

static void *scrape_on(void *context)
{
	struct scrapers *scrapers = context;
	for (int i = 0; i < 20; i++) {
		char *answer = http_ask(scrapers->port, "GET", "/metrics");
		const bool page = answer && !strncmp(answer, "HTTP/1.1 200 ", 13);
		mstat_add_relaxed(page ? &scrapers->pages : &scrapers->others, 1);
		free(answer);
	}
	return NULL;
}

static void test_h4_sixty_four_scrapes_at_once_all_get_the_page(void **state)
{
	struct stage stage;
	pthread_t threads[SCRAPERS];
	struct scrapers scrapers = {0};
	stage_begin(&stage, state);
	scrapers.port = stage.agent.port;
	injected("%d clients that scrape at once, 20 times each", SCRAPERS);
	for (size_t i = 0; i < SCRAPERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, scrape_on, &scrapers), 0);
	for (size_t i = 0; i < SCRAPERS; i++)
		pthread_join(threads[i], NULL);
	print_message("%u pages, %u other answers\n", scrapers.pages, scrapers.others);
	assert_int_equal(scrapers.others, 0);
	assert_int_equal(scrapers.pages, SCRAPERS * 20);
	stage_end(&stage);
}

/* ---- H9: names and paths ---- */

static void test_h9_no_path_and_no_host_leads_elsewhere_or_comes_back_as_it_was(void **state)
{
	static const char *const paths[] = {"//metrics/../../etc/passwd",
					    "/metrics%00.html",
					    "/%2e%2e/%2e%2e/etc/passwd",
					    "/metrics/service/..%2f..%2fetc",
					    "/<script>alert(1)</script>",
					    "/metrics/service/<img%20src=x>",
					    "/\xff\xfe",
					    "/metrics;a=b",
					    "/health/../ready/../../proc/self/environ"};
	struct stage stage;
	stage_begin(&stage, state);
	injected("%zu paths with dots, escapes, NUL, markup and other bytes; hosts with markup",
		 sizeof(paths) / sizeof(*paths));
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		char *answer = http_ask(stage.agent.port, "GET", paths[i]);
		assert_non_null(answer);
		if (strncmp(answer, "HTTP/1.1 404 ", 13) && strncmp(answer, "HTTP/1.1 400 ", 13))
			fail_msg("%s: %.60s", paths[i], answer);
		assert_null(strstr(answer, "root:"));
		assert_null(strstr(answer, "<script"));
		assert_null(strstr(answer, "<img"));
		free(answer);
	}
	static const char *const hosts[] = {
		"/ HTTP/1.1\r\nHost: <script>alert(1)</script>\r\nX: ",
		"/sd HTTP/1.1\r\nHost: evil\"},{\"targets\":[\"x\r\nX: ", "/ HTTP/1.1\r\nHost: a b\tc\r\nX: "};
	for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
		char *answer = http_ask(stage.agent.port, "GET", hosts[i]);
		assert_non_null(answer);
		assert_null(strstr(answer, "<script>alert"));
		assert_null(strstr(answer, "evil\"}"));
		free(answer);
	}
	stage_end(&stage);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_h1_five_thousand_dripping_connections_stop_no_scrape),
		TEST(test_h3_storm_of_connects_and_resets_passes),
		TEST(test_h4_sixty_four_scrapes_at_once_all_get_the_page),
		TEST(test_h9_no_path_and_no_host_leads_elsewhere_or_comes_back_as_it_was),
		TEST(test_h11_long_page_that_nobody_takes_is_there_once),
	};
	struct rlimit limit;
	/* The agent inherits it. */
	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
