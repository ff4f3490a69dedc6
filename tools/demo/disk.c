/* SPDX-License-Identifier: MIT */
/* The volume: a size, and how much of it a log fills. */
#include "disk.h"

#include <mstat/mstat.h>

#define TOTAL_BYTES (INT64_C(64) << 20)
#define COMPACT_BYTES (INT64_C(48) << 20)

MSTAT_COUNTER_UNIT(read_bytes, "disk_read_bytes_total", "bytes", "Bytes read from the simulated volume.", "device",
		   "mount_point");
MSTAT_COUNTER_UNIT(write_bytes, "disk_write_bytes_total", "bytes", "Bytes written to the simulated volume.", "device",
		   "mount_point");
MSTAT_GAUGE_AS(used_bytes, MSTAT_SUM | MSTAT_LIVE, "disk_used_bytes", "bytes", "Bytes in use on the simulated volume.",
	       "device", "mount_point");
MSTAT_GAUGE_AS(total_bytes, MSTAT_SUM | MSTAT_LIVE, "disk_total_bytes", "bytes", "Size of the simulated volume.",
	       "device", "mount_point");

#define VOLUME "sim0", "/var/lib/gateway"

static struct {
	mstat_counter *read_bytes, *write_bytes;
	mstat_gauge *used_bytes;
} metrics;
static int64_t used;

void disk_init(void)
{
	metrics.read_bytes = mstat_counter_with(&read_bytes, VOLUME);
	metrics.write_bytes = mstat_counter_with(&write_bytes, VOLUME);
	metrics.used_bytes = mstat_gauge_with(&used_bytes, VOLUME);
	mstat_gauge_set(metrics.used_bytes, 0);
	mstat_gauge_set(mstat_gauge_with(&total_bytes, VOLUME), TOTAL_BYTES);
}

void disk_read(uint64_t bytes)
{
	mstat_add(metrics.read_bytes, bytes);
}

void disk_write(uint64_t bytes, uint64_t live_bytes)
{
	mstat_add(metrics.write_bytes, bytes);
	used += (int64_t)bytes;
	if (used > COMPACT_BYTES) { /* reads the whole log, writes what is live */
		disk_read((uint64_t)used);
		mstat_add(metrics.write_bytes, live_bytes);
		used = (int64_t)live_bytes;
	}
	mstat_gauge_set(metrics.used_bytes, used);
}
