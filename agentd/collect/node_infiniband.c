/* SPDX-License-Identifier: MIT */
/* InfiniBand and other RDMA devices: /sys/class/infiniband. Slow: the devices' firmware is asked. */
#include <stdio.h>
#include <string.h>

#include "host_numbers.h"

#define INFINIBAND_PATH "class/infiniband"
/* The kernel counts data in words of four octets. */
#define OCTETS 0.25

#define PORT_COUNTER(name, help) HOST_COUNTER("node_infiniband_" name "_total", help, "device", "port")

static const struct host_number counters[] = {
	{"counters/excessive_buffer_overrun_errors",
	 PORT_COUNTER("excessive_buffer_overrun_errors", "Number of overruns of the port's receive buffers"), 0},
	{"counters/link_downed",
	 PORT_COUNTER("link_downed", "Number of times the link failed to recover from an error state and went down"),
	 0},
	{"counters/link_error_recovery",
	 PORT_COUNTER("link_error_recovery", "Number of times the link successfully recovered from an error state"), 0},
	{"counters/local_link_integrity_errors",
	 PORT_COUNTER("local_link_integrity_errors",
		      "Number of times that local physical errors exceeded the threshold"),
	 0},
	{"counters/multicast_rcv_packets",
	 PORT_COUNTER("multicast_packets_received", "Number of multicast packets received (including errors)"), 0},
	{"counters/multicast_xmit_packets",
	 PORT_COUNTER("multicast_packets_transmitted", "Number of multicast packets transmitted (including errors)"),
	 0},
	{"counters/port_rcv_constraint_errors",
	 PORT_COUNTER("port_constraint_errors_received",
		      "Number of packets received on the switch physical port that are discarded"),
	 0},
	{"counters/port_xmit_constraint_errors",
	 PORT_COUNTER("port_constraint_errors_transmitted",
		      "Number of packets not transmitted from the switch physical port"),
	 0},
	{"counters/port_rcv_data",
	 PORT_COUNTER("port_data_received_bytes", "Number of data octets received on all links"), OCTETS},
	{"counters/port_xmit_data",
	 PORT_COUNTER("port_data_transmitted_bytes", "Number of data octets transmitted on all links"), OCTETS},
	{"counters/port_rcv_discards",
	 PORT_COUNTER("port_discards_received",
		      "Number of inbound packets discarded by the port because the port is down or congested"),
	 0},
	{"counters/port_xmit_discards",
	 PORT_COUNTER("port_discards_transmitted",
		      "Number of outbound packets discarded by the port because the port is down or congested"),
	 0},
	{"counters/port_rcv_errors",
	 PORT_COUNTER("port_errors_received", "Number of packets containing an error that were received on this port"),
	 0},
	{"counters/port_rcv_packets",
	 PORT_COUNTER("port_packets_received", "Number of packets received on all VLs by this port (including errors)"),
	 0},
	{"counters/port_xmit_packets",
	 PORT_COUNTER("port_packets_transmitted",
		      "Number of packets transmitted on all VLs from this port (including errors)"),
	 0},
	{"counters/port_rcv_remote_physical_errors",
	 PORT_COUNTER("port_receive_remote_physical_errors", "Number of packets received with a mark of a bad end"), 0},
	{"counters/port_rcv_switch_relay_errors",
	 PORT_COUNTER("port_receive_switch_relay_errors", "Number of packets that the switch could not forward"), 0},
	{"counters/port_xmit_wait",
	 PORT_COUNTER("port_transmit_wait",
		      "Number of ticks during which the port had data to transmit but no data was "
		      "sent during the entire tick"),
	 0},
	{"counters/symbol_error", PORT_COUNTER("symbol_error", "Number of minor link errors on physical lanes"), 0},
	{"counters/unicast_rcv_packets",
	 PORT_COUNTER("unicast_packets_received", "Number of unicast packets received (including errors)"), 0},
	{"counters/unicast_xmit_packets",
	 PORT_COUNTER("unicast_packets_transmitted", "Number of unicast packets transmitted (including errors)"), 0},
	{"counters/VL15_dropped",
	 PORT_COUNTER("vl15_dropped", "Number of incoming VL15 packets dropped for want of resources"), 0},
	{"counters_ext/port_multicast_rcv_packets",
	 PORT_COUNTER("legacy_multicast_packets_received", "Number of multicast packets received"), 0},
	{"counters_ext/port_multicast_xmit_packets",
	 PORT_COUNTER("legacy_multicast_packets_transmitted", "Number of multicast packets transmitted"), 0},
	{"counters_ext/port_rcv_data_64",
	 PORT_COUNTER("legacy_data_received_bytes", "Number of data octets received on all links"), OCTETS},
	{"counters_ext/port_rcv_packets_64",
	 PORT_COUNTER("legacy_packets_received", "Number of data packets received on all links"), 0},
	{"counters_ext/port_unicast_rcv_packets",
	 PORT_COUNTER("legacy_unicast_packets_received", "Number of unicast packets received"), 0},
	{"counters_ext/port_unicast_xmit_packets",
	 PORT_COUNTER("legacy_unicast_packets_transmitted", "Number of unicast packets transmitted"), 0},
	{"counters_ext/port_xmit_data_64",
	 PORT_COUNTER("legacy_data_transmitted_bytes", "Number of data octets transmitted on all links"), OCTETS},
	{"counters_ext/port_xmit_packets_64",
	 PORT_COUNTER("legacy_packets_transmitted", "Number of data packets received on all links"), 0},
	/* "4: ACTIVE" */
	{"state",
	 HOST_GAUGE("node_infiniband_state_id",
		    "State of the InfiniBand port (0: no change, 1: down, 2: init, 3: armed, 4: active, 5: act defer)",
		    "device", "port"),
	 0},
	{"phys_state",
	 HOST_GAUGE("node_infiniband_physical_state_id",
		    "Physical state of the InfiniBand port (0: no change, 1: sleep, 2: polling, 3: disable, 4: shift, "
		    "5: link up, 6: link error recover, 7: phytest)",
		    "device", "port"),
	 0},
};
static const struct host_family rate_family =
	HOST_GAUGE("node_infiniband_rate_bytes_per_second", "Maximum signal transfer rate", "device", "port");
static const struct host_family info_family =
	HOST_GAUGE("node_infiniband_info", "Non-numeric data from /sys/class/infiniband/<device>, value is always 1.",
		   "device", "board_id", "firmware_version", "hca_type");

/* "40 Gb/sec (4X QDR)", "2.5 Gb/sec (1X SDR)" */
static void rate_sample(struct host *host, const char *path, const char *device, const char *port)
{
	char rate[64];
	double gigabits;
	struct text text = {rate, rate};
	if (host_read_string(host, HOST_SYS, path, rate, sizeof(rate)))
		return;
	text.end = rate + strlen(rate);
	if (text_f64(&text, &gigabits))
		host_f64(host, &rate_family, gigabits * 1e9 / 8, device, port);
	else
		host_skip(host);
}

static void ports_sample(struct host *host, const char *device)
{
	char path[HOST_PATH_MAX], directory[HOST_PATH_MAX - 16];
	struct host_list ports;
	if (host_list(host, 1, HOST_SYS, host_format(path, INFINIBAND_PATH "/%s/ports", device), &ports))
		return;
	for (size_t i = 0; i < ports.count; i++) {
		const char *port = ports.names[i];
		host_format(directory, INFINIBAND_PATH "/%s/ports/%s", device, port);
		rate_sample(host, host_format(path, "%s/rate", directory), device, port);
		host_numbers_sample(host, HOST_SYS, directory, counters, HOST_COUNT_OF(counters),
				    HOST_VALUES(device, port));
	}
}

/* Empty where the device does not tell. */
static void property_read(struct host *host, const char *device, const char *file, char *value, size_t size)
{
	char path[HOST_PATH_MAX];
	if (host_read_string(host, HOST_SYS, host_format(path, INFINIBAND_PATH "/%s/%s", device, file), value, size))
		*value = '\0';
}

static int infiniband_collect(struct host *host)
{
	char board[128], firmware[128], type[128];
	struct host_list devices;
	int r = host_list(host, 0, HOST_SYS, INFINIBAND_PATH, &devices);
	if (r)
		return r;
	for (size_t i = 0; i < devices.count; i++) {
		const char *device = devices.names[i];
		property_read(host, device, "board_id", board, sizeof(board));
		property_read(host, device, "fw_ver", firmware, sizeof(firmware));
		property_read(host, device, "hca_type", type, sizeof(type));
		host_u64(host, &info_family, 1, device, board, firmware, type);
		ports_sample(host, device);
	}
	return 0;
}

const struct host_ops host_infiniband = {.collect = infiniband_collect};
