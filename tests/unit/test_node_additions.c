/* SPDX-License-Identifier: MIT */
/* Host collectors that node_exporter got after 1.5, on trees of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host_files.h"

/* ---- watchdog --------------------------------------------------------------------------------------------------- */

static void test_watchdog_tells_numbers_and_words_of_each_device(void **state)
{
	(void)state;
	FILES({"sys/class/watchdog/watchdog0/bootstatus", "1\n"},
	      {"sys/class/watchdog/watchdog0/identity", "Software Watchdog\n"},
	      {"sys/class/watchdog/watchdog0/options", "0x8380\n"}, {"sys/class/watchdog/watchdog0/timeleft", "300\n"},
	      {"sys/class/watchdog/watchdog0/timeout", "60\n"}, {"sys/class/watchdog/watchdog0/state", "active\n"});
	host_fixture_mkdir(&test_host, "sys/class/watchdog/watchdog1");
	run(HOST_INDEX_watchdog);
	assert_success("watchdog", 1);
	assert_value("node_watchdog_bootstatus{name=\"watchdog0\"}", 1);
	assert_value("node_watchdog_timeleft_seconds{name=\"watchdog0\"}", 300);
	assert_value("node_watchdog_timeout_seconds{name=\"watchdog0\"}", 60);
	assert_value("node_watchdog_info{identity=\"Software Watchdog\",name=\"watchdog0\",options=\"0x8380\","
		     "pretimeout_governor=\"\",state=\"active\",status=\"\"}",
		     1);
	assert_value("node_watchdog_info{identity=\"\",name=\"watchdog1\",options=\"\",pretimeout_governor=\"\","
		     "state=\"\",status=\"\"}",
		     1);
	assert_int_equal(host_fixture_count(&test_host, "node_watchdog_"), 5);
}

static void test_watchdog_of_a_machine_without_any_is_no_data(void **state)
{
	(void)state;
	host_fixture_mkdir(&test_host, "sys/class/watchdog");
	run(HOST_INDEX_watchdog);
	assert_success("watchdog", 0);
	assert_int_equal(host_fixture_count(&test_host, "node_watchdog_"), 0);
}

/* ---- xfrm ------------------------------------------------------------------------------------------------------- */

static void test_xfrm_tells_the_counters_it_knows_in_any_order(void **state)
{
	(void)state;
	FILES({"proc/net/xfrm_stat", "XfrmAcquireError \t24532\nXfrmInError \t3\nXfrmFromTheFuture \t9\n"
				     "XfrmOutStateInvalid x\nXfrmOutPolDead 7\n"});
	run(HOST_INDEX_xfrm);
	assert_success("xfrm", 1);
	assert_value("node_xfrm_acquire_error_packets_total", 24532);
	assert_value("node_xfrm_in_error_packets_total", 3);
	assert_value("node_xfrm_out_pol_dead_packets_total", 7);
	assert_int_equal(host_fixture_count(&test_host, "node_xfrm_"), 3);
	assert_skipped("xfrm", 1);
}

/* ---- swap ------------------------------------------------------------------------------------------------------- */

static void test_swap_tells_bytes_and_takes_escaped_names(void **state)
{
	(void)state;
	FILES({"proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
			     "/dev/zram0                              partition\t1000\t\t10\t\t100\n"
			     "/swap\\040file                           file\t\t8\t\t0\t\t-2\n"
			     "/dev/half partition 5\n"});
	run(HOST_INDEX_swap);
	assert_value("node_swap_size_bytes{device=\"/dev/zram0\",swap_type=\"partition\"}", 1024000);
	assert_value("node_swap_used_bytes{device=\"/dev/zram0\",swap_type=\"partition\"}", 10240);
	assert_value("node_swap_priority{device=\"/swap file\",swap_type=\"file\"}", -2);
	assert_int_equal(host_fixture_count(&test_host, "node_swap_size_bytes"), 2);
	assert_skipped("swap", 1);
}

/* ---- stuck tasks, vulnerabilities ------------------------------------------------------------------------------- */

static void test_kernel_hung_tells_how_many_tasks_were_stuck(void **state)
{
	(void)state;
	FILES({"proc/sys/kernel/hung_task_detect_count", "4\n"});
	run(HOST_INDEX_kernel_hung);
	assert_value("node_kernel_hung_tasks_total", 4);
}

static void test_kernel_hung_of_an_older_kernel_has_nothing_to_tell(void **state)
{
	(void)state;
	run(HOST_INDEX_kernel_hung);
	assert_success("kernel_hung", 0);
	assert_int_equal(host_fixture_count(&test_host, "node_kernel_hung"), 0);
}

static void test_cpu_vulnerabilities_part_state_and_mitigation(void **state)
{
	(void)state;
#define VULNERABILITY "sys/devices/system/cpu/vulnerabilities/"
	FILES({VULNERABILITY "l1tf", "Not affected\n"}, {VULNERABILITY "mds", "Vulnerable: No microcode\n"},
	      {VULNERABILITY "retbleed", "Vulnerable\n"},
	      {VULNERABILITY "spectre_v1", "Mitigation: usercopy/swapgs barriers\n"},
	      {VULNERABILITY "itlb_multihit", "KVM: Mitigation: VMX disabled\n"},
	      {VULNERABILITY "mmio_stale_data", "Unknown: No mitigations\n"});
	run(HOST_INDEX_cpu_vulnerabilities);
	assert_value("node_cpu_vulnerabilities_info{codename=\"l1tf\",mitigation=\"\",state=\"not affected\"}", 1);
	assert_value("node_cpu_vulnerabilities_info{codename=\"mds\",mitigation=\"No microcode\",state=\"vulnerable\"}",
		     1);
	assert_value("node_cpu_vulnerabilities_info{codename=\"retbleed\",mitigation=\"\",state=\"vulnerable\"}", 1);
	assert_value("node_cpu_vulnerabilities_info{codename=\"spectre_v1\",mitigation=\"usercopy/swapgs barriers\","
		     "state=\"mitigation\"}",
		     1);
	assert_value("node_cpu_vulnerabilities_info{codename=\"itlb_multihit\",mitigation=\"VMX disabled\","
		     "state=\"mitigation\"}",
		     1);
	assert_value(
		"node_cpu_vulnerabilities_info{codename=\"mmio_stale_data\",mitigation=\"Unknown: No mitigations\","
		"state=\"unknown\"}",
		1);
}

/* ---- PCI -------------------------------------------------------------------------------------------------------- */

#define PCI "sys/devices/pci0000:00/0000:00:02.5/0000:a4:00.1/"
#define AT "bus=\"a4\",device=\"00\",function=\"1\",segment=\"0000\""

static void pci_write(void)
{
	FILES({PCI "class", "0x010802\n"}, {PCI "vendor", "0x1344\n"}, {PCI "device", "0x540a\n"},
	      {PCI "subsystem_vendor", "0x0344\n"}, {PCI "subsystem_device", "0x0100\n"}, {PCI "revision", "0x01\n"},
	      {PCI "numa_node", "1\n"}, {PCI "max_link_speed", "16.0 GT/s PCIe\n"}, {PCI "max_link_width", "4\n"},
	      {PCI "current_link_speed", "Unknown\n"}, {PCI "power_state", "D3cold\n"}, {PCI "d3cold_allowed", "1\n"},
	      {PCI "sriov_totalvfs", "8\n"});
	host_fixture_mkdir(&test_host, "sys/bus/pci/devices");
	host_fixture_link(&test_host, "sys/bus/pci/devices/0000:a4:00.1",
			  "../../../devices/pci0000:00/0000:00:02.5/0000:a4:00.1");
}

static void test_pcidevice_tells_who_it_is_and_the_bridge_above(void **state)
{
	(void)state;
	pci_write();
	run(HOST_INDEX_pcidevice);
	assert_success("pcidevice", 1);
	assert_value("node_pcidevice_info{bus=\"a4\",class_id=\"0x010802\",device=\"00\",device_id=\"0x540a\","
		     "function=\"1\",parent_bus=\"00\",parent_device=\"02\",parent_function=\"5\","
		     "parent_segment=\"0000\",revision=\"0x01\",segment=\"0000\",subsystem_device_id=\"0x0100\","
		     "subsystem_vendor_id=\"0x0344\",vendor_id=\"0x1344\"}",
		     1);
	assert_value("node_pcidevice_numa_node{" AT "}", 1);
	assert_value("node_pcidevice_power_state{" AT ",state=\"D3cold\"}", 1);
	assert_value("node_pcidevice_power_state{" AT ",state=\"D0\"}", 0);
	assert_int_equal(host_fixture_count(&test_host, "node_pcidevice_power_state"), 7);
}

static void test_pcidevice_tells_links_in_transfers_a_second_and_absence_as_node_exporter_does(void **state)
{
	(void)state;
	pci_write();
	run(HOST_INDEX_pcidevice);
	assert_value("node_pcidevice_max_link_transfers_per_second{" AT "}", 16e9);
	assert_value("node_pcidevice_max_link_width{" AT "}", 4);
	assert_value("node_pcidevice_current_link_transfers_per_second{" AT "}", -1);
	assert_value("node_pcidevice_current_link_width{" AT "}", -1);
	assert_value("node_pcidevice_d3cold_allowed{" AT "}", 1);
	assert_value("node_pcidevice_sriov_totalvfs{" AT "}", 8);
	assert_value("node_pcidevice_sriov_numvfs{" AT "}", 0);
}

static void test_pcidevice_on_the_root_bus_has_no_parent_and_no_numa_node(void **state)
{
	(void)state;
	FILES({"sys/devices/pci0000:00/0000:00:1f.0/class", "0x060000\n"},
	      {"sys/devices/pci0000:00/0000:00:1f.0/numa_node", "-1\n"});
	host_fixture_mkdir(&test_host, "sys/bus/pci/devices");
	host_fixture_link(&test_host, "sys/bus/pci/devices/0000:00:1f.0", "../../../devices/pci0000:00/0000:00:1f.0");
	host_fixture_mkdir(&test_host, "sys/bus/pci/devices/not a device");
	run(HOST_INDEX_pcidevice);
	assert_value("node_pcidevice_info{bus=\"00\",class_id=\"0x060000\",device=\"1f\",device_id=\"0x0000\","
		     "function=\"0\",parent_bus=\"*\",parent_device=\"*\",parent_function=\"*\",parent_segment=\"*\","
		     "revision=\"0x00\",segment=\"0000\",subsystem_device_id=\"0x0000\","
		     "subsystem_vendor_id=\"0x0000\",vendor_id=\"0x0000\"}",
		     1);
	assert_int_equal(host_fixture_count(&test_host, "node_pcidevice_numa_node"), 0);
	assert_skipped("pcidevice", 1);
}

/* ---- multipath -------------------------------------------------------------------------------------------------- */

static void test_dmmultipath_counts_paths_by_their_state(void **state)
{
	(void)state;
	FILES({"sys/block/dm-5/dm/uuid", "mpath-3600\n"}, {"sys/block/dm-5/dm/name", "mpathA\n"},
	      {"sys/block/dm-5/dm/suspended", "0\n"}, {"sys/block/dm-5/size", "2048\n"},
	      {"sys/block/sdi/device/state", "running\n"}, {"sys/block/sdj/device/state", "offline\n"},
	      {"sys/block/nvme1n1/device/state", "live\n"}, {"sys/block/dm-6/dm/uuid", "LVM-abc\n"},
	      {"sys/block/dm-6/dm/name", "root\n"});
	host_fixture_mkdir(&test_host, "sys/block/dm-5/slaves/sdi");
	host_fixture_mkdir(&test_host, "sys/block/dm-5/slaves/sdj");
	host_fixture_mkdir(&test_host, "sys/block/dm-5/slaves/nvme1n1");
	host_fixture_mkdir(&test_host, "sys/block/dm-5/slaves/gone");
	run(HOST_INDEX_dmmultipath);
	assert_success("dmmultipath", 1);
#define MULTIPATH "{device=\"mpathA\",sysfs_name=\"dm-5\"}"
	assert_value("node_dmmultipath_device_info{device=\"mpathA\",sysfs_name=\"dm-5\",uuid=\"mpath-3600\"}", 1);
	assert_value("node_dmmultipath_device_active" MULTIPATH, 1);
	assert_value("node_dmmultipath_device_size_bytes" MULTIPATH, 2048 * 512);
	assert_value("node_dmmultipath_device_paths" MULTIPATH, 4);
	assert_value("node_dmmultipath_device_paths_active" MULTIPATH, 2);
	assert_value("node_dmmultipath_device_paths_failed" MULTIPATH, 2);
	assert_value("node_dmmultipath_path_state{device=\"mpathA\",path=\"sdj\",state=\"offline\"}", 1);
	assert_value("node_dmmultipath_path_state{device=\"mpathA\",path=\"gone\",state=\"unknown\"}", 1);
	assert_int_equal(host_fixture_count(&test_host, "node_dmmultipath_device_info"), 1);
}

static void test_dmmultipath_of_a_machine_without_any_is_no_data(void **state)
{
	(void)state;
	FILES({"sys/block/dm-6/dm/uuid", "LVM-abc\n"});
	run(HOST_INDEX_dmmultipath);
	assert_success("dmmultipath", 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NODE_TEST(test_watchdog_tells_numbers_and_words_of_each_device),
		NODE_TEST(test_watchdog_of_a_machine_without_any_is_no_data),
		NODE_TEST(test_xfrm_tells_the_counters_it_knows_in_any_order),
		NODE_TEST(test_swap_tells_bytes_and_takes_escaped_names),
		NODE_TEST(test_kernel_hung_tells_how_many_tasks_were_stuck),
		NODE_TEST(test_kernel_hung_of_an_older_kernel_has_nothing_to_tell),
		NODE_TEST(test_cpu_vulnerabilities_part_state_and_mitigation),
		NODE_TEST(test_pcidevice_tells_who_it_is_and_the_bridge_above),
		NODE_TEST(test_pcidevice_tells_links_in_transfers_a_second_and_absence_as_node_exporter_does),
		NODE_TEST(test_pcidevice_on_the_root_bus_has_no_parent_and_no_numa_node),
		NODE_TEST(test_dmmultipath_counts_paths_by_their_state),
		NODE_TEST(test_dmmultipath_of_a_machine_without_any_is_no_data),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
