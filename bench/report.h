/* SPDX-License-Identifier: MIT */
/* The report: results of a group as a table on standard output and as lines of CSV. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define REPORT_ROUNDS_MAX 99u

/* What the rounds of one case gave. */
struct report_case {
	const char *name;
	bool installed;
	uint64_t operations;            /* of one thread in one round; 0 for cases that measure themselves */
	double wall[REPORT_ROUNDS_MAX]; /* per item, in the unit of the group */
	double cpu[REPORT_ROUNDS_MAX];  /* CPU time per item; NaN for cases that measure themselves */
};

struct report_group {
	const char *benchmark; /* name of the program */
	const char *name;
	const char *unit;
	unsigned threads;
	unsigned rounds;
	size_t case_count;
	const struct report_case *cases; /* [0] is the baseline */
};

/* Prints the question and what the figures depend on: processor, kernel, compiler, load. */
void report_question(const char *benchmark, const char *question);

/* Prints the table of a group. */
void report_table(const struct report_group *group);

/* Writes the heading line; then a line for each case that was run. */
void report_csv_heading(FILE *file);
void report_csv(FILE *file, const struct report_group *group);

#endif
