/* SPDX-License-Identifier: MIT */
/* The series table: from a series' text to its reference. A hash table of 4 bytes a slot, whose keys lie in the store.
 *
 * A slot holds 8 bits of the hash above 24 bits of reference + 1; linear probing; 0 is free. The hash is keyed by a
 * random number, so that label values chosen by a hostile program cannot pile up. One thread at a time.
 */
#ifndef AGENTD_SNAPSHOT_SERIES_TABLE_H
#define AGENTD_SNAPSHOT_SERIES_TABLE_H

#include "store.h"

struct series_table {
	uint32_t *slots;
	uint32_t slot_count; /* a power of two, or 0 */
	uint32_t used;
	uint64_t seed;
};

void series_table_init(struct series_table *table);
void series_table_fini(struct series_table *table);

uint64_t series_hash(const struct series_table *table, const char *text, size_t len);

/* SERIES_NONE when absent. */
series_ref series_table_find(const struct series_table *table, const struct store *store, uint64_t hash,
			     const char *text, size_t len);

/* Makes sure that one more series fits; false when out of memory. */
bool series_table_reserve(struct series_table *table, const struct store *store);

/* Adds a series that is absent; series_table_reserve() came before. */
void series_table_insert(struct series_table *table, uint64_t hash, series_ref series);

/* Removes a series that is present and still has its text. */
void series_table_remove(struct series_table *table, const struct store *store, series_ref series);

#endif
