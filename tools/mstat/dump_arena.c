/* SPDX-License-Identifier: MIT */
/* mstat dump: the records of the arena. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <mstat/bucket.h>

#include "distribution.h"
#include "dump.h"
#include "inspection.h"
#include "report.h"

static void string_field_print(const struct dump *dump, const char *name, uint32_t offset)
{
	char *text = dump_string_text(dump, offset);
	printf(" %s=%s", name, text);
	free(text);
}

static void string_print(const struct dump *dump, uint32_t offset)
{
	char *text = dump_string_text(dump, offset);
	printf("string  %s", text);
	free(text);
}

static void family_print(const struct dump *dump, uint32_t offset)
{
	const struct mstat_shm_family *family = dump_family_record(dump, offset);
	if (!family) {
		fputs("family  (its labels do not fit into it)", stdout);
		return;
	}
	printf("family %" PRIu16 " %s %s", family->ordinal, kind_word(family->kind).text,
	       value_word(family->value).text);
	if (family->kind == MSTAT_SHM_GAUGE)
		printf(" %s%s", merge_word(family->merge).text, family->flags & MSTAT_SHM_FAMILY_LIVE ? " live" : "");
	string_field_print(dump, "name", family->name);
	string_field_print(dump, "help", family->help);
	string_field_print(dump, "unit", family->unit);
	for (uint16_t i = 0; i < family->label_count; i++)
		string_field_print(dump, "label", family->label_names[i]);
	if (mstat_shm_kind_has_buckets(family->kind))
		printf(" buckets=arena+%" PRIu32, family->buckets);
	if (family->list)
		printf(" list=arena+%" PRIu32, family->list);
	if (family->ttl_s)
		printf(" ttl=%" PRIu32 "s", family->ttl_s);
	if (family->window_s)
		printf(" window=%" PRIu32 "s", family->window_s);
	printf(" limit=%" PRIu32 " created=%s", family->series_limit, time_text(family->created_ns).text);
}

/* Which numbers its family records is not said here; doubles may have all that integers may. */
static void buckets_print(const struct dump *dump, uint32_t offset)
{
	const struct mstat_shm_buckets *buckets = dump_buckets_record(dump, offset, MSTAT_SHM_F64);
	char *text = buckets ? buckets_text(buckets) : need_strdup("(not valid)");
	printf("buckets %s", text);
	for (uint32_t i = 0; buckets && i < buckets->bound_count; i++)
		printf("%s%.10g", i ? " " : ": ", buckets->bounds[i]);
	free(text);
}

/* Offsets of strings or doubles: what reads as the one is not the other. */
static void list_print(const struct dump *dump, uint32_t offset)
{
	const struct mstat_shm_list *list = dump_list_record(dump, offset);
	if (!list) {
		fputs("list    (its items do not fit into it)", stdout);
		return;
	}
	printf("list    %" PRIu32 " items:", list->count);
	for (uint32_t i = 0; i < list->count; i++) {
		if (list->items[i] <= UINT32_MAX) {
			char *text = dump_string_text(dump, (uint32_t)list->items[i]);
			printf(" %s", text);
			free(text);
		} else {
			printf(" %.10g", mstat_f64_of_bits(list->items[i]));
		}
	}
}

static void series_print(const struct dump *dump, uint32_t offset)
{
	const struct mstat_shm_series *series = dump_series_record(dump, offset);
	char *text = dump_series_text(dump, offset);
	if (series)
		printf("series  entry %" PRIu32 " cell %" PRIu32 " family arena+%" PRIu32 " %s", series->index,
		       series->cell, series->family, text);
	else
		fputs("series  (its labels do not fit into it)", stdout);
	free(text);
}

static void record_print(const struct dump *dump, uint32_t offset, const struct mstat_shm_record *record)
{
	printf("  %10" PRIu64 "  arena+%-8" PRIu32 " %5" PRIu32 " bytes  ",
	       dump->regions[MSTAT_SHM_REGION_ARENA].offset + offset, offset, record->bytes);
	switch (record->kind) {
	case MSTAT_SHM_RECORD_STRING:
		string_print(dump, offset);
		break;
	case MSTAT_SHM_RECORD_FAMILY:
		family_print(dump, offset);
		break;
	case MSTAT_SHM_RECORD_SERIES:
		series_print(dump, offset);
		break;
	case MSTAT_SHM_RECORD_BUCKETS:
		buckets_print(dump, offset);
		break;
	case MSTAT_SHM_RECORD_LIST:
		list_print(dump, offset);
		break;
	default:
		printf("kind %" PRIu16 " (unknown)", record->kind);
	}
	putchar('\n');
}

/* Copies what is published; a lying length is cut to what the region has and to the reader's own limit. */
static void arena_copy(struct dump *dump)
{
	uint64_t bytes = dump->header.arena_published, usable = dump->usable[MSTAT_SHM_REGION_ARENA];
	if (bytes > usable) {
		dump_stop(dump, "%" PRIu64 " bytes are published, but there are %" PRIu64, bytes, usable);
		bytes = usable;
	}
	if (bytes > segment_limits_default.memory_bytes_max) {
		bytes = segment_limits_default.memory_bytes_max;
		dump_stop(dump, "only the first %" PRIu64 " bytes are looked at", bytes);
	}
	dump->arena = need(calloc(1, bytes + sizeof(uint64_t)));
	if (dump_read(dump, dump->regions[MSTAT_SHM_REGION_ARENA].offset, bytes, dump->arena))
		dump->arena_bytes = bytes;
	else
		dump_stop(dump, "reading the arena failed");
	/* The entries are read after the records that they point at; pairs with the release in series_publish(). */
	mstat_fence_acquire();
}

void dump_arena(struct dump *dump)
{
	puts("\narena");
	arena_copy(dump);
	uint64_t offset = MSTAT_SHM_ARENA_FIRST;
	while (offset < dump->arena_bytes && dump->arena_bytes - offset >= sizeof(struct mstat_shm_record)) {
		const struct mstat_shm_record *record = (const struct mstat_shm_record *)(dump->arena + offset);
		if (record->bytes < sizeof(*record) || record->bytes % 8 ||
		    record->bytes > dump->arena_bytes - offset) {
			dump_stop(dump,
				  "offset %" PRIu64 ": the record says that it has %" PRIu32 " bytes, of %" PRIu64
				  " that are left",
				  dump->regions[MSTAT_SHM_REGION_ARENA].offset + offset, record->bytes,
				  dump->arena_bytes - offset);
			return;
		}
		record_print(dump, (uint32_t)offset, record);
		offset += record->bytes;
	}
}
