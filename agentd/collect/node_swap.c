/* SPDX-License-Identifier: MIT */
/* Swap devices and files: /proc/swaps. */
#include "host.h"

#define SWAP(name, help) HOST_GAUGE("node_swap_" name, help, "device", "swap_type")
static const struct host_family size_family = SWAP("size_bytes", "Swap device size in bytes.");
static const struct host_family used_family = SWAP("used_bytes", "Swap device used in bytes.");
static const struct host_family priority_family = SWAP("priority", "Swap device priority.");

/* "/dev/zram0 partition 524284 10 100": name, type, size and use in KiB, priority */
static void line_sample(struct host *host, struct text *line)
{
	uint64_t size, used;
	int64_t priority;
	char *device = text_word(line);
	const char *type = text_word(line);
	if (!type || !text_u64(line, &size) || !text_u64(line, &used) || !text_i64(line, &priority)) {
		host_skip(host);
		return;
	}
	word_unescape_octal(device);
	host_u64(host, &size_family, size * 1024, device, type);
	host_u64(host, &used_family, used * 1024, device, type);
	host_i64(host, &priority_family, priority, device, type);
}

static int swap_collect(struct host *host)
{
	struct text text, line;
	int r = host_read(host, HOST_PROC, "swaps", &text);
	if (r)
		return r;
	text_line(&text, &line); /* the heading */
	while (text_line(&text, &line))
		line_sample(host, &line);
	return 0;
}

const struct host_ops host_swap = {.collect = swap_collect};
