/* SPDX-License-Identifier: MIT */
/* Records of a copied arena, each checked before it is looked into. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mstat/bucket.h>

#include "dump.h"
#include "inspection.h"
#include "report.h"

const struct mstat_shm_record *dump_record(const struct dump *dump, uint32_t offset, unsigned kind,
					   uint32_t least_bytes)
{
	if (offset < MSTAT_SHM_ARENA_FIRST || offset % 8 || offset > dump->arena_bytes ||
	    dump->arena_bytes - offset < sizeof(struct mstat_shm_record))
		return NULL;
	const struct mstat_shm_record *record = (const struct mstat_shm_record *)(dump->arena + offset);
	if (record->kind != kind || record->bytes % 8 || record->bytes < least_bytes ||
	    record->bytes > dump->arena_bytes - offset)
		return NULL;
	return record;
}

const struct mstat_shm_family *dump_family_record(const struct dump *dump, uint32_t offset)
{
	const struct mstat_shm_record *record =
		dump_record(dump, offset, MSTAT_SHM_RECORD_FAMILY, sizeof(struct mstat_shm_family));
	const struct mstat_shm_family *family = (const struct mstat_shm_family *)record;
	if (!family || family->label_count > (record->bytes - sizeof(*family)) / sizeof(uint32_t))
		return NULL;
	return family;
}

const struct mstat_shm_series *dump_series_record(const struct dump *dump, uint32_t offset)
{
	const struct mstat_shm_record *record =
		dump_record(dump, offset, MSTAT_SHM_RECORD_SERIES, sizeof(struct mstat_shm_series));
	const struct mstat_shm_series *series = (const struct mstat_shm_series *)record;
	if (!series || series->label_count > (record->bytes - sizeof(*series)) / sizeof(uint32_t))
		return NULL;
	return series;
}

const struct mstat_shm_buckets *dump_buckets_record(const struct dump *dump, uint32_t offset, uint8_t value)
{
	const struct mstat_shm_record *record =
		dump_record(dump, offset, MSTAT_SHM_RECORD_BUCKETS, sizeof(struct mstat_shm_buckets));
	const struct mstat_shm_buckets *buckets = (const struct mstat_shm_buckets *)record;
	return buckets && mstat_buckets_valid(buckets, record->bytes, value) ? buckets : NULL;
}

const struct mstat_shm_list *dump_list_record(const struct dump *dump, uint32_t offset)
{
	const struct mstat_shm_record *record =
		dump_record(dump, offset, MSTAT_SHM_RECORD_LIST, sizeof(struct mstat_shm_list));
	const struct mstat_shm_list *list = (const struct mstat_shm_list *)record;
	if (!list || list->count > (record->bytes - sizeof(*list)) / sizeof(list->items[0]))
		return NULL;
	return list;
}

static const struct mstat_shm_string *string_record(const struct dump *dump, uint32_t offset)
{
	const struct mstat_shm_record *record =
		dump_record(dump, offset, MSTAT_SHM_RECORD_STRING, sizeof(struct mstat_shm_string));
	const struct mstat_shm_string *string = (const struct mstat_shm_string *)record;
	if (!string || string->len > record->bytes - offsetof(struct mstat_shm_string, text))
		return NULL;
	return string;
}

static char *string_text(const struct dump *dump, uint32_t offset, char *(*escape)(const char *text, size_t len))
{
	const struct mstat_shm_string *string = string_record(dump, offset);
	if (!string)
		return need_printf("(no string at arena+%" PRIu32 ")", offset);
	return escape((const char *)string + offsetof(struct mstat_shm_string, text), string->len);
}

char *dump_string_text(const struct dump *dump, uint32_t offset)
{
	return string_text(dump, offset, text_quoted);
}

static void label_print(const struct dump *dump, FILE *out, uint32_t name_offset, uint32_t value_offset)
{
	char *name = string_text(dump, name_offset, text_escaped), *value = dump_string_text(dump, value_offset);
	fprintf(out, "%s=%s", name, value);
	free(name);
	free(value);
}

char *dump_series_text(const struct dump *dump, uint32_t offset)
{
	const struct mstat_shm_series *series = dump_series_record(dump, offset);
	const struct mstat_shm_family *family = series ? dump_family_record(dump, series->family) : NULL;
	if (!series)
		return need_printf("(no series at arena+%" PRIu32 ")", offset);
	if (!family)
		return need_printf("(no family at arena+%" PRIu32 ")", series->family);
	char *text = NULL, *name = string_text(dump, family->name, text_escaped);
	size_t size = 0;
	FILE *out = need(open_memstream(&text, &size));
	fprintf(out, "%s%s{", name, kind_suffix(family->kind));
	if (series->record.flags & MSTAT_SHM_SERIES_OVERFLOW)
		fputs("otel_metric_overflow=\"true\"", out);
	for (uint32_t i = 0; i < series->label_count && i < family->label_count; i++) {
		fputs(i ? "," : "", out);
		label_print(dump, out, family->label_names[i], series->label_values[i]);
	}
	fputc('}', out);
	free(name);
	return fclose(out) == 0 ? text : need(NULL);
}
