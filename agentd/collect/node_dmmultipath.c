/* SPDX-License-Identifier: MIT */
/* Device mapper multipath devices and their paths: /sys/block/dm-*. Slow: the state of a path may be asked of its
 * driver. */
#include <string.h>

#include "host.h"

#define DEVICE(name, help) HOST_GAUGE("node_dmmultipath_device_" name, help, "device", "sysfs_name")
static const struct host_family info_family =
	HOST_GAUGE("node_dmmultipath_device_info", "Non-numeric information about a DM-multipath device.", "device",
		   "sysfs_name", "uuid");
static const struct host_family active_family =
	DEVICE("active", "Whether the multipath device-mapper device is active (1) or suspended (0).");
static const struct host_family size_family =
	DEVICE("size_bytes", "Size of the multipath device in bytes, read from /sys/block/<dm>/size.");
static const struct host_family paths_family = DEVICE("paths", "Number of paths for a multipath device.");
static const struct host_family paths_active_family =
	DEVICE("paths_active", "Number of paths in active state (SCSI running or NVMe live) for a multipath device.");
static const struct host_family paths_failed_family =
	DEVICE("paths_failed", "Number of paths not in active state for a multipath device.");
static const struct host_family state_family =
	HOST_GAUGE("node_dmmultipath_path_state",
		   "Reports the underlying device state for a multipath path, as read from "
		   "/sys/block/<dev>/device/state.",
		   "device", "path", "state");

#define SECTOR_BYTES 512u
#define UUID_PREFIX "mpath-"

static void paths_sample(struct host *host, const char *device, const char *name)
{
	struct host_list paths;
	char path[HOST_PATH_MAX], state[64];
	uint64_t active = 0;
	if (host_list(host, 1, HOST_SYS, host_format(path, "block/%s/slaves", name), &paths))
		paths.count = 0;
	for (size_t i = 0; i < paths.count; i++) {
		host_format(path, "block/%s/device/state", paths.names[i]);
		if (host_read_string(host, HOST_SYS, path, state, sizeof(state)))
			strcpy(state, "unknown");
		active += !strcmp(state, "running") || !strcmp(state, "live");
		host_u64(host, &state_family, 1, device, paths.names[i], state);
	}
	host_u64(host, &paths_family, paths.count, device, name);
	host_u64(host, &paths_active_family, active, device, name);
	host_u64(host, &paths_failed_family, paths.count - active, device, name);
}

/* False if it is another kind of device. */
static bool device_sample(struct host *host, const char *name)
{
	char path[HOST_PATH_MAX], uuid[160], device[160];
	uint64_t suspended, sectors;
	if (host_read_string(host, HOST_SYS, host_format(path, "block/%s/dm/uuid", name), uuid, sizeof(uuid)) ||
	    strncmp(uuid, UUID_PREFIX, strlen(UUID_PREFIX)) != 0)
		return false;
	if (host_read_string(host, HOST_SYS, host_format(path, "block/%s/dm/name", name), device, sizeof(device))) {
		host_skip(host);
		return true;
	}
	host_u64(host, &info_family, 1, device, name, uuid);
	if (!host_read_u64(host, HOST_SYS, host_format(path, "block/%s/dm/suspended", name), &suspended))
		host_u64(host, &active_family, !suspended, device, name);
	if (!host_read_u64(host, HOST_SYS, host_format(path, "block/%s/size", name), &sectors))
		host_u64(host, &size_family, sectors * SECTOR_BYTES, device, name);
	paths_sample(host, device, name);
	return true;
}

static int dmmultipath_collect(struct host *host)
{
	struct host_list names;
	size_t found = 0;
	int r = host_list(host, 0, HOST_SYS, "block", &names);
	if (r)
		return r;
	for (size_t i = 0; i < names.count; i++)
		if (!strncmp(names.names[i], "dm-", 3))
			found += device_sample(host, names.names[i]);
	return found ? 0 : -ENODATA;
}

const struct host_ops host_dmmultipath = {.collect = dmmultipath_collect};
