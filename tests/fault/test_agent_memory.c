/* SPDX-License-Identifier: MIT */
/* The agent whose allocations fail (row A5 of tests/fault/rows): each alone, all from each on, and at the start. It
 * lives, or ends by itself where it has not started yet, and has every count when there is memory again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <mstat/atomic.h>

#include "daemon.h"
#include "preload_malloc.h"
#include "sanitized.h"
#include "scrape.h"
#include "services.h"

static struct fail_plan *plan_make(const struct scratch *scratch)
{
	char path[112];
	snprintf(path, sizeof(path), "%s/plan", scratch->path);
	const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && !ftruncate(fd, sizeof(struct fail_plan)));
	struct fail_plan *plan = mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(plan != MAP_FAILED);
	close(fd);
	setenv("MSTAT_FAIL_FILE", path, 1);
	return plan;
}

static void agent_start_preloaded(struct daemon *agent, const struct scratch *scratch)
{
	char library[PATH_MAX], set[PATH_MAX + 16], program[PATH_MAX], directory[128];
	const char *words[] = {
		"env", set, program, directory, "--web.listen-address=127.0.0.1:0", "--segment.fold-after=0s", NULL};
	program_path("tests/fault/preload_malloc.so", library, sizeof(library));
	snprintf(set, sizeof(set), "LD_PRELOAD=%s", library);
	program_path("mstatd", program, sizeof(program));
	snprintf(directory, sizeof(directory), "--segment.dir=%s", scratch->segments);
	daemon_spawn(agent, scratch, "agent.log", words);
}

static void plan_set(struct fail_plan *plan, uint64_t first, uint64_t count)
{
	const uint64_t made = mstat_load_relaxed(&plan->made);
	mstat_store_relaxed(&plan->from, UINT64_MAX);
	mstat_store_relaxed(&plan->to, count ? made + first + count - 1 : 0);
	mstat_store_relaxed(&plan->from, count ? made + first : UINT64_MAX);
}

/* What allocates: a new service, its page, its fold. Under a plan; answers may be refused meanwhile. */
static const char *scenario_run(const struct daemon *agent, const struct scratch *scratch, unsigned int number)
{
	const char *series = service_run(scratch, number);
	for (int i = 0; i < 2; i++) {
		free(http_ask(agent->port, "GET", i ? "/ready" : "/metrics"));
		usleep(1000);
	}
	return series;
}

/* Allocation n fails, for every n of the scenario: once, or it and all that follow until the scenario is over. */
static void allocations_fail(const struct scratch *scratch, bool for_ever)
{
	struct fail_plan *plan = plan_make(scratch);
	struct daemon agent = {0};
	unsigned int number = 0;
	int status;
	agent_start_preloaded(&agent, scratch);
	assert_true(daemon_listens(&agent, &status));
	page_await(agent.port, scenario_run(&agent, scratch, number++), "10");
	page_await(agent.port, scenario_run(&agent, scratch, number++), "10");
	const uint64_t before = mstat_load_relaxed(&plan->made);
	page_await(agent.port, scenario_run(&agent, scratch, number++), "10");
	const uint64_t allocations = mstat_load_relaxed(&plan->made) - before;
	for (uint64_t n = 1; n <= allocations; n += n < 200 ? 1 : 7) {
		plan_set(plan, n, for_ever ? 1u << 30 : 1);
		const char *series = scenario_run(&agent, scratch, number++);
		expect_alive(&agent, "failing allocation", n);
		plan_set(plan, 0, 0);
		page_await(agent.port, series, "10");
		char *health = http_ask(agent.port, "GET", "/health");
		assert_memory_equal(health, "HTTP/1.1 200 ", 13);
		free(health);
	}
	print_message("%llu allocations a round, %llu failed\n", (unsigned long long)allocations,
		      (unsigned long long)plan->failed);
	assert_true(plan->failed > 20);
	page_await(agent.port, "jobs_total{kind=\"a\",service=\"short0\"}", "10");
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
	unsetenv("MSTAT_FAIL_FILE");
	munmap(plan, sizeof(*plan));
}

static void skip_when_sanitized(void)
{
	if (!SANITIZED)
		return;
	print_message("skipped: a sanitizer allocates in its own way\n");
	skip();
}

static void test_a5_agent_lives_when_each_allocation_fails_once(void **state)
{
	skip_when_sanitized();
	print_message("injected: the n-th allocation fails once, for each n of read, page, ready and fold\n");
	allocations_fail(*state, false);
}

static void test_a5_agent_lives_when_all_allocations_fail_from_each_on(void **state)
{
	skip_when_sanitized();
	print_message("injected: the n-th allocation and all behind it fail for a time, for each n\n");
	allocations_fail(*state, true);
}

static void test_a5_agent_that_cannot_allocate_at_its_start_listens_or_ends_by_itself(void **state)
{
	const struct scratch *scratch = *state;
	unsigned int listened = 0, ended = 0;
	uint64_t allocations = UINT64_MAX;
	skip_when_sanitized();
	struct fail_plan *plan = plan_make(scratch);
	print_message("injected: the n-th allocation of a starting agent fails, for n in steps\n");
	service_run(scratch, 0);
	for (uint64_t n = 1; n < allocations; n += 1 + n / 12) {
		struct daemon agent = {0};
		int status;
		memset(plan, 0, sizeof(*plan));
		plan->from = plan->to = n;
		agent_start_preloaded(&agent, scratch);
		if (daemon_listens(&agent, &status)) {
			listened++;
			if (mstat_load_relaxed(&plan->made) < n)
				allocations = n;
			/* Listening is not the last step of a start. */
			const int end = daemon_stop(&agent, SIGTERM);
			assert_true(WIFEXITED(end) && WEXITSTATUS(end) <= 1);
			continue;
		}
		ended++;
		if (!WIFEXITED(status))
			fail_msg("allocation %llu: wait status %#x", (unsigned long long)n, (unsigned)status);
	}
	print_message("listened %u times, ended %u times\n", listened, ended);
	assert_true(listened > 5);
	unsetenv("MSTAT_FAIL_FILE");
	munmap(plan, sizeof(*plan));
	/* None of them has taken totals that it could not load for damaged ones. */
	expect_services(scratch, 1, "starts without memory");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a5_agent_lives_when_each_allocation_fails_once),
		TEST(test_a5_agent_lives_when_all_allocations_fail_from_each_on),
		TEST(test_a5_agent_that_cannot_allocate_at_its_start_listens_or_ends_by_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
