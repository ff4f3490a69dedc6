/* SPDX-License-Identifier: MIT */
/* Values as collectors bring them: each becomes its series' value, or merges into the one that is there. */
#include "builder_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "number_merge.h"

/* Makes room for a series that came after the collection began. */
static __attribute__((__noinline__)) bool series_reserve(struct builder *builder, series_ref series)
{
	assert(series < store_limit(builder->catalog->store));
	if (value_set_reserve(&builder->values, series + series / 2 + 64))
		return true;
	builder_count_conflict(builder, CATALOG_NO_MEMORY);
	return false;
}

static bool times_reserve(struct builder *builder)
{
	if (builder->times_capacity >= builder->values.capacity)
		return true;
	uint64_t *times = realloc(builder->times, builder->values.capacity * sizeof(*times));
	if (!times)
		return false;
	memset(times + builder->times_capacity, 0,
	       (builder->values.capacity - builder->times_capacity) * sizeof(*times));
	builder->times = times;
	builder->times_capacity = builder->values.capacity;
	return true;
}

/* Whether a value of this time counts, given the one that may be there; notes its time if so. */
static bool last_takes(struct builder *builder, series_ref series, bool present, uint64_t time_ns)
{
	if (!times_reserve(builder)) {
		builder_count_conflict(builder, CATALOG_NO_MEMORY);
		return false;
	}
	if (present && time_ns < builder->times[series])
		return false;
	builder->times[series] = time_ns;
	return true;
}

static void number_set(struct value_set *values, series_ref series, struct number number)
{
	memcpy(&values->bits[series], &number.u64, sizeof(number.u64));
	values->types[series] = (uint8_t)(VALUE_NUMBER + number.type);
}

/* The number that a series has so far. */
static struct number number_get(const struct builder *builder, series_ref series)
{
	const struct value_set *values = &builder->values;
	if (values->types[series] == VALUE_SUM)
		return (struct number){.type = NUMBER_F64,
				       .f64 = precise_sum_value(&builder->sums[values->bits[series]].sum)};
	return value_number(values->bits[series], values->types[series]);
}

/* ---- sums of doubles -------------------------------------------------------------------------------------------- */

/* The sum of a series, which begins with its value; NULL when out of memory. */
static struct series_sum *sum_begin(struct builder *builder, series_ref series)
{
	struct value_set *values = &builder->values;
	if (builder->sum_count == builder->sum_capacity) {
		uint32_t capacity = builder->sum_capacity ? 2 * builder->sum_capacity : 16;
		struct series_sum *grown = realloc(builder->sums, capacity * sizeof(*grown));
		if (!grown)
			return NULL;
		builder->sums = grown;
		builder->sum_capacity = capacity;
	}
	struct series_sum *sum = &builder->sums[builder->sum_count];
	*sum = (struct series_sum){.sum.sum = number_f64(number_get(builder, series)), .series = series};
	values->bits[series] = builder->sum_count++;
	values->types[series] = VALUE_SUM;
	return sum;
}

static void sum_merge(struct builder *builder, series_ref series, struct number number)
{
	struct value_set *values = &builder->values;
	uint8_t type = values->types[series];
	if (type == VALUE_NUMBER + number.type && number.type != NUMBER_F64) {
		values->bits[series] += number.u64; /* of i64 as well: the bits are the same, and wrapping is defined */
		return;
	}
	struct series_sum *sum = type == VALUE_SUM ? &builder->sums[values->bits[series]] : sum_begin(builder, series);
	if (sum)
		precise_sum_add(&sum->sum, number_f64(number));
	else
		builder_count_conflict(builder, CATALOG_NO_MEMORY);
}

/* A series whose rule changed meanwhile is none any more, or has another sum. */
static void sums_settle(struct builder *builder)
{
	struct value_set *values = &builder->values;
	for (uint32_t i = 0; i < builder->sum_count; i++) {
		series_ref series = builder->sums[i].series;
		if (values->types[series] == VALUE_SUM && values->bits[series] == i)
			number_set(values, series, number_get(builder, series));
	}
}

/* ---- numbers ---------------------------------------------------------------------------------------------------- */

/* All that is not a first value. Apart, and not inlined, so that a first value costs no more than its stores. */
static __attribute__((__noinline__)) void number_merge(struct builder *builder, series_ref series, enum merge_rule rule,
						       struct number number, uint64_t time_ns)
{
	bool present = builder->values.types[series] != VALUE_NONE;
	switch (rule) {
	case MERGE_SUM:
		sum_merge(builder, series, number);
		return;
	case MERGE_MIN:
		number = number_least(number_get(builder, series), number);
		break;
	case MERGE_MAX:
		number = number_greatest(number_get(builder, series), number);
		break;
	case MERGE_LAST:
		if (!last_takes(builder, series, present, time_ns))
			return;
		builder->value_count += !present;
		break;
	}
	number_set(&builder->values, series, number);
}

void builder_merge(struct builder *builder, series_ref series, enum merge_rule rule, struct number number,
		   uint64_t time_ns)
{
	assert(builder->collecting);
	if (series >= builder->values.capacity && !series_reserve(builder, series))
		return;
	assert(catalog_family_of(builder->catalog, series)->shape == SHAPE_NONE);
	if (rule == MERGE_LAST || builder->values.types[series] != VALUE_NONE) {
		number_merge(builder, series, rule, number, time_ns);
		return;
	}
	builder->value_count++;
	number_set(&builder->values, series, number);
}

/* ---- composites ------------------------------------------------------------------------------------------------- */

void builder_merge_composite(struct builder *builder, series_ref series, const struct composite *value)
{
	struct value_set *values = &builder->values;
	assert(builder->collecting);
	if (series >= values->capacity && !series_reserve(builder, series))
		return;
	const struct family *family = catalog_family_of(builder->catalog, series);
	assert(family->shape == (int)value->shape->kind);
	if (values->types[series] != VALUE_NONE) {
		if (!composite_set_merge(&values->composites, values->bits[series], value))
			builder_count_conflict(builder, CATALOG_CONFLICT_SHAPE);
		return;
	}
	const struct store_entry *entry = store_entry(builder->catalog->store, series);
	size_t at;
	if (!composite_set_add(&values->composites, value, entry->text_len, family->text_name_len, &at)) {
		builder_count_conflict(builder, CATALOG_NO_MEMORY);
		return;
	}
	values->bits[series] = at;
	values->types[series] = VALUE_COMPOSITE;
	builder->value_count++;
}

/* ---- exemplars -------------------------------------------------------------------------------------------------- */

void builder_exemplar(struct builder *builder, series_ref series, uint32_t part, const char *labels, size_t labels_len,
		      double value, int64_t time_ns)
{
	assert(builder->collecting && series < store_limit(builder->catalog->store));
	const struct family *family = catalog_family_of(builder->catalog, series);
	assert(family->shape == SHAPE_BUCKETS || family->type == METRIC_COUNTER);
	(void)family;
	if (labels_len > EXEMPLAR_LABELS_BYTES_MAX) {
		builder_count_conflict(builder, CATALOG_LIMIT);
		return;
	}
	const struct exemplar_draft draft = {
		.series = series, .part = part, .labels_len = (uint32_t)labels_len, .value = value, .time_ns = time_ns};
	enum catalog_conflict conflict = exemplar_drafts_add(&builder->drafts, &draft, labels);
	if (conflict)
		builder_count_conflict(builder, conflict);
}

/* Whether a bucket of this value has such a part and takes such an observation. */
static bool exemplar_fits(const struct composite *composite, uint32_t part, double value)
{
	const struct shape *shape = composite->shape;
	if (!shape->classic)
		return part == 0;
	return part < shape->classic_count && (part == shape->bound_count || value <= shape->bounds[part]) &&
	       (part == 0 || value > shape->bounds[part - 1]);
}

/* Drops drafts that nobody may see: of series without a value, and those that parsers would refuse, which are counted.
 */
static void drafts_check(struct builder *builder)
{
	const struct value_set *values = &builder->values;
	struct exemplar_drafts *drafts = &builder->drafts;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < drafts->count; i++) {
		const struct exemplar_draft *draft = &drafts->drafts[i];
		if (draft->series >= values->capacity || values->types[draft->series] == VALUE_NONE)
			continue;
		bool fits = draft->part == 0;
		if (values->types[draft->series] == VALUE_COMPOSITE)
			fits = exemplar_fits(composite_set_get(&values->composites, values->bits[draft->series]),
					     draft->part, draft->value);
		if (fits)
			drafts->drafts[kept++] = *draft;
		else
			builder_count_conflict(builder, CATALOG_CONFLICT_SHAPE);
	}
	drafts->count = kept;
}

static void exemplars_settle(struct builder *builder)
{
	struct value_set *values = &builder->values;
	if (!builder->drafts.count)
		return;
	drafts_check(builder);
	exemplar_drafts_sort(&builder->drafts);
	enum catalog_conflict conflict = exemplar_set_init(&values->exemplars, &builder->drafts);
	if (conflict)
		builder_count_conflict(builder, conflict);
	for (uint32_t i = 0; i < values->exemplars.count; i++)
		values->types[values->exemplars.series[i]] |= VALUE_EXEMPLARS;
}

void builder_values_settle(struct builder *builder)
{
	sums_settle(builder);
	composite_set_settle(&builder->values.composites);
	builder->composite_words = builder->values.composites.used;
	exemplars_settle(builder);
}
