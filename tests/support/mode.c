/* SPDX-License-Identifier: MIT */
/* Programs run without what the client library would like to use. */
#include "mode.h"

#include <errno.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "child.h"
#include "view.h"

#define REFUSED_MAX 16

bool syscalls_refuse(const int *numbers, size_t count, int error)
{
	struct sock_filter code[2 + 2 * REFUSED_MAX];
	unsigned short len = 0;
	code[len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < count && i < REFUSED_MAX; i++) {
		code[len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)numbers[i], 0, 1);
		code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned int)error);
	}
	code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = {len, code};
	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) && !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

_Noreturn static void scenario_exec(const char *word, enum mode mode)
{
	static const int rseq[] = {SYS_rseq};
	alarm(100);
	if (mode != MODE_PLAIN)
		setenv("GLIBC_TUNABLES", "glibc.pthread.rseq=0", 1);
	if (mode == MODE_LOCKED_ROWS && !syscalls_refuse(rseq, 1, ENOSYS))
		check_skip("seccomp filters cannot be used here");
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	check(len > 0);
	path[len] = 0;
	execl(path, path, word, NULL);
	check_failed(__FILE__, __LINE__, "exec");
}

void assert_scenario(const char *word, enum mode mode)
{
	directory_begin();
	fflush(NULL);
	pid_t pid = fork();
	if (!pid)
		scenario_exec(word, mode);
	int status = pid < 0 ? 255 : child_wait(pid);
	struct view_rows rows = {0, 0, 0};
	if (!status && view_segments(child_directory))
		rows = view_rows(child_directory);
	directory_end();
	if (status == CHILD_SKIPPED)
		skip();
	if (status > 128)
		fail_msg("the scenario died by signal %d (%s)", status - 128, strsignal(status - 128));
	assert_int_equal(status, 0);
	if (mode == MODE_LOCKED_ROWS) {
		assert_int_equal(rows.cpu_rows, 0);
		assert_int_not_equal(rows.shared_rows, 0);
	} else {
		assert_int_not_equal(rows.cpu_rows, 0);
	}
}

int scenario_main(const struct scenario *scenarios, size_t count, const char *name)
{
	const char *directory = getenv("MSTAT_DIR");
	snprintf(child_directory, sizeof(child_directory), "%s", directory ? directory : "");
	for (size_t i = 0; i < count; i++) {
		if (strcmp(scenarios[i].name, name))
			continue;
		scenarios[i].run();
		return 0;
	}
	fprintf(stderr, "no scenario is called %s\n", name);
	return 2;
}

void artefact_path(char *path, size_t size, const char *name)
{
	char self[PATH_MAX];
	const char *directory = getenv("MSTAT_BIN_DIR");
	if (!directory) {
		ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
		check(len > 0);
		self[len] = 0;
		/* DIRECTORY/tests/KIND/PROGRAM */
		for (int i = 0; i < 3; i++)
			*strrchr(self, '/') = 0;
		directory = self;
	}
	snprintf(path, size, "%s/%s", directory, name);
}

unsigned int seed_choose(void)
{
	const char *wanted = getenv("MSTAT_TEST_SEED");
	unsigned int seed = wanted ? (unsigned int)strtoul(wanted, NULL, 0) : (unsigned int)time(NULL);
	printf("seed %u (again: MSTAT_TEST_SEED=%u)\n", seed, seed);
	fflush(stdout);
	return seed;
}
