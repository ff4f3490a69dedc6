/* SPDX-License-Identifier: MIT */
/* Disks: /proc/diskstats, and what udev knows of them. */
#include <stdlib.h>

#include "node_disk_info.h"

#define SECTOR_BYTES 512 /* of the kernel's counters, whatever the disk's own are */

/* The columns behind the device's name, in order. */
struct column {
	struct host_family family;
	double factor; /* 0: an integer as it is */
};
#define DISK(name, type, factor, help)                                                                                 \
	{                                                                                                              \
		HOST_FAMILY("node_disk_" name, type, help, "device"), factor                                           \
	}
static const struct column columns[] = {
	DISK("reads_completed_total", METRIC_COUNTER, 0, "The total number of reads completed successfully."),
	DISK("reads_merged_total", METRIC_COUNTER, 0, "The total number of reads merged."),
	DISK("read_bytes_total", METRIC_COUNTER, SECTOR_BYTES, "The total number of bytes read successfully."),
	DISK("read_time_seconds_total", METRIC_COUNTER, 1e-3, "The total number of seconds spent by all reads."),
	DISK("writes_completed_total", METRIC_COUNTER, 0, "The total number of writes completed successfully."),
	DISK("writes_merged_total", METRIC_COUNTER, 0, "The number of writes merged."),
	DISK("written_bytes_total", METRIC_COUNTER, SECTOR_BYTES, "The total number of bytes written successfully."),
	DISK("write_time_seconds_total", METRIC_COUNTER, 1e-3,
	     "This is the total number of seconds spent by all writes."),
	DISK("io_now", METRIC_GAUGE, 0, "The number of I/Os currently in progress."),
	DISK("io_time_seconds_total", METRIC_COUNTER, 1e-3, "Total seconds spent doing I/Os."),
	DISK("io_time_weighted_seconds_total", METRIC_COUNTER, 1e-3, "The weighted # of seconds spent doing I/Os."),
	DISK("discards_completed_total", METRIC_COUNTER, 0, "The total number of discards completed successfully."),
	DISK("discards_merged_total", METRIC_COUNTER, 0, "The total number of discards merged."),
	DISK("discarded_sectors_total", METRIC_COUNTER, 0, "The total number of sectors discarded successfully."),
	DISK("discard_time_seconds_total", METRIC_COUNTER, 1e-3,
	     "This is the total number of seconds spent by all discards."),
	DISK("flush_requests_total", METRIC_COUNTER, 0, "The total number of flush requests completed successfully"),
	DISK("flush_requests_time_seconds_total", METRIC_COUNTER, 1e-3,
	     "This is the total number of seconds spent by all flush requests."),
};

struct diskstats_state {
	struct host_filter filter;
	struct disk_infos infos;
};

static int diskstats_open(struct host *host)
{
	struct diskstats_state *state = calloc(1, sizeof(*state));
	if (!state)
		return -ENOMEM;
	int r = host_filter_init(&state->filter, host->options->diskstats_device_include,
				 host->options->diskstats_device_exclude);
	if (r)
		free(state);
	else
		host->state = state;
	return r;
}

static void diskstats_close(struct host *host)
{
	struct diskstats_state *state = host->state;
	host_filter_fini(&state->filter);
	disk_infos_fini(&state->infos);
	free(state);
}

static void columns_sample(struct host *host, const char *device, struct text *line)
{
	uint64_t value;
	for (size_t i = 0; i < HOST_COUNT_OF(columns) && text_u64(line, &value); i++) {
		if (columns[i].factor > 0)
			host_f64(host, &columns[i].family,
				 columns[i].factor < 1 ? (double)value / 1000 : (double)value * columns[i].factor,
				 device);
		else
			host_u64(host, &columns[i].family, value, device);
	}
}

static int diskstats_collect(struct host *host)
{
	struct diskstats_state *state = host->state;
	struct text text, line;
	int r = host_read(host, HOST_PROC, "diskstats", &text);
	if (r)
		return r;
	disk_infos_begin(&state->infos);
	while (text_line(&text, &line)) {
		uint64_t major, minor;
		const char *device = text_u64(&line, &major) && text_u64(&line, &minor) ? text_word(&line) : NULL;
		if (!device) {
			host_skip(host);
			continue;
		}
		if (!host_filter_takes(&state->filter, device))
			continue;
		columns_sample(host, device, &line);
		disk_info_sample(host, &state->infos, device, major, minor);
	}
	return 0;
}

const struct host_ops host_diskstats = {.collect = diskstats_collect, .open = diskstats_open, .close = diskstats_close};
