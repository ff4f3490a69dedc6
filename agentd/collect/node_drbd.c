/* SPDX-License-Identifier: MIT */
/* Replicated block devices: /proc/drbd (DRBD 8). */
#include <stdio.h>
#include <string.h>

#include "host.h"

/* Words "key:number" below the head of a device. */
struct field {
	const char *key;
	uint64_t unit_bytes;
	struct host_family family;
};
#define FIELD_COUNTER(name, help) HOST_COUNTER("node_drbd_" name "_total", help, "device")
#define FIELD_GAUGE(name, help) HOST_GAUGE("node_drbd_" name, help, "device")
static const struct field fields[] = {
	{"ns", 1024, FIELD_COUNTER("network_sent_bytes", "Total number of bytes sent via the network.")},
	/* The module tells KiB here too; dashboards are made for this value. */
	{"nr", 1, FIELD_COUNTER("network_received_bytes", "Total number of bytes received via the network.")},
	{"dw", 1024, FIELD_COUNTER("disk_written_bytes", "Net data written on local hard disk; in bytes.")},
	{"dr", 1024, FIELD_COUNTER("disk_read_bytes", "Net data read from local hard disk; in bytes.")},
	{"al", 1, FIELD_COUNTER("activitylog_writes", "Number of updates of the activity log area of the meta data.")},
	{"bm", 1, FIELD_COUNTER("bitmap_writes", "Number of updates of the bitmap area of the meta data.")},
	{"lo", 1, FIELD_GAUGE("local_pending", "Number of open requests to the local I/O sub-system.")},
	{"pe", 1,
	 FIELD_GAUGE("remote_pending",
		     "Number of requests sent to the peer, but that have not yet been answered by the latter.")},
	{"ua", 1,
	 FIELD_GAUGE("remote_unacknowledged", "Number of requests received by the peer via the network connection, but "
					      "that have not yet been answered.")},
	{"ap", 1,
	 FIELD_GAUGE("application_pending",
		     "Number of block I/O requests forwarded to DRBD, but not yet answered by DRBD.")},
	{"ep", 1, FIELD_GAUGE("epochs", "Number of Epochs currently on the fly.")},
	{"oos", 1024, FIELD_GAUGE("out_of_sync_bytes", "Amount of data known to be out of sync; in bytes.")},
};

/* Words "key:LOCAL/REMOTE". */
struct pair {
	const char *key;
	const char *good;
	struct host_family family;
};
static const struct pair pairs[] = {
	{"ro", "Primary",
	 HOST_GAUGE("node_drbd_node_role_is_primary", "Whether the role of the node is in the primary state.", "device",
		    "node")},
	{"ds", "UpToDate",
	 HOST_GAUGE("node_drbd_disk_state_is_up_to_date", "Whether the disk of the node is up to date.", "device",
		    "node")},
};
static const struct host_family connected_family =
	HOST_GAUGE("node_drbd_connected", "Whether DRBD is connected to the peer.", "device");

static bool number_sample(struct host *host, const char *device, const char *key, const char *word)
{
	uint64_t value;
	for (size_t i = 0; i < HOST_COUNT_OF(fields); i++) {
		if (strcmp(fields[i].key, key) != 0)
			continue;
		if (word_u64(word, &value))
			host_f64(host, &fields[i].family, (double)value * (double)fields[i].unit_bytes, device);
		else
			host_skip(host);
		return true;
	}
	return false;
}

static void pair_sample(struct host *host, const char *device, const char *key, char *word)
{
	for (size_t i = 0; i < HOST_COUNT_OF(pairs); i++) {
		if (strcmp(pairs[i].key, key) != 0)
			continue;
		char *remote = strchr(word, '/');
		if (!remote) {
			host_skip(host);
			return;
		}
		*remote++ = '\0';
		host_u64(host, &pairs[i].family, !strcmp(word, pairs[i].good), device, "local");
		host_u64(host, &pairs[i].family, !strcmp(remote, pairs[i].good), device, "remote");
	}
}

/* One word; a "1:" begins a device, whose name goes to `device`. */
static void word_sample(struct host *host, char *word, char *device, size_t size)
{
	uint64_t minor;
	char *value = strchr(word, ':');
	if (!value)
		return;
	*value++ = '\0';
	if (!*value && word_u64(word, &minor))
		snprintf(device, size, "drbd%llu", (unsigned long long)minor);
	else if (!*device || number_sample(host, device, word, value))
		return;
	else if (!strcmp(word, "cs"))
		host_u64(host, &connected_family, !strcmp(value, "Connected"), device);
	else
		pair_sample(host, device, word, value);
}

static int drbd_collect(struct host *host)
{
	char device[32] = "", *word;
	struct text text, line;
	int r = host_read(host, HOST_PROC, "drbd", &text);
	if (r)
		return r;
	while (text_line(&text, &line))
		while ((word = text_word(&line)))
			word_sample(host, word, device, sizeof(device));
	return 0;
}

const struct host_ops host_drbd = {.collect = drbd_collect};
