/* SPDX-License-Identifier: MIT */
/* Programs that are harmed, and those who harm. See victim.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cmocka.h>

#include <mstat/mstat.h>

#include "scrape.h"
#include "victim.h"

MSTAT_COUNTER(victim_jobs, "jobs_total", "Jobs done.", "kind");

void victim_run(void *context)
{
	(void)context;
	mstat_add(mstat_counter_with(&victim_jobs, "a"), 1000);
	pause();
}

void victim_path(const struct stage *stage, char path[160])
{
	snprintf(path, 160, "%s/victim.%u.0", stage->scratch->segments, (unsigned)geteuid());
}

pid_t victim_begin(const struct stage *stage, char path[160])
{
	const pid_t pid = worker_fork(stage->scratch, "victim", victim_run, NULL);
	page_await(stage->agent.port, VICTIM_JOBS, "1000");
	victim_path(stage, path);
	return pid;
}

pid_t again_and_again(void (*body)(const char *path, unsigned int turn), const char *path)
{
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (unsigned int turn = 0;; turn++)
			body(path, turn);
	}
	process_remember(pid);
	return pid;
}

void program_end(pid_t pid)
{
	kill(pid, SIGKILL);
	process_wait(pid);
}

void expect_counted(const struct stage *stage, const char *series)
{
	char *page = page_fresh(stage->agent.port);
	const char *value = page_value(page, series);
	if (!value || !strtoull(value, NULL, 10))
		fail_msg("%s is 0: the fault left no trace", series);
	free(page);
}
