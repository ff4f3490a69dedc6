/* SPDX-License-Identifier: MIT */
/* The harness: asks one question of several candidates in turn and reports medians and ratios.
 *
 *     int main(int argc, char **argv)
 *     {
 *             bench_begin("What does a counter add cost?", argc, argv);
 *             struct bench_case cases[] = {
 *                     {.name = "bare add", .loop = bare_loop},               // the first case is the baseline
 *                     {.name = "mstat_inc", .loop = mstat_loop, .context = counter},
 *             };
 *             bench_group("1 counter", "ns/op", 2, cases, 2);
 *             return bench_end();
 *     }
 *
 * The cases of a group are run A B C, A B C ... so that whatever drifts on the machine meets all of them alike; the
 * ratio is the median of the ratios of each round. There is no pass or fail here: figures are for people to read.
 *
 * A benchmark is a small program: what cannot be done ends it with a message (bench_fail).
 */
#ifndef BENCH_HARNESS_H
#define BENCH_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One candidate. Either `loop` or `measure` is set; a case with neither is a peer that is not installed, and is left
 * out of the figures. */
struct bench_case {
	const char *name;
	/* Does the thing `operations` times; called in every thread of the group at once. The harness takes the time:
	 * from the first thread's start to the last one's end, divided by `operations` and `items`. */
	void (*loop)(void *context, unsigned thread, uint64_t operations);
	/* Does the thing and says how much of the group's unit it took. */
	double (*measure)(void *context);
	void *context;
	uint64_t items; /* things that one operation of `loop` handles; 0 means 1 */
};

/* Reads the options (--csv FILE, --quick, --rounds N, --help) and prints the question and the facts of the machine. */
void bench_begin(const char *question, int argc, char **argv);

/* Runs the cases of a group, each in `threads` threads, and prints its table. `unit` is that of the results; loops are
 * always in nanoseconds. cases[0] is the baseline. */
void bench_group(const char *name, const char *unit, unsigned threads, const struct bench_case *cases, size_t count);

/* Finishes the table and the CSV file; the exit status of the program. */
int bench_end(void);

/* Whether this is a smoke run: choose small sizes. */
bool bench_quick(void);

/* CLOCK_MONOTONIC in nanoseconds. */
int64_t bench_now_ns(void);

/* Ends the program (or the child process that calls it) with a message, which names the place and the remedy. */
void bench_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
