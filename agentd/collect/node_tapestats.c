/* SPDX-License-Identifier: MIT */
/* Tape drives: /sys/class/scsi_tape. */
#include <stdio.h>
#include <string.h>

#include "host_numbers.h"

#define TAPE_PATH "class/scsi_tape"
#define NANO 1e9

static const struct host_number statistics[] = {
	{"in_flight",
	 HOST_GAUGE("node_tape_io_now", "The number of I/Os currently outstanding to this device.", "device"), 0},
	{"io_ns",
	 HOST_COUNTER("node_tape_io_time_seconds_total",
		      "The amount of time spent waiting for all I/O to complete (including read and write). This "
		      "includes tape movement commands such as seeking between file or set marks and implicit tape "
		      "movement such as when rewind on close tape devices are used.",
		      "device"),
	 NANO},
	{"other_cnt",
	 HOST_COUNTER("node_tape_io_others_total",
		      "The number of I/Os issued to the tape drive other than read or write commands. The time taken "
		      "to complete these commands uses the following calculation "
		      "io_time_seconds_total-read_time_seconds_total-write_time_seconds_total",
		      "device"),
	 0},
	{"read_byte_cnt",
	 HOST_COUNTER("node_tape_read_bytes_total", "The number of bytes read from the tape drive.", "device"), 0},
	{"read_cnt",
	 HOST_COUNTER("node_tape_reads_completed_total", "The number of read requests issued to the tape drive.",
		      "device"),
	 0},
	{"read_ns",
	 HOST_COUNTER("node_tape_read_time_seconds_total",
		      "The amount of time spent waiting for read requests to complete.", "device"),
	 NANO},
	{"write_byte_cnt",
	 HOST_COUNTER("node_tape_written_bytes_total", "The number of bytes written to the tape drive.", "device"), 0},
	{"write_cnt",
	 HOST_COUNTER("node_tape_writes_completed_total", "The number of write requests issued to the tape drive.",
		      "device"),
	 0},
	{"write_ns",
	 HOST_COUNTER("node_tape_write_time_seconds_total",
		      "The amount of time spent waiting for write requests to complete.", "device"),
	 NANO},
	{"resid_cnt",
	 HOST_COUNTER("node_tape_residual_total",
		      "The number of times during a read or write we found the residual amount to be non-zero. This "
		      "should mean that a program is issuing a read larger thean the block size on tape. For write not "
		      "all data made it to tape.",
		      "device"),
	 0},
};

/* A drive has eight names ("st0", "nst0a", ...) with the same statistics. */
static bool is_drive(const char *name)
{
	size_t digits = !strncmp(name, "st", 2) ? strspn(name + 2, "0123456789") : 0;
	return digits && !name[2 + digits];
}

static int tapestats_open(struct host *host)
{
	return host_filter_open(host, "", host->options->tapestats_ignored_devices);
}

static int tapestats_collect(struct host *host)
{
	char directory[HOST_PATH_MAX];
	struct host_list names;
	int r = host_list(host, 0, HOST_SYS, TAPE_PATH, &names);
	if (r)
		return r;
	for (size_t i = 0; i < names.count; i++) {
		const char *name = names.names[i];
		if (is_drive(name) && host_filter_takes(host->state, name))
			host_numbers_sample(host, HOST_SYS, host_format(directory, TAPE_PATH "/%s/stats", name),
					    statistics, HOST_COUNT_OF(statistics), HOST_VALUES(name));
	}
	return 0;
}

const struct host_ops host_tapestats = {
	.collect = tapestats_collect, .open = tapestats_open, .close = host_filter_close};
