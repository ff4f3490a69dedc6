/* SPDX-License-Identifier: MIT */
/* Buckets: from what a declaration asks for to the record in the segment, and from a record to the map that the hot
 * path uses (struct mstat_map in record.h).
 *
 * The map's table has a cell for each 32nd of an octave. The comparison of the hot path is right as long as no more
 * than one bound lies in the range of a cell; `close` makes them two; `fast_max` keeps everything from the first cell
 * with three on out of it.
 */
#include <string.h>

#include <mstat/bucket.h>

#include "private.h"

#define F64_MAX_BITS 0x7fefffffffffffffull

const struct mstat_buckets mstat_buckets_native = {.exponential = 1, .schema = 3, .min = 1e-6, .max = 1e3};
const struct mstat_buckets mstat_buckets_both = {.exponential = 1,
						 .schema = 3,
						 .min = 1e-6,
						 .max = 1e3,
						 MSTAT_BOUNDS(.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10)};

/* ---- the record ---- */

static bool name_in_seconds(const char *name)
{
	const char *unit = "_seconds";
	size_t len = strlen(name), unit_len = strlen(unit);
	return len > unit_len && !memcmp(name + len - unit_len, unit, unit_len);
}

static double scale_of(const struct mstat_family *family, const struct mstat_buckets *wanted)
{
	if (family->value == MSTAT_SHM_F64)
		return 1;
	if (wanted && wanted->scale != 0)
		return wanted->scale;
	return name_in_seconds(family->name) ? 1e-9 : 1;
}

static bool exponential_declare(struct mstat_shm_buckets *record, int schema, double min, double max)
{
	if (schema < MSTAT_SCHEMA_MIN || schema > MSTAT_SCHEMA_MAX || !(min > 0 && min < max) || !(max <= __DBL_MAX__))
		return false;
	record->flags |= MSTAT_SHM_BUCKETS_EXPONENTIAL;
	record->schema = schema;
	record->first = mstat_bucket_index(schema, min) + 1;
	int32_t last = mstat_bucket_index(schema, max);
	if (last < record->first || last - record->first >= (int32_t)MSTAT_SHM_BUCKETS_MAX)
		return false;
	record->count = (uint32_t)(last - record->first) + 1;
	return true;
}

/* The exponential part, if one is asked for or the kind needs one. */
static bool exponential_choose(const struct mstat_family *family, struct mstat_shm_buckets *record)
{
	const struct mstat_buckets *wanted = family->buckets;
	if (wanted && (wanted->exponential || wanted->min != 0 || wanted->max != 0))
		return exponential_declare(record, wanted->schema, wanted->min != 0 ? wanted->min : 1e-6,
					   wanted->max != 0 ? wanted->max : 1e3);
	return family->kind != MSTAT_SHM_SUMMARY || exponential_declare(record, 4, 1e-7, 1e3);
}

int mstat_buckets_declare(const struct mstat_family *family, struct mstat_shm_buckets *record)
{
	const struct mstat_buckets *wanted = family->buckets, *bounds = wanted;
	bool summary = family->kind == MSTAT_SHM_SUMMARY;
	if (!summary && (!wanted || (!wanted->bound_count && !wanted->exponential)))
		bounds = &mstat_buckets_both; /* the default bounds */
	uint32_t count = bounds ? bounds->bound_count : 0;
	if (count > MSTAT_BOUNDS_MAX)
		return MSTAT_REASON_BUCKETS;
	memset(record, 0, sizeof(*record));
	record->record.kind = MSTAT_SHM_RECORD_BUCKETS;
	record->record.bytes = (uint32_t)(sizeof(*record) + count * sizeof(double));
	record->scale = scale_of(family, wanted);
	record->bound_count = count;
	for (uint32_t i = 0; i < count; i++)
		record->bounds[i] = bounds->bounds[i] == 0 ? 0 : bounds->bounds[i]; /* no -0 */
	if (count)
		record->flags |= MSTAT_SHM_BUCKETS_EXPLICIT;
	if ((wanted && wanted->negative) || (count && record->bounds[0] < 0))
		record->flags |= MSTAT_SHM_BUCKETS_NEGATIVE;
	return exponential_choose(family, record) && mstat_buckets_valid(record, record->record.bytes, family->value)
		       ? 0
		       : MSTAT_REASON_BUCKETS;
}

/* ---- the map ---- */

/* The first bound from `at` on that is not below a value. */
static uint32_t bound_next(const struct mstat_map *map, uint32_t at, uint64_t value)
{
	while (map->bounds[at] < value) /* the last is the greatest there is */
		at++;
	return at;
}

/* A cell of the table: its values are least ... most. */
static void cell_fill(struct mstat_map *map, uint32_t cell, uint32_t *at, uint64_t least, uint64_t most)
{
	*at = bound_next(map, *at, least);
	map->table[cell] = (uint16_t)*at;
	uint32_t bounds = bound_next(map, *at, most) - *at;
	if (bounds == 2 && map->fast_max >= least)
		map->close = 1;
	if (bounds > 2 && map->fast_max >= least)
		map->fast_max = least ? least - 1 : 0;
}

static double cell_edge(uint32_t cell)
{
	return mstat_f64_of_bits((uint64_t)(cell + MSTAT_MAP_BASE_INTEGER) << MSTAT_MAP_SHIFT);
}

/* The least integer v whose v + 1, as a double, is not below an edge >= 1. */
static uint64_t integer_from(double edge)
{
	uint64_t whole = (uint64_t)edge;
	if (edge >= 0x1p53) /* v + 1 may be rounded up to the edge */
		return whole - (uint64_t)(edge * 0x1p-53) - 1;
	return whole + (edge > (double)whole) - 1;
}

static void map_fill(struct mstat_map *map)
{
	uint32_t at = 0;
	map->fast_max = 1ull << 61;
	for (uint32_t cell = 0; cell < 62 * 32; cell++) {
		double next = cell_edge(cell + 1);
		uint64_t most = (uint64_t)next + (next > (double)(uint64_t)next);
		cell_fill(map, cell, &at, integer_from(cell_edge(cell)), most < 2 ? 0 : most - 2);
	}
}

static void map_fill_f64(struct mstat_map *map)
{
	uint32_t first = 0, positive;
	map->fast_max = F64_MAX_BITS;
	while (first < map->count && mstat_f64_of_bits(map->bounds[first]) < 0)
		first++;
	positive = first + (first < map->count && map->bounds[first] == 0);
	if (positive == map->count) { /* all values above zero are in the last bucket */
		map->table[0] = (uint16_t)first;
		return;
	}
	/* One cell in front of the first bound's: zero may have a bound of its own. */
	map->base = (uint32_t)(map->bounds[positive] >> MSTAT_MAP_SHIFT);
	map->base -= map->base > 0;
	map->low = (uint64_t)map->base << MSTAT_MAP_SHIFT;
	map->high = map->bounds[map->count - 1];
	uint64_t beyond = map->low + ((uint64_t)MSTAT_MAP_CELLS << MSTAT_MAP_SHIFT);
	if (map->high >= beyond) {
		map->high = beyond - 1;
		map->fast_max = beyond - 1;
	}
	uint32_t at = first, cells = (uint32_t)(map->high >> MSTAT_MAP_SHIFT) - map->base + 1;
	for (uint32_t cell = 0; cell < cells; cell++) {
		uint64_t edge = map->low + ((uint64_t)cell << MSTAT_MAP_SHIFT);
		uint64_t most = cell + 1 < cells ? edge + (1ull << MSTAT_MAP_SHIFT) - 1 : map->fast_max;
		cell_fill(map, cell, &at, cell ? edge : 0, most);
	}
}

const struct mstat_map *mstat_map_make(const struct mstat_shm_buckets *record, uint8_t value)
{
	bool scaled = value != MSTAT_SHM_F64;
	if (!mstat_buckets_valid(record, record->record.bytes, value))
		return NULL;
	size_t room = mstat_partition_cuts(record) + record->bound_count;
	struct mstat_map *map = mstat_private_alloc(sizeof(*map) + (room + 1) * sizeof(map->bounds[0]));
	if (!map)
		return NULL;
	memset(map, 0, sizeof(*map));
	map->negative = record->flags & MSTAT_SHM_BUCKETS_NEGATIVE;
	map->count = mstat_partition(record, scaled, (double *)map->bounds);
	for (uint32_t i = 0; i < map->count; i++) {
		double upper;
		memcpy(&upper, &map->bounds[i], sizeof(upper));
		map->bounds[i] = scaled ? (uint64_t)mstat_bucket_scaled(upper, record->scale) : mstat_f64_bits(upper);
	}
	map->bounds[map->count] = UINT64_MAX;
	if (scaled)
		map_fill(map);
	else
		map_fill_f64(map);
	return map;
}

uint32_t mstat_map_search(const struct mstat_map *map, uint64_t value)
{
	uint32_t low = 0, high = map->count;
	while (low < high) {
		uint32_t middle = (low + high) / 2;
		if (map->bounds[middle] < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool mstat_map_takes(const struct mstat_map *map, double value)
{
	return value <= __DBL_MAX__ && value >= (map->negative ? -__DBL_MAX__ : 0);
}

uint32_t mstat_map_search_f64(const struct mstat_map *map, double value)
{
	uint32_t low = 0, high = map->count;
	while (low < high) {
		uint32_t middle = (low + high) / 2;
		if (mstat_f64_of_bits(map->bounds[middle]) < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
