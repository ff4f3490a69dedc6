/* SPDX-License-Identifier: MIT */
/* Label values of series, as arrays of pointers into the copy of the arena. An array is made when it is first asked
 * for and kept until the next read or until the strings are dropped.
 */
#include <stdlib.h>

#include "private.h"

#define LABEL_BLOCK_POINTERS 1024u

struct label_block {
	struct label_block *next;
	size_t used;
	size_t size;
	const char *values[];
};

struct label_pool {
	struct label_block *blocks;
	uint32_t series_count;
	const char *const *by_series[];
};

static struct label_pool *pool_new(uint32_t series_count)
{
	struct label_pool *pool = calloc(1, sizeof(*pool) + series_count * sizeof(pool->by_series[0]));
	if (pool)
		pool->series_count = series_count;
	return pool;
}

/* Pointers for `count` values, with one to spare so that a series without labels has an array too. */
static const char **pool_take(struct label_pool *pool, size_t count)
{
	struct label_block *block = pool->blocks;
	size_t need = count + 1;

	if (!block || block->size - block->used < need) {
		size_t size = need > LABEL_BLOCK_POINTERS ? need : LABEL_BLOCK_POINTERS;
		block = malloc(sizeof(*block) + size * sizeof(block->values[0]));
		if (!block)
			return NULL;
		*block = (struct label_block){.next = pool->blocks, .size = size};
		pool->blocks = block;
	}
	const char **values = block->values + block->used;
	block->used += need;
	return values;
}

void labels_free(struct segment_private *private)
{
	struct label_pool *pool = private->labels;

	if (!pool)
		return;
	while (pool->blocks) {
		struct label_block *block = pool->blocks;
		pool->blocks = block->next;
		free(block);
	}
	free(pool);
	private->labels = NULL;
}

/* The copy may be younger than the series: it is checked again that it says what the series was made from. */
static const struct mstat_shm_series *series_record(const struct segment *segment, const struct segment_series *series)
{
	const struct segment_family *family = &segment->families[series->family];
	const struct mstat_shm_series *record = arena_series(segment->private, series->record_off);

	if (!record || record->family != family->record_off || record->label_count != family->label_count)
		return NULL;
	return record;
}

static const char *const *labels_resolve(const struct segment *segment, const struct segment_series *series)
{
	const struct mstat_shm_series *record = series_record(segment, series);
	const char **values = record ? pool_take(segment->private->labels, record->label_count) : NULL;

	if (!values)
		return NULL;
	for (uint32_t i = 0; i < record->label_count; i++) {
		values[i] = arena_string(segment->private, record->label_values[i]);
		if (!values[i])
			return NULL;
	}
	values[record->label_count] = NULL;
	return values;
}

const char *const *segment_labels(struct segment *segment, uint32_t series)
{
	struct segment_private *private = segment->private;

	if (series >= segment->series_count || segment->series[series].overflow || !private->arena)
		return NULL;
	if (!private->labels)
	private->labels = pool_new(segment->series_count);
	if (!private->labels || series >= private->labels->series_count)
		return NULL;
	if (!private->labels->by_series[series])
	private->labels->by_series[series] = labels_resolve(segment, &segment->series[series]);
	return private->labels->by_series[series];
}
