/* SPDX-License-Identifier: MIT */
/* Fibre Channel hosts: /sys/class/fc_host. Slow: the adapters' firmware is asked. */
#include <stdio.h>
#include <string.h>

#include "host_numbers.h"

#define FIBRECHANNEL_PATH "class/fc_host"

struct statistic {
	const char *file;
	struct host_family family;
};
#define STATISTIC(file, name, help)                                                                                    \
	{                                                                                                              \
		file, HOST_COUNTER("node_fibrechannel_" name "_total", help, "fc_host")                                \
	}
static const struct statistic statistics[] = {
	STATISTIC("dumped_frames", "dumped_frames", "Number of dumped frames"),
	STATISTIC("error_frames", "error_frames", "Number of errors in frames"),
	STATISTIC("invalid_crc_count", "invalid_crc", "Invalid Cyclic Redundancy Check count"),
	STATISTIC("rx_frames", "rx_frames", "Number of frames received"),
	STATISTIC("rx_words", "rx_words", "Number of words received by host port"),
	STATISTIC("tx_frames", "tx_frames", "Number of frames transmitted by host port"),
	STATISTIC("tx_words", "tx_words", "Number of words transmitted by host port"),
	STATISTIC("seconds_since_last_reset", "seconds_since_last_reset",
		  "Number of seconds since last host port reset"),
	STATISTIC("invalid_tx_word_count", "invalid_tx_words", "Number of invalid words transmitted by host port"),
	STATISTIC("link_failure_count", "link_failure", "Number of times the host port link has failed"),
	STATISTIC("loss_of_sync_count", "loss_of_sync",
		  "Number of failures on either bit or transmission word boundaries"),
	STATISTIC("loss_of_signal_count", "loss_of_signal", "Number of times signal has been lost"),
	STATISTIC("nos_count", "nos", "Number Not_Operational Primitive Sequence received by host port"),
	STATISTIC("fcp_packet_aborts", "fcp_packet_aborts", "Number of aborted packets"),
};

static const char *const properties[] = {
	"speed",       "port_state",    "port_type",         "port_id",          "port_name",
	"fabric_name", "symbolic_name", "supported_classes", "supported_speeds", "dev_loss_tmo"};
static const struct host_family info_family =
	HOST_GAUGE("node_fibrechannel_info", "Non-numeric data from /sys/class/fc_host/<host>, value is always 1.",
		   "fc_host", "speed", "port_state", "port_type", "port_id", "port_name", "fabric_name",
		   "symbolic_name", "supported_classes", "supported_speeds", "dev_loss_tmo");
#define PROPERTY_BYTES 256

static void info_sample(struct host *host, const char *name)
{
	char path[HOST_PATH_MAX], strings[HOST_COUNT_OF(properties)][PROPERTY_BYTES];
	const char *values[HOST_COUNT_OF(properties) + 1] = {name};
	for (size_t i = 0; i < HOST_COUNT_OF(properties); i++) {
		host_format(path, FIBRECHANNEL_PATH "/%s/%s", name, properties[i]);
		if (host_read_string(host, HOST_SYS, path, strings[i], PROPERTY_BYTES))
			strings[i][0] = '\0';
		bool hexadecimal = !strncmp(strings[i], "0x", 2) && strcmp(properties[i], "symbolic_name") != 0;
		values[i + 1] = strings[i] + (hexadecimal ? 2 : 0);
	}
	host_sample(host, &info_family, values, (struct number){.type = NUMBER_U64, .u64 = 1});
}

static void statistics_sample(struct host *host, const char *name)
{
	char path[HOST_PATH_MAX];
	struct number number;
	for (size_t i = 0; i < HOST_COUNT_OF(statistics); i++) {
		host_format(path, FIBRECHANNEL_PATH "/%s/statistics/%s", name, statistics[i].file);
		if (host_number_read(host, HOST_SYS, path, &number))
			continue;
		/* All ones: the adapter does not count this. */
		if (number.type != NUMBER_U64 || number.u64 != UINT64_MAX)
			host_sample(host, &statistics[i].family, HOST_VALUES(name), number);
	}
}

static int fibrechannel_collect(struct host *host)
{
	struct host_list names;
	int r = host_list(host, 0, HOST_SYS, FIBRECHANNEL_PATH, &names);
	if (r)
		return r;
	for (size_t i = 0; i < names.count; i++) {
		info_sample(host, names.names[i]);
		statistics_sample(host, names.names[i]);
	}
	return 0;
}

const struct host_ops host_fibrechannel = {.collect = fibrechannel_collect};
