/* SPDX-License-Identifier: MIT */
/* The ARP table's entries per device: /proc/net/arp. */
#include <stdlib.h>
#include <string.h>

#include "host.h"

static const struct host_family entries_family = HOST_GAUGE("node_arp_entries", "ARP entries by device", "device");

/* Words of a line in front of the device's name. */
#define WORDS_BEFORE_DEVICE 5

struct arp {
	struct host_filter filter;
	const char **devices; /* of each entry, in the file's text */
	size_t capacity;
};

static int arp_open(struct host *host)
{
	struct arp *arp = calloc(1, sizeof(*arp));
	if (!arp)
		return -ENOMEM;
	int r = host_filter_init(&arp->filter, host->options->arp_device_include, host->options->arp_device_exclude);
	if (r)
		free(arp);
	else
		host->state = arp;
	return r;
}

static void arp_close(struct host *host)
{
	struct arp *arp = host->state;
	host_filter_fini(&arp->filter);
	free(arp->devices);
	free(arp);
}

static int device_add(struct arp *arp, const char *device, size_t count)
{
	if (count == arp->capacity) {
		size_t capacity = arp->capacity ? 2 * arp->capacity : 64;
		const char **devices = reallocarray(arp->devices, capacity, sizeof(*devices));
		if (!devices)
			return -ENOMEM;
		arp->devices = devices;
		arp->capacity = capacity;
	}
	arp->devices[count] = device;
	return 0;
}

static int device_compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Entries of one device are not in a row in the file. */
static void devices_sample(struct host *host, const char **devices, size_t count)
{
	struct arp *arp = host->state;
	if (count)
		qsort(devices, count, sizeof(*devices), device_compare);
	for (size_t first = 0, next; first < count; first = next) {
		for (next = first + 1; next < count && !strcmp(devices[first], devices[next]); next++)
			;
		if (host_filter_takes(&arp->filter, devices[first]))
			host_u64(host, &entries_family, next - first, devices[first]);
	}
}

static int arp_collect(struct host *host)
{
	struct arp *arp = host->state;
	struct text text, line;
	size_t count = 0;
	int r = host_read(host, HOST_PROC, "net/arp", &text);
	if (r)
		return r;
	text_line(&text, &line); /* the names of the columns */
	while (text_line(&text, &line)) {
		const char *device = text_skip_words(&line, WORDS_BEFORE_DEVICE) ? text_word(&line) : NULL;
		if (!device)
			host_skip(host);
		else if ((r = device_add(arp, device, count++)))
			return r;
	}
	devices_sample(host, arp->devices, count);
	return 0;
}

const struct host_ops host_arp = {.collect = arp_collect, .open = arp_open, .close = arp_close};
