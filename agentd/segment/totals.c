/* SPDX-License-Identifier: MIT */
/* Totals in memory. */
#include "totals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct totals *totals_new(const char *service, uid_t uid)
{
	struct totals *totals = calloc(1, sizeof(*totals));
	if (!totals)
		return NULL;
	totals->service = strdup(service);
	totals->uid = uid;
	if (!totals->service) {
		totals_free(totals);
		return NULL;
	}
	return totals;
}

static void family_fini(struct segment_family *family)
{
	for (uint16_t i = 0; family->label_names && i < family->label_count; i++)
		free((char *)family->label_names[i]);
	free(family->label_names);
	free((char *)family->name);
	free((char *)family->help);
	free((char *)family->unit);
	free((void *)family->buckets);
	free((void *)family->quantiles);
}

static void series_fini(struct totals_series *series)
{
	free(series->values);
	free(series->cells);
}

void totals_free(struct totals *totals)
{
	if (!totals)
		return;
	if (totals->user_free)
		totals->user_free(totals->user);
	for (uint32_t i = 0; i < totals->family_count; i++)
		family_fini(&totals->families[i]);
	for (uint32_t i = 0; i < totals->series_count; i++)
		series_fini(&totals->series[i]);
	free(totals->families);
	free(totals->series);
	free(totals->marks);
	free(totals->table);
	free(totals->service);
	free(totals);
}

static int array_reserve(void *array, uint32_t count, uint32_t *capacity, size_t element_bytes)
{
	if (count < *capacity)
		return 0;
	uint32_t larger = *capacity ? *capacity * 2 : 16;
	void *memory = reallocarray(*(void **)array, larger, element_bytes);
	if (!memory)
		return -ENOMEM;
	*(void **)array = memory;
	*capacity = larger;
	return 0;
}

/* ---- families ---- */

static bool family_same(const struct segment_family *a, const struct segment_family *b)
{
	if (a->kind != b->kind || a->value != b->value || a->label_count != b->label_count || strcmp(a->unit, b->unit))
		return false;
	if (!mstat_shm_kind_in_rows(a->kind) && (a->merge != b->merge || a->live != b->live))
		return false;
	for (uint16_t i = 0; i < a->label_count; i++)
		if (strcmp(a->label_names[i], b->label_names[i]))
			return false;
	/* Quantiles and windows may change from one version of a program to the next, buckets may not. In a damaged
	 * file a family can come a second time, before its buckets are known. */
	if (!a->buckets != !b->buckets)
		return false;
	return !a->buckets || (a->buckets->record.bytes == b->buckets->record.bytes &&
			       !memcmp(a->buckets, b->buckets, a->buckets->record.bytes));
}

static void *bytes_copy(const void *bytes, size_t len)
{
	void *copy = len ? malloc(len) : NULL;
	return copy ? memcpy(copy, bytes, len) : NULL;
}

static int family_copy(struct segment_family *family, const struct segment_family *like)
{
	*family = *like;
	family->name = strdup(like->name);
	family->help = strdup(like->help);
	family->unit = strdup(like->unit);
	family->label_names = calloc(like->label_count + 1u, sizeof(*family->label_names));
	family->states = NULL; /* of live values, which are not kept */
	family->item_count = like->quantiles ? like->item_count : 0;
	family->buckets = like->buckets ? bytes_copy(like->buckets, like->buckets->record.bytes) : NULL;
	family->quantiles = like->quantiles ? bytes_copy(like->quantiles, like->item_count * sizeof(double)) : NULL;
	bool complete = family->name && family->help && family->unit && family->label_names &&
			!family->buckets == !like->buckets && !family->quantiles == !like->quantiles;
	for (uint16_t i = 0; complete && i < like->label_count; i++)
		complete = (family->label_names[i] = strdup(like->label_names[i])) != NULL;
	if (complete)
		return 0;
	family_fini(family);
	return -ENOMEM;
}

int totals_family(struct totals *totals, const struct segment_family *like, uint32_t *family)
{
	if (like->label_count > TOTALS_LABELS_MAX)
		return -EEXIST;
	for (uint32_t i = 0; i < totals->family_count; i++) {
		if (strcmp(totals->families[i].name, like->name))
			continue;
		if (!family_same(&totals->families[i], like))
			return -EEXIST;
		*family = i;
		return 0;
	}
	if (array_reserve(&totals->families, totals->family_count, &totals->family_capacity,
			  sizeof(*totals->families)) ||
	    family_copy(&totals->families[totals->family_count], like))
		return -ENOMEM;
	*family = totals->family_count++;
	return 0;
}

/* ---- series ---- */

static uint32_t hash_begin(uint32_t family, bool overflow)
{
	return 2166136261u ^ family * 2u ^ overflow;
}

static uint32_t hash_bytes(uint32_t hash, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)bytes[i]) * 16777619u;
	return hash;
}

static uint32_t hash_end(uint32_t hash)
{
	return hash ^ hash >> 15;
}

static void table_put(struct totals *totals, uint32_t series)
{
	const struct totals_series *s = &totals->series[series];
	uint32_t i = hash_end(hash_bytes(hash_begin(s->family, s->overflow), s->values, s->values_bytes)) &
		     totals->table_mask;
	while (totals->table[i])
		i = (i + 1) & totals->table_mask;
	totals->table[i] = series + 1;
}

static bool values_equal(const struct totals_series *series, const char *const *values, uint16_t count)
{
	size_t at = 0;
	for (uint16_t i = 0; i < count; i++) {
		size_t len = strlen(values[i]) + 1;
		if (len > series->values_bytes - at || memcmp(series->values + at, values[i], len))
			return false;
		at += len;
	}
	return at == series->values_bytes;
}

/* Number of a series, UINT32_MAX when there is none. Allocates nothing: totals_add() relies on it. */
static uint32_t series_find(const struct totals *totals, uint32_t family, bool overflow, const char *const *values,
			    uint16_t count)
{
	uint32_t hash = hash_begin(family, overflow);
	for (uint16_t i = 0; i < count; i++)
		hash = hash_bytes(hash, values[i], strlen(values[i]) + 1);
	if (!totals->table)
		return UINT32_MAX;
	for (uint32_t i = hash_end(hash) & totals->table_mask; totals->table[i]; i = (i + 1) & totals->table_mask) {
		const struct totals_series *s = &totals->series[totals->table[i] - 1];
		if (s->family == family && s->overflow == overflow && values_equal(s, values, count))
			return totals->table[i] - 1;
	}
	return UINT32_MAX;
}

static int table_reserve(struct totals *totals)
{
	if (totals->table && (totals->series_count + 1) * 2 <= totals->table_mask + 1)
		return 0;
	uint32_t size = totals->table ? (totals->table_mask + 1) * 2 : 64;
	uint32_t *table = calloc(size, sizeof(*table));
	if (!table)
		return -ENOMEM;
	free(totals->table);
	totals->table = table;
	totals->table_mask = size - 1;
	for (uint32_t i = 0; i < totals->series_count; i++)
		table_put(totals, i);
	return 0;
}

/* The key: all values one after the other, each with its NUL. */
static char *values_join(const char *const *values, uint16_t count, size_t *bytes)
{
	size_t len = 0;
	for (uint16_t i = 0; i < count; i++)
		len += strlen(values[i]) + 1;
	char *joined = malloc(len + 1), *end = joined;
	for (uint16_t i = 0; joined && i < count; i++)
		end = stpcpy(end, values[i]) + 1;
	*bytes = len;
	return joined;
}

int totals_series(struct totals *totals, uint32_t family, bool overflow, const char *const *values, uint32_t *series)
{
	const struct segment_family *of = &totals->families[family];
	uint16_t count = overflow ? 0 : of->label_count;
	uint32_t found = series_find(totals, family, overflow, values, count);
	struct totals_series fresh = {.family = family, .overflow = overflow};
	size_t bytes;
	if (found != UINT32_MAX) {
		*series = found;
		return 0;
	}
	if (table_reserve(totals) ||
	    array_reserve(&totals->series, totals->series_count, &totals->series_capacity, sizeof(*totals->series)))
		return -ENOMEM;
	fresh.values = values_join(values, count, &bytes);
	fresh.values_bytes = (uint32_t)bytes;
	if (of->buckets)
		fresh.cells = calloc(1 + of->cells - of->sums, sizeof(*fresh.cells));
	if (!fresh.values || (of->buckets && !fresh.cells)) {
		series_fini(&fresh);
		return -ENOMEM;
	}
	totals->series[totals->series_count] = fresh;
	table_put(totals, totals->series_count);
	*series = totals->series_count++;
	return 0;
}

/* ---- values ---- */

static double as_f64(uint64_t bits)
{
	double value;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

static uint64_t sum_bits(const struct segment_family *family, uint64_t a, uint64_t b)
{
	if (family->value != MSTAT_SHM_F64)
		return a + b;
	double x = as_f64(a), y = as_f64(b), sum = x + y;
	/* What the addition rounded away (Knuth's TwoSum). A total that is a little less than its parts were would let
	 * a counter go down when a process dies: up, then. */
	double virtual_y = sum - x, lost = (x - (sum - virtual_y)) + (y - virtual_y);
	uint64_t bits;
	memcpy(&bits, &sum, sizeof(bits));
	if (lost > 0 && sum > 0)
		bits++;
	return bits;
}

static bool less(const struct segment_family *family, uint64_t a, uint64_t b)
{
	return family->value == MSTAT_SHM_F64 ? as_f64(a) < as_f64(b) : (int64_t)a < (int64_t)b;
}

void totals_merge(const struct segment_family *family, struct segment_value *into, struct segment_value value)
{
	if (!value.present)
		return;
	if (!into->present) {
		*into = value;
	} else if (mstat_shm_kind_in_rows(family->kind) || family->merge == MSTAT_SHM_MERGE_SUM) {
		into->bits = sum_bits(family, into->bits, value.bits);
	} else if (family->merge == MSTAT_SHM_MERGE_LAST  ? value.time_ns >= into->time_ns
		   : family->merge == MSTAT_SHM_MERGE_MIN ? less(family, value.bits, into->bits)
							  : less(family, into->bits, value.bits)) {
		*into = value;
	}
}

static void distribution_add(const struct segment_family *family, struct totals_series *into,
			     const struct segment_distribution *value)
{
	if (!value->present)
		return;
	into->value.present = true;
	into->cells[0] = sum_bits(family, into->cells[0], value->sum);
	for (uint32_t i = 0; i < value->bucket_count && i < family->cells - family->sums; i++)
		into->cells[1 + i] += value->buckets[i];
}

struct segment_distribution totals_distribution(const struct totals *totals, uint32_t number)
{
	const struct totals_series *series = &totals->series[number];
	const struct segment_family *family = &totals->families[series->family];
	struct segment_distribution none = {0};
	if (!series->cells || !series->value.present)
		return none;
	return (struct segment_distribution){.sum = series->cells[0],
					     .buckets = series->cells + 1,
					     .bucket_count = family->cells - family->sums,
					     .present = true};
}

/* ---- adding a segment ---- */

static bool series_kept(const struct segment *segment, uint32_t series)
{
	const struct segment_family *family = &segment->families[segment->series[series].family];
	return segment->series[series].readable && !family->live;
}

/* Where a segment's series goes: 0, -ENOMEM, -EEXIST for a family of another shape, -EBADMSG where the segment no
 * longer says what it said when it was understood. */
static int series_place(struct totals *totals, struct segment *segment, uint32_t number, uint32_t *series)
{
	static const char *const none[1];
	const struct segment_family *like = &segment->families[segment->series[number].family];
	bool overflow = segment->series[number].overflow;
	uint32_t family;
	errno = 0;
	const char *const *labels = segment_labels(segment, number);
	if (!labels && !overflow && like->label_count)
		return errno == ENOMEM ? -ENOMEM : -EBADMSG;
	int r = totals_family(totals, like, &family);
	if (r)
		return r;
	return totals_series(totals, family, overflow, labels ? labels : none, series);
}

int totals_prepare(struct totals *totals, struct segment *segment, uint64_t *refused)
{
	if (array_reserve(&totals->marks, totals->mark_count, &totals->mark_capacity, sizeof(*totals->marks)))
		return -ENOMEM;
	for (uint32_t i = 0; i < segment->series_count; i++) {
		uint32_t series;
		int r = series_kept(segment, i) ? series_place(totals, segment, i, &series) : 0;
		if (r == -ENOMEM)
			return r;
		*refused += r == -EEXIST || r == -EBADMSG;
	}
	return 0;
}

void totals_add(struct totals *totals, struct segment *segment, const struct totals_mark *mark, uint64_t died_ns)
{
	for (uint32_t i = 0; i < segment->series_count; i++) {
		uint32_t series;
		if (!series_kept(segment, i) || series_place(totals, segment, i, &series))
			continue;
		struct totals_series *into = &totals->series[series];
		uint64_t created_ns = segment->series[i].created_ns;
		const struct segment_family *family = &totals->families[into->family];
		if (into->cells) {
			struct segment_distribution value = segment_distribution(segment, i);
			distribution_add(family, into, &value);
		} else {
			totals_merge(family, &into->value, segment_value(segment, i));
		}
		if (!into->created_ns || created_ns < into->created_ns)
			into->created_ns = created_ns;
	}
	for (size_t i = 0; i < MSTAT_SHM_REASON_MAX; i++)
		totals->drops[i] += segment->header.drops[i];
	totals->marks[totals->mark_count++] = *mark;
	totals->died_ns = died_ns > totals->died_ns ? died_ns : totals->died_ns;
	totals->dirty = true;
}

static uint32_t mark_find(const struct totals *totals, const struct totals_mark *mark)
{
	uint32_t i = 0;
	while (i < totals->mark_count &&
	       (totals->marks[i].inode != mark->inode || memcmp(totals->marks[i].uuid, mark->uuid, sizeof(mark->uuid))))
		i++;
	return i;
}

bool totals_marked(const struct totals *totals, const struct totals_mark *mark)
{
	return mark_find(totals, mark) < totals->mark_count;
}

void totals_unmark(struct totals *totals, const struct totals_mark *mark)
{
	uint32_t i = mark_find(totals, mark);
	if (i < totals->mark_count)
		totals->marks[i] = totals->marks[--totals->mark_count];
}
