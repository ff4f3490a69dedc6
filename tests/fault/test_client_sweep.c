/* SPDX-License-Identifier: MIT */
/* A program that opens, registers and grows, killed before each of its system calls; and one that goes on when each of
 * them fails. libmstat allocates by system calls alone: a failing mmap(2) is its failing malloc(3).
 *
 * One run under strace tells which calls there are, from the first that names the segment directory on. Each is then
 * hit in a run of its own, in a directory of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon.h"
#include "helper_client.h"
#include "inspector.h"
#include "system_calls.h"
#include "view.h"

#define OUTPUT "all is done\n"

struct sweep {
	const struct scratch *scratch;
	const char *always; /* another injection of strace: in every run of the sweep, or NULL */
	struct client_report *report;
	char report_path[112];
	struct system_call calls[SYSTEM_CALLS_MAX];
	size_t call_count;
};

static void report_make(struct sweep *sweep)
{
	snprintf(sweep->report_path, sizeof(sweep->report_path), "%s/report", sweep->scratch->path);
	const int fd = open(sweep->report_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && !ftruncate(fd, sizeof(*sweep->report)));
	sweep->report = mmap(NULL, sizeof(*sweep->report), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(sweep->report != MAP_FAILED);
	close(fd);
}

/* Runs the helper to its end; with `inject` under strace. Returns the wait status. */
static int helper_run(struct sweep *sweep, const char *inject, const char *trace)
{
	char program[PATH_MAX];
	struct daemon helper = {0};
	const char *plain[] = {program, sweep->report_path, NULL};
	const char *traced[] = {"strace", "-qq",
				"-o",     trace,
				"-e",     sweep->always ?: "inject=fork:error=EPERM",
				"-e",     inject,
				program,  sweep->report_path,
				NULL};
	program_path("tests/fault/helper_client", program, sizeof(program));
	memset(sweep->report, 0, sizeof(*sweep->report));
	setenv("MSTAT_DIR", sweep->scratch->segments, 1);
	daemon_spawn(&helper, sweep->scratch, "helper.log", inject ? traced : plain);
	const int status = process_wait(helper.pid);
	unsetenv("MSTAT_DIR");
	return status;
}

/* Whether it ended as if nothing had happened. */
static bool output_right(const struct sweep *sweep, const char *what, unsigned int number, int status)
{
	struct daemon helper = {0};
	snprintf(helper.log, sizeof(helper.log), "%s/helper.log", sweep->scratch->path);
	char *output = daemon_log(&helper);
	const bool right = WIFEXITED(status) && WEXITSTATUS(status) == 3 && !strcmp(output, OUTPUT);
	if (!right)
		print_message("%s number %u: wait status %#x, output '%s'\n", what, number, (unsigned)status, output);
	free(output);
	return right;
}

static bool sweep_begin(struct sweep *sweep, const struct scratch *scratch, const char *always)
{
	char trace[112];
	*sweep = (struct sweep){.scratch = scratch, .always = always};
	if (!program_installed("strace"))
		return false;
	report_make(sweep);
	snprintf(trace, sizeof(trace), "%s/trace", scratch->path);
	assert_true(output_right(sweep, "no call", 0, helper_run(sweep, "trace=all", trace)));
	assert_int_equal(sweep->report->exposed, 1);
	sweep->call_count = system_calls_read(trace, scratch->segments, sweep->calls);
	return true;
}

static void sweep_end(struct sweep *sweep)
{
	munmap(sweep->report, sizeof(*sweep->report));
}

/* Questions to which no other answer comes, and which are asked at every registration; and the C library's own. */
static bool call_is_idle(const char *name)
{
	return !strcmp(name, "gettid") || !strcmp(name, "rt_sigprocmask") || !strcmp(name, "getpid") ||
	       !strcmp(name, "geteuid") || !strcmp(name, "brk") || !strncmp(name, "exit", 4);
}

/* ---- killed ---- */

static bool kill_at(struct sweep *sweep, const char *call, unsigned int number)
{
	char inject[96];
	directory_empty(sweep->scratch->segments);
	snprintf(inject, sizeof(inject), "inject=%.31s:signal=KILL:when=%u", call, number);
	const int status = helper_run(sweep, inject, "/dev/null");
	const uint64_t acknowledged = sweep->report->counted;
	if (!WIFSIGNALED(status))
		return false;
	/* Whatever it left is no half-made segment: the reader refuses none. */
	uint64_t seen = view_sum_u64(sweep->scratch->segments, "swept");
	if (seen < acknowledged || seen > acknowledged + 1)
		fail_msg("killed before %s number %u: %llu counted, %llu seen", call, number,
			 (unsigned long long)acknowledged, (unsigned long long)seen);
	/* The next one finds its feet, in the segment of the dead or in one of its own. */
	assert_true(output_right(sweep, call, number, helper_run(sweep, NULL, NULL)));
	assert_int_equal(sweep->report->exposed, 1);
	seen = view_sum_u64(sweep->scratch->segments, "swept");
	if (seen < acknowledged + sweep->report->counted || seen > acknowledged + sweep->report->counted + 1)
		fail_msg("after a kill before %s number %u: %llu and %llu counted, %llu seen", call, number,
			 (unsigned long long)acknowledged, (unsigned long long)sweep->report->counted,
			 (unsigned long long)seen);
	assert_true(view_segments(sweep->scratch->segments) == 1);
	return true;
}

static void test_c2_program_killed_at_each_system_call_leaves_whole_segments_and_its_counts(void **state)
{
	struct sweep sweep;
	unsigned int kills = 0;
	if (!sweep_begin(&sweep, *state, NULL)) {
		print_message("skipped: strace is not installed\n");
		skip();
	}
	print_message("injected: SIGKILL before each system call of open, register and grow\n");
	for (size_t i = 0; i < sweep.call_count; i++) {
		const struct system_call *call = &sweep.calls[i];
		unsigned int number = call->before + 1;
		if (call_is_idle(call->name))
			continue;
		while (number <= call->before + call->after && kill_at(&sweep, call->name, number))
			number++;
		kills += number - call->before - 1;
	}
	print_message("%u kills\n", kills);
	assert_true(kills >= 40);
	sweep_end(&sweep);
}

/* ---- failing ---- */

/* An error that the call can have. */
static const char *error_of(const char *name)
{
	static const struct {
		const char *name, *error;
	} errors[] = {{"mmap", "ENOMEM"},      {"madvise", "ENOMEM"}, {"openat", "EMFILE"},     {"fallocate", "ENOSPC"},
		      {"ftruncate", "EFBIG"},  {"linkat", "EPERM"},   {"fcntl", "ENOLCK"},      {"fchmod", "EPERM"},
		      {"clone", "EAGAIN"},     {"pread64", "EIO"},    {"read", "EIO"},          {"getrandom", "EAGAIN"},
		      {"membarrier", "EPERM"}, {"rseq", "ENOSYS"},    {"newfstatat", "EACCES"}, {"fstat", "EIO"}};
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		if (!strcmp(errors[i].name, name))
			return errors[i].error;
	return "EINVAL";
}

/* False, and printed, where that harmed the program or lost a count without a trace. */
static bool fail_at(struct sweep *sweep, const char *call, const char *error, const char *when)
{
	char inject[96];
	directory_empty(sweep->scratch->segments);
	snprintf(inject, sizeof(inject), "inject=%.31s:error=%s:when=%s", call, error, when);
	if (!output_right(sweep, inject, 0, helper_run(sweep, inject, "/dev/null")))
		return false;
	const struct client_report *report = sweep->report;
	const uint64_t seen = view_sum_u64(sweep->scratch->segments, "swept");
	assert_int_equal(report->counted, 600);
	/* All there, or what is missing is known: the program counts privately, or it has counted what was refused. */
	if (seen == report->counted || (seen < report->counted && (!report->exposed || report->drops)))
		return true;
	print_message("%s: %llu counted, %llu seen, exposed %llu, refused %llu\n", inject,
		      (unsigned long long)report->counted, (unsigned long long)seen,
		      (unsigned long long)report->exposed, (unsigned long long)report->drops);
	return false;
}

/* A call at each of its times, and from the first time on for ever; returns how often that did harm. */
static unsigned int fail_each(struct sweep *sweep, const struct system_call *call, const char *error,
			      unsigned int *failures)
{
	unsigned int harm = 0;
	char when[16];
	for (unsigned int number = call->before + 1; number <= call->before + call->after; number++) {
		snprintf(when, sizeof(when), "%u", number);
		harm += !fail_at(sweep, call->name, error, when);
		*failures += 1;
	}
	if (call->after) {
		snprintf(when, sizeof(when), "%u+", call->before + 1);
		harm += !fail_at(sweep, call->name, error, when);
		*failures += 1;
	}
	return harm;
}

static void test_c18_program_goes_on_when_each_of_its_system_calls_fails(void **state)
{
	struct sweep sweep;
	unsigned int failures = 0, harm = 0;
	if (!sweep_begin(&sweep, *state, NULL)) {
		print_message("skipped: strace is not installed\n");
		skip();
	}
	print_message("injected: an error from each system call of open, register and grow, once and for ever\n");
	for (size_t i = 0; i < sweep.call_count; i++) {
		const struct system_call *call = &sweep.calls[i];
		/* What the program prints is its own, and what munmap(2) leaves is. */
		if (!call_is_idle(call->name) && strcmp(call->name, "write") && strcmp(call->name, "munmap"))
			harm += fail_each(&sweep, call, error_of(call->name), &failures);
	}
	print_message("%u failures, %u did harm\n", failures, harm);
	assert_true(failures >= 40);
	assert_int_equal(harm, 0);
	sweep_end(&sweep);
}

static void test_c17_program_goes_on_when_any_page_finds_no_space(void **state)
{
	struct sweep sweep;
	unsigned int failures = 0, harm = 0;
	if (!sweep_begin(&sweep, *state, "inject=madvise:error=EINVAL")) {
		print_message("skipped: strace is not installed\n");
		skip();
	}
	print_message(
		"injected: ENOSPC for each range of pages, once and for ever, on a kernel that cannot populate\n");
	for (size_t i = 0; i < sweep.call_count; i++)
		if (!strcmp(sweep.calls[i].name, "fallocate"))
			harm += fail_each(&sweep, &sweep.calls[i], "ENOSPC", &failures);
	print_message("%u failures, %u did harm\n", failures, harm);
	assert_true(failures >= 10);
	assert_int_equal(harm, 0);
	sweep_end(&sweep);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_c2_program_killed_at_each_system_call_leaves_whole_segments_and_its_counts),
		TEST(test_c17_program_goes_on_when_any_page_finds_no_space),
		TEST(test_c18_program_goes_on_when_each_of_its_system_calls_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
