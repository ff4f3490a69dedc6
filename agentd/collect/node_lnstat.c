/* SPDX-License-Identifier: MIT */
/* Statistics of the kernel's network caches per CPU: /proc/net/stat. */
#include <stdio.h>
#include <string.h>

#include "host.h"

#define LNSTAT_PATH "net/stat"
#define COLUMNS_MAX 64
#define NAME_BYTES_MAX 96

/* The names of the families, by column; empty for one that is too long. */
static size_t header_read(struct host *host, struct text *line, char (*names)[NAME_BYTES_MAX])
{
	size_t count = 0;
	const char *word;
	while (count < COLUMNS_MAX && (word = text_word(line))) {
		names[count][0] = '\0';
		if (strlen(word) < NAME_BYTES_MAX - sizeof("node_lnstat__total"))
			snprintf(names[count], NAME_BYTES_MAX, "node_lnstat_%s_total", word);
		else
			host_skip(host);
		count++;
	}
	return count;
}

/* One line per CPU, counted from 0. */
static void cache_sample(struct host *host, struct text *text, const char *cache)
{
	char names[COLUMNS_MAX][NAME_BYTES_MAX], cpu[24];
	struct text line;
	uint64_t value;
	size_t count = text_line(text, &line) ? header_read(host, &line, names) : 0;
	for (size_t row = 0; text_line(text, &line); row++) {
		for (size_t i = 0; i < count; i++) {
			const struct host_family family =
				HOST_COUNTER(names[i], "linux network cache stats", "subsystem", "cpu");
			if (!text_hex(&line, &value)) {
				host_skip(host);
				break;
			}
			if (names[i][0])
				host_u64(host, &family, value, cache, host_format(cpu, "%zu", row));
		}
	}
}

static int lnstat_collect(struct host *host)
{
	struct host_list caches;
	struct text text;
	char path[HOST_PATH_MAX];
	int r = host_list(host, 0, HOST_PROC, LNSTAT_PATH, &caches);
	if (r)
		return r;
	for (size_t i = 0; i < caches.count; i++)
		if (!host_read(host, HOST_PROC, host_format(path, LNSTAT_PATH "/%s", caches.names[i]), &text))
			cache_sample(host, &text, caches.names[i]);
	return 0;
}

const struct host_ops host_lnstat = {.collect = lnstat_collect};
