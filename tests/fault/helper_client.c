/* SPDX-License-Identifier: MIT */
/* A program that opens, registers and grows, for the sweeps over its system calls: `helper_client FILE` counts in the
 * segment directory of the environment, and says in FILE what it has counted. It prints one line and ends with code 3,
 * whatever happens to its segment. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <mstat/mstat.h>

#include "helper_client.h"

MSTAT_COUNTER(swept, "swept_total", "Counted.", "n");
MSTAT_HISTOGRAM(spread, "spread_seconds", "Observed.", "n");
MSTAT_GAUGE(level, "level", "Set.", "n");

static struct client_report *report_open(const char *path)
{
	const int fd = open(path, O_RDWR | O_CLOEXEC);
	void *report = mmap(NULL, sizeof(struct client_report), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return report == MAP_FAILED ? NULL : report;
}

/* Enough series to need more pages of the arena, of the table and of the rows. */
static void count(struct client_report *report)
{
	char n[16];
	for (int i = 0; i < 600; i++) {
		snprintf(n, sizeof(n), "%d", i);
		mstat_inc(mstat_counter_with(&swept, n));
		mstat_add_relaxed(&report->counted, 1);
		if (i % 50 == 0) {
			mstat_observe_us(mstat_histogram_with(&spread, n), i);
			mstat_gauge_set(mstat_gauge_with(&level, n), i);
		}
	}
}

int main(int argc, char **argv)
{
	struct mstat_status status;
	struct client_report *report = argc == 2 ? report_open(argv[1]) : NULL;
	if (!report)
		return 1;
	count(report);
	mstat_status(&status);
	report->exposed = (uint64_t)status.exposed;
	for (int reason = 0; reason < 32; reason++)
		report->drops += mstat_drops(reason);
	report->ended = 1;
	return printf("all is done\n") == 12 ? 3 : 4;
}
