/* SPDX-License-Identifier: MIT */
/* Where the hierarchies of control groups are mounted: /proc/1/mountinfo. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "container.h"

/* What the controllers of v1 tell. Others (cpuset, devices, freezer) have nothing to tell. */
struct controller {
	const char *name;
	unsigned sections;
};
static const struct controller controllers[] = {
	{"cpuacct", CONTAINER_CPU_USAGE}, {"cpu", CONTAINER_CPU_LIMITS}, {"memory", CONTAINER_MEMORY},
	{"blkio", CONTAINER_IO},          {"pids", CONTAINER_TASKS},
};

void container_hierarchies_fini(struct container_hierarchies *hierarchies)
{
	for (size_t i = 0; i < hierarchies->count; i++)
		free(hierarchies->list[i].path);
	hierarchies->count = 0;
}

/* Of "rw,cpu,cpuacct" */
static unsigned sections_of(char *options)
{
	unsigned sections = 0;
	char *rest = options;
	for (const char *word; (word = strsep(&rest, ","));)
		for (size_t i = 0; i < HOST_COUNT_OF(controllers); i++)
			if (!strcmp(word, controllers[i].name))
				sections |= controllers[i].sections;
	return sections;
}

/* The mount point on this host: below --path.rootfs, or, where only sysfs was mounted into our container, below
 * --path.sysfs. malloc'ed, or NULL. */
static char *point_find(const struct host *host, const char *point)
{
	static const char sys[] = "/sys/";
	char full[PATH_MAX];
	if (!host_path(host, HOST_ROOTFS, point + (*point == '/'), full, sizeof(full)) && !access(full, F_OK))
		return strdup(full);
	if (!strncmp(point, sys, strlen(sys)) && !host_path(host, HOST_SYS, point + strlen(sys), full, sizeof(full)) &&
	    !access(full, F_OK))
		return strdup(full);
	return NULL;
}

static bool hierarchy_known(const struct container_hierarchies *hierarchies, int version, unsigned sections)
{
	for (size_t i = 0; i < hierarchies->count; i++)
		if (hierarchies->list[i].version == version &&
		    (version == 2 || hierarchies->list[i].sections == sections))
			return true;
	return false;
}

/* "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu": the words in front of "-" are six or
 * more. */
static void line_take(struct host *host, struct text *line, struct container_hierarchies *hierarchies)
{
	if (!text_skip_words(line, 4))
		return;
	char *point = text_word(line);
	const char *word;
	while ((word = text_word(line)) && strcmp(word, "-") != 0)
		continue;
	const char *type = text_word(line);
	if (!type || strncmp(type, "cgroup", strlen("cgroup")) != 0 || !text_skip_words(line, 1))
		return;
	const int version = strcmp(type, "cgroup2") ? 1 : 2;
	char *options = text_word(line);
	const unsigned sections = version == 2 ? CONTAINER_ALL : options ? sections_of(options) : 0;
	/* What is mounted in several places is the same in each. */
	if (!sections || hierarchy_known(hierarchies, version, sections) ||
	    hierarchies->count == CONTAINER_HIERARCHIES_MAX)
		return;
	word_unescape_octal(point);
	char *path = point_find(host, point);
	if (path)
		hierarchies->list[hierarchies->count++] =
			(struct container_hierarchy){.path = path, .version = version, .sections = sections};
}

/* Each section is told by the first v1 hierarchy that has it, else by v2: where both are mounted, v2 lacks the
 * controllers that v1 has, except that it accounts for CPU time and pressure. */
static void sections_share(struct container_hierarchies *hierarchies)
{
	unsigned taken = 0;
	for (int version = 1; version <= 2; version++)
		for (size_t i = 0; i < hierarchies->count; i++)
			if (hierarchies->list[i].version == version) {
				hierarchies->list[i].sections &= ~taken;
				taken |= hierarchies->list[i].sections;
			}
}

int container_hierarchies_find(struct host *host, struct container_hierarchies *hierarchies)
{
	struct text text, line;
	container_hierarchies_fini(hierarchies);
	int r = host_read(host, HOST_PROC, "1/mountinfo", &text);
	if (r)
		r = host_read(host, HOST_PROC, "self/mountinfo", &text);
	if (r)
		return r;
	while (text_line(&text, &line))
		line_take(host, &line, hierarchies);
	sections_share(hierarchies);
	return hierarchies->count ? 0 : -ENODATA;
}
