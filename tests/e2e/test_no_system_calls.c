/* SPDX-License-Identifier: MIT */
/* Updates make no system call: a run with ten million of each kind makes the same calls as a run with ten. Started with
 * a number, this program is the one that is watched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <mstat/mstat.h>

#include "daemon.h"
#include "sanitized.h"

MSTAT_COUNTER(jobs, "jobs_total", "Jobs done.", "kind");
MSTAT_COUNTER_F64(job_seconds, "job_seconds_total", "Time of jobs.");
MSTAT_GAUGE(active, "active", "Active.");

/* On one CPU: the first update on another one populates its row. */
static int update(unsigned long count)
{
	cpu_set_t one;
	struct mstat_status status;
	/* The same CPU in every run: an adopted row that is populated already costs one call less. */
	sched_getaffinity(0, sizeof(one), &one);
	int cpu = 0;
	while (!CPU_ISSET(cpu, &one))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
	mstat_counter *counter = mstat_counter_with(&jobs, "a");
	mstat_counter_f64 *seconds = mstat_counter_f64_with(&job_seconds);
	mstat_gauge *gauge = mstat_gauge_with(&active);
	for (unsigned long i = 0; i < count; i++) {
		mstat_inc(counter);
		mstat_inc(mstat_counter_with(&jobs, "b"));
		mstat_add_f64(seconds, 0.5);
		mstat_gauge_inc(gauge);
		mstat_gauge_dec(gauge);
	}
	mstat_status(&status);
	return status.exposed ? 0 : 1;
}

/* What strace -c counted, by call: NAME=CALLS, one a line, in its order; malloc'ed. */
static char *calls_of(const struct scratch *scratch, const char *count)
{
	char self[PATH_MAX], summary[112], line[512], name[64];
	const char *words[] = {"strace", "-f", "-c",    "-U", "calls,name", "-S",
			       "name",   "-o", summary, self, count,        NULL};
	struct daemon traced = {0};
	char *text = NULL;
	size_t text_bytes;
	unsigned int calls;
	const ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	assert_true(len > 0);
	self[len] = '\0';
	snprintf(summary, sizeof(summary), "%s/calls-%s", scratch->path, count);
	setenv("MSTAT_DIR", scratch->segments, 1);
	daemon_spawn(&traced, scratch, "traced.log", words);
	unsetenv("MSTAT_DIR");
	assert_int_equal(process_wait(traced.pid), 0);
	FILE *file = fopen(summary, "r"), *out = open_memstream(&text, &text_bytes);
	assert_true(file && out);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%u %63s", &calls, name) == 2)
			fprintf(out, "%s=%u\n", name, calls);
	fclose(file);
	fclose(out);
	return text;
}

static void test_ten_million_updates_of_each_kind_make_no_system_call(void **state)
{
	const struct scratch *scratch = *state;
	if (SANITIZED) {
		print_message("skipped: the sanitizer makes system calls of its own, and none under strace\n");
		skip();
	}
	if (!program_installed("strace")) {
		print_message("skipped: strace is not installed\n");
		skip();
	}
	/* The first run makes the segment, the others adopt it. */
	free(calls_of(scratch, "1"));
	char *few = calls_of(scratch, "10"), *many = calls_of(scratch, "10000000");
	assert_non_null(strstr(few, "total="));
	assert_string_equal(many, few);
	free(few);
	free(many);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ten_million_updates_of_each_kind_make_no_system_call,
						scratch_setup, scratch_teardown),
	};
	if (argc == 2)
		return update(strtoul(argv[1], NULL, 10));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
