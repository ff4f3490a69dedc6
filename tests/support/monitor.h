/* SPDX-License-Identifier: MIT */
/* The oracle of the fault tests: what must hold whatever happens beside it.
 *
 * A program of the service "steady" counts and observes all the time, and a process of its own scrapes the agent every
 * 10 ms and asks /health between the pages. While a fault is there: the agent answers, the page has every series of
 * "steady" and none goes back, and in the end they are exactly what was counted; the program ends as it would have
 * without, and has printed nothing.
 */
#ifndef TESTS_MONITOR_H
#define TESTS_MONITOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon.h"

#define HEALTH_MS 100 /* /health answers within */

struct monitor {
	const struct scratch *scratch;
	struct monitor_shared *shared; /* with the processes below */
	pid_t program;
	pid_t scraper;
};

/* Starts the program and the scraper; the page has the program's series when it returns. */
void monitor_begin(struct monitor *monitor, const struct scratch *scratch, uint16_t port);

/* The agent is down on purpose, or stopped: pages and answers are not asked for, until it is back on a port. */
void monitor_pause(struct monitor *monitor);
void monitor_resume(struct monitor *monitor, uint16_t port);

/* Waits for so many more pages: the fault has been there while they were made. */
void monitor_await_pages(struct monitor *monitor, unsigned int pages);

/* Ends both, and fails the calling test unless all of the above held. Prints figures. */
void monitor_end(struct monitor *monitor, uint16_t port);

/* A test of one fault: an agent, and the oracle beside it. */
struct stage {
	const struct scratch *scratch;
	struct daemon agent;
	struct monitor monitor;
};

/* The flags end with NULL; --segment.fold-after=0s comes first. */
void stage_begin_flags(struct stage *stage, const struct scratch *scratch, const char *const *flags);
#define stage_begin(stage, state, ...)                                                                                 \
	stage_begin_flags((stage), *(state), (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

/* Some more pages, then monitor_end(); the agent ends with exit code 0. */
void stage_end(struct stage *stage);

/* Prints what a test has injected, for the table. */
#define injected(...) print_message("injected: " __VA_ARGS__), print_message("\n")

#endif
