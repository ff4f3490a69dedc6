/* SPDX-License-Identifier: MIT */
/* What the load generator received: its own count, independent of the service's. The form of the file: README.md. */
#ifndef DEMO_LOAD_REPORT_H
#define DEMO_LOAD_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "labels.h"

struct report;

/* Makes an empty report. NULL: out of memory. */
struct report *report_new(uint64_t run, uint64_t seed);
void report_free(struct report *report);

/* Counts a complete answer. A code or a body that the service cannot have sent is counted as unexpected. Thread-safe.
 */
void report_answer(struct report *report, enum method method, enum endpoint endpoint, unsigned code, const char *body);

/* A connection broke and the request was sent again; a request was given up. Thread-safe. */
void report_retry(struct report *report);
void report_abandon(struct report *report);

/* Did every request get an expected answer? Thread-safe. */
bool report_is_clean(struct report *report);

/* Writes the report as JSON: into a new file beside `path`, then renamed over it, so that a reader sees a whole one.
 * `finished`: nothing more will be counted. Returns 0 or -errno. */
int report_write(struct report *report, const char *path, bool finished);

/* Prints the totals for people. */
void report_print(struct report *report, FILE *file);

#endif
