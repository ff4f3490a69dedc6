/* SPDX-License-Identifier: MIT */
/* Host collectors of network devices, on files of our own making. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host_files.h"

static void net_write(void)
{
	FILES({"sys/class/net/bonding_masters", "b0\n"}, {"sys/class/net/b0/operstate", "up\n"},
	      {"sys/class/net/b0/flags", "0x1303\n"}, {"sys/class/net/b0/speed", "-1\n"},
	      {"sys/class/net/b0/carrier", ""}, {"sys/class/net/b0/bonding/slaves", "e0 e1 e2\n"},
	      {"sys/class/net/b0/lower_e0/bonding_slave/mii_status", "up\n"},
	      {"sys/class/net/b0/slave_e1/bonding_slave/mii_status", "up\n"},
	      {"sys/class/net/b0/lower_e2/bonding_slave/mii_status", "down\n"},
	      {"sys/class/net/e0/operstate", "down\n"}, {"sys/class/net/e0/speed", "1000\n"},
	      {"sys/class/net/e0/ifalias", "to \"x\"\n"}, {"sys/class/net/e0/carrier_changes", "3\n"});
}

static void test_netclass_tells_what_each_device_has(void **state)
{
	(void)state;
	net_write();
	run(HOST_INDEX_netclass);
	assert_value("node_network_up{device=\"b0\"}", 1);
	assert_value("node_network_up{device=\"e0\"}", 0);
	assert_value("node_network_flags{device=\"b0\"}", 0x1303);
	assert_value("node_network_speed_bytes{device=\"e0\"}", 125e6);
	assert_value("node_network_speed_bytes{device=\"b0\"}", -125e3);
	assert_value("node_network_carrier_changes_total{device=\"e0\"}", 3);
	assert_value("node_network_info{address=\"\",broadcast=\"\",device=\"e0\",duplex=\"\",ifalias=\"to "
		     "\\\"x\\\"\",operstate=\"down\"}",
		     1);
	assert_int_equal(host_fixture_count(&test_host, "node_network_carrier{"), 0);
	assert_int_equal(host_fixture_count(&test_host, "node_network_up"), 2);
}

static void test_netclass_leaves_out_ignored_devices_and_speeds_that_are_not_known(void **state)
{
	(void)state;
	net_write();
	test_host.options.netclass_ignore_invalid_speed = true;
	test_host.options.netclass_ignored_devices = "^e";
	run(HOST_INDEX_netclass);
	assert_int_equal(host_fixture_count(&test_host, "node_network_up"), 1);
	assert_int_equal(host_fixture_count(&test_host, "node_network_speed_bytes"), 0);
}

/* The loopback device is everywhere. "/sys/" is not "/sys": files are read, not netlink. */
static void test_netclass_tells_the_same_by_netlink_as_by_files(void **state)
{
	static const char *const names[] = {"up",
					    "flags",
					    "iface_id",
					    "iface_link",
					    "mtu_bytes",
					    "protocol_type",
					    "iface_link_mode",
					    "transmit_queue_length",
					    "net_dev_group",
					    "carrier_changes_total",
					    "address_assign_type"};
	double values[sizeof(names) / sizeof(names[0])];
	size_t count = 0;
	(void)state;
	for (int by_files = 0; by_files < 2; by_files++) {
		char series[192];
		test_host.options.paths[HOST_SYS] = by_files ? "/sys/" : "/sys";
		test_host.options.netclass_ignored_devices = "^[^l]";
		run(HOST_INDEX_netclass);
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			snprintf(series, sizeof(series), "node_network_%s{device=\"lo\"}", names[i]);
			double value = host_fixture_value(&test_host, series);
			assert_true(!by_files || values[i] == value);
			values[i] = value;
		}
		bool up = (unsigned)values[1] & 1;
		snprintf(series, sizeof(series),
			 "node_network_info{address=\"00:00:00:00:00:00\",broadcast=\"00:00:00:00:00:00\","
			 "device=\"lo\",duplex=\"\",ifalias=\"\",operstate=\"%s\"}",
			 up ? "unknown" : "down");
		assert_value(series, 1);
		assert_true(!by_files || count == host_fixture_count(&test_host, "node_network_"));
		count = host_fixture_count(&test_host, "node_network_");
		host_fixture_fini(&test_host);
		host_fixture_init(&test_host);
	}
}

static void test_bonding_counts_slaves_whose_link_is_up(void **state)
{
	(void)state;
	net_write();
	run(HOST_INDEX_bonding);
	assert_value("node_bonding_slaves{master=\"b0\"}", 3);
	assert_value("node_bonding_active{master=\"b0\"}", 2);
}

static void test_arp_counts_entries_by_device(void **state)
{
	(void)state;
	FILES({"proc/net/arp", "IP address HW type Flags HW address Mask Device\n"
			       "10.0.0.1 0x1 0x2 aa:aa:aa:aa:aa:aa * eth0\n"
			       "10.0.0.2 0x1 0x2 aa:aa:aa:aa:aa:aa * veth1\n"
			       "10.0.0.3 0x1 0x2 aa:aa\n"
			       "10.0.0.4 0x1 0x0 00:00:00:00:00:00 * eth0\n"
			       "10.0.0.5 0x1 0x2 aa:aa:aa:aa:aa:aa * eth1\n"});
	test_host.options.arp_device_exclude = "^veth";
	run(HOST_INDEX_arp);
	assert_value("node_arp_entries{device=\"eth0\"}", 2);
	assert_value("node_arp_entries{device=\"eth1\"}", 1);
	assert_int_equal(host_fixture_count(&test_host, "node_arp_entries"), 2);
	assert_skipped("arp", 1);
}

static void test_infiniband_counts_octets_and_passes_over_counters_a_device_has_not(void **state)
{
	(void)state;
	FILES({"sys/class/infiniband/m0/fw_ver", "2.31\n"},
	      {"sys/class/infiniband/m0/ports/1/counters/port_rcv_data", "100\n"},
	      {"sys/class/infiniband/m0/ports/1/counters/link_downed", "N/A (no PMA)\n"},
	      {"sys/class/infiniband/m0/ports/1/state", "4: ACTIVE\n"},
	      {"sys/class/infiniband/m0/ports/1/rate", "2.5 Gb/sec (1X SDR)\n"});
	run(HOST_INDEX_infiniband);
	assert_value("node_infiniband_port_data_received_bytes_total{device=\"m0\",port=\"1\"}", 400);
	assert_value("node_infiniband_state_id{device=\"m0\",port=\"1\"}", 4);
	assert_value("node_infiniband_rate_bytes_per_second{device=\"m0\",port=\"1\"}", 312.5e6);
	assert_value("node_infiniband_info{board_id=\"\",device=\"m0\",firmware_version=\"2.31\",hca_type=\"\"}", 1);
	assert_int_equal(host_fixture_count(&test_host, "node_infiniband_link_downed"), 0);
}

static void test_fibrechannel_passes_over_counters_of_all_ones(void **state)
{
	(void)state;
	FILES({"sys/class/fc_host/host3/port_id", "0x00002a\n"},
	      {"sys/class/fc_host/host3/statistics/rx_frames", "0x1f\n"},
	      {"sys/class/fc_host/host3/statistics/nos_count", "0xffffffffffffffff\n"});
	run(HOST_INDEX_fibrechannel);
	assert_value("node_fibrechannel_rx_frames_total{fc_host=\"host3\"}", 31);
	assert_int_equal(host_fixture_count(&test_host, "node_fibrechannel_nos_total"), 0);
	assert_value("node_fibrechannel_info{dev_loss_tmo=\"\",fabric_name=\"\",fc_host=\"host3\",port_id=\"00002a\","
		     "port_name=\"\",port_state=\"\",port_type=\"\",speed=\"\",supported_classes=\"\","
		     "supported_speeds=\"\",symbolic_name=\"\"}",
		     1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NODE_TEST(test_netclass_tells_what_each_device_has),
		NODE_TEST(test_netclass_leaves_out_ignored_devices_and_speeds_that_are_not_known),
		NODE_TEST(test_netclass_tells_the_same_by_netlink_as_by_files),
		NODE_TEST(test_bonding_counts_slaves_whose_link_is_up),
		NODE_TEST(test_arp_counts_entries_by_device),
		NODE_TEST(test_infiniband_counts_octets_and_passes_over_counters_a_device_has_not),
		NODE_TEST(test_fibrechannel_passes_over_counters_of_all_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
