/* SPDX-License-Identifier: MIT */
/* What udev knows of a disk: a part of the diskstats collector. */
#ifndef AGENTD_COLLECT_NODE_DISK_INFO_H
#define AGENTD_COLLECT_NODE_DISK_INFO_H

#include "host.h"

/* The info families of one disk. Does not touch the collector's buffer. */
void disk_info_sample(struct host *host, const char *device, uint64_t major, uint64_t minor);

#endif
