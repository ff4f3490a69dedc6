/* SPDX-License-Identifier: MIT */
/* The files of a control group of version 2. */
#include <stdio.h>
#include <string.h>

#include "container.h"

#define MICRO 1e6

/* ---- CPU -------------------------------------------------------------------------------------------------------- */

/* "150000 100000", "max 100000": quota and period in microseconds. Returns whether there is a quota. */
static bool limits_sample(const struct container_place *place)
{
	struct text text;
	uint64_t quota, period, weight;
	if (!container_read_u64(place, CONTAINER_FILE_V2_CPU_WEIGHT, &weight) && weight >= 1 && weight <= 10000)
		container_u64(place, SPEC_CPU_SHARES, 2 + (weight - 1) * 262142 / 9999); /* cAdvisor's scale */
	if (container_read(place, CONTAINER_FILE_V2_CPU_MAX, &text))
		return false;
	const bool limited = !text_take(&text, "max");
	if ((limited && !text_u64(&text, &quota)) || !text_u64(&text, &period)) {
		host_skip(place->host);
		return false;
	}
	container_u64(place, SPEC_CPU_PERIOD, period);
	if (limited)
		container_u64(place, SPEC_CPU_QUOTA, quota);
	return limited;
}

static void cpu_line_sample(const struct container_place *place, struct text *line, bool limited)
{
	const bool usage = place->sections & CONTAINER_CPU_USAGE;
	uint64_t value;
	if (usage && text_take(line, "usage_usec ") && text_u64(line, &value))
		container_f64(place, CPU_USAGE, (double)value / MICRO, "total");
	else if (usage && text_take(line, "user_usec ") && text_u64(line, &value))
		container_f64(place, CPU_USER, (double)value / MICRO);
	else if (usage && text_take(line, "system_usec ") && text_u64(line, &value))
		container_f64(place, CPU_SYSTEM, (double)value / MICRO);
	else if (limited && text_take(line, "nr_periods ") && text_u64(line, &value))
		container_u64(place, CFS_PERIODS, value);
	else if (limited && text_take(line, "nr_throttled ") && text_u64(line, &value))
		container_u64(place, CFS_THROTTLED_PERIODS, value);
	else if (limited && text_take(line, "throttled_usec ") && text_u64(line, &value))
		container_f64(place, CFS_THROTTLED_SECONDS, (double)value / MICRO);
}

static void cpu_sample(const struct container_place *place)
{
	struct text text, line;
	const bool limited = (place->sections & CONTAINER_CPU_LIMITS) && limits_sample(place);
	if (container_read(place, CONTAINER_FILE_V2_CPU_STAT, &text))
		return;
	while (text_line(&text, &line))
		cpu_line_sample(place, &line, limited);
}

/* ---- memory ----------------------------------------------------------------------------------------------------- */

/* Words of memory.stat and the family of each. */
struct stat_word {
	const char *word;
	enum container_family family;
};
static const struct stat_word stat_words[] = {
	{"anon", CONTAINER_FAMILY_MEMORY_RSS},
	{"file", CONTAINER_FAMILY_MEMORY_CACHE},
	{"file_mapped", CONTAINER_FAMILY_MEMORY_MAPPED_FILE},
	{"file_dirty", CONTAINER_FAMILY_MEMORY_FILE_DIRTY},
	{"file_writeback", CONTAINER_FAMILY_MEMORY_FILE_WRITEBACK},
	{"active_file", CONTAINER_FAMILY_MEMORY_ACTIVE_FILE},
	{"inactive_file", CONTAINER_FAMILY_MEMORY_INACTIVE_FILE},
	{"pgscan", CONTAINER_FAMILY_MEMORY_PGSCAN},
	{"pgsteal", CONTAINER_FAMILY_MEMORY_PGSTEAL},
	{"workingset_refault_anon", CONTAINER_FAMILY_MEMORY_REFAULT_ANON},
	{"workingset_refault_file", CONTAINER_FAMILY_MEMORY_REFAULT_FILE},
};

static void stat_line_sample(const struct container_place *place, const char *word, uint64_t value)
{
	for (size_t i = 0; i < HOST_COUNT_OF(stat_words); i++)
		if (!strcmp(word, stat_words[i].word)) {
			container_sample(place, stat_words[i].family, (struct number){.type = NUMBER_U64, .u64 = value},
					 NULL);
			return;
		}
	if (!strcmp(word, "pgfault") || !strcmp(word, "pgmajfault")) {
		container_u64(place, MEMORY_FAILURES, value, word, "container");
		container_u64(place, MEMORY_FAILURES, value, word, "hierarchy");
	}
}

/* Returns the bytes of files that are not in use, which do not count as working set. */
static uint64_t stat_sample(const struct container_place *place)
{
	struct text text, line;
	uint64_t inactive = 0;
	if (container_read(place, CONTAINER_FILE_V2_MEMORY_STAT, &text))
		return 0;
	while (text_line(&text, &line)) {
		uint64_t value;
		const char *word = text_word(&line);
		if (!word || !text_u64(&line, &value)) {
			host_skip(place->host);
			continue;
		}
		if (!strcmp(word, "inactive_file"))
			inactive = value;
		stat_line_sample(place, word, value);
	}
	return inactive;
}

static void events_sample(const struct container_place *place)
{
	struct text text, line;
	uint64_t value;
	if (container_read(place, CONTAINER_FILE_V2_MEMORY_EVENTS, &text))
		return;
	while (text_line(&text, &line)) {
		if (text_take(&line, "high ") && text_u64(&line, &value)) {
			container_u64(place, MEMORY_EVENTS_HIGH, value);
		} else if (text_take(&line, "max ") && text_u64(&line, &value)) {
			container_u64(place, MEMORY_EVENTS_MAX, value);
			container_u64(place, MEMORY_FAILCNT, value);
		} else if (text_take(&line, "oom_kill ") && text_u64(&line, &value)) {
			container_u64(place, OOM_EVENTS, value);
		}
	}
}

static void memory_sample(const struct container_place *place)
{
	const uint64_t inactive = stat_sample(place);
	uint64_t value;
	if (!container_read_u64(place, CONTAINER_FILE_V2_MEMORY_USAGE, &value)) {
		container_u64(place, MEMORY_USAGE, value);
		container_u64(place, MEMORY_WORKING_SET, value > inactive ? value - inactive : 0);
	}
	if (!container_read_u64(place, CONTAINER_FILE_V2_MEMORY_PEAK, &value))
		container_u64(place, MEMORY_MAX_USAGE, value);
	if (!container_read_u64(place, CONTAINER_FILE_V2_MEMORY_SWAP, &value))
		container_u64(place, MEMORY_SWAP, value);
	if (!container_read_u64(place, CONTAINER_FILE_V2_MEMORY_MAX, &value))
		container_u64(place, SPEC_MEMORY_LIMIT, container_limit(value));
	if (!container_read_u64(place, CONTAINER_FILE_V2_MEMORY_SWAP_MAX, &value))
		container_u64(place, SPEC_MEMORY_SWAP_LIMIT, container_limit(value));
	if (!container_read_u64(place, CONTAINER_FILE_V2_MEMORY_MIN, &value))
		container_u64(place, SPEC_MEMORY_RESERVATION, container_limit(value));
	events_sample(place);
}

/* ---- I/O and tasks ---------------------------------------------------------------------------------------------- */

struct io_word {
	const char *word;
	enum container_family family;
	const char *operation; /* of bytes: also told as usage of the device */
};
static const struct io_word io_words[] = {
	{"rbytes=", CONTAINER_FAMILY_READ_BYTES, "Read"},
	{"wbytes=", CONTAINER_FAMILY_WRITTEN_BYTES, "Write"},
	{"rios=", CONTAINER_FAMILY_READS, NULL},
	{"wios=", CONTAINER_FAMILY_WRITES, NULL},
};

/* "8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0" */
static void io_line_sample(const struct container_place *place, struct text *line)
{
	uint64_t device_major, device_minor, value;
	char major_text[16], minor_text[16];
	if (!text_u64(line, &device_major) || !text_take(line, ":") || !text_u64(line, &device_minor)) {
		host_skip(place->host);
		return;
	}
	const char *device = container_device_name(place->host, (unsigned)device_major, (unsigned)device_minor);
	host_format(major_text, "%u", (unsigned)device_major);
	host_format(minor_text, "%u", (unsigned)device_minor);
	for (const char *word; (word = text_word(line));)
		for (size_t i = 0; i < HOST_COUNT_OF(io_words); i++) {
			const struct io_word *row = &io_words[i];
			if (strncmp(word, row->word, strlen(row->word)) != 0 ||
			    !word_u64(word + strlen(row->word), &value))
				continue;
			container_sample(place, row->family, (struct number){.type = NUMBER_U64, .u64 = value},
					 HOST_VALUES(device));
			if (row->operation)
				container_u64(place, DEVICE_USAGE, value, device, major_text, minor_text,
					      row->operation);
		}
}

static void io_sample(const struct container_place *place)
{
	struct text text, line;
	if (container_read(place, CONTAINER_FILE_V2_IO_STAT, &text))
		return;
	while (text_line(&text, &line))
		io_line_sample(place, &line);
}

static void tasks_sample(const struct container_place *place)
{
	uint64_t value;
	if (!container_read_u64(place, CONTAINER_FILE_V2_TASKS, &value))
		container_u64(place, THREADS, value);
	if (!container_read_u64(place, CONTAINER_FILE_V2_TASKS_MAX, &value))
		container_u64(place, THREADS_MAX, container_limit(value));
	container_processes_sample(place, CONTAINER_FILE_V2_PROCESSES);
}

/* ---- pressure --------------------------------------------------------------------------------------------------- */

struct pressure {
	enum container_file file;
	enum container_family waiting, stalled;
};
static const struct pressure pressures[] = {
	{CONTAINER_FILE_V2_CPU_PRESSURE, CONTAINER_FAMILY_CPU_WAITING, CONTAINER_FAMILY_CPU_STALLED},
	{CONTAINER_FILE_V2_MEMORY_PRESSURE, CONTAINER_FAMILY_MEMORY_WAITING, CONTAINER_FAMILY_MEMORY_STALLED},
	{CONTAINER_FILE_V2_IO_PRESSURE, CONTAINER_FAMILY_IO_WAITING, CONTAINER_FAMILY_IO_STALLED},
};

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=1234", in microseconds */
static void pressure_sample(const struct container_place *place, const struct pressure *pressure)
{
	struct text text, line;
	uint64_t total;
	if (container_read(place, pressure->file, &text))
		return; /* without PSI, or where it was switched off for this group */
	while (text_line(&text, &line)) {
		const bool some = text_take(&line, "some ");
		if (!some && !text_take(&line, "full "))
			continue;
		const char *found = strstr(text_rest(&line), "total=");
		if (found && word_u64(found + strlen("total="), &total))
			container_sample(place, some ? pressure->waiting : pressure->stalled,
					 (struct number){.type = NUMBER_F64, .f64 = (double)total / MICRO}, NULL);
		else
			host_skip(place->host);
	}
}

void container_v2_sample(const struct container_place *place)
{
	if (place->sections & (CONTAINER_CPU_USAGE | CONTAINER_CPU_LIMITS))
		cpu_sample(place);
	if (place->sections & CONTAINER_MEMORY)
		memory_sample(place);
	if (place->sections & CONTAINER_IO)
		io_sample(place);
	if (place->sections & CONTAINER_TASKS)
		tasks_sample(place);
	for (size_t i = 0; (place->sections & CONTAINER_PRESSURE) && i < HOST_COUNT_OF(pressures); i++)
		pressure_sample(place, &pressures[i]);
}
