/* SPDX-License-Identifier: MIT */
/* A program whose segment a fault test harms, beside the one that the oracle watches; and those who harm it. */
#ifndef TESTS_VICTIM_H
#define TESTS_VICTIM_H

#include <stdint.h>
#include <sys/types.h>

#include "monitor.h"

#define REFUSED(reason) "mstat_segment_refusals_total{reason=\"" reason "\"}"
#define VICTIM_JOBS "jobs_total{kind=\"a\",service=\"victim\"}" /* 1000 */

/* For worker_fork(): counts 1000 and stays. */
void victim_run(void *context);

/* Starts it and waits until the page has it; the path is that of its segment. */
pid_t victim_begin(const struct stage *stage, char path[160]);
void victim_path(const struct stage *stage, char path[160]);

/* A child that does a thing again and again until it is ended. */
pid_t again_and_again(void (*body)(const char *path, unsigned int turn), const char *path);

/* Kills and waits. */
void program_end(pid_t pid);

/* Fails if the series is 0 or not there: the fault has left no trace. */
void expect_counted(const struct stage *stage, const char *series);

#endif
