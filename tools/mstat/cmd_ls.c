/* SPDX-License-Identifier: MIT */
/* mstat ls: the segments. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "command.h"
#include "inspection.h"
#include "report.h"
#include "table.h"

/* Field 22 of /proc/PID/stat, 0 when there is no such process. */
static uint64_t process_start_ticks(uint32_t pid)
{
	char path[32], line[1024];
	uint64_t ticks = 0;
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return 0;
	if (fgets(line, sizeof(line), file)) {
		/* The name in parentheses may hold anything; the fields are counted from its end. */
		char *at = strrchr(line, ')');
		for (int field = 2; at && field < 22; field++) {
			at = strchr(at + 1, ' ');
		}
		if (at)
			ticks = strtoull(at, NULL, 10);
	}
	fclose(file);
	return ticks;
}

struct process_mark {
	uint32_t pid;
	bool live;
};

/* The processes known of a segment: its slots, and the creator where no slot names it. Returns their number; `marks` is
 * malloc'ed. */
static size_t processes_mark(const struct segment *segment, struct process_mark **marks)
{
	struct process_mark *made = need(calloc((size_t)segment->process_count + 1, sizeof(*made)));
	uint32_t creator = segment->header.pid;
	size_t count = 0;
	for (uint32_t i = 0; i < segment->process_count; i++) {
		made[count++] = (struct process_mark){segment->processes[i].pid, segment->processes[i].live};
		if (segment->processes[i].pid == creator)
			creator = 0;
	}
	if (creator && segment_understood(segment)) {
		bool live =
			segment->state == SEGMENT_LIVE && process_start_ticks(creator) == segment->header.start_ticks;
		made[count++] = (struct process_mark){creator, live};
	}
	*marks = made;
	return count;
}

/* "4711* 4712 ..."; live ones first, and no more than fit a line. */
#define PIDS_SHOWN 6
static char *processes_text(const struct segment *segment)
{
	struct process_mark *marks;
	char *text = NULL;
	size_t size = 0, shown = 0, count = processes_mark(segment, &marks);
	FILE *out = need(open_memstream(&text, &size));
	for (int dead = 0; dead < 2; dead++)
		for (size_t i = 0; i < count && shown < PIDS_SHOWN; i++)
			if (marks[i].live != dead)
				fprintf(out, "%s%" PRIu32 "%s", shown++ ? " " : "", marks[i].pid, dead ? "" : "*");
	if (count > shown)
		fprintf(out, " +%zu", count - shown);
	if (!count)
		fputc('-', out);
	free(marks);
	return fclose(out) == 0 ? text : need(NULL);
}

/* Series that have a value or could have one; the overflow series of a family counts once it was used. */
static uint32_t series_live_count(struct segment *segment)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < segment->series_count; i++)
		count += segment->series[i].readable &&
			 (!segment->series[i].overflow || segment_value(segment, i).present ||
			  segment_distribution(segment, i).present);
	return count;
}

static int64_t age_seconds(const struct segment *segment)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec - (int64_t)(segment->header.created_ns / 1000000000);
}

static struct word age_text(int64_t seconds)
{
	static const struct {
		int64_t seconds;
		const char *letter;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "m"}};
	struct word word;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (seconds >= units[i].seconds) {
			snprintf(word.text, sizeof(word.text), "%" PRId64 "%s", seconds / units[i].seconds,
				 units[i].letter);
			return word;
		}
	snprintf(word.text, sizeof(word.text), "%" PRId64 "s", seconds);
	return word;
}

static struct word bytes_text(uint64_t bytes)
{
	struct word word;
	if (bytes >= 10 << 20)
		snprintf(word.text, sizeof(word.text), "%" PRIu64 " MiB", bytes >> 20);
	else
		snprintf(word.text, sizeof(word.text), "%" PRIu64 " KiB", (bytes + 1023) >> 10);
	return word;
}

static void segment_row(struct table *table, const char *directory, struct segment *segment)
{
	bool understood = segment_understood(segment);
	char *verdict = segment_verdict(segment), *pids = processes_text(segment);
	table_add(table, "%s", segment->service ? segment->service : "-");
	table_add(table, "%s", pids);
	table_add(table, "%s", understood ? age_text(age_seconds(segment)).text : "-");
	table_add(table, understood ? "%" PRIu32 : "-", understood ? series_live_count(segment) : 0);
	table_add(table, understood ? "%" PRIu32 : "-", segment->family_count);
	table_add(table, "%s", bytes_text(segment->allocated_bytes).text);
	table_add(table, "%s/%s", directory, segment->name);
	if (segment->state == SEGMENT_CORRUPT)
		table_add(table, "%s (offset %" PRIu64 ")", verdict, segment->refusal_offset);
	else
		table_add(table, "%s", verdict);
	free(verdict);
	free(pids);
}

static json_t *processes_json(const struct segment *segment)
{
	struct process_mark *marks;
	size_t count = processes_mark(segment, &marks);
	json_t *array = need(json_array());
	for (size_t i = 0; i < count; i++)
		json_array_append_new(
			array, need(json_pack("{s:I, s:b}", "pid", (json_int_t)marks[i].pid, "live", marks[i].live)));
	free(marks);
	return array;
}

static json_t *segment_json(const char *directory, struct segment *segment)
{
	json_t *object = need(json_object());
	json_object_set_new(object, "directory", json_text(directory));
	json_object_set_new(object, "name", json_text(segment->name));
	json_object_set_new(object, "state", json_text(segment_state_word(segment->state)));
	json_object_set_new(object, "memory_bytes", json_integer((json_int_t)segment->allocated_bytes));
	json_object_set_new(object, "uid", json_integer(segment->uid));
	if (segment->refusal != SEGMENT_REFUSED_NONE) {
		json_object_set_new(object, "reason", json_text(segment_refusal_label(segment->refusal)));
		json_object_set_new(object, "reason_text", json_text(segment_refusal_text(segment->refusal)));
		json_object_set_new(object, "offset", json_integer((json_int_t)segment->refusal_offset));
	}
	if (!segment_understood(segment))
		return object;
	json_object_set_new(object, "service", json_text(segment->service));
	json_object_set_new(object, "version", json_text(segment->version));
	json_object_set_new(object, "processes", processes_json(segment));
	json_object_set_new(object, "age_seconds", json_integer(age_seconds(segment)));
	json_object_set_new(object, "adoptions", json_integer((json_int_t)segment->header.adoptions));
	json_object_set_new(object, "series", json_integer(series_live_count(segment)));
	json_object_set_new(object, "families", json_integer(segment->family_count));
	return object;
}

static int segments_print(const struct inspection *inspection, bool as_json)
{
	struct inspection_cursor cursor = {0};
	struct table table;
	json_t *array = need(json_array());
	const char *directory;
	struct segment *segment;
	int code = CODE_FINE;
	table_init(&table, "SERVICE PIDS >AGE >SERIES >FAMILIES >MEMORY SEGMENT STATE");
	while ((segment = inspection_next(inspection, &cursor, &directory))) {
		if (as_json)
			json_array_append_new(array, segment_json(directory, segment));
		else
			segment_row(&table, directory, segment);
		if (!segment_understood(segment))
			code = CODE_FINDINGS;
	}
	if (as_json)
		json_print(json_incref(array));
	else if (table.count)
		table_print(&table, stdout);
	else
		report("no segments; programs that count make them, in the directories that 'mstat help' names");
	json_decref(array);
	table_fini(&table);
	return code;
}

int cmd_ls(const struct arguments *arguments)
{
	struct inspection inspection;
	if (inspection_open(arguments, &inspection) < 0)
		return CODE_FAILED;
	int code = segments_print(&inspection, arguments->given & OPTION_JSON);
	inspection_close(&inspection);
	return code;
}
