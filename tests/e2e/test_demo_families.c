/* SPDX-License-Identifier: MIT */
/* The demo's families: what its README promises (the table of names and types), what mstatd serves, what judges say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon.h"
#include "scrape.h"

#define ROWS_MAX 256u
#define LIST_LENGTH 126u /* of the list that the demo's families come from */
#define OPENMETRICS "application/openmetrics-text;version=1.0.0"

/* One row of the table. */
struct row {
	unsigned number; /* 0: not in the list */
	char name[96];
	char type[32];
};
static struct row rows[ROWS_MAX];
static size_t row_count;

/* ---- the table ---- */

/* The sources lie above the programs: in build/ or, of variants, in build/VARIANT/. */
static FILE *readme_open(void)
{
	static const char *const above[] = {"..", "../.."};
	char path[PATH_MAX], file[PATH_MAX + 64];
	program_path("demo", path, sizeof(path));
	*strrchr(path, '/') = '\0';
	for (size_t i = 0; i < sizeof(above) / sizeof(above[0]); i++) {
		snprintf(file, sizeof(file), "%s/%s/tools/demo/README.md", path, above[i]);
		FILE *opened = fopen(file, "re");
		if (opened)
			return opened;
	}
	fail_msg("tools/demo/README.md is not above %s", path);
	return NULL;
}

/* | D14 | first name | `here` | type | why |: false if a line is none of these. */
static bool row_parse(const char *line, struct row *row)
{
	char number[16];
	*row = (struct row){0};
	if (sscanf(line, "| %15s | %*[^|]| `%95[^`]` | %31[a-z] |", number, row->name, row->type) != 3)
		return false;
	return strcmp(number, "more") == 0 || sscanf(number, "D%u", &row->number) == 1;
}

static int table_read(void **state)
{
	(void)state;
	char line[1024];
	FILE *file = readme_open();
	while (fgets(line, sizeof(line), file)) {
		assert_true(row_count < ROWS_MAX);
		row_count += row_parse(line, &rows[row_count]);
	}
	fclose(file);
	return row_count ? 0 : -1;
}

/* The name of a family on an OpenMetrics page: without the suffix of its samples. */
static void family_name(const struct row *row, char *name)
{
	static const struct {
		const char *type, *suffix;
	} suffixes[] = {{"counter", "_total"}, {"info", "_info"}};
	strcpy(name, row->name);
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		size_t len = strlen(name), suffix_len = strlen(suffixes[i].suffix);
		if (strcmp(row->type, suffixes[i].type) == 0 && len > suffix_len &&
		    strcmp(name + len - suffix_len, suffixes[i].suffix) == 0)
			name[len - suffix_len] = '\0';
	}
}

/* ---- demo and agent ---- */

static char *page(const struct daemon *agent, const struct scratch *scratch, const char *accept)
{
	char path[112], command[512];
	struct daemon saved = {0};
	snprintf(path, sizeof(path), "%s/page.txt", scratch->path);
	snprintf(command, sizeof(command), "curl -sf -H 'Accept: %s' -o %s http://127.0.0.1:%u/metrics", accept, path,
		 agent->port);
	assert_int_equal(system(command), 0);
	strcpy(saved.log, path);
	return daemon_log(&saved);
}

static void start(const struct scratch *scratch, struct daemon *agent, struct daemon *demo)
{
	char program[PATH_MAX];
	const char *const words[] = {program,  "--listen", "127.0.0.1:0", "--workers", "2",
				     "--load", "400",      "--threads",   "2",         NULL};
	if (!program_installed("curl")) {
		print_message("skipped: curl is not installed\n");
		skip();
	}
	agent_start(agent, scratch, "--collector.disable-defaults");
	program_path("demo", program, sizeof(program));
	assert_int_equal(setenv("MSTAT_DIR", scratch->segments, 1), 0);
	daemon_spawn(demo, scratch, "demo.log", words);
	assert_int_equal(unsetenv("MSTAT_DIR"), 0);
}

/* Until the parent, the workers and the stream process have what they set at their beginning. */
static void page_await_all(const struct daemon *agent)
{
	page_await(agent->port, "gateway_phase{service=\"llm-gateway\",gateway_phase=\"serving\"}", "1");
	page_await(agent->port, "threadpool_max_threads{pool_name=\"http\",service=\"llm-gateway\"}", "4");
	page_await(agent->port,
		   "stream_backpressure_queue_capacity{operator=\"parse\",pipeline=\"inference\","
		   "service=\"llm-gateway\"}",
		   "64");
}

static void stop(struct daemon *agent, struct daemon *demo)
{
	const int status = daemon_stop(demo, SIGTERM);
	if (status)
		fail_msg("the demo ended with %#x:\n%s", status, daemon_log(demo));
	assert_int_equal(daemon_stop(agent, SIGTERM), 0);
}

/* Whether the page has a family of the service that is not in the table; the agent's own view of the process is no part
 * of it. */
static const char *family_unknown(const char *text)
{
	static char found[96];
	char known[sizeof(rows[0].name)];
	const char *line = text;
	for (; (line = strstr(line, "# TYPE ")); line++) {
		bool listed = false;
		assert_int_equal(sscanf(line, "# TYPE %95s", found), 1);
		const char *end = strstr(line + 1, "# TYPE "), *of = strstr(line, "service=\"llm-gateway\"");
		if (!of || (end && of > end) || !strncmp(found, "process_", 8) || !strncmp(found, "mstat_", 6))
			continue;
		for (size_t i = 0; i < row_count && !listed; i++) {
			family_name(&rows[i], known);
			listed = strcmp(known, found) == 0;
		}
		if (!listed)
			return found;
	}
	return NULL;
}

/* Whether some sample NAME{...service="llm-gateway"...} or NAMEcount{...} of the family has another value than 0. */
static bool row_moves(const char *text, const struct row *row)
{
	char name[128];
	bool distribution = strcmp(row->type, "histogram") == 0 || strcmp(row->type, "summary") == 0;
	int len = snprintf(name, sizeof(name), "\n%s%s{", row->name, distribution ? "_count" : "");
	for (const char *at = text; (at = strstr(at, name)); at += len) {
		const char *end = strchr(at + 1, '\n'), *value = at;
		for (const char *next = at; (next = strstr(next + 1, "} ")) && next < end;)
			value = next;
		if (value > at && strtod(value + 2, NULL) != 0)
			return true;
	}
	return false;
}

/* The first row whose family is not there, or is one that counts and has counted nothing. */
static const struct row *row_missing(const char *text)
{
	char name[sizeof(rows[0].name)], type[160];
	for (size_t i = 0; i < row_count; i++) {
		bool counts = strcmp(rows[i].type, "gauge") && strcmp(rows[i].type, "gaugehistogram") &&
			      strcmp(rows[i].type, "info") && strcmp(rows[i].type, "stateset");
		family_name(&rows[i], name);
		snprintf(type, sizeof(type), "# TYPE %s %s\n", name, rows[i].type);
		if (!strstr(text, type) || (counts && !row_moves(text, &rows[i])))
			return &rows[i];
	}
	return NULL;
}

/* ---- the tests ---- */

static void test_the_table_has_every_family_of_the_list(void **state)
{
	(void)state;
	for (unsigned number = 1; number <= LIST_LENGTH; number++) {
		bool there = false;
		for (size_t i = 0; i < row_count; i++)
			there |= rows[i].number == number;
		if (!there)
			fail_msg("tools/demo/README.md has no row D%u", number);
	}
}

static void test_every_family_of_the_table_is_served_and_moves_under_load(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0}, demo = {0};
	const struct row *missing;
	const int64_t end_ms = clock_ms() + WAIT_MS;
	start(scratch, &agent, &demo);
	for (char *text;; free(text)) {
		text = page(&agent, scratch, OPENMETRICS);
		missing = row_missing(text);
		if (!missing || clock_ms() > end_ms) {
			free(text);
			break;
		}
		usleep(200000);
	}
	if (missing)
		fail_msg("%s (%s) is not there, or has counted nothing\n%s", missing->name, missing->type,
			 daemon_log(&demo));
	stop(&agent, &demo);
}

static void test_no_family_is_served_that_the_table_does_not_have(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0}, demo = {0};
	start(scratch, &agent, &demo);
	page_await_all(&agent);
	char *text = page(&agent, scratch, OPENMETRICS);
	const char *unknown = family_unknown(text);
	if (unknown)
		fail_msg("tools/demo/README.md has no row for %s", unknown);
	free(text);
	stop(&agent, &demo);
}

/* Runs a judge on a page; fails with what it says. */
static void judge(const struct daemon *agent, const struct scratch *scratch, const char *accept, const char *command)
{
	char said[112], line[PATH_MAX + 512];
	struct daemon judged = {0};
	free(page(agent, scratch, accept));
	snprintf(said, sizeof(said), "%s/judge.txt", scratch->path);
	snprintf(line, sizeof(line), "{ %s; } <%s/page.txt >%s 2>&1", command, scratch->path, said);
	const int status = system(line);
	strcpy(judged.log, said);
	if (status)
		fail_msg("%s: wait status %#x:\n%s", command, status, daemon_log(&judged));
}

static void test_promtool_finds_nothing_in_the_demos_page(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0}, demo = {0};
	if (!program_installed("promtool")) {
		print_message("skipped: promtool is not installed\n");
		skip();
	}
	start(scratch, &agent, &demo);
	page_await_all(&agent);
	/* Names that node_exporter has fixed are not ours to mend. */
	judge(&agent, scratch, "text/plain", "sed -E '/^(# [A-Z]+ )?node_/d' | promtool check metrics");
	stop(&agent, &demo);
}

static void test_reference_parser_accepts_the_demos_pages(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0}, demo = {0};
	char parser[PATH_MAX], text[PATH_MAX + 16];
	snprintf(parser, sizeof(parser), "%s/conformance/strict-openmetrics", getenv("MSTAT_SHARED") ?: "../shared");
	if (access(parser, X_OK)) {
		print_message("skipped: %s is not there (MSTAT_SHARED names its folder)\n", parser);
		skip();
	}
	if (system("/usr/bin/python3 -c 'import prometheus_client' 2>/dev/null")) {
		print_message("skipped: python3-prometheus-client is not installed\n");
		skip();
	}
	start(scratch, &agent, &demo);
	page_await_all(&agent);
	judge(&agent, scratch, OPENMETRICS, parser);
	judge(&agent, scratch, "application/openmetrics-text;version=0.0.1", parser);
	snprintf(text, sizeof(text), "%s --text", parser);
	judge(&agent, scratch, "text/plain", text);
	stop(&agent, &demo);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_table_has_every_family_of_the_list),
		TEST(test_every_family_of_the_table_is_served_and_moves_under_load),
		TEST(test_no_family_is_served_that_the_table_does_not_have),
		TEST(test_promtool_finds_nothing_in_the_demos_page),
		TEST(test_reference_parser_accepts_the_demos_pages),
	};
	return cmocka_run_group_tests(tests, table_read, NULL);
}
