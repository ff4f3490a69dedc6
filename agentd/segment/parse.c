/* SPDX-License-Identifier: MIT */
/* Understanding the arena: the copy is taken, its records are walked once, strings are checked and marked, families are
 * kept with texts of their own. Series records are looked at when their entry asks (series.c).
 *
 * Work is bounded by bytes: each record is walked once a copy, each string is checked once and afterwards known by its
 * bit, however many records refer to it; what is kept of families is taken from the budget.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

static const struct mstat_shm_record *record_at(const struct segment_private *private, uint32_t off)
{
	return (const void *)(private->arena + off);
}

const char *arena_string(const struct segment_private *private, uint32_t off)
{
	if (off % 8 || off >= private->arena_len || !(private->strings[off / 64] & (1u << off / 8 % 8)))
		return NULL;
	return private->arena + off + offsetof(struct mstat_shm_string, text);
}

const struct mstat_shm_series *arena_series(const struct segment_private *private, uint32_t off)
{
	const struct mstat_shm_series *series;

	if (off % 8 || off < MSTAT_SHM_ARENA_FIRST || off > private->arena_len ||
	    private->arena_len - off < sizeof(*series))
		return NULL;
	series = (const void *)(private->arena + off);
	if (series->record.kind != MSTAT_SHM_RECORD_SERIES || series->record.bytes > private->arena_len - off ||
	    series->record.bytes < sizeof(*series) ||
	    series->label_count > (series->record.bytes - sizeof(*series)) / sizeof(uint32_t))
		return NULL;
	return series;
}

static bool string_is_sound(const struct mstat_shm_record *record, const struct segment_limits *limits)
{
	const struct mstat_shm_string *string = (const void *)record;
	const size_t head = offsetof(struct mstat_shm_string, text);
	const char *text = (const char *)record + head; /* longer than the array that the layout names */

	return record->bytes > head && string->len < record->bytes - head && string->len <= limits->string_bytes_max &&
	       !text[string->len] && text_is_utf8(text, string->len);
}

/* Checks the bounds of the records that the copy has gained, and marks its strings. */
static enum segment_refusal walk_strings(struct segment_scan *scan)
{
	struct segment_private *private = scan->segment->private;
	uint32_t off = private->arena_walked ? private->arena_walked : MSTAT_SHM_ARENA_FIRST;

	while (off < private->arena_len) {
		const struct mstat_shm_record *record = record_at(private, off);
		uint64_t place = region_offset(scan, MSTAT_SHM_REGION_ARENA, off);
		if (private->arena_len - off < sizeof(*record) || record->bytes < sizeof(*record) ||
		    record->bytes % 8 || record->bytes > private->arena_len - off)
			return scan_refuse(scan, SEGMENT_REFUSED_RECORD, place);
		if (record->kind == MSTAT_SHM_RECORD_STRING) {
			if (!string_is_sound(record, scan->limits))
				return scan_refuse(scan, SEGMENT_REFUSED_STRING, place);
			private->strings[off / 64] |= (uint8_t)(1u << off / 8 % 8);
		}
		off += record->bytes;
	}
	private->arena_walked = off;
	return SEGMENT_REFUSED_NONE;
}

static bool family_kind_is_known(const struct mstat_shm_family *family)
{
	if (family->kind == MSTAT_SHM_COUNTER)
		return family->value == MSTAT_SHM_U64 || family->value == MSTAT_SHM_F64;
	return family->kind == MSTAT_SHM_GAUGE && (family->value == MSTAT_SHM_I64 || family->value == MSTAT_SHM_F64) &&
	       family->merge >= MSTAT_SHM_MERGE_SUM && family->merge <= MSTAT_SHM_MERGE_EACH;
}

/* Label names must be names, in strictly ascending order (which also keeps them different). Each is taken from the
 * budget before it is compared: comparing is as long as copying. */
static enum segment_refusal check_labels(struct segment_scan *scan, const struct mstat_shm_family *family,
					 uint64_t *text_bytes)
{
	const char *before = "";

	for (uint32_t i = 0; i < family->label_count; i++) {
		const char *name = arena_string(scan->segment->private, family->label_names[i]);
		if (!name)
			return SEGMENT_REFUSED_FAMILY;
		enum segment_refusal refusal = scan_charge(scan, sizeof(name) + strlen(name) + 1);
		if (refusal)
			return refusal;
		if (!name_is_label(name) || strcmp(before, name) >= 0)
			return SEGMENT_REFUSED_FAMILY_NAME;
		*text_bytes += strlen(name) + 1;
		before = name;
	}
	return SEGMENT_REFUSED_NONE;
}

static enum segment_refusal check_family(struct segment_scan *scan, const struct mstat_shm_family *family,
					 uint64_t *text_bytes)
{
	const struct segment_private *private = scan->segment->private;
	uint32_t bytes = family->record.bytes;

	if (bytes < sizeof(*family) || family->label_count > (bytes - sizeof(*family)) / sizeof(uint32_t) ||
	    !family_kind_is_known(family))
		return SEGMENT_REFUSED_FAMILY;
	const char *name = arena_string(private, family->name);
	const char *help = arena_string(private, family->help);
	const char *unit = arena_string(private, family->unit);
	if (!name || !help || !unit)
		return SEGMENT_REFUSED_FAMILY;
	*text_bytes = strlen(name) + strlen(help) + strlen(unit) + 3;
	enum segment_refusal refusal = scan_charge(scan, sizeof(struct segment_family) + *text_bytes);
	if (refusal)
		return refusal;
	if (!name_is_metric(name) || !name_has_unit(name, unit))
		return SEGMENT_REFUSED_FAMILY_NAME;
	return check_labels(scan, family, text_bytes);
}

static const char *text_keep(char **place, const char *text)
{
	char *kept = *place;
	*place = stpcpy(kept, text) + 1;
	return kept;
}

/* One block holds the array of label names and all texts, so that a family is freed by its label_names. */
static bool family_keep(struct segment *segment, const struct mstat_shm_family *record, uint32_t off,
			uint64_t text_bytes)
{
	const struct segment_private *private = segment->private;
	struct segment_family *family = &segment->families[segment->family_count];
	size_t names_bytes = record->label_count * sizeof(const char *);
	const char **label_names = malloc(names_bytes + text_bytes);

	if (!label_names)
		return false;
	char *place = (char *)label_names + names_bytes;
	*family = (struct segment_family){
		.record_off = off,
		.kind = record->kind,
		.value = record->value,
		.merge = record->kind == MSTAT_SHM_COUNTER ? MSTAT_SHM_MERGE_SUM : record->merge,
		.live = record->kind == MSTAT_SHM_GAUGE &&
			((record->flags & MSTAT_SHM_FAMILY_LIVE) || record->merge == MSTAT_SHM_MERGE_EACH),
		.label_count = record->label_count,
		.series_limit = record->series_limit,
		.created_ns = record->created_ns,
		.name = text_keep(&place, arena_string(private, record->name)),
		.help = text_keep(&place, arena_string(private, record->help)),
		.unit = text_keep(&place, arena_string(private, record->unit)),
		.label_names = label_names,
	};
	for (uint32_t i = 0; i < record->label_count; i++)
		label_names[i] = text_keep(&place, arena_string(private, record->label_names[i]));
	segment->family_count++;
	segment->private->family_bytes += sizeof(*family) + names_bytes + text_bytes;
	return true;
}

static enum segment_refusal family_add(struct segment_scan *scan, uint32_t off)
{
	struct segment *segment = scan->segment;
	const struct mstat_shm_family *record = (const void *)record_at(segment->private, off);
	uint64_t place = region_offset(scan, MSTAT_SHM_REGION_ARENA, off);
	uint64_t text_bytes = 0;

	enum segment_refusal refusal = check_family(scan, record, &text_bytes);
	if (!refusal)
		refusal = scan_reserve(scan, (void **)&segment->families, sizeof(*segment->families),
				       (size_t)segment->family_count + 1, &segment->private->family_capacity);
	if (refusal)
		return scan_refuse(scan, refusal, place);
	if (!family_keep(segment, record, off, text_bytes)) {
		scan->error = ENOMEM;
		return scan_refuse(scan, SEGMENT_REFUSED_READ, place);
	}
	return SEGMENT_REFUSED_NONE;
}

/* Families come after all strings of the copy are marked: nothing says that a string stands before its family. */
static enum segment_refusal walk_families(struct segment_scan *scan)
{
	struct segment_private *private = scan->segment->private;
	uint32_t off = private->arena_parsed ? private->arena_parsed : MSTAT_SHM_ARENA_FIRST;

	/* A copy made anew after a drop may be divided into records otherwise than the one that arena_parsed is of. */
	while (off < private->arena_len) {
		const struct mstat_shm_record *record = record_at(private, off);
		if (record->bytes < sizeof(*record) || record->bytes % 8 || record->bytes > private->arena_len - off)
			return scan_refuse(scan, SEGMENT_REFUSED_SHRUNK,
					   region_offset(scan, MSTAT_SHM_REGION_ARENA, off));
		if (record->kind == MSTAT_SHM_RECORD_FAMILY) {
			enum segment_refusal refusal = family_add(scan, off);
			if (refusal)
				return refusal;
		}
		off += record->bytes;
		private->arena_parsed = off;
	}
	return SEGMENT_REFUSED_NONE;
}

enum segment_refusal arena_parse(struct segment_scan *scan)
{
	enum segment_refusal refusal = walk_strings(scan);
	return refusal ? refusal : walk_families(scan);
}

void families_free(struct segment *segment)
{
	for (uint32_t i = 0; i < segment->family_count; i++)
		free(segment->families[i].label_names);
	free(segment->families);
	segment->families = NULL;
	segment->family_count = 0;
}

uint32_t family_find(const struct segment *segment, uint32_t record_off)
{
	uint32_t low = 0;
	uint32_t high = segment->family_count;

	/* Families are found in ascending order of their records. */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (segment->families[middle].record_off == record_off)
			return middle;
		if (segment->families[middle].record_off < record_off)
			low = middle + 1;
		else
			high = middle;
	}
	return UINT32_MAX;
}
