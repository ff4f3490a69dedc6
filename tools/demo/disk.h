/* SPDX-License-Identifier: MIT */
/* A simulated volume, on which the backends that keep their state on disk have a log: writes append, a full log is
 * compacted to what is live. The host's own disks are the agent's business. */
#ifndef DEMO_DISK_H
#define DEMO_DISK_H

#include <stdint.h>

/* Makes the handles. Call once in the stream process; none of this is thread-safe. */
void disk_init(void);

void disk_read(uint64_t bytes);

/* Appends; `live_bytes` is what a compaction would keep. */
void disk_write(uint64_t bytes, uint64_t live_bytes);

#endif
