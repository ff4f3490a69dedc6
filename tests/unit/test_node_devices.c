/* SPDX-License-Identifier: MIT */
/* Host collectors of devices, RAID, caches, power and memory nodes, on trees of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host_files.h"

/* ---- RAID ------------------------------------------------------------------------------------------------------- */

static void test_mdadm_tells_disks_and_progress_of_an_array_that_recovers(void **state)
{
	(void)state;
	FILES({"proc/mdstat", "Personalities : [raid1]\n"
			      "md1 : active raid1 sdb1[2](F) sdc1[3](S) sda1[0]\n"
			      "      1000 blocks super 1.2 [2/1] [U_]\n"
			      "      bitmap: 1/2 pages [4KB], 65536KB chunk\n"
			      "      [=>...]  recovery = 25.0% (250/1000) finish=1.0min speed=5K/sec\n"
			      "\n"
			      "unused devices: <none>\n"});
	run(HOST_INDEX_mdadm);
	assert_success("mdadm", 1);
	assert_value("node_md_disks{device=\"md1\",state=\"active\"}", 1);
	assert_value("node_md_disks{device=\"md1\",state=\"failed\"}", 1);
	assert_value("node_md_disks{device=\"md1\",state=\"spare\"}", 1);
	assert_value("node_md_disks_required{device=\"md1\"}", 2);
	assert_value("node_md_blocks{device=\"md1\"}", 1000);
	assert_value("node_md_blocks_synced{device=\"md1\"}", 250);
	assert_value("node_md_state{device=\"md1\",state=\"recovering\"}", 1);
	assert_value("node_md_state{device=\"md1\",state=\"active\"}", 0);
}

static void test_mdadm_counts_nothing_as_synced_while_a_resync_waits(void **state)
{
	(void)state;
	FILES({"proc/mdstat", "md2 : active (auto-read-only) raid1 sda[0] sdb[1]\n"
			      "      70 blocks [2/2] [UU]\n"
			      "      resync=PENDING\n"});
	run(HOST_INDEX_mdadm);
	assert_value("node_md_blocks_synced{device=\"md2\"}", 0);
	assert_value("node_md_state{device=\"md2\",state=\"resync\"}", 1);
}

static void test_mdadm_counts_the_disks_of_arrays_without_redundancy(void **state)
{
	(void)state;
	FILES({"proc/mdstat", "md3 : active raid0 sda[0] sdb[1] sdc[2]\n      90 blocks 64k chunks\n\n"
			      "md4 : inactive sdd[0](S)\n      30 blocks super external:imsm\n\n"});
	run(HOST_INDEX_mdadm);
	assert_value("node_md_disks{device=\"md3\",state=\"active\"}", 3);
	assert_value("node_md_disks_required{device=\"md3\"}", 3);
	assert_value("node_md_disks{device=\"md4\",state=\"active\"}", 0);
	assert_value("node_md_state{device=\"md4\",state=\"inactive\"}", 1);
}

static void test_mdadm_passes_over_an_array_it_cannot_read_and_tells_the_others(void **state)
{
	(void)state;
	FILES({"proc/mdstat", "md5 : active raid1 sda[0]\n      many blocks [2/2] [UU]\n\n"
			      "md6 : active\n"
			      "md7 : active raid1 sda[0] sdb[1]\n      10 blocks [2/2] [UU]\n"});
	run(HOST_INDEX_mdadm);
	assert_int_equal(host_fixture_count(&test_host, "node_md_blocks{"), 1);
	assert_value("node_md_blocks{device=\"md7\"}", 10);
	assert_skipped("mdadm", 2);
}

static void test_drbd_tells_both_nodes_and_bytes(void **state)
{
	(void)state;
	FILES({"proc/drbd", "version: 8.4.3 (api:1/proto:86-101)\n\n"
			    " 4: cs:StandAlone ro:Primary/Secondary ds:UpToDate/Outdated C r-----\n"
			    "    ns:2 nr:3 dw:4 al:x oos:5\n"});
	run(HOST_INDEX_drbd);
	assert_value("node_drbd_connected{device=\"drbd4\"}", 0);
	assert_value("node_drbd_node_role_is_primary{device=\"drbd4\",node=\"local\"}", 1);
	assert_value("node_drbd_node_role_is_primary{device=\"drbd4\",node=\"remote\"}", 0);
	assert_value("node_drbd_disk_state_is_up_to_date{device=\"drbd4\",node=\"remote\"}", 0);
	assert_value("node_drbd_network_sent_bytes_total{device=\"drbd4\"}", 2048);
	assert_value("node_drbd_network_received_bytes_total{device=\"drbd4\"}", 3);
	assert_value("node_drbd_out_of_sync_bytes{device=\"drbd4\"}", 5 * 1024);
	assert_false(host_fixture_has(&test_host, "node_drbd_activitylog_writes_total{device=\"drbd4\"}"));
	assert_skipped("drbd", 1);
}

/* ---- file systems and caches ------------------------------------------------------------------------------------ */

static void test_btrfs_computes_the_allocation_ratio_from_the_profile(void **state)
{
	(void)state;
	FILES({"sys/fs/btrfs/a-b/label", "music\n"}, {"sys/fs/btrfs/a-b/devices/sda/size", "2\n"},
	      {"sys/fs/btrfs/a-b/devices/sdb/size", "2\n"}, {"sys/fs/btrfs/a-b/devices/sdc/size", "2\n"},
	      {"sys/fs/btrfs/a-b/allocation/data/bytes_reserved", "7\n"},
	      {"sys/fs/btrfs/a-b/allocation/data/raid5/used_bytes", "10\n"},
	      {"sys/fs/btrfs/a-b/allocation/data/raid5/total_bytes", "20\n"},
	      {"sys/fs/btrfs/a-b/allocation/system/dup/used_bytes", "1\n"},
	      {"sys/fs/btrfs/a-b/allocation/metadata/raid77/used_bytes", "1\n"}, {"sys/fs/btrfs/features/x", "1\n"});
	run(HOST_INDEX_btrfs);
	assert_value("node_btrfs_info{label=\"music\",uuid=\"a-b\"}", 1);
	assert_int_equal(host_fixture_count(&test_host, "node_btrfs_info"), 1);
	assert_value("node_btrfs_device_size_bytes{device=\"sdb\",uuid=\"a-b\"}", 1024);
	assert_value("node_btrfs_allocation_ratio{block_group_type=\"data\",mode=\"raid5\",uuid=\"a-b\"}", 1.5);
	assert_value("node_btrfs_allocation_ratio{block_group_type=\"system\",mode=\"dup\",uuid=\"a-b\"}", 2);
	assert_value("node_btrfs_reserved_bytes{block_group_type=\"data\",uuid=\"a-b\"}", 7);
	assert_int_equal(host_fixture_count(&test_host, "node_btrfs_allocation_ratio"), 2);
}

static void test_btrfs_has_no_ratio_for_more_parity_than_devices(void **state)
{
	(void)state;
	FILES({"sys/fs/btrfs/a-b/devices/sda/size", "2\n"}, {"sys/fs/btrfs/a-b/devices/sdb/size", "2\n"},
	      {"sys/fs/btrfs/a-b/allocation/data/raid6/used_bytes", "10\n"});
	run(HOST_INDEX_btrfs);
	assert_success("btrfs", 1);
	assert_int_equal(host_fixture_count(&test_host, "node_btrfs_allocation_ratio"), 0);
}

static void bcache_write(void)
{
	FILES({"sys/fs/bcache/a-b/btree_cache_size", "1.5M\n"}, {"sys/fs/bcache/a-b/congested", "much\n"},
	      {"sys/fs/bcache/a-b/bdev0/stats_total/cache_hits", "546\n"},
	      {"sys/fs/bcache/a-b/bdev0/writeback_rate_debug",
	       "rate:\t\t1.1M/sec\ntarget:\t\t20.4G\nproportional:\t-427.5k\nchange:\t\t-\nnext io:\t17ms\n"},
	      {"sys/fs/bcache/a-b/cache0/written", "4.0k\n"},
	      {"sys/fs/bcache/a-b/cache0/priority_stats", "Unused:\t\t99%\nMetadata:\t3%\nAverage:\t1\n"},
	      {"sys/fs/bcache/register", ""});
}

static void test_bcache_reads_numbers_with_units(void **state)
{
	(void)state;
	bcache_write();
	run(HOST_INDEX_bcache);
	/* The digit behind the point is hundreds of the next smaller unit. */
	assert_value("node_bcache_btree_cache_size_bytes{uuid=\"a-b\"}", 1024 * 1024 + 500 * 1024);
	assert_value("node_bcache_writeback_rate{backing_device=\"bdev0\",uuid=\"a-b\"}", 1024 * 1024 + 100 * 1024);
	assert_value("node_bcache_dirty_target_bytes{backing_device=\"bdev0\",uuid=\"a-b\"}", 21894266880.0);
	assert_value("node_bcache_writeback_rate_proportional_term{backing_device=\"bdev0\",uuid=\"a-b\"}", -437748.0);
	assert_value("node_bcache_cache_hits_total{backing_device=\"bdev0\",uuid=\"a-b\"}", 546);
	assert_value("node_bcache_written_bytes_total{cache_device=\"cache0\",uuid=\"a-b\"}", 4096);
	assert_int_equal(host_fixture_count(&test_host, "node_bcache_congested"), 0);
	assert_int_equal(host_fixture_count(&test_host, "node_bcache_writeback_change"), 0);
	assert_skipped("bcache", 2);
}

static void test_bcache_tells_priority_statistics_only_when_asked(void **state)
{
	(void)state;
	bcache_write();
	run(HOST_INDEX_bcache);
	assert_int_equal(host_fixture_count(&test_host, "node_bcache_priority_stats"), 0);
	host_fixture_fini(&test_host);
	host_fixture_init(&test_host);
	bcache_write();
	test_host.options.bcache_priority_stats = true;
	run(HOST_INDEX_bcache);
	assert_value("node_bcache_priority_stats_unused_percent{cache_device=\"cache0\",uuid=\"a-b\"}", 99);
	assert_value("node_bcache_priority_stats_metadata_percent{cache_device=\"cache0\",uuid=\"a-b\"}", 3);
}

/* ---- memory ----------------------------------------------------------------------------------------------------- */

static void test_meminfo_numa_tells_each_node(void **state)
{
	(void)state;
	FILES({"sys/devices/system/node/node0/meminfo", "Node 0 MemTotal:  4 kB\nNode 0 HugePages_Free:  5\n"},
	      {"sys/devices/system/node/node0/numastat", "numa_hit 7\n"},
	      {"sys/devices/system/node/node12/meminfo", "Node 12 Active(anon):  1 kB\nNode 12 Odd: 3 MB\nNode\n"},
	      {"sys/devices/system/node/node12/numastat", ""}, {"sys/devices/system/node/online", "0,12\n"});
	run(HOST_INDEX_meminfo_numa);
	assert_value("node_memory_numa_MemTotal{node=\"0\"}", 4096);
	assert_value("node_memory_numa_HugePages_Free{node=\"0\"}", 5);
	assert_value("node_memory_numa_numa_hit_total{node=\"0\"}", 7);
	assert_value("node_memory_numa_Active_anon{node=\"12\"}", 1024);
	assert_int_equal(host_fixture_count(&test_host, "node_memory_numa_Odd"), 0);
	assert_skipped("meminfo_numa", 2);
}

static void test_buddyinfo_tells_blocks_by_order(void **state)
{
	(void)state;
	FILES({"proc/buddyinfo", "Node 1, zone   Normal   43   0   7 \nrubbish\n"});
	run(HOST_INDEX_buddyinfo);
	assert_value("node_buddyinfo_blocks{node=\"1\",size=\"0\",zone=\"Normal\"}", 43);
	assert_value("node_buddyinfo_blocks{node=\"1\",size=\"2\",zone=\"Normal\"}", 7);
	assert_int_equal(host_fixture_count(&test_host, "node_buddyinfo_blocks"), 3);
	assert_skipped("buddyinfo", 1);
}

static void test_ksmd_and_edac_tell_the_files_there_are(void **state)
{
	(void)state;
	FILES({"sys/kernel/mm/ksm/sleep_millisecs", "20\n"}, {"sys/kernel/mm/ksm/full_scans", "9\n"},
	      {"sys/devices/system/edac/mc/mc0/ce_count", "1\n"},
	      {"sys/devices/system/edac/mc/mc0/ue_noinfo_count", "6\n"},
	      {"sys/devices/system/edac/mc/mc0/csrow2/ce_count", "3\n"},
	      {"sys/devices/system/edac/mc/power/control", "auto\n"});
	test_host.options.enabled[HOST_INDEX_edac] = true;
	run(HOST_INDEX_ksmd);
	assert_value("node_ksmd_sleep_seconds", 0.02);
	assert_value("node_ksmd_full_scans_total", 9);
	assert_value("node_edac_correctable_errors_total{controller=\"0\"}", 1);
	assert_value("node_edac_csrow_uncorrectable_errors_total{controller=\"0\",csrow=\"unknown\"}", 6);
	assert_value("node_edac_csrow_correctable_errors_total{controller=\"0\",csrow=\"2\"}", 3);
	assert_int_equal(host_fixture_count(&test_host, "node_edac_"), 3);
}

/* ---- power, tapes, what the machine is --------------------------------------------------------------------------- */

static void test_power_supply_info_has_only_the_labels_that_the_supply_has(void **state)
{
	(void)state;
	FILES({"sys/class/power_supply/AC/online", "0\n"}, {"sys/class/power_supply/AC/type", "Mains\n"},
	      {"sys/class/power_supply/AC/manufacturer", "\n"}, {"sys/class/power_supply/BAT0/type", "Battery\n"},
	      {"sys/class/power_supply/BAT0/temp", "-15\n"}, {"sys/class/power_supply/BAT0/model_name", "M\xb3\xff\n"},
	      {"sys/class/power_supply/BAT0/voltage_now", "11660000\n"});
	run(HOST_INDEX_powersupplyclass);
	assert_value("node_power_supply_info{power_supply=\"AC\",type=\"Mains\"}", 1);
	assert_value("node_power_supply_info{model_name=\"M\xef\xbf\xbd\",power_supply=\"BAT0\",type=\"Battery\"}", 1);
	assert_value("node_power_supply_online{power_supply=\"AC\"}", 0);
	assert_value("node_power_supply_voltage_volt{power_supply=\"BAT0\"}", 11.66);
	assert_value("node_power_supply_temp_celsius{power_supply=\"BAT0\"}", -1.5);
}

static void test_rapl_numbers_zones_of_the_same_name(void **state)
{
	(void)state;
	char series[256];
	FILES({"sys/class/powercap/intel-rapl:0/name", "package-3\n"},
	      {"sys/class/powercap/intel-rapl:0/energy_uj", "1500000\n"},
	      {"sys/class/powercap/intel-rapl:0:0/name", "dram\n"},
	      {"sys/class/powercap/intel-rapl:0:0/energy_uj", "2000000\n"},
	      {"sys/class/powercap/intel-rapl:1:0/name", "dram\n"},
	      {"sys/class/powercap/intel-rapl:1:0/energy_uj", "3000000\n"},
	      {"sys/class/powercap/intel-rapl/enabled", "1\n"});
	run(HOST_INDEX_rapl);
	assert_success("rapl", 1);
	snprintf(series, sizeof(series), "node_rapl_package_joules_total{index=\"3\",path=\"%s\"}",
		 host_fixture_path(&test_host, "sys/class/powercap/intel-rapl:0"));
	assert_value(series, 1.5);
	snprintf(series, sizeof(series), "node_rapl_dram_joules_total{index=\"1\",path=\"%s\"}",
		 host_fixture_path(&test_host, "sys/class/powercap/intel-rapl:1:0"));
	assert_value(series, 3);
}

static void test_tapestats_takes_one_name_of_each_drive(void **state)
{
	(void)state;
	FILES({"sys/class/scsi_tape/st0/stats/io_ns", "2500000000\n"},
	      {"sys/class/scsi_tape/nst0/stats/io_ns", "2500000000\n"},
	      {"sys/class/scsi_tape/st0a/stats/io_ns", "2500000000\n"});
	run(HOST_INDEX_tapestats);
	assert_value("node_tape_io_time_seconds_total{device=\"st0\"}", 2.5);
	assert_int_equal(host_fixture_count(&test_host, "node_tape_"), 1);
}

static void test_dmi_nvme_cgroups_and_selinux_tell_what_is_there(void **state)
{
	(void)state;
	FILES({"sys/class/dmi/id/sys_vendor", "Acme\n"}, {"sys/class/dmi/id/chassis_version", "\n"},
	      {"sys/class/nvme/nvme0/model", "Disk 9000   \n"}, {"proc/cgroups", "#name h n e\ncpu\t3\t17\t1\nio\n"});
	test_host.options.enabled[HOST_INDEX_nvme] = true;
	test_host.options.enabled[HOST_INDEX_cgroups] = true;
	test_host.options.enabled[HOST_INDEX_selinux] = true;
	run(HOST_INDEX_dmi);
	assert_value("node_dmi_info{chassis_version=\"\",system_vendor=\"Acme\"}", 1);
	assert_value(
		"node_nvme_info{device=\"nvme0\",firmware_revision=\"\",model=\"Disk 9000\",serial=\"\",state=\"\"}",
		1);
	assert_value("node_cgroups_cgroups{subsys_name=\"cpu\"}", 17);
	assert_value("node_cgroups_enabled{subsys_name=\"cpu\"}", 1);
	assert_value("node_selinux_enabled", 0);
	assert_skipped("cgroups", 1);
}

/* ---- nothing there, and rubbish --------------------------------------------------------------------------------- */

struct collector {
	enum host_index index;
	const char *name;
	bool success_without_source; /* as node_exporter has it */
};
static const struct collector collectors[] = {
	{HOST_INDEX_arp, "arp", false},
	{HOST_INDEX_bcache, "bcache", true},
	{HOST_INDEX_bonding, "bonding", false},
	{HOST_INDEX_btrfs, "btrfs", true},
	{HOST_INDEX_buddyinfo, "buddyinfo", false},
	{HOST_INDEX_cgroups, "cgroups", false},
	{HOST_INDEX_dmi, "dmi", false},
	{HOST_INDEX_drbd, "drbd", false},
	{HOST_INDEX_edac, "edac", true},
	{HOST_INDEX_fibrechannel, "fibrechannel", false},
	{HOST_INDEX_infiniband, "infiniband", false},
	{HOST_INDEX_ksmd, "ksmd", false},
	{HOST_INDEX_mdadm, "mdadm", false},
	{HOST_INDEX_meminfo_numa, "meminfo_numa", true},
	{HOST_INDEX_netclass, "netclass", false},
	{HOST_INDEX_nvme, "nvme", false},
	{HOST_INDEX_powersupplyclass, "powersupplyclass", false},
	{HOST_INDEX_rapl, "rapl", false},
	{HOST_INDEX_selinux, "selinux", true},
	{HOST_INDEX_tapestats, "tapestats", false},
};
#define COLLECTOR_COUNT (sizeof(collectors) / sizeof(collectors[0]))

static void collectors_start(void)
{
	test_host.options.bcache_priority_stats = true;
	for (size_t i = 0; i < COLLECTOR_COUNT; i++)
		test_host.options.enabled[collectors[i].index] = true;
	host_fixture_start(&test_host, HOST_INDEX_arp);
}

static void test_collectors_without_a_source_succeed_or_fail_as_those_of_node_exporter(void **state)
{
	char series[128];
	(void)state;
	collectors_start();
	host_fixture_collect(&test_host);
	for (size_t i = 0; i < COLLECTOR_COUNT; i++) {
		snprintf(series, sizeof(series), "node_scrape_collector_success{collector=\"%s\"}", collectors[i].name);
		assert_value(series, collectors[i].success_without_source);
	}
}

static void test_collectors_survive_every_cut_and_change_of_their_files(void **state)
{
	static const char instead[] = {'\0', '\n', ' ', ':', '9', '\xff', '[', '/'};
	static const struct file files[] = {
		{"proc/mdstat", "md1 : active raid1 sdb1[2](F) sda1[0]\n 9 blocks [2/1] [U_]\n  resync = 5% (4/9) x\n"},
		{"proc/drbd", " 4: cs:Connected ro:Primary/Secondary ds:UpToDate/x C\n ns:2 oos:5\n"},
		{"proc/net/arp", "IP\n10.0.0.1 0x1 0x2 aa * eth0\n10.0.0.1 0x1 0x2 aa * eth1\n"},
		{"proc/buddyinfo", "Node 1, zone   Normal   43   0   7 \n"},
		{"proc/cgroups", "#name\ncpu\t3\t17\t1\n"},
		{"sys/fs/bcache/a-b/btree_cache_size", "1.5M\n"},
		{"sys/fs/bcache/a-b/bdev0/writeback_rate_debug", "rate:\t1.1M/sec\nchange:\t-2.0k/sec\n"},
		{"sys/class/net/bonding_masters", "b0 b1\n"},
		{"sys/class/net/b0/bonding/slaves", "e0 e1\n"},
		{"sys/class/net/b0/operstate", "up\n"},
		{"sys/class/net/b0/speed", "-1\n"},
		{"sys/devices/system/node/node0/meminfo", "Node 0 Active(anon):  4 kB\n"},
		{"sys/devices/system/node/node0/numastat", "numa_hit 7\n"},
		{"sys/class/infiniband/m0/ports/1/rate", "2.5 Gb/sec (1X SDR)\n"},
		{"sys/class/powercap/intel-rapl:0/name", "package-3\n"},
		{"sys/class/powercap/intel-rapl:0/energy_uj", "15\n"},
		{"sys/class/fc_host/host3/statistics/rx_frames", "0x1f\n"},
	};
	(void)state;
	files_write(files, sizeof(files) / sizeof(files[0]));
	collectors_start();
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		size_t len = strlen(files[i].text);
		for (size_t at = 0; at < len; at++) {
			char changed[256];
			host_fixture_write_bytes(&test_host, files[i].path, files[i].text, at);
			host_fixture_collect(&test_host);
			memcpy(changed, files[i].text, len);
			changed[at] = instead[(at + i) % sizeof(instead)];
			host_fixture_write_bytes(&test_host, files[i].path, changed, len);
			host_fixture_collect(&test_host);
		}
		host_fixture_write(&test_host, files[i].path, files[i].text);
	}
	host_fixture_collect(&test_host);
	assert_value("node_md_blocks{device=\"md1\"}", 9);
	assert_value("node_drbd_out_of_sync_bytes{device=\"drbd4\"}", 5 * 1024);
	assert_value("node_bonding_slaves{master=\"b0\"}", 2);
	assert_value("node_fibrechannel_rx_frames_total{fc_host=\"host3\"}", 31);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NODE_TEST(test_mdadm_tells_disks_and_progress_of_an_array_that_recovers),
		NODE_TEST(test_mdadm_counts_nothing_as_synced_while_a_resync_waits),
		NODE_TEST(test_mdadm_counts_the_disks_of_arrays_without_redundancy),
		NODE_TEST(test_mdadm_passes_over_an_array_it_cannot_read_and_tells_the_others),
		NODE_TEST(test_drbd_tells_both_nodes_and_bytes),
		NODE_TEST(test_btrfs_computes_the_allocation_ratio_from_the_profile),
		NODE_TEST(test_btrfs_has_no_ratio_for_more_parity_than_devices),
		NODE_TEST(test_bcache_reads_numbers_with_units),
		NODE_TEST(test_bcache_tells_priority_statistics_only_when_asked),
		NODE_TEST(test_meminfo_numa_tells_each_node),
		NODE_TEST(test_buddyinfo_tells_blocks_by_order),
		NODE_TEST(test_ksmd_and_edac_tell_the_files_there_are),
		NODE_TEST(test_power_supply_info_has_only_the_labels_that_the_supply_has),
		NODE_TEST(test_rapl_numbers_zones_of_the_same_name),
		NODE_TEST(test_tapestats_takes_one_name_of_each_drive),
		NODE_TEST(test_dmi_nvme_cgroups_and_selinux_tell_what_is_there),
		NODE_TEST(test_collectors_without_a_source_succeed_or_fail_as_those_of_node_exporter),
		NODE_TEST(test_collectors_survive_every_cut_and_change_of_their_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
