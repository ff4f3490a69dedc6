/* SPDX-License-Identifier: MIT */
/* The segments that a command looks at. See inspection.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collect/segments_shapes.h"
#include "inspection.h"
#include "report.h"

#define ENTRIES_MAX 65536

size_t directories_choose(const struct arguments *arguments, char ***paths)
{
	size_t count = arguments->directory_count;
	char **made = need(calloc(count + 3, sizeof(*made)));
	for (size_t i = 0; i < count; i++)
		made[i] = need_strdup(arguments->directories[i]);
	if (count == 0)
		count = segment_default_directories(made);
	*paths = made;
	return count;
}

void directories_free(char **paths, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(paths[i]);
	free(paths);
}

static int directory_read(struct segment_directory *directory, const char *path, bool named)
{
	int error = segment_directory_init(directory, path);
	if (error == -ENOMEM)
		need(NULL);
	if (error == 0)
		error = segment_directory_scan(directory, ENTRIES_MAX);
	if (error == -ENOENT && !named)
		return 0;
	if (error < 0) {
		report("cannot list the directory %s: %s%s", path, strerror(-error),
		       error == -EACCES ? "; run as root or as the agent's user" : "");
		return named ? error : 0;
	}
	if (directory->over_limit)
		report("%s: %llu segments were left out; only %d are read", path,
		       (unsigned long long)directory->over_limit, ENTRIES_MAX);
	segment_directory_read(directory, &segment_limits_default);
	return 0;
}

int inspection_open(const struct arguments *arguments, struct inspection *inspection)
{
	char **paths;
	size_t count = directories_choose(arguments, &paths);
	struct inspection made = {.directories = need(calloc(count + 1, sizeof(*made.directories)))};
	int error = 0;
	for (; made.count < count && error == 0; made.count++)
		error = directory_read(&made.directories[made.count], paths[made.count], arguments->given & OPTION_DIR);
	directories_free(paths, count);
	if (error)
		inspection_close(&made);
	else
		*inspection = made;
	return error;
}

void inspection_close(struct inspection *inspection)
{
	for (size_t i = 0; i < inspection->count; i++)
		segment_directory_fini(&inspection->directories[i]);
	free(inspection->directories);
}

struct segment *inspection_next(const struct inspection *inspection, struct inspection_cursor *cursor,
				const char **directory)
{
	for (; cursor->directory < inspection->count; cursor->directory++, cursor->segment = 0) {
		const struct segment_directory *now = &inspection->directories[cursor->directory];
		while (cursor->segment < now->count) {
			struct segment *segment = now->segments[cursor->segment++];
			if (segment->state == SEGMENT_GONE)
				continue;
			*directory = now->path;
			return segment;
		}
	}
	return NULL;
}

struct segment *inspection_find(const struct inspection *inspection, const char *name, const char **directory)
{
	struct inspection_cursor cursor = {0};
	struct segment *segment;
	while ((segment = inspection_next(inspection, &cursor, directory)))
		if (strcmp(segment->name, name) == 0)
			return segment;
	return NULL;
}

bool segment_understood(const struct segment *segment)
{
	return segment->state == SEGMENT_LIVE || segment->state == SEGMENT_DEAD;
}

uint64_t segment_file_offset(const struct segment *segment, uint32_t arena_off)
{
	const struct mstat_shm_header *header = &segment->header;
	for (uint32_t i = 0; i < header->region_count && i < MSTAT_SHM_REGION_MAX; i++)
		if (header->regions[i].kind == MSTAT_SHM_REGION_ARENA)
			return header->regions[i].offset + arena_off;
	return arena_off;
}

char *segment_verdict(const struct segment *segment)
{
	const char *word = segment_state_word(segment->state);
	const char *why = segment_refusal_text(segment->refusal);
	if (segment->refusal == SEGMENT_REFUSED_NONE)
		return need_strdup(word);
	if (segment->error)
		return need_printf("%s: %s: %s", word, why, strerror(segment->error));
	return need_printf("%s: %s", word, why);
}

static struct word word_of(unsigned number, const char *const *names, size_t count)
{
	struct word word;
	if (number < count && names[number])
		snprintf(word.text, sizeof(word.text), "%s", names[number]);
	else
		snprintf(word.text, sizeof(word.text), "unknown (%u)", number);
	return word;
}

struct word kind_word(unsigned kind)
{
	static const char *const names[] = {[MSTAT_SHM_COUNTER] = "counter",
					    [MSTAT_SHM_GAUGE] = "gauge",
					    [MSTAT_SHM_HISTOGRAM] = "histogram",
					    [MSTAT_SHM_SUMMARY] = "summary",
					    [MSTAT_SHM_GAUGE_HISTOGRAM] = "gauge histogram",
					    [MSTAT_SHM_INFO] = "info",
					    [MSTAT_SHM_STATE_SET] = "state set"};
	return word_of(kind, names, sizeof(names) / sizeof(*names));
}

struct word value_word(unsigned value)
{
	static const char *const names[] = {[MSTAT_SHM_U64] = "u64", [MSTAT_SHM_I64] = "i64", [MSTAT_SHM_F64] = "f64"};
	return word_of(value, names, sizeof(names) / sizeof(*names));
}

struct word merge_word(unsigned merge)
{
	static const char *const names[] = {[MSTAT_SHM_MERGE_SUM] = "sum",
					    [MSTAT_SHM_MERGE_MIN] = "min",
					    [MSTAT_SHM_MERGE_MAX] = "max",
					    [MSTAT_SHM_MERGE_LAST] = "last",
					    [MSTAT_SHM_MERGE_EACH] = "each"};
	return word_of(merge, names, sizeof(names) / sizeof(*names));
}

const char *kind_suffix(unsigned kind)
{
	return kind == MSTAT_SHM_COUNTER ? "_total" : kind == MSTAT_SHM_INFO ? "_info" : "";
}

char *family_exposed_name(const struct segment_family *family)
{
	return need_printf("%s%s", family->name, kind_suffix(family->kind));
}

enum metric_type family_metric_type(const struct segment_family *family)
{
	return metric_type_of(family);
}

struct number family_number(const struct segment_family *family, uint64_t bits)
{
	struct number number = {.type = NUMBER_U64, .u64 = bits};
	if (family->value == MSTAT_SHM_I64) {
		number.type = NUMBER_I64;
		number.i64 = (int64_t)bits;
	} else if (family->value == MSTAT_SHM_F64) {
		number.type = NUMBER_F64;
		memcpy(&number.f64, &bits, sizeof(number.f64));
	}
	return number;
}
