/* SPDX-License-Identifier: MIT */
/* The agent with the bpf collector: with all it needs, and without the kernel's types, permission, or both
 * capabilities' worth: what cannot run says why, the rest of the agent does not notice. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon.h"
#include "scrape.h"

#define FEATURE_STATE "mstat_bpf_feature_state"
#define ALL_FEATURES "--collector.bpf --collector.bpf.syscalls --collector.bpf.page_faults"

static const char *const features[] = {
#define BPF_FEATURE(name, ...) #name,
#include "collect/bpf/bpf_features.def"
};
#define FEATURES (sizeof(features) / sizeof(*features))

/* Starts the agent by a command of the shell in which "AGENT" stands for it with its flags. */
static void agent_start_by(struct daemon *agent, const struct scratch *scratch, const char *format)
{
	char program[256], command[1024], flags[640];
	int status;
	const char *mark = strstr(format, "AGENT");
	program_path("mstatd", program, sizeof(program));
	snprintf(flags, sizeof(flags), "%s --segment.dir=%s --web.listen-address=127.0.0.1:0 " ALL_FEATURES, program,
		 scratch->segments);
	snprintf(command, sizeof(command), "%.*s%s%s", (int)(mark - format), format, flags, mark + strlen("AGENT"));
	daemon_spawn(agent, scratch, "agent.log", (const char *const[]){"sh", "-c", command, NULL});
	if (!daemon_listens(agent, &status)) {
		char *log = daemon_log(agent);
		print_message("%s\n", log);
		free(log);
		fail_msg("the agent did not start by: %s", command);
	}
}

static bool state_is(const char *page, const char *feature, const char *error, const char *state)
{
	char series[256];
	const char *value;
	if (*error)
		snprintf(series, sizeof(series), FEATURE_STATE "{errno=\"%s\",feature=\"%s\"," FEATURE_STATE "=\"%s\"}",
			 error, feature, state);
	else
		snprintf(series, sizeof(series), FEATURE_STATE "{feature=\"%s\"," FEATURE_STATE "=\"%s\"}", feature,
			 state);
	value = page_value(page, series);
	return value && !strcmp(value, "1");
}

static void assert_states(const char *page, const char *error, const char *state)
{
	for (size_t i = 0; i < FEATURES; i++)
		if (!state_is(page, features[i], error, state))
			fail_msg("%s is not %s (%s)", features[i], state, error);
}

static void assert_agent_well(struct daemon *agent, const char *page)
{
	assert_page(page, "node_scrape_collector_success{collector=\"bpf\"}", "1");
	assert_true(page_value(page, "node_load1") != NULL);
	assert_int_equal(daemon_stop(agent, SIGTERM), 0);
}

#if BUILT_WITH_BPF
static void skip_because(const char *why)
{
	print_message("skipped: %s\n", why);
	skip();
}

/* What this machine can do at best: else a test has nothing to show. */
static void skip_unless_possible(const char *page)
{
	if (state_is(page, "run_queue", "EPERM", "refused"))
		skip_because("no permission for BPF (CAP_BPF, CAP_PERFMON)");
	if (state_is(page, "run_queue", "ESRCH", "unsupported"))
		skip_because("the kernel has no BTF");
}

static void skip_without_root(void)
{
	if (geteuid() != 0)
		skip_because("needs root");
}

static uint64_t number_of_status(pid_t pid, const char *word)
{
	char path[64], line[256];
	uint64_t number = UINT64_MAX;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, word, strlen(word)))
			number = strtoull(line + strlen(word), NULL, 16);
	fclose(file);
	return number;
}

static void test_all_features_run_after_the_privileges_are_gone(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent;
	agent_start_by(&agent, scratch, "exec AGENT --privileges.keep=none");
	char *page = page_fresh(agent.port);
	skip_unless_possible(page);
	/* Features of a file system or a processor that this machine has not are no matter of the agent. */
	for (size_t i = 0; i < FEATURES; i++)
		assert_true(state_is(page, features[i], "", "running") ||
			    state_is(page, features[i], "ESRCH", "unsupported"));
	assert_int_equal(number_of_status(agent.pid, "CapEff:"), 0);
	assert_int_equal(number_of_status(agent.pid, "NoNewPrivs:"), 1);
	const double first = strtod(page_value(page, "node_bpf_run_queue_latency_seconds_count"), NULL);
	free(page);
	for (int i = 0; i < 20; i++)
		usleep(1000);
	page = page_fresh(agent.port);
	assert_true(strtod(page_value(page, "node_bpf_run_queue_latency_seconds_count"), NULL) >= first + 20);
	assert_agent_well(&agent, page);
	free(page);
}

static void test_without_the_kernels_types_features_are_unsupported(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent;
	skip_without_root();
	agent_start_by(&agent, scratch,
		       "exec unshare -m sh -c 'mount -t tmpfs none /sys/kernel/btf 2>/dev/null; exec AGENT'");
	char *page = page_fresh(agent.port);
	assert_states(page, "ESRCH", "unsupported");
	assert_page_lacks(page, "node_bpf_");
	assert_agent_well(&agent, page);
	free(page);
}

/* An ordinary user's agent needs directories that are this user's. */
static void scratch_open(const struct scratch *scratch)
{
	assert_int_equal(chmod(scratch->path, 0755), 0);
	assert_int_equal(chmod(scratch->segments, 0777), 0);
}

#define AS_NOBODY "exec setpriv --reuid=65534 --regid=65534 --clear-groups "

static void test_without_capabilities_features_are_refused(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent;
	skip_without_root();
	scratch_open(scratch);
	agent_start_by(&agent, scratch, AS_NOBODY "--inh-caps=-all --bounding-set=-all AGENT");
	char *page = page_fresh(agent.port);
	assert_states(page, "EPERM", "refused");
	assert_page_lacks(page, "node_bpf_");
	assert_agent_well(&agent, page);
	free(page);
}

static void test_two_capabilities_are_enough(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent;
	skip_without_root();
	scratch_open(scratch);
	agent_start_by(&agent, scratch,
		       AS_NOBODY "--inh-caps=-all,+bpf,+perfmon --ambient-caps=-all,+bpf,+perfmon AGENT");
	char *page = page_fresh(agent.port);
	skip_unless_possible(page);
	assert_true(state_is(page, "run_queue", "", "running"));
	assert_true(page_value(page, "node_bpf_run_queue_latency_seconds_count") != NULL);
	assert_page_lacks(page, "mstat_bpf_program_run_seconds_total"); /* this needs CAP_SYS_ADMIN */
	assert_agent_well(&agent, page);
	free(page);
}

#else
static void test_agent_that_was_built_without_bpf_says_so(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent;
	agent_start_by(&agent, scratch, "exec AGENT");
	char *page = page_fresh(agent.port);
	assert_states(page, "ENOSYS", "unsupported");
	assert_agent_well(&agent, page);
	free(page);
}

#endif

static void test_agent_that_is_not_asked_loads_nothing(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent;
	agent_start(&agent, scratch);
	char *page = page_fresh(agent.port);
	assert_page_lacks(page, "_bpf_");
	free(page);
	daemon_stop(&agent, SIGTERM);
}

#define E2E_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
#if BUILT_WITH_BPF
		E2E_TEST(test_all_features_run_after_the_privileges_are_gone),
		E2E_TEST(test_without_the_kernels_types_features_are_unsupported),
		E2E_TEST(test_without_capabilities_features_are_refused),
		E2E_TEST(test_two_capabilities_are_enough),
#else
		E2E_TEST(test_agent_that_was_built_without_bpf_says_so),
#endif
		E2E_TEST(test_agent_that_is_not_asked_loads_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
