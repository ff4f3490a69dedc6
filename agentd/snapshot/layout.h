/* SPDX-License-Identifier: MIT */
/* The layout: which series a snapshot has and in which order, with their families. Immutable and reference-counted:
 * successive snapshots with the same series share one, so that a steady collection makes nothing but numbers.
 */
#ifndef AGENTD_SNAPSHOT_LAYOUT_H
#define AGENTD_SNAPSHOT_LAYOUT_H

#include "snapshot.h"

/* An order of series, shared between the catalog and the layouts that have all of it. */
struct order {
	uint32_t references;
	uint32_t count;
	series_ref series[];
};

struct layout_family {
	struct snapshot_family family;
	uint32_t name_len; /* of its samples' names: with "_total" */
};

struct layout {
	uint32_t references;
	uint32_t family_count;
	struct order *order;
	size_t text_bytes; /* of all samples */
	char *strings;     /* where the families' name, help and unit lie */
	struct layout_family families[];
};

/* Room for `count` series, with one reference, or NULL when out of memory. */
struct order *order_new(uint32_t count);
void order_unref(struct order *order); /* NULL is fine */
struct order *order_ref(struct order *order);

/* A layout of the series of catalog_order() that have a type in `types` ([0, limit), 0 is none); NULL when out of
 * memory. `value_count` says how many those are. */
struct layout *layout_new(const struct catalog *catalog, const uint8_t *types, uint32_t limit, uint32_t value_count);
struct layout *layout_ref(struct layout *layout);
void layout_unref(struct layout *layout); /* NULL is fine */

/* Whether every series of the layout has a type in `types`. */
bool layout_covered(const struct layout *layout, const uint8_t *types, uint32_t limit);

#endif
