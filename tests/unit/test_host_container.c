/* SPDX-License-Identifier: MIT */
/* Containers: control groups of both versions, on trees of our own and on this machine's. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "collect/container_identity.h"
#include "host_files.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID2 "ffff456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* ---- identities ------------------------------------------------------------------------------------------------- */

struct expected {
	const char *path, *runtime, *id, *pod_uid, *unit;
	bool kubernetes;
};
static const struct expected identities[] = {
	{"/", "", "", "", "", false},
	{"/system.slice/docker-" ID ".scope", "docker", ID, "", "docker-" ID ".scope", false},
	{"/docker/" ID, "docker", ID, "", "", false},
	{"/docker/short", "", "", "", "", false},
	{"/system.slice/docker.service", "", "", "", "docker.service", false},
	{"/system.slice/docker.service/sub", "", "", "", "docker.service", false},
	{"/user.slice/user-1000.slice/user@1000.service/app.slice/foo.service", "", "", "", "user@1000.service", false},
	{"/user.slice/user-1000.slice", "", "", "", "user-1000.slice", false},
	{"/init.scope", "", "", "", "init.scope", false},
	{"/machine.slice/libpod-" ID ".scope", "podman", ID, "", "libpod-" ID ".scope", false},
	{"/machine.slice/libpod-" ID ".scope/container", "", "", "", "libpod-" ID ".scope", false},
	{"/machine.slice/machine-web.scope", "systemd-nspawn", "web", "", "machine-web.scope", false},
	{"/lxc/web", "lxc", "web", "", "", false},
	{"/lxc.payload.web", "lxc", "web", "", "", false},
	{"/kubepods.slice", "", "", "", "kubepods.slice", true},
	{"/kubepods.slice/kubepods-burstable.slice", "", "", "", "kubepods-burstable.slice", true},
	{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1b2c_3d.slice", "", "", "1b2c-3d",
	 "kubepods-burstable-pod1b2c_3d.slice", true},
	{"/kubepods.slice/kubepods-pod1b2c_3d.slice/cri-containerd-" ID ".scope", "containerd", ID, "1b2c-3d",
	 "cri-containerd-" ID ".scope", true},
	{"/kubepods.slice/kubepods-pod1b2c_3d.slice/crio-" ID ".scope", "cri-o", ID, "1b2c-3d", "crio-" ID ".scope",
	 true},
	{"/kubepods.slice/kubepods-pod1b2c_3d.slice/crio-conmon-" ID ".scope", "", "", "1b2c-3d",
	 "crio-conmon-" ID ".scope", true},
	{"/kubepods/besteffort/pod1b2c-3d/" ID, "", ID, "1b2c-3d", "", true},
	{"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod1b2c.slice", "", "", "1b2c",
	 "kubelet-kubepods-pod1b2c.slice", true},
	{"/system.slice/kubepods-pod1b2c.slice:cri-containerd:" ID, "containerd", ID, "", "system.slice", true},
	{"//odd//docker//" ID "//", "docker", ID, "", "", false},
	{"no/slash", "", "", "", "", false},
};

static void test_paths_tell_container_pod_and_unit(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(identities) / sizeof(identities[0]); i++) {
		const struct expected *expected = &identities[i];
		struct container_identity identity;
		container_identity_parse(expected->path, &identity);
		if (strcmp(identity.runtime, expected->runtime) != 0 || strcmp(identity.id, expected->id) != 0 ||
		    strcmp(identity.pod_uid, expected->pod_uid) != 0 || strcmp(identity.unit, expected->unit) != 0 ||
		    identity.kubernetes != expected->kubernetes)
			fail_msg("%s: runtime \"%s\" id \"%s\" pod \"%s\" unit \"%s\" kubernetes %d", expected->path,
				 identity.runtime, identity.id, identity.pod_uid, identity.unit, identity.kubernetes);
	}
}

static void test_very_long_names_are_cut(void **state)
{
	struct container_identity identity;
	char path[8192] = "/kubepods/pod";
	(void)state;
	memset(path + strlen(path), 'a', 4000);
	container_identity_parse(path, &identity);
	assert_int_equal(strlen(identity.pod_uid), sizeof(identity.pod_uid) - 1);
	memcpy(path + 4000, ".service", sizeof(".service"));
	container_identity_parse(path + strlen("/kubepods"), &identity);
	assert_int_equal(strlen(identity.unit), sizeof(identity.unit) - 1);
}

/* ---- version 2 -------------------------------------------------------------------------------------------------- */

#define V2_MOUNT "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
#define V2 "root/sys/fs/cgroup"
#define SSH V2 "/system.slice/ssh.service/"
#define OF_SSH "id=\"/system.slice/ssh.service\",image=\"\",name=\"\""

static void v2_write(void)
{
	FILES({"proc/1/mountinfo", "22 27 0:21 / /proc rw - proc proc rw\n" V2_MOUNT},
	      {"proc/stat", "cpu 1\nbtime 1000000\n"},
	      {"proc/77/stat", "77 (a) b) S 1 77 77 0 -1 4194560 1 2 3 4 5 6 7 8 "
			       "20 0 1 0 250 1 1\n"},
	      {V2 "/cgroup.procs", ""}, {SSH "cgroup.procs", "77\n88\n"},
	      {SSH "cpu.stat", "usage_usec 2500000\nuser_usec 1500000\nsystem_usec 1000000\nnr_periods 10\n"
			       "nr_throttled 2\nthrottled_usec 500000\n"},
	      {SSH "cpu.max", "150000 100000\n"}, {SSH "cpu.weight", "100\n"}, {SSH "memory.current", "1000\n"},
	      {SSH "memory.peak", "2000\n"}, {SSH "memory.max", "max\n"}, {SSH "memory.min", "0\n"},
	      {SSH "memory.swap.current", "5\n"}, {SSH "memory.swap.max", "4096\n"},
	      {SSH "memory.events", "low 0\nhigh 3\nmax 4\noom 2\noom_kill 1\n"},
	      {SSH "memory.stat",
	       "anon 100\nfile 400\nfile_mapped 40\nfile_dirty 4\nfile_writeback 8\n"
	       "inactive_file 300\nactive_file 90\npgfault 11\npgmajfault 12\npgscan 13\npgsteal 14\n"
	       "workingset_refault_anon 15\nworkingset_refault_file 16\nslab\n"},
	      {SSH "io.stat", "8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n7:1 \nbad\n"},
	      {SSH "pids.current", "7\n"}, {SSH "pids.max", "max\n"},
	      {SSH "cpu.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\n"
				   "full avg10=0.00 avg60=0.00 avg300=0.00 total=500000\n"},
	      {SSH "memory.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=x\n"});
	host_fixture_mkdir(&test_host, "sys/dev/block");
	host_fixture_link(&test_host, "sys/dev/block/8:0", "../../devices/pci/block/sda");
}

static void test_v2_tells_cpu_and_memory_of_a_group(void **state)
{
	(void)state;
	v2_write();
	run(HOST_INDEX_container);
	assert_success("container", 1);
	assert_value("container_cpu_usage_seconds_total{cpu=\"total\"," OF_SSH "}", 2.5);
	assert_value("container_cpu_user_seconds_total{" OF_SSH "}", 1.5);
	assert_value("container_cpu_cfs_throttled_periods_total{" OF_SSH "}", 2);
	assert_value("container_cpu_cfs_throttled_seconds_total{" OF_SSH "}", 0.5);
	assert_value("container_spec_cpu_quota{" OF_SSH "}", 150000);
	assert_value("container_spec_cpu_period{" OF_SSH "}", 100000);
	assert_value("container_spec_cpu_shares{" OF_SSH "}", 2597);
	assert_value("container_memory_usage_bytes{" OF_SSH "}", 1000);
	assert_value("container_memory_working_set_bytes{" OF_SSH "}", 700);
	assert_value("container_memory_max_usage_bytes{" OF_SSH "}", 2000);
	assert_value("container_memory_rss{" OF_SSH "}", 100);
	assert_value("container_memory_cache{" OF_SSH "}", 400);
	assert_value("container_memory_swap{" OF_SSH "}", 5);
	assert_value("container_memory_failcnt{" OF_SSH "}", 4);
	assert_value("container_memory_failures_total{failure_type=\"pgmajfault\"," OF_SSH ",scope=\"hierarchy\"}", 12);
	assert_value("container_oom_events_total{" OF_SSH "}", 1);
	assert_value("container_spec_memory_limit_bytes{" OF_SSH "}", 0);
	assert_value("container_spec_memory_swap_limit_bytes{" OF_SSH "}", 4096);
}

static void test_v2_tells_io_tasks_and_pressure_of_a_group(void **state)
{
	(void)state;
	v2_write();
	run(HOST_INDEX_container);
	assert_value("container_fs_reads_bytes_total{device=\"/dev/sda\"," OF_SSH "}", 4096);
	assert_value("container_fs_writes_total{device=\"/dev/sda\"," OF_SSH "}", 2);
	assert_value("container_blkio_device_usage_total{device=\"/dev/sda\",id=\"/system.slice/ssh.service\","
		     "image=\"\",major=\"8\",minor=\"0\",name=\"\",operation=\"Write\"}",
		     8192);
	assert_value("container_threads{" OF_SSH "}", 7);
	assert_value("container_threads_max{" OF_SSH "}", 0);
	assert_value("container_processes{" OF_SSH "}", 2);
	assert_value("container_pressure_cpu_waiting_seconds_total{" OF_SSH "}", 1.5);
	assert_value("container_pressure_cpu_stalled_seconds_total{" OF_SSH "}", 0.5);
	assert_int_equal(host_fixture_count(&test_host, "container_pressure_memory"), 0);
	/* What did not parse: a line of memory.stat, one of io.stat, one of memory.pressure. */
	assert_skipped("container", 3);
}

static void test_a_group_starts_with_its_first_process_and_is_known_by_its_unit(void **state)
{
	(void)state;
	v2_write();
	run(HOST_INDEX_container);
	/* Boot at 1000000, and 250 ticks. */
	assert_value("container_start_time_seconds{" OF_SSH "}", 1000000 + 250.0 / (double)sysconf(_SC_CLK_TCK));
	assert_value(
		"mstat_container_info{container_id=\"\",id=\"/system.slice/ssh.service\",pod_uid=\"\",runtime=\"\","
		"unit=\"ssh.service\"}",
		1);
	assert_true(host_fixture_value(&test_host, "container_last_seen{" OF_SSH "}") > 1.7e9);
}

static void test_a_group_that_went_away_is_not_told_any_more(void **state)
{
	(void)state;
	v2_write();
	run(HOST_INDEX_container);
	assert_value("container_memory_usage_bytes{" OF_SSH "}", 1000);
	host_fixture_write(&test_host, SSH "memory.current", "1500\n");
	host_fixture_collect(&test_host);
	assert_value("container_memory_usage_bytes{" OF_SSH "}", 1500);
	host_fixture_remove(&test_host, V2 "/system.slice");
	host_fixture_collect(&test_host);
	assert_success("container", 1);
	assert_int_equal(host_fixture_count(&test_host, "container_memory_usage_bytes"), 0);
	assert_int_equal(host_fixture_count(&test_host, "container_last_seen"), 1);
}

/* ---- limits ----------------------------------------------------------------------------------------------------- */

static void test_what_is_too_deep_too_much_or_not_wanted_is_counted(void **state)
{
	(void)state;
	FILES({"proc/1/mountinfo", V2_MOUNT}, {V2 "/a/b/c/d/pids.current", "1\n"}, {V2 "/a/b2/pids.current", "1\n"},
	      {V2 "/home.mount/pids.current", "1\n"});
	test_host.options.container_max_depth = 2;
	run(HOST_INDEX_container);
	/* "/", "/a", "/a/b", "/a/b2"; "/home.mount" goes by the default pattern, "/a/b/c" is too deep. */
	assert_int_equal(host_fixture_count(&test_host, "container_last_seen"), 4);
	assert_value("mstat_containers_left_out{reason=\"depth\"}", 1);
	assert_value("mstat_containers_left_out{reason=\"pattern\"}", 1);
	assert_value("mstat_containers_left_out{reason=\"count\"}", 0);
}

static void test_groups_beyond_the_limit_are_counted_and_the_others_told(void **state)
{
	char path[128];
	(void)state;
	FILES({"proc/1/mountinfo", V2_MOUNT});
	for (int i = 0; i < 50; i++) {
		snprintf(path, sizeof(path), V2 "/group%d/pids.current", i);
		host_fixture_write(&test_host, path, "1\n");
	}
	test_host.options.container_max_groups = 20;
	run(HOST_INDEX_container);
	assert_int_equal(host_fixture_count(&test_host, "container_last_seen"), 20);
	assert_value("mstat_containers_left_out{reason=\"count\"}", 31);
	/* New ones may be found first: some that were told before are left out for them. */
	for (int i = 50; i < 60; i++) {
		snprintf(path, sizeof(path), V2 "/group%d/pids.current", i);
		host_fixture_write(&test_host, path, "1\n");
	}
	host_fixture_collect(&test_host);
	assert_int_equal(host_fixture_count(&test_host, "container_last_seen"), 20);
	assert_value("mstat_containers_left_out{reason=\"count\"}", 41);
}

static void test_patterns_choose_groups_but_not_what_is_beneath(void **state)
{
	(void)state;
	FILES({"proc/1/mountinfo", V2_MOUNT}, {V2 "/a/one/pids.current", "1\n"}, {V2 "/a/two/pids.current", "2\n"});
	test_host.options.container_include = "^/a/";
	test_host.options.container_exclude = "two$";
	run(HOST_INDEX_container);
	assert_int_equal(host_fixture_count(&test_host, "container_last_seen"), 1);
	assert_value("container_threads{id=\"/a/one\",image=\"\",name=\"\"}", 1);
}

static void test_a_fifo_and_a_link_in_place_of_files_harm_nothing(void **state)
{
	(void)state;
	FILES({"proc/1/mountinfo", V2_MOUNT}, {V2 "/a/pids.current", "3\n"}, {"root/secret", "9\n"});
	assert_int_equal(mkfifo(host_fixture_path(&test_host, V2 "/a/memory.current"), 0644), 0);
	host_fixture_link(&test_host, V2 "/a/pids.max", "../../../../secret");
	host_fixture_link(&test_host, V2 "/loop", ".");
	run(HOST_INDEX_container);
	assert_success("container", 1);
	assert_value("container_threads{id=\"/a\",image=\"\",name=\"\"}", 3);
	assert_int_equal(host_fixture_count(&test_host, "container_threads_max"), 0);
	assert_int_equal(host_fixture_count(&test_host, "container_last_seen"), 2);
}

/* ---- version 1, and both ---------------------------------------------------------------------------------------- */

#define V1_MOUNT(names) "31 23 0:29 / /sys/fs/cgroup/" names " rw,relatime - cgroup cgroup rw," names "\n"
#define V1(names) "root/sys/fs/cgroup/" names "/docker/" ID
#define OF_DOCKER "id=\"/docker/" ID "\",image=\"\",name=\"" ID "\""

static void v1_write(const char *further_mounts)
{
	char mounts[2048];
	snprintf(mounts, sizeof(mounts), "%s%s%s%s%s%s", V1_MOUNT("cpu,cpuacct"), V1_MOUNT("memory"), V1_MOUNT("blkio"),
		 V1_MOUNT("pids"), V1_MOUNT("cpuset"), further_mounts);
	FILES({"proc/1/mountinfo", mounts}, {V1("cpu,cpuacct") "/cpuacct.usage", "3000000000\n"},
	      {V1("cpu,cpuacct") "/cpuacct.stat", "user 100\nsystem 200\n"},
	      {V1("cpu,cpuacct") "/cpu.stat", "nr_periods 5\nnr_throttled 1\nthrottled_time 250000000\n"},
	      {V1("cpu,cpuacct") "/cpu.cfs_period_us", "100000\n"}, {V1("cpu,cpuacct") "/cpu.cfs_quota_us", "50000\n"},
	      {V1("cpu,cpuacct") "/cpu.shares", "512\n"}, {V1("memory") "/memory.usage_in_bytes", "900\n"},
	      {V1("memory") "/memory.stat", "cache 1\nrss 2\npgfault 3\npgmajfault 4\ntotal_cache 10\ntotal_rss 20\n"
					    "total_inactive_file 1000\ntotal_pgfault 30\n"},
	      {V1("memory") "/memory.limit_in_bytes", "9223372036854771712\n"},
	      {V1("memory") "/memory.soft_limit_in_bytes", "4096\n"},
	      {V1("memory") "/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"},
	      {V1("memory") "/memory.failcnt", "6\n"},
	      {V1("blkio") "/blkio.throttle.io_service_bytes_recursive",
	       "8:16 Read 512\n8:16 Write 1024\n8:16 Sync 0\n8:16 Total 1536\nTotal 1536\n"},
	      {V1("blkio") "/blkio.throttle.io_serviced_recursive", "8:16 Read 1\n8:16 Write 2\nTotal 3\n"},
	      {V1("pids") "/pids.current", "4\n"}, {V1("pids") "/pids.max", "100\n"},
	      {V1("pids") "/cgroup.procs", "1\n2\n3\n"});
}

static void test_v1_tells_a_group_from_all_its_hierarchies(void **state)
{
	(void)state;
	v1_write("");
	/* A group counts once, not in each hierarchy: there is room for one that only the last has. */
	test_host.options.container_max_groups = 4;
	host_fixture_write(&test_host, "root/sys/fs/cgroup/pids/extra/pids.current", "6\n");
	run(HOST_INDEX_container);
	assert_success("container", 1);
	assert_value("container_cpu_usage_seconds_total{cpu=\"total\"," OF_DOCKER "}", 3);
	assert_value("container_cpu_system_seconds_total{" OF_DOCKER "}", 200.0 / (double)sysconf(_SC_CLK_TCK));
	assert_value("container_cpu_cfs_throttled_seconds_total{" OF_DOCKER "}", 0.25);
	assert_value("container_spec_cpu_quota{" OF_DOCKER "}", 50000);
	assert_value("container_spec_cpu_shares{" OF_DOCKER "}", 512);
	assert_value("container_memory_rss{" OF_DOCKER "}", 20);
	assert_value("container_memory_usage_bytes{" OF_DOCKER "}", 900);
	assert_value("container_memory_working_set_bytes{" OF_DOCKER "}", 0);
	assert_value("container_memory_failures_total{failure_type=\"pgfault\"," OF_DOCKER ",scope=\"container\"}", 3);
	assert_value("container_memory_failures_total{failure_type=\"pgfault\"," OF_DOCKER ",scope=\"hierarchy\"}", 30);
	assert_value("container_spec_memory_limit_bytes{" OF_DOCKER "}", 0);
	assert_value("container_spec_memory_reservation_limit_bytes{" OF_DOCKER "}", 4096);
	assert_value("container_oom_events_total{" OF_DOCKER "}", 2);
	assert_value("container_fs_writes_bytes_total{device=\"8:16\"," OF_DOCKER "}", 1024);
	assert_value("container_fs_reads_total{device=\"8:16\"," OF_DOCKER "}", 1);
	assert_value("container_threads{" OF_DOCKER "}", 4);
	assert_value("container_processes{" OF_DOCKER "}", 3);
	assert_value("container_threads{id=\"/extra\",image=\"\",name=\"\"}", 6);
	/* "/", "/docker", "/docker/ID", "/extra" */
	assert_int_equal(host_fixture_count(&test_host, "container_last_seen"), 4);
}

static void test_where_both_versions_are_mounted_each_tells_its_part(void **state)
{
	(void)state;
	v1_write("38 31 0:35 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n");
	FILES({V1("unified") "/cpu.stat", "usage_usec 999000000\nuser_usec 1\nsystem_usec 1\n"},
	      {V1("unified") "/cpu.pressure", "some avg10=0 avg60=0 avg300=0 total=2000000\n"});
	run(HOST_INDEX_container);
	assert_value("container_cpu_usage_seconds_total{cpu=\"total\"," OF_DOCKER "}", 3);
	assert_value("container_pressure_cpu_waiting_seconds_total{" OF_DOCKER "}", 2);
}

static void test_without_a_hierarchy_there_is_no_data(void **state)
{
	(void)state;
	FILES({"proc/1/mountinfo",
	       "22 27 0:21 / /proc rw - proc proc rw\nshort\n31 23 0:29 / /no/where rw - cgroup2 c rw\n"});
	run(HOST_INDEX_container);
	assert_success("container", 0);
	assert_int_equal(host_fixture_count(&test_host, "container_"), 0);
}

static void test_a_hierarchy_is_found_below_sysfs_where_only_that_was_given_to_us(void **state)
{
	(void)state;
	FILES({"proc/self/mountinfo", V2_MOUNT}, {"sys/fs/cgroup/a/pids.current", "5\n"});
	run(HOST_INDEX_container);
	assert_value("container_threads{id=\"/a\",image=\"\",name=\"\"}", 5);
}

/* ---- Kubernetes ------------------------------------------------------------------------------------------------- */

#define POD_SLICE "/kubepods.slice/kubepods-pod1b2c_3d.slice"

static void test_pods_get_the_names_that_the_kubelet_gave_their_logs(void **state)
{
	(void)state;
	FILES({"proc/1/mountinfo", V2_MOUNT}, {V2 POD_SLICE "/pids.current", "9\n"},
	      {V2 POD_SLICE "/cri-containerd-" ID ".scope/pids.current", "8\n"},
	      {V2 POD_SLICE "/cri-containerd-" ID2 ".scope/pids.current", "1\n"},
	      {"root/var/log/containers/web-7d_shop_nginx-" ID ".log", ""}, {"root/var/log/containers/junk", ""});
	host_fixture_mkdir(&test_host, "root/var/log/pods/shop_web-7d_1b2c-3d");
	host_fixture_mkdir(&test_host, "root/var/log/pods/other_x_9999");
	run(HOST_INDEX_container);
	assert_value("container_threads{container=\"nginx\",id=\"" POD_SLICE "/cri-containerd-" ID
		     ".scope\",image=\"\","
		     "name=\"" ID "\",namespace=\"shop\",pod=\"web-7d\"}",
		     8);
	/* The pod's own container has no log. */
	assert_value("container_threads{container=\"\",id=\"" POD_SLICE "/cri-containerd-" ID2 ".scope\",image=\"\","
		     "name=\"" ID2 "\",namespace=\"shop\",pod=\"web-7d\"}",
		     1);
	assert_value("container_threads{container=\"\",id=\"" POD_SLICE "\",image=\"\",name=\"\",namespace=\"shop\","
		     "pod=\"web-7d\"}",
		     9);
	assert_value("mstat_container_info{container_id=\"" ID "\",id=\"" POD_SLICE "/cri-containerd-" ID ".scope\","
		     "pod_uid=\"1b2c-3d\",runtime=\"containerd\",unit=\"cri-containerd-" ID ".scope\"}",
		     1);
}

static void test_a_pod_gets_its_name_when_its_log_comes(void **state)
{
	(void)state;
	FILES({"proc/1/mountinfo", V2_MOUNT}, {V2 POD_SLICE "/pids.current", "9\n"});
	run(HOST_INDEX_container);
	assert_value("container_threads{container=\"\",id=\"" POD_SLICE "\",image=\"\",name=\"\",namespace=\"\","
		     "pod=\"\"}",
		     9);
	host_fixture_mkdir(&test_host, "root/var/log/pods/shop_web-7d_1b2c-3d");
	host_fixture_collect(&test_host);
	assert_value("container_threads{container=\"\",id=\"" POD_SLICE "\",image=\"\",name=\"\",namespace=\"shop\","
		     "pod=\"web-7d\"}",
		     9);
}

/* ---- this machine ----------------------------------------------------------------------------------------------- */

static void live_start(void)
{
	static const char *const paths[HOST_ROOT_COUNT] = {"/proc", "/sys", "/", "/run/udev/data"};
	for (size_t i = 0; i < HOST_ROOT_COUNT; i++)
		test_host.options.paths[i] = paths[i];
	run(HOST_INDEX_container);
}

/* The first hierarchy in which a group can be made, in v2 or of pids in v1; NULL if there is none. */
static const char *live_group_make(char *path, size_t size)
{
	static const char *const places[] = {"/sys/fs/cgroup/pids", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"};
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, size, "%s/cgroup.procs", places[i]);
		if (access(path, F_OK))
			continue;
		snprintf(path, size, "%s/mstat-test-%d", places[i], (int)getpid());
		if (!mkdir(path, 0755))
			return path;
	}
	return NULL;
}

static size_t descriptors_count(void)
{
	size_t count = 0;
	for (int fd = 0; fd < 4096; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void test_groups_of_this_machine_come_and_go(void **state)
{
	char path[128], series[256];
	(void)state;
	if (!live_group_make(path, sizeof(path))) {
		print_message("skipped: no control group can be made here\n");
		skip();
	}
	test_host.options.container_include = "^/mstat-test-";
	live_start();
	snprintf(series, sizeof(series), "container_last_seen{id=\"/mstat-test-%d\",image=\"\",name=\"\"}",
		 (int)getpid());
	const bool seen = host_fixture_has(&test_host, series);
	host_fixture_collect(&test_host);
	const bool seen_again = host_fixture_has(&test_host, series);
	const size_t descriptors = descriptors_count();
	assert_int_equal(rmdir(path), 0);
	assert_true(seen && seen_again);
	assert_success("container", 1);
	host_fixture_collect(&test_host);
	assert_true(descriptors_count() < descriptors); /* its files are closed */
	assert_false(host_fixture_has(&test_host, series));
	assert_success("container", 1);
}

static void test_descriptors_are_bounded_and_given_back(void **state)
{
	(void)state;
	if (access("/sys/fs/cgroup", F_OK)) {
		print_message("skipped: no control groups here\n");
		skip();
	}
	const size_t before = descriptors_count();
	test_host.options.container_max_descriptors = 8;
	live_start();
	for (int i = 0; i < 20; i++)
		host_fixture_collect(&test_host);
	assert_true(descriptors_count() <= before + 8 + 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths_tell_container_pod_and_unit),
		cmocka_unit_test(test_very_long_names_are_cut),
		NODE_TEST(test_v2_tells_cpu_and_memory_of_a_group),
		NODE_TEST(test_v2_tells_io_tasks_and_pressure_of_a_group),
		NODE_TEST(test_a_group_starts_with_its_first_process_and_is_known_by_its_unit),
		NODE_TEST(test_a_group_that_went_away_is_not_told_any_more),
		NODE_TEST(test_what_is_too_deep_too_much_or_not_wanted_is_counted),
		NODE_TEST(test_groups_beyond_the_limit_are_counted_and_the_others_told),
		NODE_TEST(test_patterns_choose_groups_but_not_what_is_beneath),
		NODE_TEST(test_a_fifo_and_a_link_in_place_of_files_harm_nothing),
		NODE_TEST(test_v1_tells_a_group_from_all_its_hierarchies),
		NODE_TEST(test_where_both_versions_are_mounted_each_tells_its_part),
		NODE_TEST(test_without_a_hierarchy_there_is_no_data),
		NODE_TEST(test_a_hierarchy_is_found_below_sysfs_where_only_that_was_given_to_us),
		NODE_TEST(test_pods_get_the_names_that_the_kubelet_gave_their_logs),
		NODE_TEST(test_a_pod_gets_its_name_when_its_log_comes),
		NODE_TEST(test_groups_of_this_machine_come_and_go),
		NODE_TEST(test_descriptors_are_bounded_and_given_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
