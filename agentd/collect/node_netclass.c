/* SPDX-License-Identifier: MIT */
/* Properties of network devices: /sys/class/net. Slow: drivers ask the hardware for speed and duplex, under the lock
 * that a stuck device may hold. */
#include <stdio.h>
#include <string.h>

#include "host_numbers.h"

#define NETCLASS_PATH "class/net"

#define PROPERTY(name) HOST_GAUGE("node_network_" name, "Network device property: " name, "device")
#define CHANGES(name) HOST_COUNTER("node_network_" name, "Network device property: " name, "device")
static const struct host_number properties[] = {
	{"addr_assign_type", PROPERTY("address_assign_type"), 0},
	{"carrier", PROPERTY("carrier"), 0},
	{"carrier_changes", CHANGES("carrier_changes_total"), 0},
	{"carrier_up_count", CHANGES("carrier_up_changes_total"), 0},
	{"carrier_down_count", CHANGES("carrier_down_changes_total"), 0},
	{"dev_id", PROPERTY("device_id"), 0},
	{"dormant", PROPERTY("dormant"), 0},
	{"flags", PROPERTY("flags"), 0},
	{"ifindex", PROPERTY("iface_id"), 0},
	{"iflink", PROPERTY("iface_link"), 0},
	{"link_mode", PROPERTY("iface_link_mode"), 0},
	{"mtu", PROPERTY("mtu_bytes"), 0},
	{"name_assign_type", PROPERTY("name_assign_type"), 0},
	{"netdev_group", PROPERTY("net_dev_group"), 0},
	{"tx_queue_len", PROPERTY("transmit_queue_length"), 0},
	{"type", PROPERTY("protocol_type"), 0},
};
static const struct host_family speed_family = PROPERTY("speed_bytes");
static const struct host_family up_family =
	HOST_GAUGE("node_network_up", "Value is 1 if operstate is 'up', 0 otherwise.", "device");
static const struct host_family info_family =
	HOST_GAUGE("node_network_info", "Non-numeric data from /sys/class/net/<iface>, value is always 1.", "device",
		   "address", "broadcast", "duplex", "operstate", "ifalias");

/* Empty where the device has none. */
static void property_read(struct host *host, const char *device, const char *file, char *value, size_t size)
{
	char path[HOST_PATH_MAX];
	if (host_read_string(host, HOST_SYS, host_format(path, NETCLASS_PATH "/%s/%s", device, file), value, size))
		*value = '\0';
}

/* Megabits; many devices say -1 for "unknown". */
static void speed_sample(struct host *host, const char *device)
{
	char path[HOST_PATH_MAX];
	struct number number;
	if (host_number_read(host, HOST_SYS, host_format(path, NETCLASS_PATH "/%s/speed", device), &number))
		return;
	double megabits = host_number_f64(number);
	if (megabits >= 0 || !host->options->netclass_ignore_invalid_speed)
		host_f64(host, &speed_family, megabits * 1e6 / 8, device);
}

static void device_sample(struct host *host, const char *device)
{
	char directory[HOST_PATH_MAX], address[128], broadcast[128], duplex[32], operstate[32], alias[257];
	property_read(host, device, "operstate", operstate, sizeof(operstate));
	if (!*operstate)
		return; /* bonding_masters, or gone by now */
	property_read(host, device, "address", address, sizeof(address));
	property_read(host, device, "broadcast", broadcast, sizeof(broadcast));
	property_read(host, device, "duplex", duplex, sizeof(duplex));
	property_read(host, device, "ifalias", alias, sizeof(alias));
	host_u64(host, &up_family, !strcmp(operstate, "up"), device);
	host_u64(host, &info_family, 1, device, address, broadcast, duplex, operstate, alias);
	host_numbers_sample(host, HOST_SYS, host_format(directory, NETCLASS_PATH "/%s", device), properties,
			    HOST_COUNT_OF(properties), HOST_VALUES(device));
	speed_sample(host, device);
}

static int netclass_open(struct host *host)
{
	return host_filter_open(host, "", host->options->netclass_ignored_devices);
}

static int netclass_collect(struct host *host)
{
	struct host_list devices;
	int r = host_list(host, 0, HOST_SYS, NETCLASS_PATH, &devices);
	if (r)
		return r;
	for (size_t i = 0; i < devices.count; i++)
		if (host_filter_takes(host->state, devices.names[i]))
			device_sample(host, devices.names[i]);
	return 0;
}

const struct host_ops host_netclass = {.collect = netclass_collect, .open = netclass_open, .close = host_filter_close};
