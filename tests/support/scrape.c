/* SPDX-License-Identifier: MIT */
/* HTTP and pages. See scrape.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon.h"
#include "scrape.h"

/* The agent serves a page for 100 ms. */
#define PAGE_SHARED_US 120000

int http_connect(uint16_t port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct timeval patience = {.tv_sec = WAIT_MS / 1000};
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (!connect(fd, (const struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -1;
}

char *http_ask(uint16_t port, const char *method, const char *path)
{
	return http_ask_accept(port, method, path, "*/*");
}

char *http_ask_accept(uint16_t port, const char *method, const char *path, const char *accept)
{
	char request[2048];
	size_t len = 0, capacity = 64 * 1024;
	char *answer = malloc(capacity);
	const int fd = http_connect(port);
	assert_non_null(answer);
	if (fd < 0) {
		free(answer);
		return NULL;
	}
	const int request_len = snprintf(request, sizeof(request),
					 "%s %s HTTP/1.1\r\nHost: localhost\r\nAccept: %s\r\nConnection: close\r\n\r\n",
					 method, path, accept);
	(void)send(fd, request, (size_t)request_len, MSG_NOSIGNAL);
	for (ssize_t n; (n = recv(fd, answer + len, capacity - 1 - len, 0)) > 0;) {
		len += (size_t)n;
		if (len + 1 == capacity) {
			capacity *= 2;
			answer = realloc(answer, capacity);
			assert_non_null(answer);
		}
	}
	close(fd);
	answer[len] = '\0';
	return answer;
}

const char *http_body(const char *answer)
{
	const char *end = strstr(answer, "\r\n\r\n");
	assert_non_null(end);
	return end + 4;
}

char *page_now(uint16_t port)
{
	char *answer = http_ask(port, "GET", "/metrics");
	if (!answer || strncmp(answer, "HTTP/1.1 200 ", 13))
		fail_msg("no page from port %u: %.200s", port, answer ? answer : "nobody listens");
	char *page = strdup(http_body(answer));
	free(answer);
	return page;
}

char *page_fresh(uint16_t port)
{
	usleep(PAGE_SHARED_US);
	return page_now(port);
}

const char *page_value(const char *page, const char *series)
{
	static char value[64];
	const size_t len = strlen(series);
	for (const char *line = page; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, series, len) || line[len] != ' ')
			continue;
		const size_t value_len = strcspn(line + len + 1, "\n");
		snprintf(value, sizeof(value), "%.*s", (int)value_len, line + len + 1);
		return value;
	}
	return NULL;
}

/* The lines of a page that begin like the series: what a failed test wants to see. */
static char *family_lines(const char *page, const char *series)
{
	const size_t len = strcspn(series, "{");
	char *lines = calloc(1, strlen(page) + 1), *end = lines;
	for (const char *line = page; lines && *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (!strncmp(line, series, len))
			end = mempcpy(end, line, strcspn(line, "\n") + 1);
	return lines;
}

static bool page_matches(const char *page, const char *series, const char *value)
{
	const char *found = page_value(page, series);
	return found && value ? !strcmp(found, value) : found == value;
}

void assert_page(const char *page, const char *series, const char *value)
{
	if (!page_matches(page, series, value))
		fail_msg("%s is not %s:\n%s", series, value ? value : "absent", family_lines(page, series));
}

void assert_page_lacks(const char *page, const char *text)
{
	if (strstr(page, text))
		fail_msg("'%s' is on the page:\n%s", text, page);
}

void page_await(uint16_t port, const char *series, const char *value)
{
	for (const int64_t end_ms = clock_ms() + WAIT_MS;; usleep(20000)) {
		char *page = page_now(port);
		if (page_matches(page, series, value)) {
			free(page);
			return;
		}
		if (clock_ms() > end_ms)
			assert_page(page, series, value);
		free(page);
	}
}
