/* SPDX-License-Identifier: MIT */
/* mstat verify: checks segments by the reader's rules, and against each other. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "conflict.h"
#include "inspection.h"
#include "report.h"
#include "target.h"

struct target {
	char *path;
	struct segment *segment;
};

struct verification {
	struct target *targets;
	size_t count;
	size_t capacity;
	bool owned; /* the segments are ours to free, not the inspection's */
	json_t *findings;
};

static void target_add(struct verification *verification, char *path, struct segment *segment)
{
	verification->targets = need_room(verification->targets, verification->count, &verification->capacity,
					  sizeof(*verification->targets));
	verification->targets[verification->count++] = (struct target){path, segment};
}

/* Notes a finding; `check` is the word by which a script tells it. */
__attribute__((format(printf, 5, 6))) static void finding_add(struct verification *verification,
							      const struct target *target, uint64_t offset,
							      const char *check, const char *format, ...)
{
	va_list list;
	char *text = NULL;
	va_start(list, format);
	int len = vasprintf(&text, format, list);
	va_end(list);
	need(len < 0 ? NULL : text);
	json_t *finding = need(json_object());
	json_object_set_new(finding, "segment", json_text(target->path));
	json_object_set_new(finding, "offset", json_integer((json_int_t)offset));
	json_object_set_new(finding, "check", json_text(check));
	json_object_set_new(finding, "text", json_text(text));
	json_array_append_new(verification->findings, finding);
	free(text);
}

/* ---- one segment ---- */

static void layout_verify(struct verification *verification, const struct target *target)
{
	const struct segment *segment = target->segment;
	if (segment_understood(segment) && segment->refusal == SEGMENT_REFUSED_NONE)
		return;
	char *verdict = segment_verdict(segment);
	finding_add(verification, target, segment->refusal_offset, segment_refusal_label(segment->refusal), "%s",
		    verdict);
	free(verdict);
}

/* A family or a series with the text that must be there once. */
struct entry {
	char *key;
	uint32_t record_off;
};

static int entry_compare(const void *a, const void *b)
{
	const struct entry *one = a, *other = b;
	int order = strcmp(one->key, other->key);
	return order ? order : one->record_off < other->record_off ? -1 : one->record_off > other->record_off;
}

/* Reports the keys that are there more than once, and frees the entries. */
static void entries_verify(struct verification *verification, const struct target *target, struct entry *entries,
			   size_t count, const char *check, const char *what)
{
	if (count)
		qsort(entries, count, sizeof(*entries), entry_compare);
	for (size_t i = 1; i < count; i++) {
		if (strcmp(entries[i].key, entries[i - 1].key) != 0)
			continue;
		finding_add(verification, target, segment_file_offset(target->segment, entries[i].record_off), check,
			    "%s is there twice: %s (also at offset %" PRIu64 ")", what, entries[i].key,
			    segment_file_offset(target->segment, entries[i - 1].record_off));
	}
	for (size_t i = 0; i < count; i++)
		free(entries[i].key);
	free(entries);
}

static void families_verify(struct verification *verification, const struct target *target)
{
	const struct segment *segment = target->segment;
	struct entry *entries = need(calloc((size_t)segment->family_count + 1, sizeof(*entries)));
	for (uint32_t i = 0; i < segment->family_count; i++)
		entries[i] = (struct entry){need_strdup(segment->families[i].name), segment->families[i].record_off};
	entries_verify(verification, target, entries, segment->family_count, "duplicate_family", "the family");
}

/* name{values}: unambiguous, as the values are quoted and escaped. */
static char *series_key(struct segment *segment, uint32_t index)
{
	const struct segment_series *series = &segment->series[index];
	const struct segment_family *family = &segment->families[series->family];
	const char *const *values = segment_labels(segment, index);
	char *text = NULL;
	size_t size = 0;
	FILE *out = need(open_memstream(&text, &size));
	fprintf(out, "%s{", family->name);
	if (series->overflow)
		fputs("otel_metric_overflow=\"true\"", out);
	for (size_t i = 0; values && !series->overflow && i < family->label_count; i++) {
		fprintf(out, "%s%s=\"", i ? "," : "", family->label_names[i]);
		for (const char *at = values[i]; *at; at++) {
			if (*at == '"' || *at == '\\')
				fputc('\\', out);
			fputc(*at, out);
		}
		fputc('"', out);
	}
	fputc('}', out);
	return fclose(out) == 0 ? text : need(NULL);
}

static void series_verify(struct verification *verification, const struct target *target)
{
	struct segment *segment = target->segment;
	struct entry *entries = need(calloc((size_t)segment->series_count + 1, sizeof(*entries)));
	size_t count = 0;
	for (uint32_t i = 0; i < segment->series_count; i++)
		if (segment->series[i].readable)
			entries[count++] = (struct entry){series_key(segment, i), segment->series[i].record_off};
	entries_verify(verification, target, entries, count, "duplicate_series", "the series");
}

/* The cells of a live series, which no other may have. */
struct span {
	bool in_rows;
	uint32_t cell, cells;
	uint32_t series;
};

static int span_compare(const void *a, const void *b)
{
	const struct span *one = a, *other = b;
	if (one->in_rows != other->in_rows)
		return one->in_rows ? -1 : 1;
	return (one->cell > other->cell) - (one->cell < other->cell);
}

static void overlap_add(struct verification *verification, const struct target *target, const struct span *one,
			const struct span *other)
{
	struct segment *segment = target->segment;
	char *key = series_key(segment, one->series), *other_key = series_key(segment, other->series);
	finding_add(verification, target, segment_file_offset(segment, segment->series[other->series].record_off),
		    "shared_cells", "cell %" PRIu32 " of %s is also one of %s", other->cell, other_key, key);
	free(key);
	free(other_key);
}

static void cells_verify(struct verification *verification, const struct target *target)
{
	const struct segment *segment = target->segment;
	struct span *spans = need(calloc((size_t)segment->series_count + 1, sizeof(*spans)));
	size_t count = 0, widest = 0;
	for (uint32_t i = 0; i < segment->series_count; i++) {
		const struct segment_family *family = &segment->families[segment->series[i].family];
		if (segment->series[i].readable)
			spans[count++] = (struct span){mstat_shm_kind_in_rows(family->kind), segment->series[i].cell,
						       family->cells, i};
	}
	if (count)
		qsort(spans, count, sizeof(*spans), span_compare);
	/* The one that reaches furthest so far overlaps the next, if any does. */
	for (size_t i = 1; i < count; i++) {
		if (spans[i].in_rows == spans[widest].in_rows &&
		    spans[i].cell < spans[widest].cell + spans[widest].cells)
			overlap_add(verification, target, &spans[widest], &spans[i]);
		if (spans[i].in_rows != spans[widest].in_rows ||
		    spans[i].cell + spans[i].cells > spans[widest].cell + spans[widest].cells)
			widest = i;
	}
	free(spans);
}

/* ---- segments against each other ---- */

struct declared {
	const struct target *target;
	const struct segment_family *family;
};

static int declared_compare(const void *a, const void *b)
{
	const struct declared *one = a, *other = b;
	int order = strcmp(one->family->name, other->family->name);
	if (order)
		return order;
	if (one->family->created_ns != other->family->created_ns)
		return one->family->created_ns < other->family->created_ns ? -1 : 1;
	return strcmp(one->target->path, other->target->path);
}

static void conflict_verify(struct verification *verification, const struct declared *oldest,
			    const struct declared *other)
{
	unsigned conflicts = family_conflicts(oldest->family, other->family);
	if (!conflicts)
		return;
	char *text = conflicts_text(conflicts);
	finding_add(verification, other->target, segment_file_offset(other->target->segment, other->family->record_off),
		    "conflict", "family %s: %s not as in the older declaration of %s (offset %" PRIu64 ")",
		    other->family->name, text, oldest->target->path,
		    segment_file_offset(oldest->target->segment, oldest->family->record_off));
	free(text);
}

static void conflicts_verify(struct verification *verification)
{
	struct declared *items = NULL;
	size_t count = 0, capacity = 0;
	for (size_t t = 0; t < verification->count; t++) {
		const struct target *target = &verification->targets[t];
		for (uint32_t f = 0; segment_understood(target->segment) && f < target->segment->family_count; f++) {
			items = need_room(items, count, &capacity, sizeof(*items));
			items[count++] = (struct declared){target, &target->segment->families[f]};
		}
	}
	if (count)
		qsort(items, count, sizeof(*items), declared_compare);
	for (size_t i = 1, oldest = 0; i < count; i++) {
		if (strcmp(items[i].family->name, items[oldest].family->name) != 0)
			oldest = i;
		else if (items[i].target != items[oldest].target)
			conflict_verify(verification, &items[oldest], &items[i]);
	}
	free(items);
}

/* ---- the command ---- */

static int operand_take(struct verification *verification, const struct arguments *arguments, const char *name)
{
	char *path;
	int fd = target_open(arguments, name, &path);
	if (fd < 0)
		return fd;
	const char *slash = strrchr(path, '/');
	struct segment *segment = need(segment_new(slash ? slash + 1 : path));
	segment_read_fd(segment, fd, &segment_limits_default, false);
	close(fd);
	target_add(verification, path, segment);
	return 0;
}

static void all_take(struct verification *verification, const struct inspection *inspection)
{
	struct inspection_cursor cursor = {0};
	const char *directory;
	struct segment *segment;
	while ((segment = inspection_next(inspection, &cursor, &directory)))
		target_add(verification, need_printf("%s/%s", directory, segment->name), segment);
}

static int findings_print(const struct verification *verification, bool as_json)
{
	size_t index, count = json_array_size(verification->findings);
	json_t *finding;
	if (as_json) {
		json_print(need(json_pack("{s:I, s:O}", "checked", (json_int_t)verification->count, "findings",
					  verification->findings)));
		return count ? CODE_FINDINGS : CODE_FINE;
	}
	json_array_foreach(verification->findings, index, finding)
	{
		text_print(stdout, json_string_value(json_object_get(finding, "segment")));
		printf(": offset %" JSON_INTEGER_FORMAT ": ", json_integer_value(json_object_get(finding, "offset")));
		text_print(stdout, json_string_value(json_object_get(finding, "text")));
		putchar('\n');
	}
	printf("%zu segment%s checked, %zu finding%s\n", verification->count, verification->count == 1 ? "" : "s",
	       count, count == 1 ? "" : "s");
	return count ? CODE_FINDINGS : CODE_FINE;
}

static int verify(struct verification *verification, bool as_json)
{
	for (size_t i = 0; i < verification->count; i++) {
		const struct target *target = &verification->targets[i];
		layout_verify(verification, target);
		if (!segment_understood(target->segment))
			continue;
		families_verify(verification, target);
		series_verify(verification, target);
		cells_verify(verification, target);
	}
	conflicts_verify(verification);
	return findings_print(verification, as_json);
}

static void verification_fini(struct verification *verification)
{
	for (size_t i = 0; i < verification->count; i++) {
		free(verification->targets[i].path);
		if (verification->owned)
			segment_free(verification->targets[i].segment);
	}
	free(verification->targets);
	json_decref(verification->findings);
}

int cmd_verify(const struct arguments *arguments)
{
	struct verification verification = {.owned = arguments->operand_count > 0, .findings = need(json_array())};
	struct inspection inspection = {0};
	int error = 0;
	if (!verification.owned) {
		error = inspection_open(arguments, &inspection);
		if (!error)
			all_take(&verification, &inspection);
	}
	for (size_t i = 0; i < arguments->operand_count && !error; i++)
		error = operand_take(&verification, arguments, arguments->operands[i]);
	int code = error ? CODE_FAILED : verify(&verification, arguments->given & OPTION_JSON);
	verification_fini(&verification);
	inspection_close(&inspection);
	return code;
}
