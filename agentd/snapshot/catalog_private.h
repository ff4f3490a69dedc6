/* SPDX-License-Identifier: MIT */
/* The catalog's inside, for the files of this room: catalog.c (families, series), catalog_names.c (which names fit
 * together), catalog_shape.c (shapes), catalog_order.c (sorted order), catalog_retire.c (ageing), layout.c (reads it).
 */
#ifndef AGENTD_SNAPSHOT_CATALOG_PRIVATE_H
#define AGENTD_SNAPSHOT_CATALOG_PRIVATE_H

#include "catalog.h"
#include "layout.h"
#include "series_table.h"
#include "series_text.h"
#include "store.h"

#define CATALOG_FAMILIES_MAX 65536u /* a family's place is found by moving those behind it */
#define CATALOG_IDLE_MAX 254u
#define SHAPE_NONE (-1)
#define CATALOG_IDLE_FREE 255u /* in idle[]: no such series */

struct family {
	char *name; /* NULL: no such family. One block: name, help, unit; then, beyond string_bytes, label_names */
	char *help;
	char *unit;
	char *label_names;     /* sorted, each followed by a comma; NULL: series may differ */
	uint32_t string_bytes; /* of name, help and unit with their NULs */
	uint32_t text_name_len;
	uint32_t series_count;
	uint32_t rank; /* its place among the families by name */
	enum metric_type type;
	int8_t shape; /* enum shape_kind of its values, or SHAPE_NONE */
	bool keep_empty_labels;
	uint8_t idle; /* collections since it had a series */
};

struct catalog {
	struct store *store;
	struct series_table table;
	struct text_buffer scratch;

	struct family *families; /* by family_ref */
	family_ref *by_name;     /* family_count references in order of name */
	uint32_t family_limit;   /* references given out at least once */
	uint32_t family_count;
	uint32_t family_capacity;

	uint8_t *idle; /* by series_ref: collections without a value, or CATALOG_IDLE_FREE */
	uint32_t idle_capacity;
	uint32_t series_max;
	uint32_t series_count;

	struct order *order;  /* every series, except: */
	series_ref *added;    /* those that came since it was made, */
	uint32_t added_count; /*                                    */
	uint32_t added_capacity;
	bool order_has_removed; /* and it has still some that were removed since */

	uint64_t generation;
	uint64_t collections;
};

/* Makes catalog->order complete and sorted. False when out of memory: it stays as it was. */
bool catalog_order_update(struct catalog *catalog);

/* Ends a collection: types[0, limit) says which series had a value (0: none). Series that had none for retire_after
 * collections (0: for ever) leave. They do so in batches, so that users of references resolve again seldom. */
void catalog_age(struct catalog *catalog, const uint8_t *types, uint32_t limit, uint32_t retire_after);

/* The family of a series. */
static inline const struct family *catalog_family_of(const struct catalog *catalog, series_ref series)
{
	return &catalog->families[store_entry(catalog->store, series)->family];
}

/* Drops an empty family. */
void catalog_family_drop(struct catalog *catalog, family_ref family);

#endif
