/* SPDX-License-Identifier: MIT */
/* Btrfs file systems: /sys/fs/btrfs. */
#include <stdio.h>
#include <string.h>

#include "host_numbers.h"

#define BTRFS_PATH "fs/btrfs"
#define SECTOR_BYTES 512

static const struct host_family info_family = HOST_GAUGE("node_btrfs_info", "Filesystem information", "uuid", "label");
static const struct host_number reserve = {
	"allocation/global_rsv_size", HOST_GAUGE("node_btrfs_global_rsv_size_bytes", "Size of global reserve.", "uuid"),
	0};
static const struct host_number device_size = {"size",
					       HOST_GAUGE("node_btrfs_device_size_bytes",
							  "Size of a device that is part of the filesystem.", "uuid",
							  "device"),
					       1.0 / SECTOR_BYTES};
static const struct host_number reserved = {
	"bytes_reserved",
	HOST_GAUGE("node_btrfs_reserved_bytes", "Amount of space reserved for a data type", "uuid", "block_group_type"),
	0};
static const struct host_number layout_numbers[] = {
	{"used_bytes",
	 HOST_GAUGE("node_btrfs_used_bytes", "Amount of used space by a layout/data type", "uuid", "block_group_type",
		    "mode"),
	 0},
	{"total_bytes",
	 HOST_GAUGE("node_btrfs_size_bytes", "Amount of space allocated for a layout/data type", "uuid",
		    "block_group_type", "mode"),
	 0},
};
static const struct host_family ratio_family =
	HOST_GAUGE("node_btrfs_allocation_ratio", "Data allocation ratio for a layout/data type", "uuid",
		   "block_group_type", "mode");

static const char *const group_types[] = {"data", "metadata", "mixed", "system"};

/* How many bytes of devices hold one byte of data: copies, or the parity of that many devices' stripes. */
struct profile {
	const char *mode;
	unsigned copies;
	unsigned parity_devices;
};
static const struct profile profiles[] = {
	{"single", 1, 0},  {"raid0", 1, 0},  {"dup", 2, 0},   {"raid1", 2, 0}, {"raid1c3", 3, 0},
	{"raid1c4", 4, 0}, {"raid10", 2, 0}, {"raid5", 1, 1}, {"raid6", 1, 2},
};

/* False where it is not known. */
static bool ratio_find(const char *mode, size_t devices, double *ratio)
{
	for (size_t i = 0; i < HOST_COUNT_OF(profiles); i++) {
		const struct profile *profile = &profiles[i];
		if (strcmp(profile->mode, mode) != 0)
			continue;
		if (profile->parity_devices && devices <= profile->parity_devices)
			return false;
		*ratio = profile->parity_devices ? (double)devices / (double)(devices - profile->parity_devices)
						 : profile->copies;
		return true;
	}
	return false;
}

/* allocation/TYPE holds files and a directory for each profile in use. */
static void group_sample(struct host *host, const char *uuid, const char *type, size_t devices)
{
	char directory[HOST_PATH_MAX - 64], path[HOST_PATH_MAX];
	struct host_list modes;
	double ratio;
	host_format(directory, BTRFS_PATH "/%s/allocation/%s", uuid, type);
	if (host_list(host, 1, HOST_SYS, directory, &modes))
		return;
	host_numbers_sample(host, HOST_SYS, directory, &reserved, 1, HOST_VALUES(uuid, type));
	for (size_t i = 0; i < modes.count; i++) {
		const char *mode = modes.names[i];
		host_format(path, "%s/%.60s", directory, mode);
		if (host_numbers_sample(host, HOST_SYS, path, layout_numbers, HOST_COUNT_OF(layout_numbers),
					HOST_VALUES(uuid, type, mode)) &&
		    ratio_find(mode, devices, &ratio))
			host_f64(host, &ratio_family, ratio, uuid, type, mode);
	}
}

static size_t devices_sample(struct host *host, const char *uuid)
{
	char path[HOST_PATH_MAX];
	struct host_list devices;
	if (host_list(host, 1, HOST_SYS, host_format(path, BTRFS_PATH "/%s/devices", uuid), &devices))
		return 0;
	for (size_t i = 0; i < devices.count; i++) {
		host_format(path, BTRFS_PATH "/%s/devices/%s", uuid, devices.names[i]);
		host_numbers_sample(host, HOST_SYS, path, &device_size, 1, HOST_VALUES(uuid, devices.names[i]));
	}
	return devices.count;
}

static void filesystem_sample(struct host *host, const char *uuid)
{
	char path[HOST_PATH_MAX], label[257];
	if (host_read_string(host, HOST_SYS, host_format(path, BTRFS_PATH "/%s/label", uuid), label, sizeof(label)))
		*label = '\0';
	host_u64(host, &info_family, 1, uuid, label);
	host_numbers_sample(host, HOST_SYS, host_format(path, BTRFS_PATH "/%s", uuid), &reserve, 1, HOST_VALUES(uuid));
	size_t devices = devices_sample(host, uuid);
	for (size_t i = 0; i < HOST_COUNT_OF(group_types); i++)
		group_sample(host, uuid, group_types[i], devices);
}

static int btrfs_collect(struct host *host)
{
	struct host_list names;
	int r = host_list(host, 0, HOST_SYS, BTRFS_PATH, &names);
	if (r)
		return r == -ENOENT ? 0 : r; /* the module is not loaded: no file systems is an answer */
	for (size_t i = 0; i < names.count; i++)
		if (strchr(names.names[i], '-')) /* beside "features" and "debug" */
			filesystem_sample(host, names.names[i]);
	return 0;
}

const struct host_ops host_btrfs = {.collect = btrfs_collect};
