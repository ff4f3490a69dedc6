/* SPDX-License-Identifier: MIT */
/* Programs that the tests from end to end start: the agent and others, found beside the tests, ended by their pid; and
 * workers, which are forked children of the test that are instrumented with libmstat.
 *
 * Whatever fails here fails the test that asked. Waiting always has an end: WAIT_MS, which only a hang needs.
 */
#ifndef TESTS_DAEMON_H
#define TESTS_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define WAIT_MS 30000

/* A directory on a tmpfs for one test: segments lie in PATH/segments, logs beside it. */
struct scratch {
	char path[64];
	char segments[80];
};

void scratch_make(struct scratch *scratch);
void scratch_remove(struct scratch *scratch);

/* cmocka's set-up and tear-down: *state is a struct scratch, and every program that still runs is killed. */
int scratch_setup(void **state);
int scratch_teardown(void **state);

int64_t clock_ms(void);

/* The program's path: in $MSTAT_BIN_DIR, or two directories above the test. */
void program_path(const char *name, char *path, size_t path_bytes);

/* Whether $PATH has a program. */
bool program_installed(const char *name);

struct daemon {
	pid_t pid; /* 0: none */
	uint16_t port;
	char log[112];
};

/* Starts a program with standard output and error in a file of the scratch directory; the words end with NULL. */
void daemon_spawn(struct daemon *daemon, const struct scratch *scratch, const char *log, const char *const *words);

/* Waits until the agent says where it listens. False if it ended first; it is reaped then, with its wait status in
 * *status. */
bool daemon_listens(struct daemon *daemon, int *status);

/* Starts the agent on a free port and waits for it. The flags (--segment.dir and --web.listen-address are given) end
 * with NULL. */
void agent_start_flags(struct daemon *daemon, const struct scratch *scratch, const char *const *flags);
#define agent_start(daemon, scratch, ...)                                                                              \
	agent_start_flags((daemon), (scratch), (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

/* What the log says so far; malloc'ed. */
char *daemon_log(const struct daemon *daemon);

/* Sends a signal and waits for the end; returns the wait status. */
int daemon_stop(struct daemon *daemon, int number);

/* Has scratch_teardown() kill a child that the test has forked itself, unless it is waited for before. */
void process_remember(pid_t pid);

/* Waits for the end of a child; kills it and fails when it does not come. Returns the wait status. */
int process_wait(pid_t pid);

/* Forks a child that opens a segment in the scratch directory under a service name, runs `body` and exits with
 * 0. */
pid_t worker_fork(const struct scratch *scratch, const char *service, void (*body)(void *context), void *context);

/* The same, and waits for it: a program that lived and died. */
void worker_run(const struct scratch *scratch, const char *service, void (*body)(void *context), void *context);

#endif
