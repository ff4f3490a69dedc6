/* SPDX-License-Identifier: MIT */
/* What single host collectors make of their files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host_fixture.h"

#define VALUE(series) host_fixture_value(&test_host, series)

static void test_cpu_idle_that_goes_back_a_little_stays_and_a_new_cpu_begins_anew(void **state)
{
	(void)state;
	host_fixture_start(&test_host, HOST_INDEX_cpu);
	host_fixture_write(&test_host, "proc/stat", "cpu  0 0 0 0\ncpu0 100 0 50 2000 30 0 0 0 10 5\n");
	host_fixture_collect(&test_host);
	assert_true(VALUE("node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"}") == 20);
	assert_true(VALUE("node_cpu_guest_seconds_total{cpu=\"0\",mode=\"user\"}") == 0.1);
	host_fixture_write(&test_host, "proc/stat", "cpu  0 0 0 0\ncpu0 110 0 50 1990 29 0 0 0 10 5\n");
	host_fixture_collect(&test_host);
	assert_true(VALUE("node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"}") == 20);
	assert_true(VALUE("node_cpu_seconds_total{cpu=\"0\",mode=\"iowait\"}") == 0.3);
	assert_true(VALUE("node_cpu_seconds_total{cpu=\"0\",mode=\"user\"}") == 1.1);
	host_fixture_write(&test_host, "proc/stat", "cpu  0 0 0 0\ncpu0 1 0 2 3 4 0 0 0 0 0\n");
	host_fixture_collect(&test_host);
	assert_true(VALUE("node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"}") == 0.03);
	assert_true(VALUE("node_cpu_seconds_total{cpu=\"0\",mode=\"user\"}") == 0.01);
}

static void test_cpu_does_not_take_a_number_from_afar_for_a_cpu(void **state)
{
	(void)state;
	host_fixture_write(&test_host, "proc/stat", "cpu  0 0 0 0\ncpu18446744073709551615 1 2 3 4\ncpu1 1 2 3 4\n");
	host_fixture_start(&test_host, HOST_INDEX_cpu);
	host_fixture_collect(&test_host);
	assert_int_equal(host_fixture_count(&test_host, "node_cpu_seconds_total"), 8);
	assert_true(VALUE("mstat_host_skipped_total{collector=\"cpu\"}") == 1);
}

static void test_cpu_isolated_lists_ranges(void **state)
{
	(void)state;
	host_fixture_write(&test_host, "proc/stat", "cpu  0 0 0 0\n");
	host_fixture_write(&test_host, "sys/devices/system/cpu/isolated", "1,3-4\n");
	host_fixture_start(&test_host, HOST_INDEX_cpu);
	host_fixture_collect(&test_host);
	assert_int_equal(host_fixture_count(&test_host, "node_cpu_isolated"), 3);
	assert_true(VALUE("node_cpu_isolated{cpu=\"4\"}") == 1);
}

static void test_cpu_info_tells_flags_that_are_asked_for(void **state)
{
	(void)state;
	host_fixture_write(&test_host, "proc/stat", "cpu  0 0 0 0\n");
	host_fixture_write(
		&test_host, "proc/cpuinfo",
		"processor\t: 0\nvendor_id\t: V\nflags\t\t: fpu aes avx\n\nprocessor\t: 1\nflags\t\t: aes2\n");
	test_host.options.cpu_info_flags_include = "^a";
	host_fixture_start(&test_host, HOST_INDEX_cpu);
	host_fixture_collect(&test_host);
	assert_int_equal(host_fixture_count(&test_host, "node_cpu_flag_info"), 2);
	assert_true(VALUE("node_cpu_flag_info{flag=\"avx\"}") == 1);
	assert_int_equal(host_fixture_count(&test_host, "node_cpu_info"), 2);
}

static void test_meminfo_names_fields_as_node_exporter_does(void **state)
{
	(void)state;
	host_fixture_write(&test_host, "proc/meminfo",
			   "MemFree:  10 kB\nActive(file): 3 kB\nHugePages_Total:  7\nOdd: 1 MB\nno colon\n");
	host_fixture_start(&test_host, HOST_INDEX_meminfo);
	host_fixture_collect(&test_host);
	assert_true(VALUE("node_memory_MemFree_bytes") == 10240);
	assert_true(VALUE("node_memory_Active_file_bytes") == 3072);
	assert_true(VALUE("node_memory_HugePages_Total") == 7);
	assert_int_equal(host_fixture_count(&test_host, "node_memory"), 3);
	assert_true(VALUE("mstat_host_skipped_total{collector=\"meminfo\"}") == 2);
}

static void test_diskstats_leaves_out_partitions_and_knows_udev(void **state)
{
	(void)state;
	host_fixture_write(&test_host, "proc/diskstats", " 8 0 sda 1 2 3 4\n 8 1 sda1 1 2 3 4\n 7 0 loop0 1 2 3 4\n");
	host_fixture_write(&test_host, "udev/b8:0", "S:x\nE:ID_MODEL=A \"B\"\nE:ID_ATA=1\nE:ID_ATA_WRITE_CACHE=1\n");
	host_fixture_start(&test_host, HOST_INDEX_diskstats);
	host_fixture_collect(&test_host);
	assert_int_equal(host_fixture_count(&test_host, "node_disk_reads_completed_total"), 1);
	assert_true(VALUE("node_disk_read_time_seconds_total{device=\"sda\"}") == 0.004);
	assert_true(VALUE("node_disk_info{device=\"sda\",major=\"8\",minor=\"0\",model=\"A "
			  "\\\"B\\\"\",path=\"\",revision=\"\",serial=\"\",wwn=\"\"}") == 1);
	assert_true(VALUE("node_disk_ata_write_cache{device=\"sda\"}") == 1);
}

static void test_filesystem_tells_odd_mount_points_once_and_strips_the_root(void **state)
{
	(void)state;
	char mounts[1024];
	host_fixture_mkdir(&test_host, "root/a b");
	snprintf(mounts, sizeof(mounts),
		 "/dev/x / ext4 rw 0 0\n/dev/y /a\\040b xfs rw,ro 0 0\n/dev/y /a\\040b xfs rw,ro 0 0\n"
		 "proc /proc proc rw 0 0\n/dev/z /gone ext4 rw 0 0\n/dev/w %s/a\\040b ext4 rw 0 0\nbad\n",
		 test_host.paths[HOST_ROOTFS]);
	host_fixture_write(&test_host, "proc/1/mounts", mounts);
	host_fixture_start(&test_host, HOST_INDEX_filesystem);
	host_fixture_collect(&test_host);
	assert_true(VALUE("node_filesystem_size_bytes{device=\"/dev/x\",fstype=\"ext4\",mountpoint=\"/\"}") > 0);
	assert_true(VALUE("node_filesystem_readonly{device=\"/dev/y\",fstype=\"xfs\",mountpoint=\"/a b\"}") == 1);
	assert_true(VALUE("node_filesystem_device_error{device=\"/dev/w\",fstype=\"ext4\",mountpoint=\"/a b\"}") == 0);
	assert_true(VALUE("node_filesystem_device_error{device=\"/dev/z\",fstype=\"ext4\",mountpoint=\"/gone\"}") == 1);
	assert_int_equal(host_fixture_count(&test_host, "node_filesystem_size_bytes"), 3);
	assert_int_equal(host_fixture_count(&test_host, "node_filesystem_device_error"), 4);
}

static void test_hwmon_names_chips_by_device_and_sensors_by_unit(void **state)
{
	(void)state;
	host_fixture_mkdir(&test_host, "sys/devices/platform/chip.7");
	host_fixture_link(&test_host, "sys/class/hwmon/hwmon0/device", "../../../devices/platform/chip.7");
	host_fixture_write(&test_host, "sys/class/hwmon/hwmon0/name", "Chip\n");
	host_fixture_write(&test_host, "sys/class/hwmon/hwmon0/temp1_input", "45500\n");
	host_fixture_write(&test_host, "sys/class/hwmon/hwmon0/temp1_label", "Core \n");
	host_fixture_write(&test_host, "sys/class/hwmon/hwmon0/in0_alarm", "1\n");
	host_fixture_write(&test_host, "sys/class/hwmon/hwmon0/energy1_input", "2000000\n");
	host_fixture_write(&test_host, "sys/class/hwmon/hwmon0/power1_average", "rubbish\n");
	host_fixture_start(&test_host, HOST_INDEX_hwmon);
	host_fixture_collect(&test_host);
	assert_true(VALUE("node_hwmon_temp_celsius{chip=\"platform_chip_7\",sensor=\"temp1\"}") == 45.5);
	assert_true(VALUE("node_hwmon_sensor_label{chip=\"platform_chip_7\",label=\"Core \",sensor=\"temp1\"}") == 1);
	assert_true(VALUE("node_hwmon_in_alarm{chip=\"platform_chip_7\",sensor=\"in0\"}") == 1);
	assert_true(VALUE("node_hwmon_energy_joule_total{chip=\"platform_chip_7\",sensor=\"energy1\"}") == 2);
	assert_true(VALUE("node_hwmon_chip_names{chip=\"platform_chip_7\",chip_name=\"chip\"}") == 1);
	assert_int_equal(host_fixture_count(&test_host, "node_hwmon_power"), 0);
}

static void test_processes_are_counted_by_state_whatever_their_names(void **state)
{
	(void)state;
	host_fixture_write(&test_host, "proc/1/stat", "1 (a) S (b)) R 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 0\n");
	host_fixture_write(&test_host, "proc/2/stat", "2 (c) S 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 2 0\n");
	host_fixture_write(&test_host, "proc/2/task/2/stat", "2 (c) S 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 2 0\n");
	host_fixture_write(&test_host, "proc/2/task/3/stat", "3 (c) D 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 2 0\n");
	host_fixture_write(&test_host, "proc/3/stat", "3 (cut\n");
	host_fixture_mkdir(&test_host, "proc/4");
	host_fixture_write(&test_host, "proc/sys/kernel/pid_max", "99\n");
	host_fixture_start(&test_host, HOST_INDEX_processes);
	host_fixture_collect(&test_host);
	assert_true(VALUE("node_processes_pids") == 2);
	assert_true(VALUE("node_processes_threads") == 3);
	assert_true(VALUE("node_processes_state{state=\"R\"}") == 1);
	assert_true(VALUE("node_processes_threads_state{thread_state=\"D\"}") == 1);
	assert_true(VALUE("node_processes_max_processes") == 99);
}

static void test_netdev_tells_the_loopback_device_and_its_address(void **state)
{
	(void)state;
	test_host.options.netdev_device_include = "^lo$";
	test_host.options.netdev_address_info = true;
	host_fixture_start(&test_host, HOST_INDEX_netdev);
	for (int i = 0; i < 3; i++)
		host_fixture_collect(&test_host);
	assert_true(VALUE("node_network_receive_errs_total{device=\"lo\"}") >= 0);
	assert_int_equal(host_fixture_count(&test_host, "node_network_transmit_packets_total"), 1);
	assert_true(host_fixture_has(&test_host,
				     "node_network_address_info{address=\"127.0.0.1\",device=\"lo\",netmask="
				     "\"8\",scope=\"link-local\"}"));
}

static void test_interrupts_tell_numbered_lines_and_named_ones(void **state)
{
	(void)state;
	host_fixture_write(
		&test_host, "proc/interrupts",
		"      CPU0 CPU1\n  9:  1 2  IO-APIC   9-fasteoi   acpi\nNMI: 3 4  Non-maskable  interrupts\nERR: 0\n");
	host_fixture_start(&test_host, HOST_INDEX_interrupts);
	host_fixture_collect(&test_host);
	assert_true(VALUE("node_interrupts_total{cpu=\"1\",devices=\"9-fasteoi acpi\",info=\"IO-APIC\",type=\"9\"}") ==
		    2);
	assert_true(
		VALUE("node_interrupts_total{cpu=\"0\",devices=\"\",info=\"Non-maskable interrupts\",type=\"NMI\"}") ==
		3);
	assert_int_equal(host_fixture_count(&test_host, "node_interrupts_total"), 4);
}

#define HOST_TEST(name) cmocka_unit_test_setup_teardown(name, host_fixture_setup, host_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOST_TEST(test_cpu_idle_that_goes_back_a_little_stays_and_a_new_cpu_begins_anew),
		HOST_TEST(test_cpu_does_not_take_a_number_from_afar_for_a_cpu),
		HOST_TEST(test_cpu_isolated_lists_ranges),
		HOST_TEST(test_cpu_info_tells_flags_that_are_asked_for),
		HOST_TEST(test_meminfo_names_fields_as_node_exporter_does),
		HOST_TEST(test_diskstats_leaves_out_partitions_and_knows_udev),
		HOST_TEST(test_filesystem_tells_odd_mount_points_once_and_strips_the_root),
		HOST_TEST(test_hwmon_names_chips_by_device_and_sensors_by_unit),
		HOST_TEST(test_processes_are_counted_by_state_whatever_their_names),
		HOST_TEST(test_netdev_tells_the_loopback_device_and_its_address),
		HOST_TEST(test_interrupts_tell_numbered_lines_and_named_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
