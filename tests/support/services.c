/* SPDX-License-Identifier: MIT */
/* Programs that live for a moment. See services.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include <mstat/mstat.h>

#include "scrape.h"
#include "services.h"

MSTAT_COUNTER(short_jobs, "jobs_total", "Jobs done.", "kind");

static void count_ten(void *context)
{
	(void)context;
	mstat_add(mstat_counter_with(&short_jobs, "a"), 10);
}

const char *service_run(const struct scratch *scratch, unsigned int number)
{
	static char series[96];
	char service[32];
	snprintf(service, sizeof(service), "short%u", number);
	worker_run(scratch, service, count_ten, NULL);
	snprintf(series, sizeof(series), "jobs_total{kind=\"a\",service=\"%s\"}", service);
	return series;
}

void expect_services(const struct scratch *scratch, unsigned int count, const char *what)
{
	struct daemon agent = {0};
	char series[96];
	agent_start(&agent, scratch, "--segment.fold-after=0s");
	char *page = page_now(agent.port);
	for (unsigned int i = 0; i < count; i++) {
		snprintf(series, sizeof(series), "jobs_total{kind=\"a\",service=\"short%u\"}", i);
		const char *value = page_value(page, series);
		if (!value || strcmp(value, "10"))
			fail_msg("after %s: %s is %s", what, series, value ? value : "not there");
	}
	free(page);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

void expect_alive(const struct daemon *agent, const char *what, uint64_t number)
{
	int status;
	if (waitpid(agent->pid, &status, WNOHANG) == agent->pid)
		fail_msg("%s %llu: the agent ended, wait status %#x", what, (unsigned long long)number,
			 (unsigned)status);
}
