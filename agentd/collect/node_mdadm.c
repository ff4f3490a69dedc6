/* SPDX-License-Identifier: MIT */
/* Software RAID: /proc/mdstat. Slow: the kernel may wait for an array's lock. */
#include <string.h>

#include "host.h"

static const struct host_family disks_family =
	HOST_GAUGE("node_md_disks", "Number of active/failed/spare disks of device.", "device", "state");
static const struct host_family required_family =
	HOST_GAUGE("node_md_disks_required", "Total number of disks of device.", "device");
static const struct host_family blocks_family =
	HOST_GAUGE("node_md_blocks", "Total number of blocks on device.", "device");
static const struct host_family synced_family =
	HOST_GAUGE("node_md_blocks_synced", "Number of blocks synced on device.", "device");
static const struct host_family state_family =
	HOST_GAUGE("node_md_state", "Indicates the state of md-device.", "device", "state");

static const char *const states[] = {"active", "inactive", "recovering", "resync", "check"};
/* How the kernel calls what an array is doing. */
static const char *const activities[][2] = {{"recovery", "recovering"}, {"resync", "resync"}, {"check", "check"}};

struct array {
	const char *device;
	const char *state;
	uint64_t active, failed, spare, required;
	uint64_t blocks, synced;
	bool striped; /* without redundancy: there is no [required/active] */
	bool sized;
};

static uint64_t occurrences(const char *text, const char *word)
{
	uint64_t count = 0;
	for (; (text = strstr(text, word)); text += strlen(word))
		count++;
	return count;
}

/* "md6 : active (read-only) raid1 sdb2[2](F) sda2[0]" */
static bool header_parse(struct text *line, struct array *array)
{
	*array = (struct array){.failed = occurrences(line->at, "(F)"), .spare = occurrences(line->at, "(S)")};
	array->striped = strstr(line->at, "raid0") || strstr(line->at, "linear");
	uint64_t disks = occurrences(line->at, "[");
	array->device = text_word(line);
	const char *colon = text_word(line);
	array->state = text_word(line);
	if (!array->device || !colon || strcmp(colon, ":") != 0 || !array->state)
		return false;
	if (array->striped)
		array->active = array->required = disks;
	return true;
}

/* "195310144 blocks super 1.2 [2/1] [U_]": the numbers are the disks required and active. */
static bool size_parse(struct text *line, struct array *array)
{
	if (!text_u64(line, &array->blocks))
		return false;
	array->synced = array->blocks;
	array->sized = true;
	if (array->striped || !strcmp(array->state, "inactive"))
		return true;
	while (text_until(line, '[')) {
		struct text numbers = *line;
		uint64_t required, active;
		if (text_u64(&numbers, &required) && text_take(&numbers, "/") && text_u64(&numbers, &active)) {
			array->required = required;
			array->active = active;
			return true;
		}
	}
	return false;
}

/* "[=>...]  recovery =  8.5% (16775552/195310144) finish=17.0min speed=259783K/sec", or "resync=PENDING". */
static bool activity_parse(struct text *line, struct array *array)
{
	if (strstr(line->at, "bitmap:"))
		return true;
	for (size_t i = 0; i < HOST_COUNT_OF(activities); i++) {
		if (!strstr(line->at, activities[i][0]))
			continue;
		array->state = activities[i][1];
		array->synced = 0;
		if (strstr(line->at, "PENDING") || strstr(line->at, "DELAYED") || strstr(line->at, "REMOTE"))
			return true;
		return text_until(line, '(') && text_u64(line, &array->synced);
	}
	return true;
}

static void array_sample(struct host *host, const struct array *array)
{
	host_u64(host, &disks_family, array->active, array->device, "active");
	host_u64(host, &disks_family, array->failed, array->device, "failed");
	host_u64(host, &disks_family, array->spare, array->device, "spare");
	host_u64(host, &required_family, array->required, array->device);
	host_u64(host, &blocks_family, array->blocks, array->device);
	host_u64(host, &synced_family, array->synced, array->device);
	for (size_t i = 0; i < HOST_COUNT_OF(states); i++)
		host_u64(host, &state_family, !strcmp(states[i], array->state), array->device, states[i]);
}

/* The lines of one array follow its header, indented. */
static void array_parse(struct host *host, struct text *text, struct text *header)
{
	struct array array;
	struct text line;
	bool valid = header_parse(header, &array);
	while (text->at < text->end && (*text->at == ' ' || *text->at == '\t') && text_line(text, &line))
		valid = valid && (array.sized ? activity_parse(&line, &array) : size_parse(&line, &array));
	if (valid && array.sized)
		array_sample(host, &array);
	else
		host_skip(host);
}

static int mdadm_collect(struct host *host)
{
	struct text text, line;
	int r = host_read(host, HOST_PROC, "mdstat", &text);
	if (r)
		return r;
	while (text_line(&text, &line)) {
		if (!*line.at || text_take(&line, "Personalities") || text_take(&line, "unused"))
			continue;
		array_parse(host, &text, &line);
	}
	return 0;
}

const struct host_ops host_mdadm = {.collect = mdadm_collect};
