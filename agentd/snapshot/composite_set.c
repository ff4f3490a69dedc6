/* SPDX-License-Identifier: MIT */
/* Composite values: records behind each other. Whoever walks them knows from the shape where the next one begins. */
#include "composite_set.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "number_merge.h"
#include "precise_sum.h"
#include "shape_table.h"

#define LINE_BYTES 64u /* suffix, le or quantile, a number: what a line has beside the text of its series */

struct record {
	struct composite composite; /* `parts` is set at the end: until then the block may move */
	double sum_error;           /* of a sum of doubles, see precise_sum.h */
	uint64_t parts[];
};
_Static_assert(sizeof(struct record) % sizeof(uint64_t) == 0, "records lie in an array of words");
#define RECORD_WORDS (sizeof(struct record) / sizeof(uint64_t))

static struct record *record_at(const struct composite_set *set, size_t at)
{
	assert(at < set->used);
	return (void *)(set->words + at);
}

const struct composite *composite_set_get(const struct composite_set *set, size_t at)
{
	return &record_at(set, at)->composite;
}

void composite_set_clear(struct composite_set *set)
{
	set->used = 0;
	set->line_bytes = 0;
}

void composite_set_fini(struct composite_set *set)
{
	free(set->words);
	*set = (struct composite_set){0};
}

bool composite_set_reserve(struct composite_set *set, size_t words)
{
	if (words <= set->capacity)
		return true;
	uint64_t *grown = realloc(set->words, words * sizeof(*grown));
	if (!grown)
		return false;
	set->words = grown;
	set->capacity = words;
	return true;
}

static size_t line_bytes(const struct shape_entry *entry, size_t text_len, size_t name_len)
{
	size_t line = text_len + LINE_BYTES;
	if (entry->shape.kind == SHAPE_STATES)
		line += name_len; /* the label of a state is named like the family */
	return line * entry->line_count + entry->line_bytes;
}

bool composite_set_add(struct composite_set *set, const struct composite *value, size_t text_len, size_t name_len,
		       size_t *at)
{
	size_t words = RECORD_WORDS + value->shape->part_count;
	if (words > set->capacity - set->used &&
	    !composite_set_reserve(set, set->used + words + (set->used + words) / 2))
		return false;
	*at = set->used;
	set->used += words;
	struct record *record = record_at(set, *at);
	record->composite = *value;
	record->composite.parts = NULL;
	record->sum_error = 0;
	memcpy(record->parts, value->parts, value->shape->part_count * sizeof(record->parts[0]));
	set->line_bytes += line_bytes(shape_entry(value->shape), text_len, name_len);
	return true;
}

static void sum_merge(struct record *record, struct number number)
{
	struct number *sum = &record->composite.sum;
	if (number_merges_exactly(*sum, number)) {
		*sum = number_sum_exact(*sum, number);
		return;
	}
	struct precise_sum precise = {.sum = number_f64(*sum), .error = record->sum_error};
	precise_sum_add(&precise, number_f64(number));
	*sum = (struct number){.type = NUMBER_F64, .f64 = precise.sum};
	record->sum_error = precise.error;
}

static void counts_add(struct record *record, const struct composite *value)
{
	for (uint32_t i = 0; i < value->shape->part_count; i++)
		record->parts[i] += value->parts[i];
}

/* What the quantiles of both together are cannot be known, unless both have the same. */
static void quantiles_merge(struct record *record, const struct composite *value)
{
	const double unknown = __builtin_nan("");
	for (uint32_t i = 0; i < value->shape->part_count; i++)
		if (record->parts[i] != value->parts[i])
			memcpy(&record->parts[i], &unknown, sizeof(unknown));
}

bool composite_set_merge(struct composite_set *set, size_t at, const struct composite *value)
{
	struct record *record = record_at(set, at);
	if (record->composite.shape != value->shape)
		return false;
	switch (value->shape->kind) {
	case SHAPE_BUCKETS:
		counts_add(record, value);
		break;
	case SHAPE_QUANTILES:
		quantiles_merge(record, value);
		record->composite.count += value->count;
		break;
	case SHAPE_STATES:
		record->parts[0] |= value->parts[0];
		break;
	}
	/* The sum over some of the sources would be a lie. */
	record->composite.has_sum = record->composite.has_sum && value->has_sum;
	if (record->composite.has_sum)
		sum_merge(record, value->sum);
	return true;
}

/* Observations: both kinds of buckets count the same ones. */
static uint64_t count_of(const struct record *record)
{
	const struct shape *shape = record->composite.shape;
	uint32_t end = shape->classic ? shape->classic_count : shape->part_count;
	uint64_t count = 0;
	if (shape->kind != SHAPE_BUCKETS)
		return shape->kind == SHAPE_QUANTILES ? record->composite.count : 0;
	for (uint32_t i = 0; i < end; i++)
		count += record->parts[i];
	return count;
}

void composite_set_settle(struct composite_set *set)
{
	if (set->used < set->capacity) {
		uint64_t *shrunk = realloc(set->words, set->used * sizeof(*shrunk) + !set->used);
		if (shrunk) {
			set->words = shrunk;
			set->capacity = set->used;
		}
	}
	for (size_t at = 0; at < set->used;) {
		struct record *record = record_at(set, at);
		struct composite *composite = &record->composite;
		composite->parts = record->parts;
		composite->count = count_of(record);
		if (composite->has_sum && composite->sum.type == NUMBER_F64)
			composite->sum.f64 =
				precise_sum_value(&(struct precise_sum){composite->sum.f64, record->sum_error});
		at += RECORD_WORDS + composite->shape->part_count;
	}
}
