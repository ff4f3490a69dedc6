/* SPDX-License-Identifier: MIT */
/* Sandboxes and privileges: system calls that a filter refuses cost exposure or speed, never a count; a program with
 * elevated privileges does not listen to the environment. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>
#include <mstat/mstat.h>

#include <fcntl.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "child.h"
#include "mode.h"
#include "view.h"

MSTAT_COUNTER(counted, "counted", "Counted.", "n");

#define THREADS 3
#define ROUNDS 20000u

static void *count(void *context)
{
	for (unsigned int i = 0; i < ROUNDS; i++)
		mstat_inc(context);
	return NULL;
}

static void count_in_threads(void)
{
	pthread_t threads[THREADS];
	mstat_counter *counter = mstat_counter_with(&counted, "threads");
	for (int i = 0; i < THREADS; i++)
		check(!pthread_create(&threads[i], NULL, count, counter));
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void count_under(const int *numbers, size_t how_many, int error)
{
	char text[16];
	if (!syscalls_refuse(numbers, how_many, error))
		check_skip("seccomp filters cannot be used here");
	errno = E2BIG;
	mstat_counter_with(&counted, "threads");
	check_equal(errno, E2BIG);
	count_in_threads();
	for (int i = 0; i < 3; i++)
		check_fork(count_in_threads);
	for (unsigned int i = 0; i < 3000; i++) {
		snprintf(text, sizeof(text), "%u", i);
		mstat_inc(mstat_counter_with(&counted, text));
	}
	const char *value = "7";
	check_equal(mstat_remove(&counted.family, &value, 1), 1);
	mstat_inc(mstat_counter_with(&counted, "again"));
	check_equal(view_u64(child_directory, "counted", "threads"), 4 * THREADS * ROUNDS);
	check_equal(view_u64(child_directory, "counted", "again"), 1);
	check_equal(view_sum_u64(child_directory, "counted"), 4 * THREADS * ROUNDS + 3000);
}

#define REFUSED_TEST(name, error, ...)                                                                                 \
	CHILD_TEST(test_counts_are_exact_without_##name)                                                               \
	{                                                                                                              \
		static const int numbers[] = {__VA_ARGS__};                                                            \
		count_under(numbers, sizeof(numbers) / sizeof(*numbers), error);                                       \
	}

REFUSED_TEST(madvise, ENOSYS, SYS_madvise)
REFUSED_TEST(madvise_for_lack_of_permission, EPERM, SYS_madvise)
REFUSED_TEST(membarrier, ENOSYS, SYS_membarrier)
REFUSED_TEST(random_numbers, ENOSYS, SYS_getrandom)
REFUSED_TEST(new_system_calls, ENOSYS, SYS_openat2, SYS_membarrier, SYS_madvise, SYS_getrandom, SYS_statx,
	     SYS_faccessat2)

CHILD_TEST(test_counts_are_private_where_no_file_can_be_opened)
{
	static const int numbers[] = {SYS_open, SYS_openat, SYS_openat2};
	struct mstat_status status;
	if (!syscalls_refuse(numbers, sizeof(numbers) / sizeof(*numbers), EPERM))
		check_skip("seccomp filters cannot be used here");
	count_in_threads();
	check_fork(count_in_threads);
	mstat_status(&status);
	check_equal(status.exposed, 0);
	check_equal(status.reason, MSTAT_REASON_PERMISSION);
}

/* ---- elevated privileges ---- */

static char copy_path[] = "/var/tmp/mstat-test-XXXXXX";

static bool program_copy(void)
{
	struct stat file;
	int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), out = mkstemp(copy_path);
	bool copied = in >= 0 && out >= 0 && !fstat(in, &file) &&
		      sendfile(out, in, NULL, (size_t)file.st_size) == file.st_size && !fchown(out, 65534, 65534) &&
		      !fchmod(out, 04755);
	close(in);
	close(out);
	return copied;
}

static void elevated_program(void)
{
	struct mstat_status status;
	if (!getauxval(AT_SECURE))
		check_skip("the file system takes no set-user-ID programs");
	mstat_inc(mstat_counter_with(&counted, "1"));
	mstat_status(&status);
	check(strncmp(status.path, child_directory, strlen(child_directory)) != 0);
	check(!strstr(status.path, "chosen"));
	if (*status.path)
		unlink(status.path);
	/* A leak check would want to trace this process, which its privileges forbid. */
	_exit(0);
}

CHILD_TEST(test_program_with_elevated_privileges_ignores_the_environment)
{
	bool there = !access("/dev/shm/mstat-65534", F_OK);
	if (geteuid() != 0 || !program_copy()) {
		unlink(copy_path);
		check_skip("only root can make a program that changes its user");
	}
	check(!chmod(child_directory, 01777));
	setenv("OTEL_SERVICE_NAME", "chosen", 1);
	setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=chosen", 1);
	pid_t pid = fork();
	if (!pid) {
		execl(copy_path, copy_path, "elevated_program", NULL);
		_exit(1);
	}
	int status = child_wait(pid);
	unlink(copy_path);
	/* The program removes its segment; a directory that is not empty is somebody else's. */
	if (!there)
		rmdir("/dev/shm/mstat-65534");
	if (status == CHILD_SKIPPED)
		check_skip("see above");
	check_equal(status, 0);
	check_equal(view_segments(child_directory), 0);
}

int main(int argc, char **argv)
{
	static const struct scenario scenarios[] = {SCENARIO_ROW(elevated_program)};
	if (argc > 1)
		return scenario_main(scenarios, 1, argv[1]);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts_are_exact_without_madvise),
		cmocka_unit_test(test_counts_are_exact_without_madvise_for_lack_of_permission),
		cmocka_unit_test(test_counts_are_exact_without_membarrier),
		cmocka_unit_test(test_counts_are_exact_without_random_numbers),
		cmocka_unit_test(test_counts_are_exact_without_new_system_calls),
		cmocka_unit_test(test_counts_are_private_where_no_file_can_be_opened),
		cmocka_unit_test(test_program_with_elevated_privileges_ignores_the_environment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
