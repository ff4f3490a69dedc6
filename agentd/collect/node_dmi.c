/* SPDX-License-Identifier: MIT */
/* What the firmware tells about the machine: /sys/class/dmi/id. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

#define DMI_PATH "class/dmi/id"
#define PROPERTY_BYTES 256

/* Label and file; only the maker's differs. */
static const char *const properties[][2] = {
	{"bios_date", "bios_date"},
	{"bios_release", "bios_release"},
	{"bios_vendor", "bios_vendor"},
	{"bios_version", "bios_version"},
	{"board_asset_tag", "board_asset_tag"},
	{"board_name", "board_name"},
	{"board_serial", "board_serial"},
	{"board_vendor", "board_vendor"},
	{"board_version", "board_version"},
	{"chassis_asset_tag", "chassis_asset_tag"},
	{"chassis_serial", "chassis_serial"},
	{"chassis_vendor", "chassis_vendor"},
	{"chassis_version", "chassis_version"},
	{"product_family", "product_family"},
	{"product_name", "product_name"},
	{"product_serial", "product_serial"},
	{"product_sku", "product_sku"},
	{"product_uuid", "product_uuid"},
	{"product_version", "product_version"},
	{"system_vendor", "sys_vendor"},
};
#define HELP                                                                                                           \
	"A metric with a constant '1' value labeled by bios_date, bios_release, bios_vendor, bios_version, "           \
	"board_asset_tag, board_name, board_serial, board_vendor, board_version, chassis_asset_tag, chassis_serial, "  \
	"chassis_vendor, chassis_version, product_family, product_name, product_serial, product_sku, product_uuid, "   \
	"product_version, system_vendor if provided by DMI."

/* Read once: it changes with a reboot only, and a machine without it needs no look at each collection. */
struct dmi {
	struct host_family family;
	const char *values[HOST_COUNT_OF(properties)];
	char strings[HOST_COUNT_OF(properties)][PROPERTY_BYTES];
	bool read;
};

static void properties_read(struct host *host, struct dmi *dmi)
{
	char path[HOST_PATH_MAX];
	size_t count = 0;
	for (size_t i = 0; i < HOST_COUNT_OF(properties); i++) {
		/* Serial numbers are for root only. */
		if (host_read_string(host, HOST_SYS, host_format(path, DMI_PATH "/%s", properties[i][1]),
				     dmi->strings[count], PROPERTY_BYTES))
			continue;
		dmi->family.labels[count] = properties[i][0];
		dmi->values[count] = dmi->strings[count];
		count++;
	}
	dmi->read = true;
}

static int dmi_open(struct host *host)
{
	struct dmi *dmi = calloc(1, sizeof(*dmi));
	if (!dmi)
		return -ENOMEM;
	dmi->family = (struct host_family)HOST_GAUGE("node_dmi_info", HELP);
	host->state = dmi;
	return 0;
}

static void dmi_close(struct host *host)
{
	free(host->state);
}

static int dmi_collect(struct host *host)
{
	struct dmi *dmi = host->state;
	if (!dmi->read)
		properties_read(host, dmi);
	if (!dmi->values[0])
		return -ENODATA;
	host_sample(host, &dmi->family, dmi->values, (struct number){.type = NUMBER_U64, .u64 = 1});
	return 0;
}

const struct host_ops host_dmi = {.collect = dmi_collect, .open = dmi_open, .close = dmi_close};
