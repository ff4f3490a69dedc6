/* SPDX-License-Identifier: MIT */
/* What lies in a segment directory and is no good segment costs only itself: the page says so with a reason, and is
 * otherwise the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <mstat/mstat.h>

#include "daemon.h"
#include "scrape.h"

#define REFUSED(reason) "mstat_segment_refusals_total{reason=\"" reason "\"}"

MSTAT_COUNTER(jobs, "jobs_total", "Jobs done.", "kind");

static void add_jobs(void *context)
{
	(void)context;
	mstat_add(mstat_counter_with(&jobs, "a"), 11);
	mstat_add(mstat_counter_with(&jobs, "b"), 12);
}

static void add_and_stay(void *context)
{
	add_jobs(context);
	pause();
}

/* The lines of programs, malloc'ed: all that must not change. */
static char *programs_lines(const char *page)
{
	char *lines = calloc(1, strlen(page) + 1), *end = lines;
	assert_non_null(lines);
	for (const char *line = page; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const size_t len = strcspn(line, "\n");
		if (!strncmp(line, "jobs_total{", 11))
			end = mempcpy(end, line, len + 1);
	}
	return lines;
}

static int file_make(const struct scratch *scratch, const char *service, uid_t uid, mode_t mode)
{
	char path[160];
	snprintf(path, sizeof(path), "%s/%s.%u.0", scratch->segments, service, (unsigned)uid);
	const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	assert_true(fd >= 0 && !fchmod(fd, mode));
	return fd;
}

static void make_garbage(const struct scratch *scratch)
{
	unsigned char bytes[8192];
	const int fd = file_make(scratch, "garbage", geteuid(), 0640);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)random();
	assert_int_equal(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	close(fd);
}

static void make_empty(const struct scratch *scratch)
{
	close(file_make(scratch, "empty", geteuid(), 0640));
}

/* The good segment's beginning, under another name. */
static void make_truncated(const struct scratch *scratch)
{
	char path[160], bytes[1500];
	snprintf(path, sizeof(path), "%s/shop.%u.0", scratch->segments, (unsigned)geteuid());
	const int good = open(path, O_RDONLY | O_CLOEXEC), fd = file_make(scratch, "truncated", geteuid(), 0640);
	assert_int_equal(read(good, bytes, sizeof(bytes)), sizeof(bytes));
	assert_int_equal(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	close(good);
	close(fd);
}

static void make_fifo(const struct scratch *scratch)
{
	char path[160];
	snprintf(path, sizeof(path), "%s/fifo.%u.0", scratch->segments, (unsigned)geteuid());
	assert_int_equal(mkfifo(path, 0640), 0);
}

static void make_symlink(const struct scratch *scratch)
{
	char path[160], target[160];
	snprintf(path, sizeof(path), "%s/symlink.%u.0", scratch->segments, (unsigned)geteuid());
	snprintf(target, sizeof(target), "shop.%u.0", (unsigned)geteuid());
	assert_int_equal(symlink(target, path), 0);
}

static void make_huge(const struct scratch *scratch)
{
	const int fd = file_make(scratch, "huge", geteuid(), 0640);
	assert_int_equal(ftruncate(fd, INT64_C(1) << 42), 0);
	close(fd);
}

static void make_foreign(const struct scratch *scratch)
{
	close(file_make(scratch, "foreign", geteuid() + 1, 0640));
}

static void make_writable(const struct scratch *scratch)
{
	close(file_make(scratch, "writable", geteuid(), 0666));
}

static void make_linked(const struct scratch *scratch)
{
	char path[160], other[160];
	close(file_make(scratch, "linked", geteuid(), 0640));
	snprintf(path, sizeof(path), "%s/linked.%u.0", scratch->segments, (unsigned)geteuid());
	snprintf(other, sizeof(other), "%s/other-name", scratch->path);
	assert_int_equal(link(path, other), 0);
}

static void make_directory(const struct scratch *scratch)
{
	char path[160];
	snprintf(path, sizeof(path), "%s/directory.%u.0", scratch->segments, (unsigned)geteuid());
	assert_int_equal(mkdir(path, 0700), 0);
}

static const struct {
	void (*make)(const struct scratch *scratch);
	const char *series; /* that counts it */
	const char *count;
} bad[] = {
	{make_garbage, REFUSED("magic"), "1"},  {make_empty, REFUSED("size"), "1"},
	{make_truncated, REFUSED("size"), "2"}, {make_fifo, REFUSED("not_regular"), "1"},
	{make_symlink, REFUSED("open"), "1"},   {make_huge, REFUSED("size"), "3"},
	{make_foreign, REFUSED("owner"), "1"},  {make_writable, REFUSED("mode"), "1"},
	{make_linked, REFUSED("links"), "1"},   {make_directory, REFUSED("not_regular"), "2"},
};

static void expect_programs(const struct daemon *agent, const char *lines)
{
	char *page = page_fresh(agent->port), *now = programs_lines(page);
	assert_string_equal(now, lines);
	assert_page(page, "mstat_collector_success{collector=\"segments\"}", "1");
	free(now);
	free(page);
}

static void test_each_bad_file_is_counted_with_its_reason_and_changes_nothing_else(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	srandom(1);
	worker_run(scratch, "bank", add_jobs, NULL);
	const pid_t worker = worker_fork(scratch, "shop", add_and_stay, NULL);
	agent_start(&agent, scratch, "--segment.fold-after=0s");
	page_await(agent.port, "jobs_total{kind=\"b\",service=\"shop\"}", "12");
	char *page = page_fresh(agent.port), *lines = programs_lines(page);
	free(page);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		bad[i].make(scratch);
		page_await(agent.port, bad[i].series, bad[i].count);
		expect_programs(&agent, lines);
	}
	/* They are counted once, not once a scrape; and they spoil neither readiness nor the fold. */
	page = page_fresh(agent.port);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (strcmp(bad[i].series, REFUSED("size")) && strcmp(bad[i].series, REFUSED("not_regular")))
			assert_page(page, bad[i].series, bad[i].count);
	free(page);
	char *ready = http_ask(agent.port, "GET", "/ready");
	assert_memory_equal(ready, "HTTP/1.1 200 ", 13);
	free(ready);
	kill(worker, SIGKILL);
	process_wait(worker);
	page_await(agent.port, "mstat_segments_folded_total", "2");
	expect_programs(&agent, lines);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
	free(lines);
}

/* A good segment that is cut short under the agent, while its program lives no more. */
static void test_segment_truncated_after_it_was_read_is_quarantined(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	char path[160];
	worker_run(scratch, "bank", add_jobs, NULL);
	worker_run(scratch, "shop", add_jobs, NULL);
	agent_start(&agent, scratch, "--segment.fold-after=1h");
	page_await(agent.port, "jobs_total{kind=\"b\",service=\"shop\"}", "12");
	snprintf(path, sizeof(path), "%s/shop.%u.0", scratch->segments, (unsigned)geteuid());
	assert_int_equal(truncate(path, 700), 0);
	page_await(agent.port, "jobs_total{kind=\"b\",service=\"shop\"}", NULL);
	char *page = page_fresh(agent.port);
	assert_page(page, "jobs_total{kind=\"b\",service=\"bank\"}", "12");
	assert_page(page, "mstat_segments{state=\"corrupt\"}", "1");
	assert_page(page, REFUSED("size"), "1");
	free(page);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_each_bad_file_is_counted_with_its_reason_and_changes_nothing_else),
		TEST(test_segment_truncated_after_it_was_read_is_quarantined),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
