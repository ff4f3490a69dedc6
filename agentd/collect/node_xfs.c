/* SPDX-License-Identifier: MIT */
/* XFS file systems: /sys/fs/xfs/DEVICE/stats/stats. */
#include <stdio.h>
#include <string.h>

#include "host.h"

struct field {
	const char *line;
	unsigned index;
	struct host_family family;
};
static const struct field fields[] = {
#define XFS_FIELD(line, index, type, name, help) {line, index, HOST_##type(name, help, "device")},
#include "node_xfs.def"
};
#define NUMBERS_MAX 8

static void line_sample(struct host *host, struct text *line, const char *device)
{
	uint64_t numbers[NUMBERS_MAX];
	size_t count = 0;
	const char *word = text_word(line);
	while (count < NUMBERS_MAX && text_u64(line, &numbers[count]))
		count++;
	for (size_t i = 0; word && i < HOST_COUNT_OF(fields); i++) {
		if (strcmp(word, fields[i].line) != 0)
			continue;
		if (fields[i].index < count)
			host_u64(host, &fields[i].family, numbers[fields[i].index], device);
		else
			host_skip(host);
	}
}

/* "stats" and others are directories beside those of devices; they have no stats/stats. */
static int xfs_collect(struct host *host)
{
	struct host_list devices;
	struct text text, line;
	char path[HOST_PATH_MAX];
	int r = host_list(host, 0, HOST_SYS, "fs/xfs", &devices);
	if (r)
		return r == -ENOENT ? 0 : r; /* no such file systems here */
	for (size_t i = 0; i < devices.count; i++) {
		const char *device = devices.names[i];
		if (host_read(host, HOST_SYS, host_format(path, "fs/xfs/%s/stats/stats", device), &text))
			continue;
		while (text_line(&text, &line))
			line_sample(host, &line, device);
	}
	return 0;
}

const struct host_ops host_xfs = {.collect = xfs_collect};
