/* SPDX-License-Identifier: MIT */
/* The agent's memory and descriptors stay where they are, however many programs come and go and however often it is
 * scraped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <mstat/mstat.h>

#include "daemon.h"
#include "sanitized.h"
#include "scrape.h"

#define SCRAPES 3600
#define WARM 1600 /* until the first retired names have been swept out */
#define SERVICES 40
#define SCRAPES_A_PROGRAM 5

#define GROWTH_KIB_MAX 1024

MSTAT_COUNTER(jobs, "jobs_total", "Jobs done.", "kind", "number");
MSTAT_GAUGE(active, "active", "Active.", "number");

static void register_much(void *context)
{
	char text[16];
	for (unsigned int i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "%u", *(const unsigned int *)context * 1000 + i);
		mstat_inc(mstat_counter_with(&jobs, "a", text));
		mstat_gauge_set(mstat_gauge_with(&active, text), 1);
	}
}

static long status_kib(pid_t pid, const char *key)
{
	char path[64], line[256];
	long kib = -1;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)))
			kib = atol(line + strlen(key) + 1);
	fclose(file);
	return kib;
}

static int descriptors(pid_t pid)
{
	char path[64];
	int count = 0;
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	DIR *directory = opendir(path);
	assert_non_null(directory);
	for (struct dirent *entry; (entry = readdir(directory));)
		count += entry->d_name[0] != '.';
	closedir(directory);
	return count;
}

/* The least of a while: a connection that is just being closed is no leak. */
static int descriptors_settled(pid_t pid)
{
	int least = descriptors(pid);
	for (int i = 0; i < 20; i++) {
		usleep(10000);
		const int now = descriptors(pid);
		least = now < least ? now : least;
	}
	return least;
}

/* Services and label values are always new ones: what is kept of the old ones must go. */
static void churn(const struct scratch *scratch, const struct daemon *agent, unsigned int from, unsigned int to)
{
	char service[32];
	for (unsigned int i = from; i < to; i++) {
		if (i % SCRAPES_A_PROGRAM == 0) {
			snprintf(service, sizeof(service), "service-%u", i % (SERVICES * SCRAPES_A_PROGRAM));
			worker_run(scratch, service, register_much, &i);
		}
		free(page_now(agent->port));
		usleep(3000);
	}
}

static void test_memory_and_descriptors_stay_flat_over_2000_scrapes_with_churn(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	if (SANITIZED) {
		print_message("skipped: the sanitizer keeps freed memory\n");
		skip();
	}
	agent_start(&agent, scratch, "--segment.fold-after=50ms", "--segment.keep-dead=1s",
		    "--segment.services-max=10");
	churn(scratch, &agent, 0, WARM);
	const long warm_kib = status_kib(agent.pid, "VmRSS");
	const int warm_descriptors = descriptors_settled(agent.pid);
	churn(scratch, &agent, WARM, SCRAPES);
	const long end_kib = status_kib(agent.pid, "VmRSS");
	const int end_descriptors = descriptors_settled(agent.pid);
	print_message("resident: %ld KiB, then %ld KiB; descriptors: %d, then %d\n", warm_kib, end_kib,
		      warm_descriptors, end_descriptors);
	assert_true(end_kib <= warm_kib + GROWTH_KIB_MAX);
	assert_int_equal(end_descriptors, warm_descriptors);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_memory_and_descriptors_stay_flat_over_2000_scrapes_with_churn,
						scratch_setup, scratch_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
