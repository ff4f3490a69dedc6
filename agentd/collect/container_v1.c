/* SPDX-License-Identifier: MIT */
/* The files of a control group of version 1. */
#include <stdio.h>
#include <string.h>

#include "container.h"

#define NANO 1e9

/* ---- CPU -------------------------------------------------------------------------------------------------------- */

/* "user 123\nsystem 45\n", in ticks */
static void usage_sample(const struct container_place *place)
{
	const double ticks = (double)((const struct container_state *)place->host->state)->clock_ticks;
	struct text text, line;
	uint64_t value;
	if (!container_read_u64(place, CONTAINER_FILE_V1_CPUACCT_USAGE, &value))
		container_f64(place, CPU_USAGE, (double)value / NANO, "total");
	if (container_read(place, CONTAINER_FILE_V1_CPUACCT_STAT, &text))
		return;
	while (text_line(&text, &line)) {
		if (text_take(&line, "user ") && text_u64(&line, &value))
			container_f64(place, CPU_USER, (double)value / ticks);
		else if (text_take(&line, "system ") && text_u64(&line, &value))
			container_f64(place, CPU_SYSTEM, (double)value / ticks);
	}
}

static void throttling_sample(const struct container_place *place)
{
	struct text text, line;
	uint64_t value;
	if (container_read(place, CONTAINER_FILE_V1_CPU_STAT, &text))
		return;
	while (text_line(&text, &line)) {
		if (text_take(&line, "nr_periods ") && text_u64(&line, &value))
			container_u64(place, CFS_PERIODS, value);
		else if (text_take(&line, "nr_throttled ") && text_u64(&line, &value))
			container_u64(place, CFS_THROTTLED_PERIODS, value);
		else if (text_take(&line, "throttled_time ") && text_u64(&line, &value))
			container_f64(place, CFS_THROTTLED_SECONDS, (double)value / NANO);
	}
}

static void limits_sample(const struct container_place *place)
{
	uint64_t value;
	if (!container_read_u64(place, CONTAINER_FILE_V1_CPU_PERIOD, &value))
		container_u64(place, SPEC_CPU_PERIOD, value);
	if (!container_read_u64(place, CONTAINER_FILE_V1_CPU_SHARES, &value))
		container_u64(place, SPEC_CPU_SHARES, value);
	if (container_read_u64(place, CONTAINER_FILE_V1_CPU_QUOTA, &value) || value == UINT64_MAX)
		return; /* without a quota nothing is throttled */
	container_u64(place, SPEC_CPU_QUOTA, value);
	throttling_sample(place);
}

/* ---- memory ----------------------------------------------------------------------------------------------------- */

/* Words of memory.stat. Those with "total_" are of the group and all beneath it. */
enum stat_word {
	CACHE,
	RSS,
	SWAP,
	MAPPED,
	ACTIVE,
	INACTIVE,
	DIRTY,
	WRITEBACK,
	FAULTS,
	MAJOR,
	ALL_FAULTS,
	ALL_MAJOR,
	WORDS
};
static const char *const stat_words[WORDS] = {
	"total_cache", "total_rss",       "total_swap", "total_mapped_file", "total_active_file", "total_inactive_file",
	"total_dirty", "total_writeback", "pgfault",    "pgmajfault",        "total_pgfault",     "total_pgmajfault",
};

/* False if there is no such file. Words that are not there are 0. */
static bool stat_read(const struct container_place *place, uint64_t values[WORDS])
{
	struct text text, line;
	memset(values, 0, WORDS * sizeof(values[0]));
	if (container_read(place, CONTAINER_FILE_V1_MEMORY_STAT, &text))
		return false;
	while (text_line(&text, &line)) {
		const char *word = text_word(&line);
		for (size_t i = 0; word && i < WORDS; i++)
			if (!strcmp(word, stat_words[i]) && !text_u64(&line, &values[i]))
				host_skip(place->host);
	}
	return true;
}

static void stat_sample(const struct container_place *place, const uint64_t values[WORDS])
{
	container_u64(place, MEMORY_CACHE, values[CACHE]);
	container_u64(place, MEMORY_RSS, values[RSS]);
	container_u64(place, MEMORY_SWAP, values[SWAP]);
	container_u64(place, MEMORY_MAPPED_FILE, values[MAPPED]);
	container_u64(place, MEMORY_ACTIVE_FILE, values[ACTIVE]);
	container_u64(place, MEMORY_INACTIVE_FILE, values[INACTIVE]);
	container_u64(place, MEMORY_FILE_DIRTY, values[DIRTY]);
	container_u64(place, MEMORY_FILE_WRITEBACK, values[WRITEBACK]);
	container_u64(place, MEMORY_FAILURES, values[FAULTS], "pgfault", "container");
	container_u64(place, MEMORY_FAILURES, values[MAJOR], "pgmajfault", "container");
	container_u64(place, MEMORY_FAILURES, values[ALL_FAULTS], "pgfault", "hierarchy");
	container_u64(place, MEMORY_FAILURES, values[ALL_MAJOR], "pgmajfault", "hierarchy");
}

/* "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n" */
static void oom_sample(const struct container_place *place)
{
	struct text text, line;
	uint64_t value;
	if (container_read(place, CONTAINER_FILE_V1_MEMORY_OOM, &text))
		return;
	while (text_line(&text, &line))
		if (text_take(&line, "oom_kill ") && text_u64(&line, &value))
			container_u64(place, OOM_EVENTS, value);
}

static void memory_sample(const struct container_place *place)
{
	uint64_t values[WORDS], value;
	const bool has_stat = stat_read(place, values);
	if (has_stat)
		stat_sample(place, values);
	if (!container_read_u64(place, CONTAINER_FILE_V1_MEMORY_USAGE, &value)) {
		container_u64(place, MEMORY_USAGE, value);
		if (has_stat)
			container_u64(place, MEMORY_WORKING_SET,
				      value > values[INACTIVE] ? value - values[INACTIVE] : 0);
	}
	if (!container_read_u64(place, CONTAINER_FILE_V1_MEMORY_MAX_USAGE, &value))
		container_u64(place, MEMORY_MAX_USAGE, value);
	if (!container_read_u64(place, CONTAINER_FILE_V1_MEMORY_FAILCNT, &value))
		container_u64(place, MEMORY_FAILCNT, value);
	if (!container_read_u64(place, CONTAINER_FILE_V1_MEMORY_LIMIT, &value))
		container_u64(place, SPEC_MEMORY_LIMIT, container_limit(value));
	if (!container_read_u64(place, CONTAINER_FILE_V1_MEMORY_SWAP_LIMIT, &value))
		container_u64(place, SPEC_MEMORY_SWAP_LIMIT, container_limit(value));
	if (!container_read_u64(place, CONTAINER_FILE_V1_MEMORY_RESERVATION, &value))
		container_u64(place, SPEC_MEMORY_RESERVATION, container_limit(value));
	oom_sample(place);
}

/* ---- I/O and tasks ---------------------------------------------------------------------------------------------- */

static void io_line_sample(const struct container_place *place, bool bytes, unsigned device_major,
			   unsigned device_minor, const char *operation, uint64_t value)
{
	char major_text[16], minor_text[16];
	const char *device = container_device_name(place->host, device_major, device_minor);
	if (bytes) {
		host_format(major_text, "%u", device_major);
		host_format(minor_text, "%u", device_minor);
		container_u64(place, DEVICE_USAGE, value, device, major_text, minor_text, operation);
	}
	if (!strcmp(operation, "Read") && bytes)
		container_u64(place, READ_BYTES, value, device);
	else if (!strcmp(operation, "Read"))
		container_u64(place, READS, value, device);
	else if (!strcmp(operation, "Write") && bytes)
		container_u64(place, WRITTEN_BYTES, value, device);
	else if (!strcmp(operation, "Write"))
		container_u64(place, WRITES, value, device);
}

/* "8:0 Read 4096\n8:0 Write 0\n...\nTotal 4096\n" */
static void io_sample(const struct container_place *place, enum container_file file)
{
	struct text text, line;
	uint64_t device_major, device_minor, value;
	if (container_read(place, file, &text))
		return;
	while (text_line(&text, &line)) {
		if (!text_u64(&line, &device_major))
			continue; /* the total */
		const char *operation = NULL;
		if (text_take(&line, ":") && text_u64(&line, &device_minor))
			operation = text_word(&line);
		if (operation && text_u64(&line, &value))
			io_line_sample(place, file == CONTAINER_FILE_V1_IO_BYTES, (unsigned)device_major,
				       (unsigned)device_minor, operation, value);
		else
			host_skip(place->host);
	}
}

static void tasks_sample(const struct container_place *place)
{
	uint64_t value;
	if (!container_read_u64(place, CONTAINER_FILE_V1_TASKS, &value))
		container_u64(place, THREADS, value);
	if (!container_read_u64(place, CONTAINER_FILE_V1_TASKS_MAX, &value))
		container_u64(place, THREADS_MAX, container_limit(value));
	container_processes_sample(place, CONTAINER_FILE_V1_PROCESSES);
}

void container_v1_sample(const struct container_place *place)
{
	if (place->sections & CONTAINER_CPU_USAGE)
		usage_sample(place);
	if (place->sections & CONTAINER_CPU_LIMITS)
		limits_sample(place);
	if (place->sections & CONTAINER_MEMORY)
		memory_sample(place);
	if (place->sections & CONTAINER_IO) {
		io_sample(place, CONTAINER_FILE_V1_IO_BYTES);
		io_sample(place, CONTAINER_FILE_V1_IO_OPERATIONS);
	}
	if (place->sections & CONTAINER_TASKS)
		tasks_sample(place);
}
