/* SPDX-License-Identifier: MIT */
/* Host collectors that read one kind of file each: what they make of what is right, cut, wrong or missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "host_fixture.h"

static void collect(enum host_index index)
{
	host_fixture_start(&test_host, index);
	host_fixture_collect(&test_host);
}

static void assert_value(const char *series, double expected)
{
	double value = host_fixture_value(&test_host, series);
	if (value != expected)
		fail_msg("%s is %.17g, not %.17g", series, value, expected);
}

static void assert_success(const char *collector, bool expected)
{
	char series[128];
	snprintf(series, sizeof(series), "node_scrape_collector_success{collector=\"%s\"}", collector);
	assert_value(series, expected);
}

static void test_collectors_without_a_source_tell_no_data(void **state)
{
	static const struct {
		enum host_index index;
		const char *name;
	} collectors[] = {
		{HOST_INDEX_ipvs, "ipvs"},
		{HOST_INDEX_nfs, "nfs"},
		{HOST_INDEX_nfsd, "nfsd"},
		{HOST_INDEX_mountstats, "mountstats"},
		{HOST_INDEX_zfs, "zfs"},
		{HOST_INDEX_zoneinfo, "zoneinfo"},
		{HOST_INDEX_slabinfo, "slabinfo"},
		{HOST_INDEX_lnstat, "lnstat"},
		{HOST_INDEX_udp_queues, "udp_queues"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(collectors) / sizeof(collectors[0]); i++)
		test_host.options.enabled[collectors[i].index] = true;
	collect(HOST_INDEX_xfs);
	for (size_t i = 0; i < sizeof(collectors) / sizeof(collectors[0]); i++)
		assert_success(collectors[i].name, false);
	assert_success("xfs", true); /* a machine without such file systems is nothing special */
}

static void test_lnstat_tells_each_cpu_of_each_cache(void **state)
{
	(void)state;
	host_fixture_write(&test_host, "proc/net/stat/arp_cache",
			   "entries  allocs\n0000000a  00000001\n0000000a  0000001f\n");
	host_fixture_write(&test_host, "proc/net/stat/bad", "entries allocs\n1 zz\n2");
	collect(HOST_INDEX_lnstat);
	assert_value("node_lnstat_entries_total{cpu=\"0\",subsystem=\"arp_cache\"}", 10);
	assert_value("node_lnstat_allocs_total{cpu=\"1\",subsystem=\"arp_cache\"}", 31);
	assert_value("node_lnstat_entries_total{cpu=\"1\",subsystem=\"bad\"}", 2);
	assert_int_equal(host_fixture_count(&test_host, "node_lnstat_allocs_total{"), 2);
}

static void test_zfs_tells_module_pools_and_datasets(void **state)
{
	(void)state;
	host_fixture_write(
		&test_host, "proc/spl/kstat/zfs/arcstats",
		"6 1 0x01 91 4368 1 2\nname type data\nhits 4 12\nmemory_available_bytes 3 -5\nodd 7 text\ncut 4\n");
	host_fixture_write(&test_host, "proc/spl/kstat/zfs/fm",
			   "1 1\nname type data\nerpt-dropped 4 18446744073709551615\n");
	host_fixture_write(&test_host, "proc/spl/kstat/zfs/tank/io", "1 3 0x00\nnread nwritten reads\n7 8\n");
	host_fixture_write(&test_host, "proc/spl/kstat/zfs/tank/state", "DEGRADED\n");
	host_fixture_write(&test_host, "proc/spl/kstat/zfs/tank/objset-0x36",
			   "1 1\nname type data\ndataset_name 7 tank/a b\nwrites 4 9\n");
	collect(HOST_INDEX_zfs);
	assert_value("node_zfs_arc_hits", 12);
	assert_value("node_zfs_arc_memory_available_bytes", -5);
	assert_int_equal(host_fixture_count(&test_host, "node_zfs_arc_"), 2);
	assert_value("node_zfs_fm_erpt_dropped", 18446744073709551615.0);
	assert_value("node_zfs_zpool_nwritten{zpool=\"tank\"}", 8);
	assert_int_equal(host_fixture_count(&test_host, "node_zfs_zpool_reads"), 0);
	assert_value("node_zfs_zpool_state{state=\"degraded\",zpool=\"tank\"}", 1);
	assert_value("node_zfs_zpool_state{state=\"online\",zpool=\"tank\"}", 0);
	assert_value("node_zfs_zpool_dataset_writes{dataset=\"tank/a b\",zpool=\"tank\"}", 9);
}

static void test_nfs_counts_procedures_by_their_number(void **state)
{
	(void)state;
	host_fixture_write(&test_host, "proc/net/rpc/nfs",
			   "net 70 7 63 45\nrpc 12 3 4\nproc3 22 1 2 3\nproc4 48 5 6\nproc9 1 1\n\nrpc");
	collect(HOST_INDEX_nfs);
	assert_value("node_nfs_packets_total{protocol=\"udp\"}", 7);
	assert_value("node_nfs_connections_total", 45);
	assert_value("node_nfs_requests_total{method=\"GetAttr\",proto=\"3\"}", 2);
	assert_value("node_nfs_requests_total{method=\"Commit\",proto=\"3\"}", 0);
	assert_value("node_nfs_requests_total{method=\"Read\",proto=\"4\"}", 6);
	assert_int_equal(host_fixture_count(&test_host, "node_nfs_requests_total{"), 22 + 59);
}

/* Verify and Write are operations 37 and 38 (RFC 7530). node_exporter 1.5 tells 35 and 36 under these names, which is
 * why two of its golden series differ from ours. */
static void test_nfsd_counts_operations_by_their_number(void **state)
{
	char text[1024] = "rc 1 2 3\nth 8 0\nio 5 6\nrpc 9 3 1 2 0\nproc3 22 100 2\nproc4ops 40";
	(void)state;
	for (int i = 0; i < 40; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %d", 1000 + i);
	strcat(text, "\n");
	host_fixture_write(&test_host, "proc/net/rpc/nfsd", text);
	collect(HOST_INDEX_nfsd);
	assert_value("node_nfsd_reply_cache_nocache_total", 3);
	assert_value("node_nfsd_server_threads", 8);
	assert_value("node_nfsd_rpc_errors_total{error=\"auth\"}", 2);
	assert_value("node_nfsd_requests_total{method=\"GetAttr\",proto=\"3\"}", 2);
	assert_false(host_fixture_has(&test_host, "node_nfsd_requests_total{method=\"Null\",proto=\"3\"}"));
	assert_value("node_nfsd_requests_total{method=\"Access\",proto=\"4\"}", 1003);
	assert_value("node_nfsd_requests_total{method=\"Verify\",proto=\"4\"}", 1037);
	assert_value("node_nfsd_requests_total{method=\"Write\",proto=\"4\"}", 1038);
}

#define MOUNT(where, version, transport)                                                                               \
	"device srv:/x mounted on " where " with fstype nfs4 statvers=" version "\n\tage:\t5\n"                        \
	"\tevents:\t1 2 3\n\tbytes:\t11 12\n\txprt:\t" transport "\n\tper-op statistics\n"                             \
	"\t        READ: 1 2 3 4 5 6000 7 18446744073709551615 0\n\n"

static void test_mountstats_tells_each_server_once(void **state)
{
	(void)state;
	host_fixture_write(&test_host, "proc/self/mountinfo",
			   "1 1 0:5 / / rw - ext4 /dev/sda1 rw\n"
			   "2 1 0:6 / /a rw - nfs4 srv:/x rw,clientaddr=10.0.0.9,addr=10.0.0.1\n"
			   "3 1 0:6 / /b rw - nfs4 srv:/x rw,addr=10.0.0.1\n"
			   "4 1 0:6 / /c rw - nfs4 srv:/x rw,addr=10.0.0.1\n");
	host_fixture_write(&test_host, "proc/self/mountstats",
			   "device /dev/sda1 mounted on / with fstype ext4\n" MOUNT(
				   "/a", "1.1", "tcp 832 0 1 0 11 21 22 23 24 25 26 27 28")
				   MOUNT("/b", "1.1", "tcp 1 9") MOUNT("/c", "1.0", "udp 832 3 21 22 23 24 25"));
	collect(HOST_INDEX_mountstats);
#define OF(protocol) "export=\"srv:/x\",mountaddr=\"10.0.0.1\",protocol=\"" protocol "\"}"
	assert_value("node_mountstats_nfs_age_seconds_total{" OF("tcp"), 5);
	assert_value("node_mountstats_nfs_event_data_invalidate_total{" OF("tcp"), 3);
	assert_value("node_mountstats_nfs_write_bytes_total{" OF("udp"), 12);
	assert_value("node_mountstats_nfs_transport_idle_time_seconds{" OF("tcp"), 11);
	assert_value("node_mountstats_nfs_transport_pending_queue_total{" OF("tcp"), 28);
	assert_value("node_mountstats_nfs_transport_bind_total{" OF("udp"), 3);
	assert_value("node_mountstats_nfs_transport_sends_total{" OF("udp"), 21);
	assert_value("node_mountstats_nfs_transport_backlog_queue_total{" OF("udp"), 25);
	assert_value("node_mountstats_nfs_operations_queue_time_seconds_total{export=\"srv:/x\",mountaddr=\"10.0.0.1\","
		     "operation=\"READ\",protocol=\"tcp\"}",
		     6);
	assert_int_equal(host_fixture_count(&test_host, "node_mountstats_nfs_age_seconds_total{"), 2);
	/* Again: nothing of the last collection counts as told. */
	host_fixture_collect(&test_host);
	assert_int_equal(host_fixture_count(&test_host, "node_mountstats_nfs_age_seconds_total{"), 2);
}

static void test_zoneinfo_tells_zones_and_protection(void **state)
{
	(void)state;
	host_fixture_write(
		&test_host, "proc/zoneinfo",
		"      nr_dirty 99\nNode 0, zone      DMA\n  per-node stats\n      nr_dirty     103\n  pages free     "
		"2949\n"
		"        min      8\n        protection: (0, 2039)\n      nr_kernel_stack 4\n      numa_hit  \n"
		"    cpu: 0\n              high:  7\nNode 1, zone Normal\n  pages free 1\n        high 14\n");
	collect(HOST_INDEX_zoneinfo);
	assert_value("node_zoneinfo_nr_dirty_pages{node=\"0\",zone=\"DMA\"}", 103);
	assert_value("node_zoneinfo_min_pages{node=\"0\",zone=\"DMA\"}", 8);
	assert_value("node_zoneinfo_protection_1{node=\"0\",zone=\"DMA\"}", 2039);
	assert_value("node_zoneinfo_nr_kernel_stacks{node=\"0\",zone=\"DMA\"}", 4);
	assert_value("node_zoneinfo_high_pages{node=\"1\",zone=\"Normal\"}", 14);
	assert_int_equal(host_fixture_count(&test_host, "node_zoneinfo_high_pages{"), 1);
	assert_int_equal(host_fixture_count(&test_host, "node_zoneinfo_numa_hit_total"), 0);
}

static void test_slabinfo_passes_over_cut_lines(void **state)
{
	(void)state;
	host_fixture_write(&test_host, "proc/slabinfo",
			   "slabinfo - version: 2.1\n# name <active_objs>\nfoo 1 2 3 4 5 : tunables\nbar 1 2\n");
	collect(HOST_INDEX_slabinfo);
	assert_value("node_slabinfo_active_objects{slab=\"foo\"}", 1);
	assert_value("node_slabinfo_pages_per_slab{slab=\"foo\"}", 5);
	assert_int_equal(host_fixture_count(&test_host, "node_slabinfo_active_objects{"), 1);
}

#define IPVS_STATS                                                                                                     \
	"   Total Incoming\n   Conns  Packets\n      1A        2        3                4                5\n"
#define IPVS_HEAD "IP Virtual Server\nProt LocalAddress:Port\n  -> RemoteAddress:Port\n"

static void test_ipvs_tells_backends_of_all_kinds_of_services(void **state)
{
	(void)state;
	host_fixture_write(&test_host, "proc/net/ip_vs_stats", IPVS_STATS);
	host_fixture_write(&test_host, "proc/net/ip_vs",
			   IPVS_HEAD
			   "TCP  C0A80016:0CEA wlc\n  -> C0A85216:0050      Tunnel  100    248        2\n"
			   "UDP  [2001:0db8:0000:0000:0000:0000:0000:0001]:0035 rr\n"
			   "  -> [2001:0db8:0000:0000:0000:0000:0000:0002]:0035 Route 1 2 3\n"
			   "FWM  10001000 wlc\n  -> C0A8321A:0CEA      Tunnel  20     64         1\n  -> bad\n");
	collect(HOST_INDEX_ipvs);
	assert_value("node_ipvs_connections_total", 26);
	assert_value("node_ipvs_backend_connections_active{local_address=\"192.168.0.22\",local_mark=\"\",local_port="
		     "\"3306\","
		     "proto=\"TCP\",remote_address=\"192.168.82.22\",remote_port=\"80\"}",
		     248);
	assert_value("node_ipvs_backend_weight{local_address=\"2001:db8::1\",local_mark=\"\",local_port=\"53\",proto="
		     "\"UDP\","
		     "remote_address=\"2001:db8::2\",remote_port=\"53\"}",
		     1);
	assert_value(
		"node_ipvs_backend_connections_inactive{local_address=\"\",local_mark=\"10001000\",local_port=\"0\","
		"proto=\"FWM\",remote_address=\"192.168.50.26\",remote_port=\"3306\"}",
		1);
}

static void test_ipvs_sums_what_its_labels_do_not_tell_apart(void **state)
{
	(void)state;
	test_host.options.ipvs_backend_labels = "local_port,proto";
	host_fixture_write(&test_host, "proc/net/ip_vs_stats", IPVS_STATS);
	host_fixture_write(&test_host, "proc/net/ip_vs",
			   IPVS_HEAD "TCP  C0A80016:0050 wlc\n  -> C0A85216:0050      Tunnel  1    10        2\n"
				     "TCP  C0A80017:0051 wlc\n  -> C0A85216:0050      Tunnel  1    100        2\n"
				     "TCP  C0A80018:0050 wlc\n  -> C0A85217:0050      Tunnel  1    20        2\n");
	collect(HOST_INDEX_ipvs);
	assert_value("node_ipvs_backend_connections_active{local_port=\"80\",proto=\"TCP\"}", 30);
	assert_value("node_ipvs_backend_connections_active{local_port=\"81\",proto=\"TCP\"}", 100);
}

static void test_udp_queues_sum_all_sockets(void **state)
{
	(void)state;
	host_fixture_write(&test_host, "proc/net/udp",
			   "  sl  local_address\n   0: 00000000:0016 00000000:0000 0A 00000015:00000001 00:0\n"
			   "   1: 00000000:0016 00000000:0000 0A 00000001:00000002 00:0\n   2: cut\n");
	collect(HOST_INDEX_udp_queues);
	assert_value("node_udp_queues{ip=\"v4\",queue=\"tx\"}", 0x16);
	assert_value("node_udp_queues{ip=\"v4\",queue=\"rx\"}", 3);
	assert_int_equal(host_fixture_count(&test_host, "node_udp_queues{"), 2);
}

static void test_xfs_tells_each_device(void **state)
{
	(void)state;
	host_fixture_write(&test_host, "sys/fs/xfs/sda1/stats/stats",
			   "extent_alloc 1 872 0 0\nrw 28 5\nig 5 1\nodd\n\n");
	collect(HOST_INDEX_xfs);
	assert_value("node_xfs_extent_allocation_blocks_allocated_total{device=\"sda1\"}", 872);
	assert_value("node_xfs_write_calls_total{device=\"sda1\"}", 28);
	assert_value("node_xfs_read_calls_total{device=\"sda1\"}", 5);
	assert_int_equal(host_fixture_count(&test_host, "node_xfs_inode_operation_"), 2);
}

static void test_sysctl_tells_numbers_fields_and_words(void **state)
{
	static char *numbers[] = {"kernel.threads-max", "fs.file-nr", "fs.file-nr:total,current,max",
				  "net.ipv4.conf.eth0/1.forwarding", NULL};
	static char *words[] = {"kernel.seccomp.actions_avail", NULL};
	(void)state;
	test_host.options.sysctl_include = numbers;
	test_host.options.sysctl_include_info = words;
	host_fixture_write(&test_host, "proc/sys/kernel/threads-max", "7801\n");
	host_fixture_write(&test_host, "proc/sys/fs/file-nr", "1024\t0\t-9\n");
	host_fixture_write(&test_host, "proc/sys/net/ipv4/conf/eth0.1/forwarding", "1\n");
	host_fixture_write(&test_host, "proc/sys/kernel/seccomp/actions_avail", "trap log\n");
	collect(HOST_INDEX_sysctl);
	assert_success("sysctl", true);
	assert_value("node_sysctl_kernel_threads_max", 7801);
	assert_value("node_sysctl_fs_file_nr{index=\"2\"}", -9);
	assert_value("node_sysctl_fs_file_nr_total", 1024);
	assert_value("node_sysctl_net_ipv4_conf_eth0_1_forwarding", 1);
	assert_value("node_sysctl_info{index=\"1\",name=\"kernel.seccomp.actions_avail\",value=\"log\"}", 1);
}

static void test_sysctl_fails_for_words_and_wrong_fields_but_tells_the_rest(void **state)
{
	static char *numbers[] = {"a", "b:one", "none", "c", NULL};
	(void)state;
	test_host.options.sysctl_include = numbers;
	host_fixture_write(&test_host, "proc/sys/a", "1 two\n");
	host_fixture_write(&test_host, "proc/sys/b", "1 2\n");
	host_fixture_write(&test_host, "proc/sys/c", "3\n");
	collect(HOST_INDEX_sysctl);
	assert_success("sysctl", false);
	assert_value("node_sysctl_c", 3);
	assert_int_equal(host_fixture_count(&test_host, "node_sysctl_"), 1);
}

static void test_qdisc_and_wifi_read_files_instead_of_the_kernel(void **state)
{
	(void)state;
	test_host.options.qdisc_fixtures = test_host.options.wifi_fixtures = test_host.directory;
	test_host.options.qdisc_device_exclude = "^lo$";
	test_host.options.enabled[HOST_INDEX_qdisc] = true;
	host_fixture_write(&test_host, "results.json",
			   "[{\"IfaceName\":\"eth0\",\"Kind\":\"fq\",\"Bytes\":42,\"Drops\":1},{\"Kind\":\"x\"},"
			   "{\"IfaceName\":\"lo\",\"Kind\":\"fq\"}]");
	host_fixture_write(
		&test_host, "interfaces.json",
		"[{\"name\":\"wlan0\",\"frequency\":2412},{\"name\":\"wlan1\",\"frequency\":5180},{\"type\":10}]");
	host_fixture_write(&test_host, "wlan0/bss.json", "{\"ssid\":\"a \\\" b\",\"bssid\":\"ABEiM0RV\",\"status\":1}");
	host_fixture_write(
		&test_host, "wlan0/stationinfo.json",
		"[{\"hardwareaddr\":\"qrvM3e7/\",\"inactive\":400000000,\"signal\":-52},{\"hardwareaddr\":\"?\"}]");
	collect(HOST_INDEX_wifi);
	assert_success("wifi", true);
	assert_value("node_qdisc_bytes_total{device=\"eth0\",kind=\"fq\"}", 42);
	assert_int_equal(host_fixture_count(&test_host, "node_qdisc_bytes_total{"), 1);
	assert_value("node_wifi_interface_frequency_hertz{device=\"wlan1\"}", 5.18e9);
	assert_value("node_wifi_station_info{bssid=\"00:11:22:33:44:55\",device=\"wlan0\",mode=\"client\",ssid=\"a "
		     "\\\" b\"}",
		     1);
	assert_value("node_wifi_station_signal_dbm{device=\"wlan0\",mac_address=\"aa:bb:cc:dd:ee:ff\"}", -52);
	assert_value("node_wifi_station_inactive_seconds{device=\"wlan0\",mac_address=\"aa:bb:cc:dd:ee:ff\"}", 0.4);
}

/* What every Linux answers; the values are the machine's own. */
static void test_netlink_collectors_and_timex_answer_here(void **state)
{
	(void)state;
	test_host.options.enabled[HOST_INDEX_qdisc] = true;
	test_host.options.enabled[HOST_INDEX_tcpstat] = true;
	test_host.options.enabled[HOST_INDEX_network_route] = true;
	collect(HOST_INDEX_timex);
	assert_success("qdisc", true);
	assert_success("tcpstat", true);
	assert_success("network_route", true);
	if (host_fixture_has(&test_host, "node_timex_tick_seconds")) { /* a sandbox may refuse it */
		double tick = host_fixture_value(&test_host, "node_timex_tick_seconds");
		assert_true(tick >= 0.009 && tick <= 0.011);
	}
}

/* Whatever is in the files: nothing crashes, and the other collectors go on. */
static void test_collectors_survive_bytes_of_all_kinds(void **state)
{
	static const char *const files[] = {"proc/net/stat/x",
					    "proc/spl/kstat/zfs/arcstats",
					    "proc/spl/kstat/zfs/p/io",
					    "proc/spl/kstat/zfs/p/objset-1",
					    "proc/net/rpc/nfs",
					    "proc/net/rpc/nfsd",
					    "proc/self/mountstats",
					    "proc/self/mountinfo",
					    "proc/zoneinfo",
					    "proc/slabinfo",
					    "proc/net/ip_vs",
					    "proc/net/ip_vs_stats",
					    "proc/net/udp",
					    "sys/fs/xfs/d/stats/stats"};
	static const char *const pieces[] = {"\n",
					     " ",
					     "\t",
					     "name type data",
					     "net",
					     "proc4ops",
					     "-",
					     "device a mounted on b with fstype nfs",
					     "xprt:",
					     "tcp",
					     "per-op statistics",
					     "READ:",
					     "events:",
					     "Node 0, zone",
					     "DMA",
					     "protection: (",
					     "pages",
					     "min",
					     "TCP ",
					     "C0A80016:0CEA",
					     "-> ",
					     "[::1]:",
					     "FWM",
					     "18446744073709551616",
					     "ffffffffffffffff0",
					     "1",
					     "-1",
					     "\xff\xfe",
					     ":",
					     "4",
					     "dataset_name",
					     "extent_alloc",
					     " - nfs a addr=",
					     ","};
	unsigned seed = (unsigned)getpid();
	(void)state;
	print_message("seed %u\n", seed);
	srandom(seed);
	test_host.options.enabled[HOST_INDEX_lnstat] = test_host.options.enabled[HOST_INDEX_zfs] =
		test_host.options.enabled[HOST_INDEX_nfs] = test_host.options.enabled[HOST_INDEX_nfsd] =
			test_host.options.enabled[HOST_INDEX_mountstats] =
				test_host.options.enabled[HOST_INDEX_zoneinfo] =
					test_host.options.enabled[HOST_INDEX_ipvs] =
						test_host.options.enabled[HOST_INDEX_udp_queues] =
							test_host.options.enabled[HOST_INDEX_xfs] = true;
	for (int round = 0; round < 200; round++) {
		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
			char text[4096] = "";
			for (long count = random() % 60; count; count--) {
				strcat(text, pieces[(size_t)random() % (sizeof(pieces) / sizeof(pieces[0]))]);
				strcat(text, random() % 3 ? " " : "\n");
			}
			host_fixture_write(&test_host, files[i], text);
		}
		if (!round)
			host_fixture_start(&test_host, HOST_INDEX_slabinfo);
		host_fixture_collect(&test_host);
	}
	assert_success("xfs", true);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, host_fixture_setup, host_fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_collectors_without_a_source_tell_no_data),
		TEST(test_lnstat_tells_each_cpu_of_each_cache),
		TEST(test_zfs_tells_module_pools_and_datasets),
		TEST(test_nfs_counts_procedures_by_their_number),
		TEST(test_nfsd_counts_operations_by_their_number),
		TEST(test_mountstats_tells_each_server_once),
		TEST(test_zoneinfo_tells_zones_and_protection),
		TEST(test_slabinfo_passes_over_cut_lines),
		TEST(test_ipvs_tells_backends_of_all_kinds_of_services),
		TEST(test_ipvs_sums_what_its_labels_do_not_tell_apart),
		TEST(test_udp_queues_sum_all_sockets),
		TEST(test_xfs_tells_each_device),
		TEST(test_sysctl_tells_numbers_fields_and_words),
		TEST(test_sysctl_fails_for_words_and_wrong_fields_but_tells_the_rest),
		TEST(test_qdisc_and_wifi_read_files_instead_of_the_kernel),
		TEST(test_netlink_collectors_and_timex_answer_here),
		TEST(test_collectors_survive_bytes_of_all_kinds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
