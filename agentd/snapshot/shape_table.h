/* SPDX-License-Identifier: MIT */
/* The shape table: every shape once, found by its key. Shapes are never removed, so that their pointers stay good for
 * whoever keeps them. The catalog's thread alone may call these; shapes themselves may be read by any thread.
 */
#ifndef AGENTD_SNAPSHOT_SHAPE_TABLE_H
#define AGENTD_SNAPSHOT_SHAPE_TABLE_H

#include "catalog.h"

#define SHAPE_TABLE_SHAPES_MAX 65536u
#define SHAPE_TABLE_BYTES_MAX ((size_t)64 << 20)

/* The beginning of a key, which is a canonical form of a request: equal shapes have the same bytes. Behind it stand
 * the bounds (BUCKETS, QUANTILES; no negative zero), or the names of the states, each with its NUL. No padding. */
struct shape_key {
	uint32_t kind;
	uint32_t classic;
	uint32_t native;
	uint32_t bound_count;
	double sum_scale;
	double zero_threshold;
	int32_t schema;
	int32_t positive_first;
	uint32_t positive_count;
	int32_t negative_first;
	uint32_t negative_count;
	uint32_t reserved; /* 0 */
};
_Static_assert(sizeof(struct shape_key) == 56, "a key is compared by its bytes");

/* A shape with its key; `shape` must come first: it is what users have. */
struct shape_entry {
	struct shape shape;
	uint64_t hash;
	uint32_t line_count; /* of a text format, at most */
	uint32_t line_bytes; /* of the lines' own parts, where they are not bounded by 64 bytes a line */
	size_t bytes;        /* of the entry with all behind it */
	size_t key_len;
	uint64_t key[];
};

struct shape_table {
	struct shape_entry **slots; /* linear probing */
	uint32_t slot_count;        /* a power of two, or 0 */
	uint32_t used;
	size_t bytes;
};

/* `*table` must be zero before the first use. */
void shape_table_fini(struct shape_table *table);

/* NULL when absent. */
const struct shape *shape_table_find(const struct shape_table *table, uint64_t hash, const void *key, size_t key_len);

/* Makes a shape that is absent; its key was found to be valid. CATALOG_OK, CATALOG_LIMIT or CATALOG_NO_MEMORY. */
enum catalog_conflict shape_table_add(struct shape_table *table, uint64_t hash, const void *key, size_t key_len,
				      const struct shape **shape);

/* A shape with the texts of its bounds or states, not in any table; NULL when out of memory. free() is its end. */
struct shape_entry *shape_entry_new(uint64_t hash, const void *key, size_t key_len);

static inline const struct shape_entry *shape_entry(const struct shape *shape)
{
	return (const struct shape_entry *)shape;
}

#endif
