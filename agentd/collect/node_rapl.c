/* SPDX-License-Identifier: MIT */
/* Energy of processors and their parts: /sys/class/powercap. */
#include <stdio.h>
#include <string.h>

#include "host_numbers.h"

#define RAPL_PATH "class/powercap"
#define ZONES_MAX 256
#define ZONE_NAME_BYTES 64

static const struct host_family zone_family =
	HOST_COUNTER("node_rapl_joules_total", "Current RAPL value in joules", "index", "path", "rapl_zone");

/* A zone's name: "package-0" is the package of index 0; names without an index are numbered as they come. */
struct zone {
	char name[ZONE_NAME_BYTES];
	char index[16];
};

static bool name_split(struct zone *zone)
{
	char *dash = strchr(zone->name, '-');
	uint64_t index;
	if (!dash || strchr(dash + 1, '-') || !word_u64(dash + 1, &index) || strlen(dash + 1) >= sizeof(zone->index))
		return false;
	host_format(zone->index, "%u", (unsigned)index);
	*dash = '\0';
	return true;
}

/* `before`: the names that had no index, of the zones before this one. */
static void name_number(struct zone *zone, char (*before)[ZONE_NAME_BYTES], size_t *before_count)
{
	unsigned same = 0;
	if (name_split(zone))
		return;
	for (size_t i = 0; i < *before_count; i++)
		same += !strcmp(before[i], zone->name);
	host_format(zone->index, "%u", same);
	if (*before_count < ZONES_MAX)
		strcpy(before[(*before_count)++], zone->name);
}

static void zone_sample(struct host *host, const struct zone *zone, const char *path, uint64_t microjoules)
{
	double joules = (double)microjoules / 1e6;
	char name[ZONE_NAME_BYTES + 32];
	if (host->options->rapl_enable_zone_label) {
		host_f64(host, &zone_family, joules, zone->index, path, zone->name);
		return;
	}
	host_format(name, "node_rapl_%s_joules_total", zone->name);
	for (char *at = name; *at; at++)
		if (!(*at >= 'a' && *at <= 'z') && !(*at >= 'A' && *at <= 'Z') && !(*at >= '0' && *at <= '9'))
			*at = '_';
	const struct host_family family = {.name = name,
					   .help = "Current RAPL %s value in joules",
					   .help_words = {zone->name},
					   .type = METRIC_COUNTER,
					   .labels = {"index", "path"}};
	host_f64(host, &family, joules, zone->index, path);
}

static int rapl_collect(struct host *host)
{
	char path[HOST_PATH_MAX], full[2 * HOST_PATH_MAX], before[ZONES_MAX][ZONE_NAME_BYTES];
	size_t before_count = 0;
	struct host_list names;
	struct zone zone;
	uint64_t microjoules;
	int r = host_list(host, 0, HOST_SYS, RAPL_PATH, &names), result = 0;
	if (r)
		return r;
	host_list_sort(host, 0, &names); /* the numbering depends on it */
	for (size_t i = 0; i < names.count; i++) {
		if (host_read_string(host, HOST_SYS, host_format(path, RAPL_PATH "/%s/name", names.names[i]), zone.name,
				     sizeof(zone.name)))
			continue;
		name_number(&zone, before, &before_count);
		r = host_read_u64(host, HOST_SYS, host_format(path, RAPL_PATH "/%s/energy_uj", names.names[i]),
				  &microjoules);
		if (!r)
			r = host_path(host, HOST_SYS, host_format(path, RAPL_PATH "/%s", names.names[i]), full,
				      sizeof(full));
		if (r)
			result = r; /* -EACCES for all but root since Linux 5.10 */
		else
			zone_sample(host, &zone, full, microjoules);
	}
	return result;
}

const struct host_ops host_rapl = {.collect = rapl_collect};
