/* SPDX-License-Identifier: MIT */
/* Retirement: series that no collection has mentioned for a while leave the catalog, families that have been empty for
 * as long follow, so that memory is bounded under churn and a name becomes free for another program. */
#include "catalog_private.h"

#include <assert.h>

/* How often a collection retires: a quarter of the waiting time at most is added to it. */
static bool batch_due(const struct catalog *catalog, uint32_t retire_after)
{
	uint32_t every = retire_after / 4;
	return retire_after && (every < 2 || catalog->collections % every == 0);
}

static void series_retire(struct catalog *catalog, series_ref series)
{
	if (!store_remove(catalog->store, series))
		return; /* out of memory: the next batch tries again */
	series_table_remove(&catalog->table, catalog->store, series);
	struct family *family = &catalog->families[store_entry(catalog->store, series)->family];
	assert(family->series_count > 0);
	family->series_count--;
	catalog->idle[series] = CATALOG_IDLE_FREE;
	catalog->series_count--;
	catalog->order_has_removed = true;
	catalog->generation++;
}

/* Must see an order without removed series: comparing them needs their families. */
static void families_age(struct catalog *catalog, uint32_t retire_after, bool due)
{
	for (family_ref ref = 0; ref < catalog->family_limit; ref++) {
		struct family *family = &catalog->families[ref];
		if (!family->name)
			continue;
		if (family->series_count)
			family->idle = 0;
		else if (family->idle < CATALOG_IDLE_MAX)
			family->idle++;
		if (due && family->idle >= retire_after) {
			catalog_family_drop(catalog, ref);
			catalog->generation++;
		}
	}
}

void catalog_age(struct catalog *catalog, const uint8_t *types, uint32_t limit, uint32_t retire_after)
{
	catalog->collections++;
	bool due = batch_due(catalog, retire_after);
	families_age(catalog, retire_after, due && !catalog->order_has_removed);
	uint32_t count = store_limit(catalog->store);
	for (series_ref series = 0; series < count; series++) {
		uint8_t *idle = &catalog->idle[series];
		if (*idle == CATALOG_IDLE_FREE)
			continue;
		if (series < limit && types[series])
			*idle = 0;
		else if (*idle < CATALOG_IDLE_MAX)
			++*idle;
		if (due && *idle >= retire_after)
			series_retire(catalog, series);
	}
}
