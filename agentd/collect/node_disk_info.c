/* SPDX-License-Identifier: MIT */
/* What udev knows of a disk: lines "E:KEY=VALUE" of /run/udev/data/bMAJOR:MINOR. */
#include "node_disk_info.h"

#include <stdlib.h>
#include <string.h>

static const struct host_family info_family =
	HOST_GAUGE("node_disk_info", "Info of /sys/block/<block_device>.", "device", "major", "minor", "path", "wwn",
		   "model", "serial", "revision");
static const struct host_family filesystem_family = HOST_GAUGE(
	"node_disk_filesystem_info", "Info about disk filesystem.", "device", "type", "usage", "uuid", "version");
static const struct host_family mapper_family =
	HOST_GAUGE("node_disk_device_mapper_info", "Info about disk device mapper.", "device", "name", "uuid",
		   "vg_name", "lv_name", "lv_layer");
static const struct host_family cache_family =
	HOST_GAUGE("node_disk_ata_write_cache", "ATA disk has a write cache.", "device");
static const struct host_family cache_enabled_family =
	HOST_GAUGE("node_disk_ata_write_cache_enabled", "ATA disk has its write cache enabled.", "device");
static const struct host_family rotation_family =
	HOST_GAUGE("node_disk_ata_rotation_rate_rpm", "ATA disk rotation rate in RPMs (0 for SSDs).", "device");

#define KEYS(KEY)                                                                                                      \
	KEY(DM_LV_LAYER)                                                                                               \
	KEY(DM_LV_NAME)                                                                                                \
	KEY(DM_NAME)                                                                                                   \
	KEY(DM_UUID)                                                                                                   \
	KEY(DM_VG_NAME)                                                                                                \
	KEY(ID_ATA)                                                                                                    \
	KEY(ID_ATA_ROTATION_RATE_RPM)                                                                                  \
	KEY(ID_ATA_WRITE_CACHE)                                                                                        \
	KEY(ID_ATA_WRITE_CACHE_ENABLED)                                                                                \
	KEY(ID_FS_TYPE)                                                                                                \
	KEY(ID_FS_USAGE)                                                                                               \
	KEY(ID_FS_UUID)                                                                                                \
	KEY(ID_FS_VERSION)                                                                                             \
	KEY(ID_MODEL)                                                                                                  \
	KEY(ID_PATH)                                                                                                   \
	KEY(ID_REVISION)                                                                                               \
	KEY(ID_SERIAL_SHORT)                                                                                           \
	KEY(ID_WWN)                                                                                                    \
	KEY(SCSI_IDENT_SERIAL)
#define KEY_INDEX(name) name,
#define KEY_TEXT(name) #name,
enum { KEYS(KEY_INDEX) KEY_COUNT };
static const char *const keys[KEY_COUNT] = {KEYS(KEY_TEXT)};

#define UDEV_BYTES_MAX 8192
/* udev writes a disk's file when the disk comes, and when a program that wrote to it closes it. */
#define READ_EVERY 16u

struct disk_info {
	uint64_t major;
	uint64_t minor;
	uint32_t collection;           /* when the file was read */
	const char *values[KEY_COUNT]; /* "" where there is none */
	char *bytes;                   /* that they point into, or NULL */
};

void disk_infos_fini(struct disk_infos *infos)
{
	while (infos->count)
		free(infos->infos[--infos->count].bytes);
	free(infos->infos);
	*infos = (struct disk_infos){.infos = NULL};
}

void disk_infos_begin(struct disk_infos *infos)
{
	infos->collection++;
	infos->next = 0;
}

static void properties_parse(char *bytes, const char **values)
{
	struct text text = {bytes, bytes + strlen(bytes)}, line;
	while (text_line(&text, &line)) {
		const char *key = text_take(&line, "E:") ? text_until(&line, '=') : NULL;
		for (size_t i = 0; key && i < KEY_COUNT; i++)
			if (!strcmp(key, keys[i]))
				values[i] = text_rest(&line);
	}
}

static void info_read(struct host *host, struct disk_info *info)
{
	char path[64], bytes[UDEV_BYTES_MAX];
	for (size_t i = 0; i < KEY_COUNT; i++)
		info->values[i] = "";
	free(info->bytes);
	info->bytes = NULL;
	host_format(path, "b%llu:%llu", (unsigned long long)info->major, (unsigned long long)info->minor);
	if (!host_read_string(host, HOST_UDEV, path, bytes, sizeof(bytes)))
		info->bytes = strdup(bytes);
	if (info->bytes)
		properties_parse(info->bytes, info->values);
}

/* The next disk's, in the order in which the kernel tells them; NULL when out of memory. */
static const struct disk_info *info_next(struct host *host, struct disk_infos *infos, uint64_t major, uint64_t minor)
{
	const size_t at = infos->next++;
	if (at == infos->capacity) {
		size_t capacity = infos->capacity ? 2 * infos->capacity : 4;
		struct disk_info *grown = reallocarray(infos->infos, capacity, sizeof(*grown));
		if (!grown)
			return NULL;
		infos->infos = grown;
		infos->capacity = capacity;
	}
	struct disk_info *info = &infos->infos[at];
	const bool fresh = at == infos->count;
	if (fresh) {
		*info = (struct disk_info){.major = major};
		infos->count++;
	}
	if (!fresh && info->major == major && info->minor == minor && infos->collection - info->collection < READ_EVERY)
		return info;
	info->major = major;
	info->minor = minor;
	info->collection = infos->collection;
	info_read(host, info);
	return info;
}

static void ata_sample(struct host *host, const struct host_family *family, const char *text, const char *device)
{
	double value;
	if (word_f64(text, &value))
		host_f64(host, family, value, device);
}

/* Without udev's data a disk is told by its numbers alone. */
void disk_info_sample(struct host *host, struct disk_infos *infos, const char *device, uint64_t major, uint64_t minor)
{
	char major_text[24], minor_text[24];
	const struct disk_info *info = info_next(host, infos, major, minor);
	if (!info) {
		host_skip(host);
		return;
	}
	const char *const *values = info->values;
	host_format(major_text, "%llu", (unsigned long long)major);
	host_format(minor_text, "%llu", (unsigned long long)minor);
	host_u64(host, &info_family, 1, device, major_text, minor_text, values[ID_PATH], values[ID_WWN],
		 values[ID_MODEL], *values[SCSI_IDENT_SERIAL] ? values[SCSI_IDENT_SERIAL] : values[ID_SERIAL_SHORT],
		 values[ID_REVISION]);
	if (*values[ID_FS_TYPE])
		host_u64(host, &filesystem_family, 1, device, values[ID_FS_TYPE], values[ID_FS_USAGE],
			 values[ID_FS_UUID], values[ID_FS_VERSION]);
	if (*values[DM_NAME])
		host_u64(host, &mapper_family, 1, device, values[DM_NAME], values[DM_UUID], values[DM_VG_NAME],
			 values[DM_LV_NAME], values[DM_LV_LAYER]);
	if (!*values[ID_ATA])
		return;
	ata_sample(host, &cache_family, values[ID_ATA_WRITE_CACHE], device);
	ata_sample(host, &cache_enabled_family, values[ID_ATA_WRITE_CACHE_ENABLED], device);
	ata_sample(host, &rotation_family, values[ID_ATA_ROTATION_RATE_RPM], device);
}
