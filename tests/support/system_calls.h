/* SPDX-License-Identifier: MIT */
/* The system calls of a program, as strace lists them: how often each is made from some point on, so that a test can
 * have every single one of them fail, or kill the program there.
 */
#ifndef TESTS_SYSTEM_CALLS_H
#define TESTS_SYSTEM_CALLS_H

#include <stdbool.h>
#include <stddef.h>

#define SYSTEM_CALLS_MAX 96

struct system_call {
	char name[32];
	unsigned int before; /* made before the point */
	unsigned int after;
};

/* Counts the calls of a trace (strace -o), from the first line that has `from` on. Returns how many kinds there are. */
size_t system_calls_read(const char *path, const char *from, struct system_call calls[SYSTEM_CALLS_MAX]);

/* Whether it reads or changes a file. Dying before another one is dying before the next one that does. */
bool system_call_matters(const char *name);

#endif
