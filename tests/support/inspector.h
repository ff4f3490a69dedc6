/* SPDX-License-Identifier: MIT */
/* Runs the inspector as its users do, and looks at what it says. */
#ifndef TESTS_INSPECTOR_H
#define TESTS_INSPECTOR_H

#include <stddef.h>

struct outcome {
	int code;  /* exit code; -1: died by a signal */
	char *out; /* standard output */
	char *err;
};

/* Finds the program: in $MSTAT_BIN_DIR, or two directories above that of the test. */
void inspector_find(void);

/* Runs it with standard output on a descriptor; -1 captures it. The words end with NULL. */
struct outcome run_to(int out_fd, const char *const *words);
#define run(...) run_to(-1, (const char *const[]){"mstat", __VA_ARGS__, NULL})
void outcome_free(struct outcome *outcome);

void assert_contains(const char *text, const char *part);
void assert_lacks(const char *text, const char *part);
size_t occurrences(const char *text, const char *part);

/* Checks code and a part of the output (of the errors, when the code is 2), and frees. */
void assert_outcome(struct outcome outcome, int code, const char *part);

/* Makes a directory on a tmpfs from a template; removes it with all that is in it. */
void directory_make(char path[64]);
void directory_empty(const char *path);
void directory_remove(const char *path);

#endif
