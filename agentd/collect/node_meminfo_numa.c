/* SPDX-License-Identifier: MIT */
/* Memory of each NUMA node: /sys/devices/system/node. */
#include <stdio.h>
#include <string.h>

#include "host.h"

#define NODE_PATH "devices/system/node"
#define PREFIX "node_memory_numa_"
#define NAME_MAX_BYTES 128

/* "Active(anon)" becomes "node_memory_numa_Active_anon"; false if it is too long. */
static bool name_make(char *name, const char *field)
{
	if (strlen(field) > NAME_MAX_BYTES - sizeof(PREFIX))
		return false;
	char *out = stpcpy(name, PREFIX);
	for (; *field; field++)
		if (*field != ')')
			*out++ = *field == '(' ? '_' : *field;
	*out = '\0';
	return true;
}

/* "Node 0 MemTotal:       134182340 kB" */
static void memory_sample(struct host *host, struct text *line, const char *node)
{
	char name[NAME_MAX_BYTES];
	uint64_t value;
	const char *field = text_skip_words(line, 2) ? text_until(line, ':') : NULL;
	if (!field || !text_u64(line, &value) || !name_make(name, field)) {
		host_skip(host);
		return;
	}
	const struct host_family family = {.name = name,
					   .help = "Memory information field %s.",
					   .help_words = {name + strlen(PREFIX)},
					   .type = METRIC_GAUGE,
					   .labels = {"node"}};
	const char *unit = text_word(line);
	if (!unit)
		host_u64(host, &family, value, node);
	else if (!strcmp(unit, "kB"))
		host_f64(host, &family, (double)value * 1024, node);
	else
		host_skip(host);
}

/* "numa_hit 193460335812" */
static void statistic_sample(struct host *host, struct text *line, const char *node)
{
	char name[NAME_MAX_BYTES];
	uint64_t value;
	const char *field = text_word(line);
	if (!field || !text_u64(line, &value) || strlen(field) > NAME_MAX_BYTES - sizeof(PREFIX "_total")) {
		host_skip(host);
		return;
	}
	const struct host_family family = {.name = host_format(name, PREFIX "%.100s_total", field),
					   .help = "Memory information field %s.",
					   .help_words = {name + strlen(PREFIX)},
					   .type = METRIC_COUNTER,
					   .labels = {"node"}};
	host_u64(host, &family, value, node);
}

static int file_sample(struct host *host, const char *directory, const char *file,
		       void (*line_sample)(struct host *, struct text *, const char *node))
{
	char path[HOST_PATH_MAX];
	struct text text, line;
	int r = host_read(host, HOST_SYS, host_format(path, NODE_PATH "/%s/%s", directory, file), &text);
	if (r)
		return r;
	while (text_line(&text, &line))
		if (*line.at)
			line_sample(host, &line, directory + strlen("node"));
	return 0;
}

static int meminfo_numa_collect(struct host *host)
{
	struct host_list nodes;
	int r = host_list(host, 0, HOST_SYS, NODE_PATH, &nodes), result = 0;
	if (r)
		return r == -ENOENT ? 0 : r; /* a kernel without NUMA */
	for (size_t i = 0; i < nodes.count; i++) {
		const char *name = nodes.names[i];
		if (strncmp(name, "node", 4) != 0 || name[4] < '0' || name[4] > '9')
			continue;
		r = file_sample(host, name, "meminfo", memory_sample);
		if (!r)
			r = file_sample(host, name, "numastat", statistic_sample);
		if (r)
			result = r;
	}
	return result;
}

const struct host_ops host_meminfo_numa = {.collect = meminfo_numa_collect};
