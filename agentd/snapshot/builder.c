/* SPDX-License-Identifier: MIT */
/* The builder: values by series_ref, which become the snapshot's own when the collection is frozen. */
#include "builder.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "catalog_private.h"
#include "snapshot_private.h"

struct builder {
	struct catalog *catalog;
	struct value_set values;
	uint32_t value_count; /* series that have a value */
	bool collecting;
	uint64_t *times; /* of MERGE_LAST values, by series_ref; NULL until one comes */
	uint32_t times_capacity;
	struct layout *layout;      /* of the last snapshot */
	struct order *layout_order; /* the catalog's order when it was made */
	uint32_t retire_after;
	uint64_t conflicts[CATALOG_CONFLICT_COUNT];
};

struct builder *builder_new(struct catalog *catalog)
{
	struct builder *builder = calloc(1, sizeof(*builder));
	if (!builder)
		return NULL;
	builder->catalog = catalog;
	builder->retire_after = BUILDER_RETIRE_AFTER_DEFAULT;
	return builder;
}

void builder_free(struct builder *builder)
{
	if (!builder)
		return;
	layout_unref(builder->layout);
	order_unref(builder->layout_order);
	free(builder->values.bits);
	free(builder->values.types);
	free(builder->times);
	free(builder);
}

struct catalog *builder_catalog(struct builder *builder)
{
	return builder->catalog;
}

void builder_set_retire_after(struct builder *builder, uint32_t collections)
{
	builder->retire_after = collections < BUILDER_RETIRE_AFTER_MAX ? collections : BUILDER_RETIRE_AFTER_MAX;
}

void builder_count_conflict(struct builder *builder, enum catalog_conflict conflict)
{
	assert(conflict < CATALOG_CONFLICT_COUNT);
	builder->conflicts[conflict]++;
}

uint64_t builder_conflicts(const struct builder *builder, enum catalog_conflict conflict)
{
	assert(conflict < CATALOG_CONFLICT_COUNT);
	return builder->conflicts[conflict];
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

/* Makes room for a series that came after the collection began. */
static bool values_reserve(struct value_set *values, uint32_t capacity)
{
	uint64_t *bits = realloc(values->bits, capacity * sizeof(*bits));
	if (!bits)
		return false;
	values->bits = bits;
	uint8_t *types = realloc(values->types, capacity);
	if (!types)
		return false;
	values->types = types;
	memset(types + values->capacity, 0, capacity - values->capacity);
	values->capacity = capacity;
	return true;
}

void builder_begin(struct builder *builder)
{
	struct value_set *values = &builder->values;
	if (values->capacity)
		memset(values->types, 0, values->capacity);
	/* Exactly as many as there are: in a steady state no byte is spare. A failure here shows up in builder_merge().
	 */
	uint32_t limit = store_limit(builder->catalog->store);
	if (limit > values->capacity)
		(void)values_reserve(values, limit);
	builder->value_count = 0;
	builder->collecting = true;
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

static double number_f64(struct number number)
{
	switch (number.type) {
	case NUMBER_U64:
		return (double)number.u64;
	case NUMBER_I64:
		return (double)number.i64;
	case NUMBER_F64:
		break;
	}
	return number.f64;
}

static struct number number_sum(struct number a, struct number b)
{
	if (a.type != b.type || a.type == NUMBER_F64)
		return (struct number){.type = NUMBER_F64, .f64 = number_f64(a) + number_f64(b)};
	/* Unsigned, also for i64: the bits are the same and wrapping is defined. */
	return (struct number){.type = a.type, .u64 = a.u64 + b.u64};
}

static struct number number_least(struct number a, struct number b)
{
	if (a.type != b.type || a.type == NUMBER_F64)
		return (struct number){.type = NUMBER_F64, .f64 = fmin(number_f64(a), number_f64(b))};
	if (a.type == NUMBER_I64)
		return a.i64 < b.i64 ? a : b;
	return a.u64 < b.u64 ? a : b;
}

static struct number number_greatest(struct number a, struct number b)
{
	if (a.type != b.type || a.type == NUMBER_F64)
		return (struct number){.type = NUMBER_F64, .f64 = fmax(number_f64(a), number_f64(b))};
	if (a.type == NUMBER_I64)
		return a.i64 > b.i64 ? a : b;
	return a.u64 > b.u64 ? a : b;
}

static struct number number_merge(enum merge_rule rule, struct number a, struct number b)
{
	switch (rule) {
	case MERGE_SUM:
		return number_sum(a, b);
	case MERGE_MIN:
		return number_least(a, b);
	case MERGE_MAX:
		return number_greatest(a, b);
	case MERGE_LAST:
		break;
	}
	return b;
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

void builder_merge(struct builder *builder, series_ref series, enum merge_rule rule, struct number number,
		   uint64_t time_ns)
{
	struct value_set *values = &builder->values;
	assert(builder->collecting);
	if (series >= values->capacity) {
		assert(series < store_limit(builder->catalog->store));
		if (!values_reserve(values, series + series / 2 + 64)) {
			builder_count_conflict(builder, CATALOG_NO_MEMORY);
			return;
		}
	}
	uint8_t type = values->types[series];
	if (rule == MERGE_LAST && !last_takes(builder, series, type, time_ns))
		return;
	if (type)
		number = number_merge(rule, value_number(values->bits[series], type), number);
	else
		builder->value_count++;
	memcpy(&values->bits[series], &number.u64, sizeof(number.u64));
	values->types[series] = (uint8_t)(number.type + 1);
}

enum catalog_conflict builder_sample(struct builder *builder, const struct family_request *family,
				     const struct label *labels, size_t label_count, struct number number)
{
	family_ref family_found;
	series_ref series;
	enum catalog_conflict conflict = catalog_family(builder->catalog, family, &family_found);
	if (conflict)
		builder_count_conflict(builder, conflict);
	if (conflict && conflict != CATALOG_CONFLICT_HELP)
		return conflict;
	enum catalog_conflict refused = catalog_series(builder->catalog, family_found, labels, label_count, &series);
	if (refused) {
		builder_count_conflict(builder, refused);
		return refused;
	}
	builder_merge(builder, series, MERGE_SUM, number, 0);
	return conflict;
}

/* ---- freeze ----------------------------------------------------------------------------------------------------- */

/* The layout of the last snapshot if the same series have values now, else a new one. False when out of memory: the old
 * layout stays, and may name references that belong to other series by now; hence the comparison of the orders. */
static bool layout_update(struct builder *builder)
{
	const struct value_set *values = &builder->values;
	struct order *order = builder->catalog->order;
	if (builder->layout && builder->layout_order == order &&
	    builder->layout->order->count == builder->value_count &&
	    layout_covered(builder->layout, values->types, values->capacity))
		return true;
	struct layout *layout = layout_new(builder->catalog, values->types, values->capacity, builder->value_count);
	if (!layout)
		return false;
	layout_unref(builder->layout);
	order_unref(builder->layout_order);
	builder->layout = layout;
	builder->layout_order = order_ref(order);
	return true;
}

struct snapshot *builder_freeze(struct builder *builder)
{
	struct catalog *catalog = builder->catalog;
	struct snapshot *snapshot = NULL;
	assert(builder->collecting);
	builder->collecting = false;
	/* Buried references may be given out again only when the order has none of them left. */
	if (!catalog->order_has_removed)
		store_reclaim(catalog->store);
	catalog_age(catalog, builder->values.types, builder->values.capacity, builder->retire_after);
	if (catalog_order_update(catalog) && layout_update(builder))
		snapshot = snapshot_new(catalog->store, builder->layout, &builder->values);
	if (snapshot)
		builder->values = (struct value_set){0};
	return snapshot;
}
