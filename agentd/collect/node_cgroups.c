/* SPDX-License-Identifier: MIT */
/* How many control groups there are: /proc/cgroups. */
#include "host.h"

static const struct host_family count_family =
	HOST_GAUGE("node_cgroups_cgroups", "Current cgroup number of the subsystem.", "subsys_name");
static const struct host_family enabled_family =
	HOST_GAUGE("node_cgroups_enabled", "Current cgroup number of the subsystem.", "subsys_name");

/* "cpu	3	172	1": name, hierarchy, groups, enabled */
static void subsystem_sample(struct host *host, struct text *line)
{
	uint64_t count, enabled;
	const char *name = text_word(line);
	if (!name || !text_skip_words(line, 1) || !text_u64(line, &count) || !text_u64(line, &enabled)) {
		host_skip(host);
		return;
	}
	host_u64(host, &count_family, count, name);
	host_u64(host, &enabled_family, enabled != 0, name);
}

static int cgroups_collect(struct host *host)
{
	struct text text, line;
	int r = host_read(host, HOST_PROC, "cgroups", &text);
	if (r)
		return r;
	while (text_line(&text, &line))
		if (line.at < line.end && *line.at != '#')
			subsystem_sample(host, &line);
	return 0;
}

const struct host_ops host_cgroups = {.collect = cgroups_collect};
