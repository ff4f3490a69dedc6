/* SPDX-License-Identifier: MIT */
/* The builder's inside: builder.c (its life, freeze), builder_merge.c (values as they come). */
#ifndef AGENTD_SNAPSHOT_BUILDER_PRIVATE_H
#define AGENTD_SNAPSHOT_BUILDER_PRIVATE_H

#include "catalog_private.h"
#include "precise_sum.h"
#include "snapshot_private.h"

/* A sum of doubles; while it grows its series has the type VALUE_SUM. Only series with several addends have one. */
struct series_sum {
	struct precise_sum sum;
	series_ref series;
};

struct builder {
	struct catalog *catalog;
	struct value_set values;
	uint32_t value_count; /* series that have a value */
	bool collecting;
	uint64_t *times; /* of MERGE_LAST values, by series_ref; NULL until one comes */
	uint32_t times_capacity;
	uint32_t sum_count;
	uint32_t sum_capacity;
	struct series_sum *sums;
	struct exemplar_drafts drafts;
	size_t composite_words;        /* of the last collection: what this one will need */
	bool partial;                  /* this collection is of some collectors only */
	struct layout *layout[2];      /* of the last snapshot of everything, and of the last partial one */
	struct order *layout_order[2]; /* the catalog's order when it was made */
	uint32_t retire_after;
	uint64_t conflicts[CATALOG_CONFLICT_COUNT];
};

/* Ends the merging: all values are as the snapshot has them. */
void builder_values_settle(struct builder *builder);

#endif
