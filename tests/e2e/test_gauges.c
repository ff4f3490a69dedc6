/* SPDX-License-Identifier: MIT */
/* Gauges across the deaths of workers, and how long the totals of the dead are kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <mstat/mstat.h>

#include "daemon.h"
#include "scrape.h"

MSTAT_GAUGE(active, "active", "Live, sum.");
MSTAT_GAUGE_AS(loaded, MSTAT_SUM, "loaded", "", "Kept, sum.");
MSTAT_GAUGE_AS(lowest, MSTAT_MIN, "lowest", "", "Kept, minimum.");
MSTAT_GAUGE_AS(highest, MSTAT_MAX, "highest", "", "Kept, maximum.");
MSTAT_GAUGE_AS(highest_live, MSTAT_MAX | MSTAT_LIVE, "highest_live", "", "Live, maximum.");
MSTAT_GAUGE_F64_AS(latest, MSTAT_LAST, "latest", "", "Kept, last.");
MSTAT_GAUGE_AS(own, MSTAT_EACH | MSTAT_LIVE, "own", "", "Each process.");
MSTAT_COUNTER(jobs, "jobs_total", "Jobs done.");

static void set_gauges(void *context)
{
	const int64_t value = *(const int64_t *)context;
	mstat_gauge_set(mstat_gauge_with(&active), value);
	mstat_gauge_set(mstat_gauge_with(&loaded), value);
	mstat_gauge_set(mstat_gauge_with(&lowest), value);
	mstat_gauge_set(mstat_gauge_with(&highest), value);
	mstat_gauge_set(mstat_gauge_with(&highest_live), value);
	mstat_gauge_f64_set(mstat_gauge_f64_with(&latest), (double)value + 0.5);
	mstat_gauge_set(mstat_gauge_with(&own), value);
	mstat_inc(mstat_counter_with(&jobs));
	pause();
}

static pid_t gauges_fork(const struct scratch *scratch, const struct daemon *agent, int64_t value, const char *workers)
{
	const pid_t pid = worker_fork(scratch, "shop", set_gauges, &value);
	page_await(agent->port, "jobs_total{service=\"shop\"}", workers);
	return pid;
}

static void worker_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	process_wait(pid);
}

static void expect_kept(const struct daemon *agent)
{
	char *page = page_fresh(agent->port);
	assert_page(page, "loaded{service=\"shop\"}", "10");
	assert_page(page, "lowest{service=\"shop\"}", "3");
	assert_page(page, "highest{service=\"shop\"}", "7");
	assert_page(page, "latest{service=\"shop\"}", "3.5");
	free(page);
}

static void expect_live(const struct daemon *agent, const char *sum, const char *highest_value)
{
	char *page = page_fresh(agent->port);
	assert_page(page, "active{service=\"shop\"}", sum);
	assert_page(page, "highest_live{service=\"shop\"}", highest_value);
	free(page);
}

static void expect_each(const struct daemon *agent, pid_t pid, const char *value)
{
	char series[64];
	char *page = page_fresh(agent->port);
	snprintf(series, sizeof(series), "own{pid=\"%d\",service=\"shop\"}", (int)pid);
	assert_page(page, series, value);
	free(page);
}

static void test_live_gauges_go_with_their_process_and_kept_ones_stay(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	agent_start(&agent, scratch, "--segment.fold-after=0s");
	const pid_t seven = gauges_fork(scratch, &agent, 7, "1");
	usleep(20000); /* the coarse clock that stamps the last value must move */
	const pid_t three = gauges_fork(scratch, &agent, 3, "2");
	expect_kept(&agent);
	expect_live(&agent, "10", "7");
	expect_each(&agent, seven, "7");
	expect_each(&agent, three, "3");

	worker_kill(seven);
	expect_kept(&agent);
	expect_live(&agent, "3", "3");
	expect_each(&agent, seven, NULL);
	expect_each(&agent, three, "3");
	page_await(agent.port, "mstat_segments_folded_total", "1");
	expect_kept(&agent);

	worker_kill(three);
	page_await(agent.port, "mstat_segments_folded_total", "2");
	expect_kept(&agent);
	expect_live(&agent, NULL, NULL);
	expect_each(&agent, three, NULL);

	daemon_stop(&agent, SIGKILL);
	agent_start(&agent, scratch, "--segment.fold-after=0s");
	expect_kept(&agent);
	expect_live(&agent, NULL, NULL);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

/* ---- expiry ---- */

static void add_job(void *context)
{
	(void)context;
	mstat_inc(mstat_counter_with(&jobs));
}

static void add_and_stay(void *context)
{
	add_job(context);
	pause();
}

static void test_totals_of_a_service_without_a_process_go_after_keep_dead(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	worker_run(scratch, "gone", add_job, NULL);
	worker_run(scratch, "busy", add_job, NULL);
	/* Kept over a restart of an agent that keeps them, and then by one that does not. */
	agent_start(&agent, scratch, "--segment.fold-after=0s");
	page_await(agent.port, "mstat_segments_folded_total", "2");
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
	const pid_t busy = worker_fork(scratch, "busy", add_and_stay, NULL);
	agent_start(&agent, scratch, "--segment.fold-after=0s", "--segment.keep-dead=1s");
	page_await(agent.port, "jobs_total{service=\"busy\"}", "2");
	page_await(agent.port, "jobs_total{service=\"gone\"}", NULL);
	page_await(agent.port, "mstat_services", "1");
	char *page = page_fresh(agent.port);
	assert_page(page, "jobs_total{service=\"busy\"}", "2");
	free(page);
	worker_kill(busy);
	page_await(agent.port, "jobs_total{service=\"busy\"}", NULL);
	page_await(agent.port, "mstat_services_expired_total", "2");
	/* It is gone for good, not just hidden. */
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
	agent_start(&agent, scratch, "--segment.fold-after=0s");
	page = page_now(agent.port);
	assert_page(page, "jobs_total{service=\"gone\"}", NULL);
	assert_page(page, "mstat_services", "0");
	free(page);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

static void test_services_beyond_the_limit_go_the_first_dead_first(void **state)
{
	const struct scratch *scratch = *state;
	static const char *const services[] = {"one", "two", "three", "four"};
	struct daemon agent = {0};
	char series[64], folded[8];
	agent_start(&agent, scratch, "--segment.fold-after=0s", "--segment.services-max=2");
	for (size_t i = 0; i < 4; i++) {
		worker_run(scratch, services[i], add_job, NULL);
		snprintf(folded, sizeof(folded), "%zu", i + 1);
		page_await(agent.port, "mstat_segments_folded_total", folded);
	}
	page_await(agent.port, "mstat_services", "2");
	page_await(agent.port, "mstat_services_expired_total", "2");
	char *page = page_fresh(agent.port);
	for (size_t i = 0; i < 4; i++) {
		snprintf(series, sizeof(series), "jobs_total{service=\"%s\"}", services[i]);
		assert_page(page, series, i < 2 ? NULL : "1");
	}
	free(page);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_live_gauges_go_with_their_process_and_kept_ones_stay),
		TEST(test_totals_of_a_service_without_a_process_go_after_keep_dead),
		TEST(test_services_beyond_the_limit_go_the_first_dead_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
