/* SPDX-License-Identifier: MIT */
/* The catalog's order: families by name, their series by text. New series are sorted among themselves and merged in;
 * nothing is sorted in a collection that brings none. */
#include "catalog_private.h"

#include <stdlib.h>
#include <string.h>

static void ranks_update(struct catalog *catalog)
{
	for (uint32_t rank = 0; rank < catalog->family_count; rank++)
		catalog->families[catalog->by_name[rank]].rank = rank;
}

static int series_compare(const struct catalog *catalog, series_ref a, series_ref b)
{
	const struct store_entry *left = store_entry(catalog->store, a);
	const struct store_entry *right = store_entry(catalog->store, b);
	if (left->family != right->family) {
		uint32_t left_rank = catalog->families[left->family].rank;
		uint32_t right_rank = catalog->families[right->family].rank;
		return left_rank < right_rank ? -1 : 1;
	}
	uint32_t common = left->text_len < right->text_len ? left->text_len : right->text_len;
	int order = memcmp(left->text, right->text, common);
	return order ? order : (left->text_len > right->text_len) - (left->text_len < right->text_len);
}

static int added_compare(const void *a, const void *b, void *catalog)
{
	return series_compare(catalog, *(const series_ref *)a, *(const series_ref *)b);
}

/* The first place in old[from, count) whose series comes after `series`. */
static uint32_t place_after(const struct catalog *catalog, const struct order *old, uint32_t from, series_ref series)
{
	uint32_t to = old->count;
	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		if (series_compare(catalog, old->series[middle], series) > 0)
			to = middle;
		else
			from = middle + 1;
	}
	return from;
}

/* Takes over old[from, to) without the removed ones. */
static void order_take(const struct catalog *catalog, struct order *order, const struct order *old, uint32_t from,
		       uint32_t to)
{
	if (!catalog->order_has_removed) {
		memcpy(order->series + order->count, old->series + from, (to - from) * sizeof(old->series[0]));
		order->count += to - from;
		return;
	}
	for (; from < to; from++)
		if (catalog->idle[old->series[from]] != CATALOG_IDLE_FREE)
			order->series[order->count++] = old->series[from];
}

/* Series that were added and removed again before they were ever sorted. */
static void added_forget_removed(struct catalog *catalog)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < catalog->added_count; i++)
		if (catalog->idle[catalog->added[i]] != CATALOG_IDLE_FREE)
			catalog->added[kept++] = catalog->added[i];
	catalog->added_count = kept;
}

bool catalog_order_update(struct catalog *catalog)
{
	if (!catalog->added_count && !catalog->order_has_removed)
		return true;
	struct order *old = catalog->order;
	struct order *order = order_new(catalog->series_count);
	if (!order)
		return false;
	order->count = 0;
	ranks_update(catalog);
	added_forget_removed(catalog);
	if (catalog->added_count)
		qsort_r(catalog->added, catalog->added_count, sizeof(*catalog->added), added_compare, catalog);
	uint32_t from = 0;
	for (uint32_t i = 0; i < catalog->added_count; i++) {
		uint32_t to = place_after(catalog, old, from, catalog->added[i]);
		order_take(catalog, order, old, from, to);
		order->series[order->count++] = catalog->added[i];
		from = to;
	}
	order_take(catalog, order, old, from, old->count);
	catalog->order = order;
	order_unref(old);
	free(catalog->added);
	catalog->added = NULL;
	catalog->added_count = catalog->added_capacity = 0;
	catalog->order_has_removed = false;
	return true;
}
