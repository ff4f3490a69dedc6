/* SPDX-License-Identifier: MIT */
/* PCI devices: /sys/bus/pci/devices. Slow: speed and width of a link are read from the device. */
#include <stdio.h>
#include <string.h>

#include "host_numbers.h"

#define DEVICES_PATH "bus/pci/devices"
#define GIGA 1e9

#define LOCATION "segment", "bus", "device", "function"
#define PCIDEVICE(name, help) HOST_GAUGE("node_pcidevice_" name, help, LOCATION)
static const struct host_family info_family =
	HOST_GAUGE("node_pcidevice_info", "Non-numeric data from /sys/bus/pci/devices/<location>, value is always 1.",
		   LOCATION, "parent_segment", "parent_bus", "parent_device", "parent_function", "class_id",
		   "vendor_id", "device_id", "subsystem_vendor_id", "subsystem_device_id", "revision");
static const struct host_family numa_family =
	PCIDEVICE("numa_node", "NUMA node number for the PCI device. -1 indicates unknown or not available.");
static const struct host_family power_family =
	HOST_GAUGE("node_pcidevice_power_state",
		   "PCIe device power state, one of: D0, D1, D2, D3hot, D3cold, unknown or error.", LOCATION, "state");
static const char *const power_states[] = {"D0", "D1", "D2", "D3hot", "D3cold", "unknown", "error"};

/* Identifiers, in the order of their labels, and the digits they have. */
struct identifier {
	const char *file;
	int digits;
};
static const struct identifier identifiers[] = {
	{"class", 6}, {"vendor", 4}, {"device", 4}, {"subsystem_vendor", 4}, {"subsystem_device", 4}, {"revision", 2}};

/* Numbers that are told for each device: `absent` where it has none. */
struct property {
	const char *file;
	struct host_family family;
	double factor;
	double absent;
};
static const struct property properties[] = {
	{"max_link_speed",
	 PCIDEVICE("max_link_transfers_per_second", "Value of maximum link's transfers per second (T/s)"), GIGA, -1},
	{"max_link_width", PCIDEVICE("max_link_width", "Value of maximum link's width (number of lanes)"), 1, -1},
	{"current_link_speed",
	 PCIDEVICE("current_link_transfers_per_second", "Value of current link's transfers per second (T/s)"), GIGA,
	 -1},
	{"current_link_width", PCIDEVICE("current_link_width", "Value of current link's width (number of lanes)"), 1,
	 -1},
	{"d3cold_allowed", PCIDEVICE("d3cold_allowed", "Whether the PCIe device supports D3cold power state (0/1)."), 1,
	 0},
	{"sriov_drivers_autoprobe",
	 PCIDEVICE("sriov_drivers_autoprobe", "Whether SR-IOV drivers autoprobe is enabled for the device (0/1)."), 1,
	 0},
	{"sriov_numvfs", PCIDEVICE("sriov_numvfs", "Number of Virtual Functions (VFs) currently enabled for SR-IOV."),
	 1, 0},
	{"sriov_totalvfs",
	 PCIDEVICE("sriov_totalvfs", "Total number of Virtual Functions (VFs) supported by the device."), 1, 0},
	{"sriov_vf_total_msix",
	 PCIDEVICE("sriov_vf_total_msix", "Total number of MSI-X vectors for Virtual Functions."), 1, 0},
};

struct location {
	char parts[4][12];
};

/* "0000:04:00.0"; sscanf would take "x:y" with blanks and signs. */
static bool location_parse(const char *name, struct location *location)
{
	unsigned parts[4];
	int len = 0;
	if (strspn(name, "0123456789abcdef:.") != strlen(name) ||
	    sscanf(name, "%8x:%2x:%2x.%1x%n", &parts[0], &parts[1], &parts[2], &parts[3], &len) != 4 || name[len])
		return false;
	snprintf(location->parts[0], sizeof(location->parts[0]), "%04x", parts[0]);
	snprintf(location->parts[1], sizeof(location->parts[1]), "%02x", parts[1]);
	snprintf(location->parts[2], sizeof(location->parts[2]), "%02x", parts[2]);
	snprintf(location->parts[3], sizeof(location->parts[3]), "%x", parts[3]);
	return true;
}

/* The bridge above: the next to last name that the link leads to. A root bus ("pci0000:00") is no device. */
static void parent_read(struct host *host, const char *directory, struct location *parent)
{
	char target[HOST_PATH_MAX];
	char *name = NULL;
	if (!host_read_link(host, HOST_SYS, directory, target, sizeof(target)) && (name = strrchr(target, '/'))) {
		*name = '\0';
		name = strrchr(target, '/');
	}
	if (name && location_parse(name + 1, parent))
		return;
	for (size_t i = 0; i < HOST_COUNT_OF(parent->parts); i++)
		strcpy(parent->parts[i], "*");
}

static void info_sample(struct host *host, const char *directory, const struct location *location)
{
	char path[HOST_PATH_MAX + 32], ids[HOST_COUNT_OF(identifiers)][24];
	const char *values[8 + HOST_COUNT_OF(identifiers)];
	struct location parent;
	struct number number;
	parent_read(host, directory, &parent);
	for (size_t i = 0; i < 4; i++) {
		values[i] = location->parts[i];
		values[4 + i] = parent.parts[i];
	}
	for (size_t i = 0; i < HOST_COUNT_OF(identifiers); i++) {
		bool found = !host_number_read(host, HOST_SYS,
					       host_format(path, "%s/%s", directory, identifiers[i].file), &number);
		snprintf(ids[i], sizeof(ids[i]), "0x%0*llx", identifiers[i].digits,
			 found ? (unsigned long long)number.u64 : 0ull);
		values[8 + i] = ids[i];
	}
	host_sample(host, &info_family, values, (struct number){.type = NUMBER_U64, .u64 = 1});
}

/* "8.0 GT/s PCIe", "16", "Unknown", "" */
static double property_read(struct host *host, const char *directory, const struct property *property)
{
	char path[HOST_PATH_MAX + 32], string[64];
	double value;
	host_format(path, "%s/%s", directory, property->file);
	if (host_read_string(host, HOST_SYS, path, string, sizeof(string)))
		return property->absent;
	struct text text = {string, string + strlen(string)};
	return text_f64(&text, &value) ? value * property->factor : property->absent;
}

static void power_sample(struct host *host, const char *directory, const struct location *location)
{
	char path[HOST_PATH_MAX + 32], state[32];
	if (host_read_string(host, HOST_SYS, host_format(path, "%s/power_state", directory), state, sizeof(state)))
		return;
	for (size_t i = 0; i < HOST_COUNT_OF(power_states); i++)
		host_u64(host, &power_family, !strcmp(state, power_states[i]), location->parts[0], location->parts[1],
			 location->parts[2], location->parts[3], power_states[i]);
}

static void device_sample(struct host *host, const char *name)
{
	char directory[HOST_PATH_MAX], path[HOST_PATH_MAX + 32];
	struct location location;
	struct number number;
	if (!location_parse(name, &location)) {
		host_skip(host);
		return;
	}
	const char *const values[] = {location.parts[0], location.parts[1], location.parts[2], location.parts[3]};
	host_format(directory, DEVICES_PATH "/%s", name);
	info_sample(host, directory, &location);
	for (size_t i = 0; i < HOST_COUNT_OF(properties); i++) {
		double value = property_read(host, directory, &properties[i]);
		host_sample(host, &properties[i].family, values, (struct number){.type = NUMBER_F64, .f64 = value});
	}
	power_sample(host, directory, &location);
	if (!host_number_read(host, HOST_SYS, host_format(path, "%s/numa_node", directory), &number) &&
	    host_number_f64(number) >= 0)
		host_sample(host, &numa_family, values, number);
}

static int pcidevice_collect(struct host *host)
{
	struct host_list names;
	int r = host_list(host, 0, HOST_SYS, DEVICES_PATH, &names);
	if (r)
		return r;
	for (size_t i = 0; i < names.count; i++)
		device_sample(host, names.names[i]);
	return names.count ? 0 : -ENODATA;
}

const struct host_ops host_pcidevice = {.collect = pcidevice_collect};
