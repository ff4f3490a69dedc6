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

#include <mstat/bucket.h>

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

/* A record of that kind at an offset of the copy, at least as long as its fixed part. */
static const void *arena_record(const struct segment_private *private, uint32_t off, uint16_t kind, size_t bytes_min)
{
	const struct mstat_shm_record *record;

	if (off % 8 || off < MSTAT_SHM_ARENA_FIRST || off > private->arena_len || private->arena_len - off < bytes_min)
		return NULL;
	record = record_at(private, off);
	if (record->kind != kind || record->bytes > private->arena_len - off || record->bytes < bytes_min)
		return NULL;
	return record;
}

const struct mstat_shm_buckets *arena_buckets(const struct segment_private *private, uint32_t off, uint8_t value)
{
	const struct mstat_shm_buckets *buckets =
		arena_record(private, off, MSTAT_SHM_RECORD_BUCKETS, sizeof(*buckets));

	return buckets && mstat_buckets_valid(buckets, buckets->record.bytes, value) ? buckets : NULL;
}

const struct mstat_shm_list *arena_list(const struct segment_private *private, uint32_t off)
{
	const struct mstat_shm_list *list = arena_record(private, off, MSTAT_SHM_RECORD_LIST, sizeof(*list));

	if (!list || list->count > (list->record.bytes - sizeof(*list)) / sizeof(list->items[0]))
		return NULL;
	return list;
}

static bool family_kind_is_known(const struct mstat_shm_family *family)
{
	if (family->kind < MSTAT_SHM_COUNTER || family->kind > MSTAT_SHM_STATE_SET)
		return false;
	if (mstat_shm_kind_in_rows(family->kind))
		return family->value == MSTAT_SHM_U64 || family->value == MSTAT_SHM_F64;
	if (family->value != MSTAT_SHM_I64 && !(family->value == MSTAT_SHM_F64 && family->kind == MSTAT_SHM_GAUGE))
		return false;
	return family->merge >= MSTAT_SHM_MERGE_SUM &&
	       family->merge <= (family->kind == MSTAT_SHM_GAUGE ? MSTAT_SHM_MERGE_EACH : MSTAT_SHM_MERGE_MAX);
}

/* What a family has besides its texts. */
struct family_details {
	const struct mstat_shm_buckets *buckets;
	const struct mstat_shm_list *list;
	uint64_t bytes;
};

static bool quantiles_are_sound(const struct mstat_shm_list *list)
{
	for (uint32_t i = 0; i < list->count; i++) {
		double quantile = mstat_f64_of_bits(list->items[i]);
		if (!(quantile >= 0 && quantile <= 1) || (i && !(mstat_f64_of_bits(list->items[i - 1]) < quantile)))
			return false;
	}
	return list->count && list->count <= 64;
}

static bool states_are_sound(const struct segment_private *private, const struct mstat_shm_list *list, uint64_t *bytes)
{
	if (!list->count || list->count > MSTAT_SHM_STATES_MAX)
		return false;
	for (uint32_t i = 0; i < list->count; i++) {
		const char *state =
			list->items[i] <= UINT32_MAX ? arena_string(private, (uint32_t)list->items[i]) : NULL;
		if (!state || !*state)
			return false;
		for (uint32_t other = 0; other < i; other++)
			if (list->items[other] == list->items[i])
				return false;
		*bytes += strlen(state) + 1;
	}
	return true;
}

static enum segment_refusal check_details(struct segment_scan *scan, const struct mstat_shm_family *family,
					  struct family_details *details)
{
	const struct segment_private *private = scan->segment->private;

	if (mstat_shm_kind_has_buckets(family->kind)) {
		details->buckets = arena_buckets(private, family->buckets, family->value);
		if (!details->buckets)
			return SEGMENT_REFUSED_FAMILY;
		details->bytes += details->buckets->record.bytes;
	}
	if (family->kind == MSTAT_SHM_SUMMARY || family->kind == MSTAT_SHM_STATE_SET) {
		details->list = arena_list(private, family->list);
		if (!details->list)
			return SEGMENT_REFUSED_FAMILY;
		bool summary = family->kind == MSTAT_SHM_SUMMARY;
		if (summary ? !quantiles_are_sound(details->list)
			    : !states_are_sound(private, details->list, &details->bytes))
			return SEGMENT_REFUSED_FAMILY;
		details->bytes += details->list->count * sizeof(uint64_t);
	}
	return scan_charge(scan, details->bytes);
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
					 struct family_details *details, uint64_t *text_bytes)
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
	refusal = check_details(scan, family, details);
	return refusal ? refusal : check_labels(scan, family, text_bytes);
}

static const char *text_keep(char **place, const char *text)
{
	char *kept = *place;
	*place = stpcpy(kept, text) + 1;
	return kept;
}

/* Cells of one series, and those in front of its buckets. False without memory for the computation. */
static bool family_count_cells(struct segment_family *family)
{
	family->cells = family->kind == MSTAT_SHM_GAUGE && family->merge == MSTAT_SHM_MERGE_LAST ? 2 : 1;
	family->sums = 0;
	if (!family->buckets)
		return true;
	double *uppers = malloc(MSTAT_PARTITION_MAX * sizeof(*uppers));
	if (!uppers)
		return false;
	bool four = family->value == MSTAT_SHM_F64 && family->kind != MSTAT_SHM_GAUGE_HISTOGRAM;
	family->sums = four ? MSTAT_SHM_SUMS_F64 : MSTAT_SHM_SUMS_U64;
	family->cells = family->sums + mstat_partition(family->buckets, family->value != MSTAT_SHM_F64, uppers) + 1;
	free(uppers);
	return true;
}

/* Copies the list to where `words` points: quantiles as they are, states as pointers to texts of the family's own. */
static void family_keep_list(const struct segment_private *private, struct segment_family *family,
			     const struct mstat_shm_list *list, void *words, char **place)
{
	family->item_count = list->count;
	if (family->kind == MSTAT_SHM_SUMMARY) {
		family->quantiles = memcpy(words, list->items, list->count * sizeof(double));
		return;
	}
	family->states = words;
	for (uint32_t i = 0; i < list->count; i++)
		family->states[i] = text_keep(place, arena_string(private, (uint32_t)list->items[i]));
}

/* One block holds the array of label names, the list, the buckets and all texts, so that a family is freed by its
 * label_names. */
static bool family_keep(struct segment *segment, const struct mstat_shm_family *record, uint32_t off,
			const struct family_details *details, uint64_t text_bytes)
{
	const struct segment_private *private = segment->private;
	struct segment_family *family = &segment->families[segment->family_count];
	size_t names_bytes = record->label_count * sizeof(const char *);
	size_t list_bytes = details->list ? details->list->count * sizeof(uint64_t) : 0;
	const char **label_names = malloc(names_bytes + details->bytes + text_bytes);
	bool in_rows = mstat_shm_kind_in_rows(record->kind);

	if (!label_names)
		return false;
	char *list = (char *)label_names + names_bytes, *place = list + list_bytes;
	*family = (struct segment_family){
		.record_off = off,
		.kind = record->kind,
		.value = record->value,
		.merge = in_rows ? MSTAT_SHM_MERGE_SUM : record->merge,
		.live = !in_rows && (record->kind != MSTAT_SHM_GAUGE || (record->flags & MSTAT_SHM_FAMILY_LIVE) ||
				     record->merge == MSTAT_SHM_MERGE_EACH),
		.label_count = record->label_count,
		.series_limit = record->series_limit,
		.ttl_s = record->ttl_s,
		.window_s = record->window_s,
		.created_ns = record->created_ns,
		.label_names = label_names,
	};
	if (details->buckets) {
		family->buckets = memcpy(place, details->buckets, details->buckets->record.bytes);
		place += details->buckets->record.bytes;
	}
	if (!family_count_cells(family)) {
		free(label_names);
		return false;
	}
	if (details->list)
		family_keep_list(private, family, details->list, list, &place);
	family->name = text_keep(&place, arena_string(private, record->name));
	family->help = text_keep(&place, arena_string(private, record->help));
	family->unit = text_keep(&place, arena_string(private, record->unit));
	for (uint32_t i = 0; i < record->label_count; i++)
		label_names[i] = text_keep(&place, arena_string(private, record->label_names[i]));
	segment->family_count++;
	segment->private->family_bytes += sizeof(*family) + names_bytes + details->bytes + text_bytes;
	return true;
}

static enum segment_refusal family_add(struct segment_scan *scan, uint32_t off)
{
	struct segment *segment = scan->segment;
	const struct mstat_shm_family *record = (const void *)record_at(segment->private, off);
	uint64_t place = region_offset(scan, MSTAT_SHM_REGION_ARENA, off);
	struct family_details details = {0};
	uint64_t text_bytes = 0;

	enum segment_refusal refusal = check_family(scan, record, &details, &text_bytes);
	if (!refusal)
		refusal = scan_reserve(scan, (void **)&segment->families, sizeof(*segment->families),
				       (size_t)segment->family_count + 1, &segment->private->family_capacity);
	if (refusal)
		return scan_refuse(scan, refusal, place);
	if (!family_keep(segment, record, off, &details, text_bytes)) {
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
