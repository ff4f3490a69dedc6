/* SPDX-License-Identifier: MIT */
/* Tests in processes of their own: a process opens its segment once in its life, so a test of the client library runs
 * its body in a forked child with a fresh segment directory.
 *
 * In such a child cmocka's assertions would jump into the parent's runner: use check() and check_equal(), which print
 * the place and end the process with status 1.
 */
#ifndef TESTS_CHILD_H
#define TESTS_CHILD_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define CHILD_SKIPPED 77

#define check(condition) ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, #condition))
#define check_equal(have, want) check_equal_at(__FILE__, __LINE__, #have, (uint64_t)(have), (uint64_t)(want))

_Noreturn void check_failed(const char *file, int line, const char *condition);
void check_equal_at(const char *file, int line, const char *text, uint64_t have, uint64_t want);

/* Ends the child: its test cannot run here, for this reason. */
_Noreturn void check_skip(const char *why);

/* The segment directory of the current test (on a tmpfs). */
extern char child_directory[64];

/* Makes child_directory and puts it into the environment as MSTAT_DIR (no OTEL_* with it); removes it with everything
 * in it. */
void directory_begin(void);
void directory_end(void);

/* Runs `function` in a forked child with a fresh directory and returns its exit status, 128 + signal if one killed it.
 * A child that hangs is ended by an alarm. */
int child_run(void (*function)(void));

/* The same, as an assertion of the calling cmocka test; a skip in the child is a skip of the test. */
void assert_child(void (*function)(void));

/* cmocka wants (void **): a test that is `function` in a child. */
#define CHILD_TEST(name)                                                                                               \
	static void name##_body(void);                                                                                 \
	static void name(void **state)                                                                                 \
	{                                                                                                              \
		(void)state;                                                                                           \
		assert_child(name##_body);                                                                             \
	}                                                                                                              \
	static void name##_body(void)

/* Within a child: forks again, runs `function`, and checks that it exits with 0. */
void check_fork(void (*function)(void));
pid_t fork_run(void (*function)(void)); /* the same without waiting */

/* Waits; returns the exit status, 128 + signal if one killed it. */
int child_wait(pid_t pid);

/* How many descriptors are open in this process. */
unsigned int descriptors_open(void);

#endif
