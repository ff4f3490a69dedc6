/* SPDX-License-Identifier: MIT */
/* The series store: what a series_ref means, for the catalog that gives them out and the snapshots that use them; and
 * the shapes of their values, for the same and as long.
 *
 * Entries and texts never move and never change while anybody may look at them, so readers need no lock: whoever holds
 * a snapshot has got its references through the snapshot's publication. A removed series stays in its grave until every
 * snapshot that was made before the removal is gone; only then its text is freed and its reference given out again.
 *
 * The catalog's thread calls everything; any thread may call store_entry() and store_leave(). The store lives until the
 * catalog has closed it and the last user has left.
 */
#ifndef AGENTD_SNAPSHOT_STORE_H
#define AGENTD_SNAPSHOT_STORE_H

#include "catalog.h"
#include "shape_table.h"

#define STORE_SERIES_MAX ((UINT32_C(1) << 24) - 2) /* what series_table's slots can hold */
#define STORE_PAGE_SERIES 4096u

struct store_entry {
	char *text; /* name{labels}, no NUL */
	uint32_t text_len;
	family_ref family;   /* for the catalog only; next free reference while the entry has no text */
	uint64_t created_ns; /* 0: unknown. The one member that changes while others look: relaxed accesses only */
};

/* A snapshot as the store sees it. */
struct store_user {
	struct store_user *previous;
	struct store_user *next;
	uint64_t epoch;
};

struct store;

struct store *store_new(uint32_t series_max);
/* The catalog is done with it; frees the store unless users remain. */
void store_close(struct store *store);

/* References lie in [0, store_limit). */
uint32_t store_limit(const struct store *store);

/* Keeps a copy of the text. CATALOG_OK, CATALOG_LIMIT or CATALOG_NO_MEMORY. */
enum catalog_conflict store_add(struct store *store, const char *text, uint32_t text_len, family_ref family,
				series_ref *series);

/* Notes the earliest time given for a series; 0 says nothing. */
void store_created(struct store *store, series_ref series, uint64_t created_ns);

/* The table of shapes; for the catalog's thread. */
struct shape_table *store_shapes(struct store *store);

/* Buries a series; its entry stays readable until store_reclaim() finds nobody who may need it. False when out of
 * memory: nothing has happened. */
bool store_remove(struct store *store, series_ref series);

/* Frees what no living user can have seen. Nothing that the caller keeps may refer to removed series any more. */
void store_reclaim(struct store *store);

/* A user that may look at every series that is not removed now. */
void store_join(struct store *store, struct store_user *user);
/* Any thread. May free the store. */
void store_leave(struct store *store, struct store_user *user);

/* Memory of entries, texts and shapes. */
size_t store_bytes(const struct store *store);

struct store_pages {
	struct store_entry **pages;
};
/* The first member of struct store, for the inlined lookup. */
static inline const struct store_entry *store_entry(const struct store *store, series_ref series)
{
	const struct store_pages *pages = (const struct store_pages *)store;
	return &pages->pages[series / STORE_PAGE_SERIES][series % STORE_PAGE_SERIES];
}

#endif
