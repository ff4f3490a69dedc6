/* SPDX-License-Identifier: MIT */
/* What udev knows of a disk. */
#ifndef AGENTD_COLLECT_NODE_DISK_INFO_H
#define AGENTD_COLLECT_NODE_DISK_INFO_H

#include "host.h"

/* What was read of the disks of the last collections: the files of udev are read again now and then only. */
struct disk_infos {
	struct disk_info *infos;
	size_t count;
	size_t capacity;
	size_t next;
	uint32_t collection;
};
void disk_infos_fini(struct disk_infos *infos);

/* Begins a collection, in which disk_info_sample() is called for the disks in the kernel's order. */
void disk_infos_begin(struct disk_infos *infos);

/* node_disk_info and what else /run/udev/data/bMAJOR:MINOR tells. */
void disk_info_sample(struct host *host, struct disk_infos *infos, const char *device, uint64_t major, uint64_t minor);

#endif
