/* SPDX-License-Identifier: MIT */
/* Collectors that ask the kernel by calls rather than files: perf and ethtool, on this machine. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

#include "collect/node_ethtool.h"
#include "host_files.h"

static char *const none[] = {NULL};

/* ---- perf ------------------------------------------------------------------------------------------------------- */

static void perf_start(void)
{
	FILES({"sys/devices/system/cpu/online", "0\n"});
	run(HOST_INDEX_perf);
}

static double refused(const char *reason)
{
	char series[96];
	snprintf(series, sizeof(series), "mstat_perf_refused_events{reason=\"%s\"}", reason);
	return host_fixture_has(&test_host, series) ? host_fixture_value(&test_host, series) : 0;
}

static void skip_without_permission(void)
{
	if (refused("permission") > 0) {
		print_message("skipped: no permission to count events (CAP_PERFMON)\n");
		skip();
	}
}

static void test_perf_counts_software_events_that_go_up(void **state)
{
	(void)state;
	perf_start();
	skip_without_permission();
	assert_success("perf", 1);
	const double first = host_fixture_value(&test_host, "node_perf_context_switches_total{cpu=\"0\"}");
	for (int i = 0; i < 50; i++) {
		/* The collector's thread itself has to be switched to. */
		host_fixture_collect(&test_host);
		usleep(1000);
	}
	assert_true(host_fixture_value(&test_host, "node_perf_context_switches_total{cpu=\"0\"}") >= first);
	assert_true(host_fixture_has(&test_host, "node_perf_page_faults_total{cpu=\"0\"}"));
	assert_true(host_fixture_has(&test_host, "node_perf_major_faults_total{cpu=\"0\"}"));
	assert_int_equal(host_fixture_count(&test_host, "node_perf_minor_faults_total"), 1);
}

static void test_perf_counts_only_what_is_asked_for(void **state)
{
	char *const asked[] = {(char *)"PageFault", NULL};
	(void)state;
	test_host.options.perf_software_profilers = asked;
	test_host.options.perf_hardware_profilers = none;
	test_host.options.perf_disable_hardware_profilers = true;
	test_host.options.perf_disable_cache_profilers = true;
	perf_start();
	skip_without_permission();
	assert_int_equal(host_fixture_count(&test_host, "node_perf_"), 1);
	assert_true(host_fixture_has(&test_host, "node_perf_page_faults_total{cpu=\"0\"}"));
	assert_true(refused("unsupported") == 0);
}

static void test_perf_says_why_events_are_refused(void **state)
{
	char *const tracepoints[] = {(char *)"sched", (char *)"a:b:c", (char *)"../x:y", (char *)"no:such", NULL};
	(void)state;
	test_host.options.perf_tracepoints = tracepoints;
	test_host.options.perf_disable_hardware_profilers = true;
	test_host.options.perf_disable_cache_profilers = true;
	test_host.options.perf_disable_software_profilers = true;
	perf_start();
	assert_success("perf", 0);
	assert_true(refused("syntax") == 3);
	assert_true(refused("unsupported") == 1);
}

static void test_perf_takes_lists_of_cpus_and_refuses_nonsense(void **state)
{
	static const struct {
		const char *list;
		bool valid;
	} lists[] = {{"0", true},      {"0-0", true}, {"0-900:1000", true}, {"x", false},       {"0-", false},
		     {"0-1:0", false}, {"0,", false}, {"0;1", false},       {"99999999", false}};
	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct host_fixture fixture;
		host_fixture_init(&fixture);
		fixture.options.perf_cpus = lists[i].list;
		fixture.options.perf_disable_hardware_profilers = true;
		fixture.options.perf_disable_cache_profilers = true;
		host_fixture_start(&fixture, HOST_INDEX_perf);
		host_fixture_collect(&fixture);
		const bool allowed = !host_fixture_has(&fixture, "mstat_perf_refused_events{reason=\"permission\"}");
		const bool success =
			host_fixture_value(&fixture, "node_scrape_collector_success{collector=\"perf\"}") == 1;
		host_fixture_fini(&fixture);
		if (allowed && success != lists[i].valid)
			fail_msg("\"%s\": success %d", lists[i].list, success);
	}
}

static void test_perf_counts_tracepoints(void **state)
{
	char *const tracepoints[] = {(char *)"sched:sched_switch", NULL};
	(void)state;
	host_fixture_mkdir(&test_host, "sys/kernel/tracing");
	const char *place = host_fixture_path(&test_host, "sys/kernel/tracing");
	/* In a mount namespace of our own: nobody else sees it, and it ends with the test. */
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", place, "tracefs", 0, NULL)) {
		print_message("skipped: tracefs cannot be mounted\n");
		skip();
	}
	test_host.options.perf_tracepoints = tracepoints;
	perf_start();
	const bool told = host_fixture_has(&test_host, "node_perf_sched_sched_switch{cpu=\"0\"}");
	const double denied = refused("permission");
	assert_int_equal(umount2(host_fixture_path(&test_host, "sys/kernel/tracing"), MNT_DETACH), 0);
	assert_true(told || denied > 0);
}

/* ---- ethtool ---------------------------------------------------------------------------------------------------- */

struct naming {
	const char *statistic, *name;
};
static const struct naming namings[] = {
	{"align_errors", "align_errors"},
	{"rx_packets", "received_packets"},
	{"rx_queue_0_drops", "received_queue_0_drops"},
	{"tx_tx_timeouts", "transmitted_tx_timeouts"},
	{"tx0_tx_timeouts", "tx0_transmitted_timeouts"},
	{"rx0_xdp_tx", "rx0_xdp_transmitted"},
	{"tx_xdp_tx_drops", "transmitted_xdp_transmitted_drops"},
	{"xdp_rx", "xdp_received"},
	{"rx", "received"},
	{"rxx_tx", "rxx_transmitted"},
	{"Rx.Bytes", "received_bytes"},
	{"[0]: rx_ucast packets", "0_received_ucast_packets"},
	{"__lead", "lead"},
	{"a__b", "a__b"},
	{"a_-_b", "a_b"},
	{"a._.b", "a__b"},
	{"port.tx-dropped", "port_transmitted_dropped"},
	{"", ""},
};

static void test_ethtool_names_follow_node_exporter(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(namings) / sizeof(namings[0]); i++) {
		char name[ETHTOOL_NAME_MAX];
		ethtool_name_make(namings[i].statistic, name);
		if (strncmp(name, "node_ethtool_", 13) != 0 || strcmp(name + 13, namings[i].name) != 0)
			fail_msg("%s: %s, not %s", namings[i].statistic, name, namings[i].name);
	}
}

static void test_ethtool_names_that_are_too_long_are_cut(void **state)
{
	char statistic[1024], name[ETHTOOL_NAME_MAX];
	(void)state;
	for (size_t i = 0; i + 3 < sizeof(statistic); i += 3)
		memcpy(statistic + i, "tx_", 4);
	ethtool_name_make(statistic, name);
	assert_true(strlen(name) < ETHTOOL_NAME_MAX);
}

static void live_devices_start(void)
{
	test_host.options.paths[HOST_SYS] = "/sys";
	run(HOST_INDEX_ethtool);
}

static void test_ethtool_tells_the_drivers_of_this_machine(void **state)
{
	(void)state;
	if (access("/sys/class/net/eth0", F_OK)) {
		print_message("skipped: no eth0\n");
		skip();
	}
	test_host.options.ethtool_device_include = "^eth0$";
	live_devices_start();
	if (!host_fixture_count(&test_host, "node_ethtool_info")) {
		print_message("skipped: the driver of eth0 tells nothing\n");
		skip();
	}
	assert_success("ethtool", 1);
	assert_int_equal(host_fixture_count(&test_host, "node_ethtool_info"), 1);
}

static void test_ethtool_takes_no_statistic_that_is_not_asked_for(void **state)
{
	(void)state;
	test_host.options.ethtool_metrics_include = "^no such statistic$";
	if (access("/sys/class/net", F_OK)) {
		print_message("skipped: no network devices\n");
		skip();
	}
	live_devices_start();
	assert_int_equal(host_fixture_count(&test_host, "node_ethtool_"),
			 host_fixture_count(&test_host, "node_ethtool_info"));
}

static void test_ethtool_of_devices_that_are_not_there_tells_nothing(void **state)
{
	(void)state;
	host_fixture_mkdir(&test_host, "sys/class/net/no-such-dev");
	host_fixture_mkdir(&test_host, "sys/class/net/name-that-is-too-long-for-a-device");
	run(HOST_INDEX_ethtool);
	assert_success("ethtool", 1);
	assert_int_equal(host_fixture_count(&test_host, "node_ethtool_"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NODE_TEST(test_perf_counts_software_events_that_go_up),
		NODE_TEST(test_perf_counts_only_what_is_asked_for),
		NODE_TEST(test_perf_says_why_events_are_refused),
		cmocka_unit_test(test_perf_takes_lists_of_cpus_and_refuses_nonsense),
		NODE_TEST(test_ethtool_names_follow_node_exporter),
		NODE_TEST(test_ethtool_names_that_are_too_long_are_cut),
		NODE_TEST(test_ethtool_tells_the_drivers_of_this_machine),
		NODE_TEST(test_ethtool_takes_no_statistic_that_is_not_asked_for),
		NODE_TEST(test_ethtool_of_devices_that_are_not_there_tells_nothing),
		/* Last: the process has its own mount namespace from then on. */
		NODE_TEST(test_perf_counts_tracepoints),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
