/* SPDX-License-Identifier: MIT */
/* The agent beside a real node_exporter on the same machine: what that one gives by default, ours gives too, with the
 * same labels and type; and a value of its lies between two of ours, one read before and one after it.
 *
 * What differs, and why:
 *   node_exporter_build_info                 is about that program; ours has mstat_build_info
 *   node_scrape_collector_duration_seconds   is there, but tells how long each program took
 *   node_procs_running                       counts the program that reads it, with as many threads as run just then
 *   node_sockstat_sockets_used               counts the sockets that the other one opens anew each time to ask others
 *   node_filefd_allocated                    likewise, files
 * Debian's node_exporter has the systemd collector on, which is off in the original and here: the test switches it on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon.h"
#include "scrape.h"

#define PEER "prometheus-node-exporter"
/* What moves while it is read (memory, sockets, the clock) lies between in most rounds; what is wrong never does. */
#define ROUNDS 6
#define SERIES_MAX 4096

/* ---- pages ------------------------------------------------------------------------------------------------------ */

struct series {
	char *name; /* with its labels, which both programs give in the order of their names */
	double value;
};

struct page_index {
	char *text;
	struct series series[SERIES_MAX];
	size_t count;
	char *types[SERIES_MAX]; /* "NAME TYPE" */
	size_t types_count;
};

static int series_compare(const void *a, const void *b)
{
	return strcmp(((const struct series *)a)->name, ((const struct series *)b)->name);
}

static int text_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void line_index(struct page_index *index, char *line)
{
	static const char type_mark[] = "# TYPE node_";
	assert_true(index->count < SERIES_MAX && index->types_count < SERIES_MAX);
	if (!strncmp(line, type_mark, sizeof(type_mark) - 1)) {
		index->types[index->types_count++] = line + strlen("# TYPE ");
		return;
	}
	char *blank = strrchr(line, ' ');
	if (strncmp(line, "node_", 5) || !blank)
		return;
	*blank = '\0';
	index->series[index->count++] = (struct series){.name = line, .value = strtod(blank + 1, NULL)};
}

static struct page_index *page_index_new(char *text)
{
	struct page_index *index = calloc(1, sizeof(*index));
	char *rest = NULL;
	assert_non_null(index);
	index->text = text;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		line_index(index, line);
	qsort(index->series, index->count, sizeof(index->series[0]), series_compare);
	qsort(index->types, index->types_count, sizeof(index->types[0]), text_compare);
	return index;
}

static void page_index_free(struct page_index *index)
{
	if (!index)
		return;
	free(index->text);
	free(index);
}

static const struct series *series_find(const struct page_index *index, const char *name)
{
	const struct series key = {.name = (char *)(uintptr_t)name};
	return bsearch(&key, index->series, index->count, sizeof(index->series[0]), series_compare);
}

/* ---- the two programs ------------------------------------------------------------------------------------------- */

struct pair {
	struct daemon ours;
	struct daemon theirs;
};

/* A port that was free a moment ago. */
static uint16_t port_free(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	close(fd);
	return ntohs(address.sin_port);
}

static void peer_start(struct daemon *daemon, const struct scratch *scratch)
{
	char address[64];
	const char *words[] = {PEER, address, NULL};
	daemon->port = port_free();
	snprintf(address, sizeof(address), "--web.listen-address=127.0.0.1:%u", daemon->port);
	daemon_spawn(daemon, scratch, "peer.log", words);
	for (const int64_t end_ms = clock_ms() + WAIT_MS; clock_ms() < end_ms; usleep(10000)) {
		char *answer = http_ask(daemon->port, "GET", "/");
		free(answer);
		if (answer)
			return;
	}
	fail_msg(PEER " does not listen:\n%s", daemon_log(daemon));
}

/* Takes the lengths of the chunks out of a body, in place. */
static void chunks_join(char *body)
{
	char *out = body, *in = body;
	for (;;) {
		char *data;
		const unsigned long len = strtoul(in, &data, 16);
		data = strstr(data, "\r\n");
		if (!len || !data)
			break;
		memmove(out, data + 2, len);
		out += len;
		in = data + 2 + len + 2;
	}
	*out = '\0';
}

static char *peer_page(const struct daemon *daemon)
{
	char *answer = http_ask(daemon->port, "GET", "/metrics");
	assert_non_null(answer);
	assert_int_equal(strncmp(answer, "HTTP/1.1 200 ", 13), 0);
	char *page = strdup(http_body(answer));
	const bool chunked = strstr(answer, "Transfer-Encoding: chunked\r\n");
	free(answer);
	assert_non_null(page);
	if (chunked)
		chunks_join(page);
	return page;
}

static void pair_start(struct pair *pair, const struct scratch *scratch)
{
	if (!program_installed(PEER)) {
		print_message("skipped: no " PEER " on this machine\n");
		skip();
	}
	peer_start(&pair->theirs, scratch);
	agent_start(&pair->ours, scratch, "--collector.systemd");
}

static void pair_stop(struct pair *pair)
{
	daemon_stop(&pair->ours, SIGTERM);
	daemon_stop(&pair->theirs, SIGTERM);
}

/* ---- tests ------------------------------------------------------------------------------------------------------ */

static bool name_begins(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

static void test_every_series_of_node_exporter_is_here_with_its_labels_and_type(void **state)
{
	struct pair pair = {.ours = {.pid = 0}};
	size_t missing = 0;
	pair_start(&pair, *state);
	struct page_index *theirs = page_index_new(peer_page(&pair.theirs));
	struct page_index *ours = page_index_new(page_fresh(pair.ours.port));
	assert_true(theirs->count > 100);
	for (size_t i = 0; i < theirs->types_count; i++) {
		if (name_begins(theirs->types[i], "node_exporter_build_info "))
			continue;
		if (bsearch(&theirs->types[i], ours->types, ours->types_count, sizeof(char *), text_compare))
			continue;
		print_message("no such family: %s\n", theirs->types[i]);
		missing++;
	}
	for (size_t i = 0; i < theirs->count; i++) {
		const char *name = theirs->series[i].name;
		if (name_begins(name, "node_exporter_build_info{") || series_find(ours, name))
			continue;
		print_message("no such series: %s\n", name);
		missing++;
	}
	print_message("%zu series of theirs, %zu of ours\n", theirs->count, ours->count);
	page_index_free(theirs);
	page_index_free(ours);
	pair_stop(&pair);
	assert_int_equal(missing, 0);
}

static bool value_is_ours_alone(const char *name)
{
	return name_begins(name, "node_exporter_build_info{") ||
	       name_begins(name, "node_scrape_collector_duration_seconds{") || !strcmp(name, "node_procs_running") ||
	       !strcmp(name, "node_sockstat_sockets_used") || !strcmp(name, "node_filefd_allocated");
}

/* Both print the shortest text of a double, but divide by, or multiply with, a thousand to get there. */
static bool value_between(double value, double a, double b)
{
	const double room = fabs(value) * 1e-12;
	return isnan(value) ? isnan(a) || isnan(b) : value >= fmin(a, b) - room && value <= fmax(a, b) + room;
}

/* Marks what lies between in this round. */
static void round_judge(struct pair *pair, struct page_index **first, bool *right)
{
	struct page_index *before = page_index_new(page_fresh(pair->ours.port));
	struct page_index *theirs = page_index_new(peer_page(&pair->theirs));
	struct page_index *after = page_index_new(page_fresh(pair->ours.port));
	struct page_index *judged = *first ? *first : theirs;
	for (size_t i = 0; i < judged->count; i++) {
		const char *name = judged->series[i].name;
		const struct series *a = series_find(before, name), *b = series_find(after, name);
		const struct series *value = series_find(theirs, name);
		right[i] |= a && b && value && value_between(value->value, a->value, b->value);
	}
	page_index_free(before);
	page_index_free(after);
	if (*first)
		page_index_free(theirs);
	*first = judged;
}

static void test_values_of_node_exporter_lie_between_two_of_ours(void **state)
{
	static bool right[SERIES_MAX];
	struct pair pair = {.ours = {.pid = 0}};
	struct page_index *theirs = NULL;
	size_t wrong = 0;
	pair_start(&pair, *state);
	for (int round = 0; round < ROUNDS; round++)
		round_judge(&pair, &theirs, right);
	for (size_t i = 0; i < theirs->count; i++) {
		if (right[i] || value_is_ours_alone(theirs->series[i].name))
			continue;
		print_message("never between two of ours: %s %g\n", theirs->series[i].name, theirs->series[i].value);
		wrong++;
	}
	page_index_free(theirs);
	pair_stop(&pair);
	assert_int_equal(wrong, 0);
}

#define E2E_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		E2E_TEST(test_every_series_of_node_exporter_is_here_with_its_labels_and_type),
		E2E_TEST(test_values_of_node_exporter_lie_between_two_of_ours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
