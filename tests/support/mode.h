/* SPDX-License-Identifier: MIT */
/* Ways in which a machine can lack what the client library would like to use, and programs run in such a way.
 *
 * A torture program runs itself: `PROGRAM SCENARIO` does the work of one test in a fresh process, with the library as
 * it is at the start of a program.
 */
#ifndef TESTS_MODE_H
#define TESTS_MODE_H

#include <stdbool.h>
#include <stddef.h>

enum mode {
	MODE_PLAIN,      /* as the machine is */
	MODE_OWN_RSEQ,   /* the C library registers no restartable sequences, the client library registers its own */
	MODE_LOCKED_ROWS /* there are none: rseq(2) fails with ENOSYS */
};

/* Makes system calls fail with an errno in this process, its threads and children. False where seccomp filters cannot
 * be used. */
bool syscalls_refuse(const int *numbers, size_t count, int error);

/* Runs this program again with one word, in a mode, with a fresh child_directory; fails the calling cmocka test if it
 * does not exit with 0, and checks that counts went to the rows of the mode. */
void assert_scenario(const char *word, enum mode mode);

/* One row of a torture program: `PROGRAM name` runs it. */
struct scenario {
	const char *name;
	void (*run)(void);
};
#define SCENARIO_ROW(name)                                                                                             \
	{                                                                                                              \
#name, name                                                                                            \
	}

/* Runs the scenario of a name; returns its exit status. child_directory is that of MSTAT_DIR. */
int scenario_main(const struct scenario *scenarios, size_t count, const char *name);

/* The name of a file in the directory of build artefacts: $MSTAT_BIN_DIR, or that above the program's own. */
void artefact_path(char *path, size_t size, const char *name);

/* Seed for the scenario, printed: $MSTAT_TEST_SEED, or the time. */
unsigned int seed_choose(void);

/* Three tests from one: SCENARIO(threads) is run by test_threads, test_threads_with_own_rseq and
 * test_threads_with_locked_rows. */
#define SCENARIO(name)                                                                                                 \
	static void test_##name(void **state)                                                                          \
	{                                                                                                              \
		(void)state;                                                                                           \
		assert_scenario(#name, MODE_PLAIN);                                                                    \
	}                                                                                                              \
	static void test_##name##_with_own_rseq(void **state)                                                          \
	{                                                                                                              \
		(void)state;                                                                                           \
		assert_scenario(#name, MODE_OWN_RSEQ);                                                                 \
	}                                                                                                              \
	static void test_##name##_with_locked_rows(void **state)                                                       \
	{                                                                                                              \
		(void)state;                                                                                           \
		assert_scenario(#name, MODE_LOCKED_ROWS);                                                              \
	}
#define SCENARIO_TESTS(name)                                                                                           \
	cmocka_unit_test(test_##name), cmocka_unit_test(test_##name##_with_own_rseq),                                  \
		cmocka_unit_test(test_##name##_with_locked_rows)

#endif
