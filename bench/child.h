/* SPDX-License-Identifier: MIT */
/* Measurements in a process of their own: a process has one segment in its life, and a heap that is fresh only once. */
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include <sys/types.h>

/* Forks, calls `measure` in the child and returns what it returned. A failure in the child ends the program. */
double child_measure(double (*measure)(void *context), void *context);

/* A child that has done `prepare` and then waits until it is stopped. */
struct child {
	pid_t pid;
	int stop_fd; /* closing it lets the child end */
};

/* Forks a child and returns when its `prepare` has returned. */
struct child child_start(void (*prepare)(void *context), void *context);
void child_stop(struct child *child);

/* Waits for a child; ends the program if it did not exit with status 0. */
void child_wait(pid_t pid);

#endif
