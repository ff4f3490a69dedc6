/* SPDX-License-Identifier: MIT */
/* The oracle of the fault tests. See monitor.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <mstat/mstat.h>

#include "history.h"
#include "monitor.h"
#include "scrape.h"

#define SCRAPE_US 10000
/* A machine under load may let any process wait; one answer in so many may be late. */
#define LATE_ONE_IN 5

MSTAT_COUNTER(steady, "steady_total", "Counted while something else goes wrong.", "kind");
MSTAT_COUNTER_F64(steady_seconds, "steady_seconds_total", "Time, in steps that no double has.");
MSTAT_HISTOGRAM_AS(steady_latency, MSTAT_BOTH, "steady_latency_seconds", "seconds", "Latency.", "kind");

struct monitor_shared {
	uint64_t counted; /* release in program_run() */
	uint64_t pages;
	uint64_t late;   /* answers of /health after HEALTH_MS */
	uint64_t failed; /* no page, no health, or another status than 200 */
	int64_t health_ms_max;
	uint32_t stop;   /* program and scraper end; release in monitor_end() */
	uint32_t paused; /* release in monitor_pause() */
	uint32_t resting;
	uint32_t port;
	struct history history;
};

/* ---- the program ---- */

static void program_run(struct monitor_shared *shared)
{
	mstat_counter *a = mstat_counter_with(&steady, "a");
	for (uint64_t i = 0; !mstat_load_acquire(&shared->stop); i++) { /* pairs with monitor_end() */
		mstat_inc(a);
		mstat_inc(mstat_counter_with(&steady, i % 2 ? "odd" : "even"));
		mstat_add_f64(mstat_counter_f64_with(&steady_seconds), 1.1e-7);
		mstat_observe_us(mstat_histogram_with(&steady_latency, "a"), (int)(i % 100000));
		mstat_store_release(&shared->counted, i + 1); /* read by monitor_end() */
		usleep(100);
	}
}

static pid_t program_begin(const struct monitor *monitor)
{
	char output[112];
	snprintf(output, sizeof(output), "%s/steady.out", monitor->scratch->path);
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	const int fd = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	const struct mstat_options options = {
		.size = sizeof(options), .service = "steady", .directory = monitor->scratch->segments};
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(fd, 1);
	dup2(fd, 2);
	if (fd < 0 || mstat_open(&options))
		_exit(99);
	program_run(monitor->shared);
	_exit(7); /* not 0, which anything could return */
}

/* ---- the scraper ---- */

static bool answer_ok(const char *answer)
{
	return answer && !strncmp(answer, "HTTP/1.1 200 ", 13) && strstr(answer, "\r\n\r\n");
}

static void health_ask(struct monitor_shared *shared)
{
	const int64_t begun_ms = clock_ms();
	char *answer = http_ask(mstat_load_relaxed(&shared->port), "GET", "/health");
	const int64_t took_ms = clock_ms() - begun_ms;
	shared->failed += !answer_ok(answer);
	shared->late += took_ms > HEALTH_MS;
	if (took_ms > shared->health_ms_max)
		shared->health_ms_max = took_ms;
	free(answer);
}

static void page_ask(struct monitor_shared *shared)
{
	char *answer = http_ask(mstat_load_relaxed(&shared->port), "GET", "/metrics");
	if (answer_ok(answer))
		history_page(&shared->history, http_body(answer));
	else if (shared->failed++ < 3)
		printf("no page: %.200s\n", answer ? answer : "nobody listens");
	free(answer);
}

static void scraper_run(struct monitor_shared *shared)
{
	while (!mstat_load_acquire(&shared->stop)) {              /* pairs with monitor_end() */
		if (mstat_load_acquire(&shared->paused)) {        /* pairs with monitor_pause() */
			mstat_store_release(&shared->resting, 1); /* no question is open: monitor_pause() */
		} else {
			health_ask(shared);
			page_ask(shared);
			mstat_add_relaxed(&shared->pages, 1);
		}
		usleep(SCRAPE_US);
	}
	fflush(NULL);
}

static pid_t scraper_begin(const struct monitor *monitor)
{
	fflush(NULL);
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	scraper_run(monitor->shared);
	_exit(0);
}

/* ---- the test's side ---- */

void monitor_begin(struct monitor *monitor, const struct scratch *scratch, uint16_t port)
{
	monitor->scratch = scratch;
	monitor->shared =
		mmap(NULL, sizeof(*monitor->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(monitor->shared != MAP_FAILED);
	monitor->shared->port = port;
	monitor->shared->history.label = "service=\"steady\"";
	monitor->shared->history.one_format = true;
	monitor->program = program_begin(monitor);
	process_remember(monitor->program);
	const int64_t end_ms = clock_ms() + WAIT_MS;
	while (!mstat_load_acquire(&monitor->shared->counted)) { /* pairs with program_run() */
		assert_true(clock_ms() < end_ms);
		usleep(1000);
	}
	free(page_fresh(port));
	monitor->scraper = scraper_begin(monitor);
	process_remember(monitor->scraper);
	monitor_await_pages(monitor, 1);
}

void monitor_pause(struct monitor *monitor)
{
	struct monitor_shared *shared = monitor->shared;
	const int64_t end_ms = clock_ms() + WAIT_MS;
	mstat_store_relaxed(&shared->resting, 0);
	mstat_store_release(&shared->paused, 1);        /* resting is 0 before: scraper_run() */
	while (!mstat_load_acquire(&shared->resting)) { /* pairs with scraper_run() */
		assert_true(clock_ms() < end_ms);
		usleep(1000);
	}
}

void monitor_resume(struct monitor *monitor, uint16_t port)
{
	mstat_store_relaxed(&monitor->shared->port, port);
	mstat_store_release(&monitor->shared->paused, 0); /* pairs with scraper_run() */
}

void monitor_await_pages(struct monitor *monitor, unsigned int pages)
{
	const uint64_t wanted = mstat_load_relaxed(&monitor->shared->pages) + pages + 1;
	const int64_t end_ms = clock_ms() + WAIT_MS;
	while (mstat_load_relaxed(&monitor->shared->pages) < wanted) {
		if (clock_ms() > end_ms)
			fail_msg("no page within %d ms", WAIT_MS);
		usleep(2000);
	}
}

static void expect_exact(const struct monitor *monitor, uint16_t port)
{
	const unsigned long long counted = monitor->shared->counted;
	char value[32];
	char *page = page_fresh(port);
	snprintf(value, sizeof(value), "%llu", counted);
	assert_page(page, "steady_total{kind=\"a\",service=\"steady\"}", value);
	assert_page(page, "steady_latency_seconds_count{kind=\"a\",service=\"steady\"}", value);
	snprintf(value, sizeof(value), "%llu", counted / 2);
	assert_page(page, "steady_total{kind=\"odd\",service=\"steady\"}", value);
	free(page);
}

static void expect_silence(const struct monitor *monitor)
{
	char output[112];
	struct stat status;
	snprintf(output, sizeof(output), "%s/steady.out", monitor->scratch->path);
	assert_int_equal(stat(output, &status), 0);
	assert_int_equal(status.st_size, 0);
}

void monitor_end(struct monitor *monitor, uint16_t port)
{
	struct monitor_shared *shared = monitor->shared;
	mstat_store_release(&shared->stop, 1); /* pairs with program_run() and scraper_run() */
	const int program = process_wait(monitor->program), scraper = process_wait(monitor->scraper);
	assert_true(WIFEXITED(program) && WEXITSTATUS(program) == 7);
	assert_int_equal(scraper, 0);
	print_message("%llu pages, %llu values, /health within %lld ms, %llu late\n",
		      (unsigned long long)shared->history.pages, (unsigned long long)shared->history.values,
		      (long long)shared->health_ms_max, (unsigned long long)shared->late);
	assert_int_equal(shared->failed, 0);
	assert_int_equal(shared->history.faults, 0);
	assert_true(shared->history.values > 0);
	assert_true(shared->late * LATE_ONE_IN <= shared->pages);
	expect_exact(monitor, port);
	expect_silence(monitor);
	munmap(shared, sizeof(*shared));
}

/* ---- the stage ---- */

void stage_begin_flags(struct stage *stage, const struct scratch *scratch, const char *const *flags)
{
	const char *all[8] = {"--segment.fold-after=0s"};
	for (size_t i = 0; flags[i]; i++) {
		assert_true(i < 6);
		all[1 + i] = flags[i];
	}
	*stage = (struct stage){.scratch = scratch};
	agent_start_flags(&stage->agent, scratch, all);
	monitor_begin(&stage->monitor, scratch, stage->agent.port);
}

void stage_end(struct stage *stage)
{
	monitor_await_pages(&stage->monitor, 10);
	monitor_end(&stage->monitor, stage->agent.port);
	assert_int_equal(daemon_stop(&stage->agent, SIGTERM), 0);
}
