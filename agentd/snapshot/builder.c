/* SPDX-License-Identifier: MIT */
/* The builder: values by series_ref, which become the snapshot's own when the collection is frozen. */
#include "builder_private.h"

#include <assert.h>
#include <stdlib.h>

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
	for (size_t i = 0; i < 2; i++) {
		layout_unref(builder->layout[i]);
		order_unref(builder->layout_order[i]);
	}
	value_set_fini(&builder->values);
	exemplar_drafts_fini(&builder->drafts);
	free(builder->sums);
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

void builder_set_partial(struct builder *builder, bool partial)
{
	builder->partial = partial;
}

void builder_begin(struct builder *builder)
{
	value_set_clear(&builder->values);
	/* Exactly as many as there are: in a steady state no byte is spare. A failure here shows up in builder_merge().
	 */
	(void)value_set_reserve(&builder->values, store_limit(builder->catalog->store));
	(void)composite_set_reserve(&builder->values.composites, builder->composite_words);
	builder->sum_count = 0;
	exemplar_drafts_clear(&builder->drafts);
	builder->value_count = 0;
	builder->collecting = true;
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
	struct layout **last = &builder->layout[builder->partial];
	struct order **last_order = &builder->layout_order[builder->partial];
	if (*last && *last_order == order && (*last)->order->count == builder->value_count &&
	    layout_covered(*last, values->types, values->capacity))
		return true;
	struct layout *layout = layout_new(builder->catalog, values->types, values->capacity, builder->value_count);
	if (!layout)
		return false;
	layout_unref(*last);
	order_unref(*last_order);
	*last = layout;
	*last_order = order_ref(order);
	return true;
}

struct snapshot *builder_freeze(struct builder *builder)
{
	struct catalog *catalog = builder->catalog;
	struct snapshot *snapshot = NULL;
	assert(builder->collecting);
	builder->collecting = false;
	builder_values_settle(builder);
	/* Buried references may be given out again only when the order has none of them left. */
	if (!catalog->order_has_removed)
		store_reclaim(catalog->store);
	if (!builder->partial)
		catalog_age(catalog, builder->values.types, builder->values.capacity, builder->retire_after);
	if (catalog_order_update(catalog) && layout_update(builder))
		snapshot = snapshot_new(catalog->store, builder->layout[builder->partial], &builder->values);
	if (snapshot)
		builder->values = (struct value_set){0};
	return snapshot;
}
