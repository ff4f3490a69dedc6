/* SPDX-License-Identifier: MIT */
/* Programs that contradict each other, or the agent: the older declaration wins, the other is counted with a reason;
 * the agent's own labels win; nobody counts under another user's name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

#define REFUSED(reason) "mstat_families_refused_total{reason=\"" reason "\"}"
#define OTHER_UID 4321

MSTAT_COUNTER(as_counter, "thing_total", "Things.");
MSTAT_GAUGE(as_gauge, "thing", "Things.");
MSTAT_COUNTER_UNIT(with_unit, "wait_seconds_total", "seconds", "Waiting.");
MSTAT_COUNTER(without_unit, "wait_seconds_total", "Waiting.");
MSTAT_COUNTER(by_color, "paint_total", "Paint.", "color");
MSTAT_COUNTER(by_brand, "paint_total", "Paint.", "brand");
MSTAT_COUNTER(first_help, "fish_total", "Fish caught.");
MSTAT_COUNTER(other_help, "fish_total", "Fish sold.");
MSTAT_COUNTER(own_labels, "calls_total", "Calls.", "service", "pid");
MSTAT_COUNTER(visits, "visits_total", "Visits.");

static void declare_first(void *context)
{
	(void)context;
	mstat_add(mstat_counter_with(&as_counter), 1);
	mstat_add(mstat_counter_with(&with_unit), 2);
	mstat_add(mstat_counter_with(&by_color, "red"), 3);
	mstat_add(mstat_counter_with(&first_help), 4);
	mstat_add(mstat_counter_with(&visits), 5);
}

static void declare_otherwise(void *context)
{
	(void)context;
	mstat_gauge_set(mstat_gauge_with(&as_gauge), 10);
	mstat_add(mstat_counter_with(&without_unit), 20);
	mstat_add(mstat_counter_with(&by_brand, "acme"), 30);
	mstat_add(mstat_counter_with(&other_help), 40);
	mstat_add(mstat_counter_with(&visits), 50);
	pause();
}

/* What is exposed, and what is not, when "zeta" is older than "alpha". */
static void expect_older_wins(const struct daemon *agent)
{
	char *page = page_fresh(agent->port);
	assert_page(page, "thing_total{service=\"zeta\"}", "1");
	assert_page(page, "wait_seconds_total{service=\"zeta\"}", "2");
	assert_page(page, "paint_total{color=\"red\",service=\"zeta\"}", "3");
	assert_page_lacks(page, "brand=");
	assert_page_lacks(page, "thing{");
	assert_page(page, "wait_seconds_total{service=\"alpha\"}", NULL);
	/* Another help text is no reason to lose a count. */
	assert_page(page, "fish_total{service=\"zeta\"}", "4");
	assert_page(page, "fish_total{service=\"alpha\"}", "40");
	assert_non_null(strstr(page, "# HELP fish_total Fish caught.\n"));
	assert_page_lacks(page, "Fish sold.");
	/* The rest of the younger program is there. */
	assert_page(page, "visits_total{service=\"alpha\"}", "50");
	assert_page(page, REFUSED("type"), "1");
	assert_page(page, REFUSED("unit"), "1");
	assert_page(page, REFUSED("labels"), "1");
	assert_page(page, REFUSED("help"), "1");
	free(page);
}

static void worker_end(pid_t pid)
{
	kill(pid, SIGKILL);
	process_wait(pid);
}

static void test_older_declaration_wins_and_the_other_is_refused_with_a_reason(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	agent_start(&agent, scratch, "--segment.fold-after=1h");
	worker_run(scratch, "zeta", declare_first, NULL);
	const pid_t younger = worker_fork(scratch, "alpha", declare_otherwise, NULL);
	page_await(agent.port, "visits_total{service=\"alpha\"}", "50");
	expect_older_wins(&agent);
	/* A new agent finds both at once, and the younger one comes first in the alphabet. */
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
	agent_start(&agent, scratch, "--segment.fold-after=1h");
	expect_older_wins(&agent);
	/* The same when the older one is folded totals. */
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
	agent_start(&agent, scratch, "--segment.fold-after=0s");
	expect_older_wins(&agent);
	worker_end(younger);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

static void add_own_labels(void *context)
{
	(void)context;
	mstat_add(mstat_counter_with(&own_labels, "forged", "1"), 6);
}

static void test_label_service_of_a_program_is_exposed_as_exported_service(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	agent_start(&agent, scratch, "--segment.fold-after=0s");
	worker_run(scratch, "honest", add_own_labels, NULL);
	char *page = page_fresh(agent.port);
	assert_page(page, "calls_total{exported_service=\"forged\",pid=\"1\",service=\"honest\"}", "6");
	assert_page_lacks(page, ",service=\"forged\"");
	free(page);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

static void add_visits(void *context)
{
	mstat_add(mstat_counter_with(&visits), *(const uint64_t *)context);
}

/* A program of another user, which must not be able to list the directory. */
static void run_as_other_user(const struct scratch *scratch, uint64_t count)
{
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		const struct mstat_options options = {
			.size = sizeof(options), .service = "shop", .directory = scratch->segments};
		if (setresgid(OTHER_UID, OTHER_UID, OTHER_UID) || setresuid(OTHER_UID, OTHER_UID, OTHER_UID) ||
		    mstat_open(&options))
			_exit(1);
		add_visits(&count);
		_exit(0);
	}
	process_remember(pid);
	assert_int_equal(process_wait(pid), 0);
}

static void test_second_user_of_a_service_name_is_exposed_as_name_at_uid(void **state)
{
	const struct scratch *scratch = *state;
	static const char *const flags[] = {"--segment.fold-after=1h", "--segment.fold-after=0s",
					    "--segment.fold-after=0s"};
	struct daemon agent = {0};
	uint64_t count = 5;
	if (geteuid()) {
		print_message("skipped: only root can run programs of two users\n");
		skip();
	}
	assert_int_equal(chmod(scratch->path, 0755), 0);
	assert_int_equal(chmod(scratch->segments, 03773), 0);
	worker_run(scratch, "shop", add_visits, &count);
	run_as_other_user(scratch, 70);
	/* As segments, then folded, then as totals alone. */
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		agent_start(&agent, scratch, flags[i]);
		char *page = page_fresh(agent.port);
		assert_page(page, "visits_total{service=\"shop\"}", "5");
		assert_page(page, "visits_total{service=\"shop@4321\"}", "70");
		free(page);
		assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_older_declaration_wins_and_the_other_is_refused_with_a_reason),
		TEST(test_label_service_of_a_program_is_exposed_as_exported_service),
		TEST(test_second_user_of_a_service_name_is_exposed_as_name_at_uid),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
