/* SPDX-License-Identifier: MIT */
/* Groups of processes as they are exposed, on a procfs of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "host_files.h"
#include "process_fixture.h"

#define GROUP(family, group) "namedprocess_namegroup_" family "{groupname=\"" group "\"}"
#define GROUP_BY(family, label, value, group)                                                                          \
	"namedprocess_namegroup_" family "{groupname=\"" group "\"," label "=\"" value "\"}"
#define USER_SECONDS(group) GROUP_BY("cpu_seconds_total", "mode", "user", group)

static double ticks(uint64_t count)
{
	return (double)(count * (1000000000 / (uint64_t)sysconf(_SC_CLK_TCK))) / 1e9;
}

static void collect(void)
{
	host_fixture_collect(&test_host);
}

static void test_a_group_sums_its_processes(void **state)
{
	(void)state;
	PROCESS(.pid = 10, .comm = "web", .cmdline = "/usr/bin/web|-x", .user_ticks = 100, .start_ticks = 500,
		.resident_pages = 2, .read_bytes = 100, .threads = 3);
	PROCESS(.pid = 11, .comm = "web", .cmdline = "/usr/bin/web", .state = 'R', .user_ticks = 50, .start_ticks = 400,
		.resident_pages = 1, .read_bytes = 11);
	PROCESS(.pid = 12, .comm = "db", .cmdline = "db", .state = 'Z');
	PROCESS(.pid = 2, .comm = "kthreadd", .cmdline = "");
	run(HOST_INDEX_namedprocess);
	assert_success("namedprocess", 1);
	assert_value(GROUP("num_procs", "web"), 2);
	assert_value(GROUP("num_threads", "web"), 4);
	assert_value(USER_SECONDS("web"), ticks(150));
	assert_value(GROUP("read_bytes_total", "web"), 111);
	assert_value(GROUP("write_bytes_total", "web"), 2);
	assert_value(GROUP("minor_page_faults_total", "web"), 20);
	assert_value(GROUP("major_page_faults_total", "web"), 4);
	assert_value(GROUP_BY("memory_bytes", "memtype", "resident", "web"), 3.0 * (double)sysconf(_SC_PAGESIZE));
	assert_value(GROUP_BY("memory_bytes", "memtype", "virtual", "web"), 2 * 8192);
	assert_value(GROUP_BY("memory_bytes", "memtype", "swapped", "web"), 2 * 4096);
	assert_value(GROUP("open_filedesc", "web"), 6);
	assert_value(GROUP("worst_fd_ratio", "web"), 0.03);
	assert_value(GROUP_BY("states", "state", "Running", "web"), 1);
	assert_value(GROUP_BY("states", "state", "Sleeping", "web"), 1);
	assert_value(GROUP_BY("states", "state", "Zombie", "db"), 1);
	assert_value("namedprocess_namegroup_context_switches_total{ctxswitchtype=\"voluntary\",groupname=\"web\"}",
		     10);
	assert_true(host_fixture_value(&test_host, GROUP("oldest_start_time_seconds", "web")) <
		    host_fixture_value(&test_host, GROUP("oldest_start_time_seconds", "db")) + ticks(401));
	assert_int_equal(host_fixture_count(&test_host, "namedprocess_namegroup_num_procs"), 2);
	assert_value("mstat_namedprocess_exits_source{source=\"none\"}", 1);
}

static void test_counters_keep_the_share_of_processes_that_have_gone(void **state)
{
	(void)state;
	PROCESS(.pid = 10, .comm = "web", .cmdline = "web", .user_ticks = 100);
	PROCESS(.pid = 11, .comm = "web", .cmdline = "web", .user_ticks = 50);
	run(HOST_INDEX_namedprocess);
	process_erase(11);
	PROCESS(.pid = 10, .comm = "web", .cmdline = "web", .user_ticks = 101);
	collect();
	assert_value(USER_SECONDS("web"), ticks(151));
	assert_value(GROUP("num_procs", "web"), 1);
	/* The same PID, another process. */
	PROCESS(.pid = 10, .comm = "web", .cmdline = "web", .user_ticks = 7, .start_ticks = 9);
	collect();
	assert_value(USER_SECONDS("web"), ticks(158));
	process_erase(10);
	collect();
	assert_value(USER_SECONDS("web"), ticks(158));
	assert_value(GROUP("num_procs", "web"), 0);
	assert_int_equal(host_fixture_count(&test_host, "namedprocess_namegroup_oldest"), 0);
}

static void test_exec_moves_a_process_and_not_what_it_did_before(void **state)
{
	(void)state;
	PROCESS(.pid = 10, .comm = "sh", .cmdline = "sh", .user_ticks = 100, .image = 1);
	run(HOST_INDEX_namedprocess);
	PROCESS(.pid = 10, .comm = "web", .cmdline = "web", .user_ticks = 130, .image = 2);
	collect();
	assert_value(USER_SECONDS("sh"), ticks(100));
	assert_value(USER_SECONDS("web"), ticks(30));
	assert_value(GROUP("num_procs", "sh"), 0);
	assert_value(GROUP("num_procs", "web"), 1);
}

static void rules_write(const char *text)
{
	static char path[4096];
	host_fixture_write(&test_host, "rules.yml", text);
	snprintf(path, sizeof(path), "%s", host_fixture_path(&test_host, "rules.yml"));
	test_host.options.namedprocess_config = path;
}

static void test_children_belong_to_their_parents_unless_told_otherwise(void **state)
{
	(void)state;
	rules_write("process_names: [{name: shop, comm: [web]}, {name: own, comm: [known]}]\n");
	PROCESS(.pid = 10, .comm = "web", .parent = 1);
	PROCESS(.pid = 11, .comm = "sh", .parent = 10);
	PROCESS(.pid = 12, .comm = "sed", .parent = 11);
	PROCESS(.pid = 13, .comm = "known", .parent = 11);
	PROCESS(.pid = 14, .comm = "other", .parent = 14);
	run(HOST_INDEX_namedprocess);
	assert_value(GROUP("num_procs", "shop"), 3);
	assert_value(GROUP("num_procs", "own"), 1);
	assert_int_equal(host_fixture_count(&test_host, "namedprocess_namegroup_num_procs"), 2);
}

static void test_children_are_strangers_where_that_is_asked_for(void **state)
{
	(void)state;
	rules_write("process_names: [{name: shop, comm: [web]}]\n");
	test_host.options.namedprocess_children = false;
	PROCESS(.pid = 10, .comm = "web", .parent = 1);
	PROCESS(.pid = 11, .comm = "sh", .parent = 10);
	run(HOST_INDEX_namedprocess);
	assert_value(GROUP("num_procs", "shop"), 1);
}

static void test_users_and_cgroups_are_read_where_a_name_asks_for_them(void **state)
{
	(void)state;
	rules_write("process_names: [{name: '{{.Username}} {{index .Cgroups 1}}', comm: [web]}]\n");
	FILES({"root/etc/passwd", "root:x:0:0::/:/bin/sh\nbad line\nanna:x:7:7::/:/bin/sh\n"},
	      {"proc/10/cgroup", "1:cpu:/a\n0::/b\n"});
	PROCESS(.pid = 10, .comm = "web");
	run(HOST_INDEX_namedprocess);
	assert_value(GROUP("num_procs", "anna /b"), 1);
}

static void test_groups_without_members_leave_after_their_time(void **state)
{
	(void)state;
	test_host.options.namedprocess_remove_empty_after_ns = 1;
	PROCESS(.pid = 10, .comm = "web", .cmdline = "web");
	run(HOST_INDEX_namedprocess);
	process_erase(10);
	collect();
	assert_value(GROUP("num_procs", "web"), 0);
	collect();
	collect();
	assert_int_equal(host_fixture_count(&test_host, "namedprocess_namegroup_num_procs"), 0);
	PROCESS(.pid = 11, .comm = "web", .cmdline = "web");
	collect();
	assert_value(GROUP("num_procs", "web"), 1);
}

static void test_the_greatest_are_told_of_by_pid(void **state)
{
	(void)state;
	test_host.options.namedprocess_top = 2;
	PROCESS(.pid = 10, .comm = "a", .cmdline = "a", .user_ticks = 900, .resident_pages = 1);
	PROCESS(.pid = 11, .comm = "b", .cmdline = "b", .user_ticks = 800, .resident_pages = 3);
	PROCESS(.pid = 12, .comm = "c", .cmdline = "c", .user_ticks = 100, .resident_pages = 2);
	run(HOST_INDEX_namedprocess);
	assert_value("mstat_top_process_cpu_seconds_total{comm=\"a\",pid=\"10\"}", ticks(900));
	assert_int_equal(host_fixture_count(&test_host, "mstat_top_process_cpu"), 2);
	assert_int_equal(host_fixture_count(&test_host, "mstat_top_process_resident"), 2);
	assert_false(host_fixture_has(&test_host, "mstat_top_process_resident_memory_bytes{comm=\"a\",pid=\"10\"}"));
	PROCESS(.pid = 12, .comm = "c", .cmdline = "c", .user_ticks = 150, .resident_pages = 2);
	collect();
	assert_value("mstat_top_process_cpu_seconds_total{comm=\"c\",pid=\"12\"}", ticks(150));
}

static void test_threads_are_told_of_by_name_and_by_what_they_wait_for(void **state)
{
	(void)state;
	test_host.options.namedprocess_threads = true;
	PROCESS(.pid = 10, .comm = "web", .cmdline = "web", .threads = 3);
	PROCESS(.pid = 10, .comm = "web", .thread_of = "10", .user_ticks = 1);
	PROCESS(.pid = 11, .comm = "pool", .thread_of = "10", .user_ticks = 2, .read_bytes = 5);
	PROCESS(.pid = 12, .comm = "pool", .thread_of = "10", .user_ticks = 4);
	FILES({"proc/10/task/11/wchan", "futex_wait"}, {"proc/10/task/12/wchan", "0"});
	run(HOST_INDEX_namedprocess);
	assert_value(GROUP_BY("thread_count", "threadname", "pool", "web"), 2);
	assert_value("namedprocess_namegroup_thread_cpu_seconds_total{groupname=\"web\",mode=\"user\","
		     "threadname=\"pool\"}",
		     ticks(6));
	assert_value("namedprocess_namegroup_thread_io_bytes_total{groupname=\"web\",iomode=\"read\","
		     "threadname=\"pool\"}",
		     5);
	assert_value(GROUP_BY("threads_wchan", "wchan", "futex_wait", "web"), 1);
	assert_int_equal(host_fixture_count(&test_host, "namedprocess_namegroup_threads_wchan"), 1);
	host_fixture_remove(&test_host, "proc/10/task/12");
	collect();
	assert_value(GROUP_BY("thread_count", "threadname", "pool", "web"), 1);
	assert_value("namedprocess_namegroup_thread_cpu_seconds_total{groupname=\"web\",mode=\"user\","
		     "threadname=\"pool\"}",
		     ticks(6));
}

static void test_proportional_memory_is_summed(void **state)
{
	(void)state;
	PROCESS(.pid = 10, .comm = "web", .cmdline = "web");
	PROCESS(.pid = 11, .comm = "web", .cmdline = "web");
	FILES({"proc/10/smaps_rollup", "Pss: 6 kB\nSwapPss: 1 kB\n"}, {"proc/11/smaps_rollup", "Pss: 4 kB\n"});
	run(HOST_INDEX_namedprocess);
	assert_value(GROUP_BY("memory_bytes", "memtype", "proportionalResident", "web"), 10240);
	assert_value(GROUP_BY("memory_bytes", "memtype", "proportionalSwapped", "web"), 1024);
}

static void test_hostile_names_become_labels_and_nothing_else(void **state)
{
	(void)state;
	PROCESS(.pid = 10, .comm = "a\"} 1\nx", .cmdline = "x");
	PROCESS(.pid = 11, .comm = "\xff\xfe", .cmdline = "x");
	run(HOST_INDEX_namedprocess);
	assert_value("namedprocess_namegroup_num_procs{groupname=\"a\\\"} 1\\nx\"}", 1);
	assert_value("namedprocess_namegroup_num_procs{groupname=\"\xef\xbf\xbd\"}", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NODE_TEST(test_a_group_sums_its_processes),
		NODE_TEST(test_counters_keep_the_share_of_processes_that_have_gone),
		NODE_TEST(test_exec_moves_a_process_and_not_what_it_did_before),
		NODE_TEST(test_children_belong_to_their_parents_unless_told_otherwise),
		NODE_TEST(test_children_are_strangers_where_that_is_asked_for),
		NODE_TEST(test_users_and_cgroups_are_read_where_a_name_asks_for_them),
		NODE_TEST(test_groups_without_members_leave_after_their_time),
		NODE_TEST(test_the_greatest_are_told_of_by_pid),
		NODE_TEST(test_threads_are_told_of_by_name_and_by_what_they_wait_for),
		NODE_TEST(test_proportional_memory_is_summed),
		NODE_TEST(test_hostile_names_become_labels_and_nothing_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
