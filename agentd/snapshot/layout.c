/* SPDX-License-Identifier: MIT */
/* The layout: made from the catalog's order, leaving out what has no value. */
#include "layout.h"

#include <stdlib.h>
#include <string.h>

#include <mstat/atomic.h>

#include "catalog_private.h"

struct order *order_new(uint32_t count)
{
	struct order *order = malloc(sizeof(*order) + (size_t)count * sizeof(order->series[0]));
	if (order) {
		order->references = 1;
		order->count = count;
	}
	return order;
}

struct order *order_ref(struct order *order)
{
	mstat_add_relaxed(&order->references, 1);
	return order;
}

void order_unref(struct order *order)
{
	/* The release pairs with the acquire of whoever takes the last reference away. */
	if (!order || mstat_sub_release(&order->references, 1) != 1)
		return;
	mstat_load_acquire(&order->references); /* pairs with the releases of all earlier holders */
	free(order);
}

struct layout *layout_ref(struct layout *layout)
{
	mstat_add_relaxed(&layout->references, 1);
	return layout;
}

void layout_unref(struct layout *layout)
{
	/* The release pairs with the acquire of whoever takes the last reference away. */
	if (!layout || mstat_sub_release(&layout->references, 1) != 1)
		return;
	mstat_load_acquire(&layout->references); /* pairs with the releases of all earlier holders */
	order_unref(layout->order);
	free(layout->strings);
	free(layout);
}

static bool has_value(series_ref series, const uint8_t *types, uint32_t limit)
{
	return series < limit && types[series];
}

bool layout_covered(const struct layout *layout, const uint8_t *types, uint32_t limit)
{
	for (uint32_t i = 0; i < layout->order->count; i++)
		if (!has_value(layout->order->series[i], types, limit))
			return false;
	return true;
}

/* The series of the catalog's order that have a value; the order itself if all have. */
static struct order *order_filter(struct order *all, const uint8_t *types, uint32_t limit, uint32_t value_count)
{
	if (all->count == value_count)
		return order_ref(all);
	struct order *order = order_new(value_count);
	if (!order)
		return NULL;
	order->count = 0;
	for (uint32_t i = 0; i < all->count; i++)
		if (has_value(all->series[i], types, limit))
			order->series[order->count++] = all->series[i];
	return order;
}

static family_ref family_at(const struct catalog *catalog, const struct order *order, uint32_t at)
{
	return store_entry(catalog->store, order->series[at])->family;
}

/* Sizes of what layout_fill() writes. */
static void layout_measure(const struct catalog *catalog, const struct order *order, uint32_t *family_count,
			   size_t *string_bytes)
{
	for (uint32_t i = 0; i < order->count; i++) {
		family_ref family = family_at(catalog, order, i);
		if (i && family == family_at(catalog, order, i - 1))
			continue;
		++*family_count;
		*string_bytes += catalog->families[family].string_bytes;
	}
}

/* Copies a family's strings: a snapshot must not care when the catalog retires the family. */
static struct layout_family family_copy(const struct family *from, char *strings, uint32_t first)
{
	memcpy(strings, from->name, from->string_bytes);
	return (struct layout_family){
		.family = {.name = strings,
			   .help = strings + (from->help - from->name),
			   .unit = strings + (from->unit - from->name),
			   .type = from->type,
			   .first = first},
		.name_len = from->text_name_len,
	};
}

static void layout_fill(struct layout *layout, const struct catalog *catalog)
{
	const struct order *order = layout->order;
	struct layout_family *current = NULL;
	char *strings = layout->strings;
	family_ref last = 0;
	for (uint32_t i = 0; i < order->count; i++) {
		const struct store_entry *entry = store_entry(catalog->store, order->series[i]);
		if (!current || entry->family != last) {
			const struct family *family = &catalog->families[entry->family];
			current = &layout->families[layout->family_count++];
			*current = family_copy(family, strings, i);
			strings += family->string_bytes;
			last = entry->family;
		}
		current->family.count++;
		layout->text_bytes += entry->text_len;
	}
}

struct layout *layout_new(const struct catalog *catalog, const uint8_t *types, uint32_t limit, uint32_t value_count)
{
	struct order *order = order_filter(catalog->order, types, limit, value_count);
	if (!order)
		return NULL;
	uint32_t family_count = 0;
	size_t string_bytes = 0;
	layout_measure(catalog, order, &family_count, &string_bytes);
	struct layout *layout = calloc(1, sizeof(*layout) + family_count * sizeof(layout->families[0]));
	char *strings = malloc(string_bytes + 1);
	if (!layout || !strings) {
		free(layout);
		free(strings);
		order_unref(order);
		return NULL;
	}
	layout->references = 1;
	layout->order = order;
	layout->strings = strings;
	layout_fill(layout, catalog);
	return layout;
}
