/* SPDX-License-Identifier: MIT */
/* NVMe controllers: /sys/class/nvme. */
#include <stdio.h>

#include "host.h"

#define NVME_PATH "class/nvme"

static const struct host_family info_family =
	HOST_GAUGE("node_nvme_info", "Non-numeric data from /sys/class/nvme/<device>, value is always 1.", "device",
		   "firmware_revision", "model", "serial", "state");
static const char *const files[] = {"firmware_rev", "model", "serial", "state"};
#define PROPERTY_BYTES 128

static int nvme_collect(struct host *host)
{
	char path[HOST_PATH_MAX], strings[HOST_COUNT_OF(files)][PROPERTY_BYTES];
	struct host_list devices;
	int r = host_list(host, 0, HOST_SYS, NVME_PATH, &devices);
	if (r)
		return r;
	for (size_t i = 0; i < devices.count; i++) {
		for (size_t j = 0; j < HOST_COUNT_OF(files); j++)
			if (host_read_string(host, HOST_SYS,
					     host_format(path, NVME_PATH "/%s/%s", devices.names[i], files[j]),
					     strings[j], PROPERTY_BYTES))
				strings[j][0] = '\0';
		host_u64(host, &info_family, 1, devices.names[i], strings[0], strings[1], strings[2], strings[3]);
	}
	return 0;
}

const struct host_ops host_nvme = {.collect = nvme_collect};
