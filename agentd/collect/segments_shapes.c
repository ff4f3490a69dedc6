/* SPDX-License-Identifier: MIT */
/* The cells of a partition (include/mstat/bucket.h) each lie in one explicit and in one exponential bucket: tables say
 * in which, so that a value is taken over by one addition a cell.
 */
#include "segments_shapes.h"

#include <stdlib.h>
#include <string.h>

#include <mstat/bucket.h>

enum metric_type metric_type_of(const struct segment_family *family)
{
	switch (family->kind) {
	case MSTAT_SHM_COUNTER:
		return METRIC_COUNTER;
	case MSTAT_SHM_HISTOGRAM:
		return METRIC_HISTOGRAM;
	case MSTAT_SHM_SUMMARY:
		return METRIC_SUMMARY;
	case MSTAT_SHM_GAUGE_HISTOGRAM:
		return METRIC_GAUGE_HISTOGRAM;
	case MSTAT_SHM_INFO:
		return METRIC_INFO;
	case MSTAT_SHM_STATE_SET:
		return METRIC_STATE_SET;
	default:
		return METRIC_GAUGE;
	}
}

/* ---- the shape ---- */

static double sum_scale(const struct segment_family *family)
{
	return family->buckets && family->value != MSTAT_SHM_F64 ? family->buckets->scale : 1;
}

/* The index of the bucket of a lower schema that holds bucket `index` of a higher one, `steps` below. */
static int32_t index_lowered(int32_t index, int steps)
{
	return (index + (1 << steps) - 1) >> steps;
}

static struct shape_native native_of_buckets(const struct mstat_shm_buckets *buckets, int schema_max)
{
	int steps = buckets->schema > schema_max ? buckets->schema - schema_max : 0;
	int32_t last = index_lowered(buckets->first + (int32_t)buckets->count - 1, steps);
	struct shape_native native = {.schema = buckets->schema - steps,
				      .zero_threshold = mstat_bucket_bound(buckets->schema, buckets->first - 1),
				      .positive_first = index_lowered(buckets->first, steps)};
	native.positive_count = (uint32_t)(last - native.positive_first) + 1;
	if (buckets->flags & MSTAT_SHM_BUCKETS_NEGATIVE) {
		native.negative_first = native.positive_first;
		native.negative_count = native.positive_count;
	}
	return native;
}

static enum catalog_conflict shape_find(const struct shape **shape, struct catalog *catalog,
					const struct segment_family *family, int schema_max)
{
	const struct mstat_shm_buckets *buckets = family->buckets;
	struct shape_request request = {.sum_scale = sum_scale(family)};
	if (family->kind == MSTAT_SHM_STATE_SET) {
		request.kind = SHAPE_STATES;
		request.states = family->states;
		request.bound_count = family->item_count;
	} else if (family->kind == MSTAT_SHM_SUMMARY) {
		request.kind = SHAPE_QUANTILES;
		request.bounds = family->quantiles;
		request.bound_count = family->item_count;
	} else {
		request.kind = SHAPE_BUCKETS;
		request.classic = buckets->flags & MSTAT_SHM_BUCKETS_EXPLICIT;
		request.native = buckets->flags & MSTAT_SHM_BUCKETS_EXPONENTIAL;
		request.bounds = buckets->bounds;
		request.bound_count = buckets->bound_count;
		if (request.native)
			request.buckets = native_of_buckets(buckets, schema_max);
	}
	return catalog_shape(catalog, &request, shape);
}

/* ---- the tables ---- */

/* The native part that values up to `upper` (and above the cell's lower bound) belong to. */
static uint32_t native_part(const struct shape *shape, double upper)
{
	const struct shape_native *native = &shape->buckets;
	double magnitude = upper < 0 ? -upper : upper;
	bool negative = upper < 0;
	if (magnitude <= native->zero_threshold)
		return shape_zero(shape);
	uint32_t count = negative ? native->negative_count : native->positive_count;
	uint32_t at = negative ? shape_negative(shape) : shape_positive(shape);
	int32_t first = negative ? native->negative_first : native->positive_first;
	if (magnitude > __DBL_MAX__)
		return at + count;
	int32_t index = mstat_bucket_index(native->schema, magnitude) - first;
	return at + (index < 0 ? 0 : (uint32_t)index < count ? (uint32_t)index : count);
}

static void tables_fill(struct family_shape *fitted, const double *uppers)
{
	const struct shape *shape = fitted->shape;
	uint32_t bound = 0;
	for (uint32_t i = 0; i < fitted->bucket_count; i++) {
		bool last = i + 1 == fitted->bucket_count;
		while (bound < shape->bound_count && !last && shape->bounds[bound] < uppers[i])
			bound++;
		fitted->classic_of[i] = (uint16_t)(last ? shape->bound_count : bound);
		if (shape->native)
			fitted->native_of[i] = (uint16_t)native_part(shape, last ? __builtin_inf() : uppers[i]);
	}
}

static bool tables_make(struct family_shape *fitted, const struct segment_family *family)
{
	double *uppers = malloc(MSTAT_PARTITION_MAX * sizeof(*uppers));
	if (!uppers)
		return false;
	fitted->bucket_count = mstat_partition(family->buckets, family->value != MSTAT_SHM_F64, uppers) + 1;
	fitted->classic_of = calloc(fitted->bucket_count, sizeof(*fitted->classic_of));
	fitted->native_of = calloc(fitted->bucket_count, sizeof(*fitted->native_of));
	fitted->parts = calloc(fitted->shape->part_count + 1, sizeof(*fitted->parts));
	bool made = fitted->classic_of && fitted->native_of && fitted->parts;
	if (made)
		tables_fill(fitted, uppers);
	free(uppers);
	return made;
}

enum catalog_conflict family_shape_init(struct family_shape *fitted, struct catalog *catalog,
					const struct segment_family *family, int schema_max)
{
	*fitted = (struct family_shape){0};
	if (!family->buckets && family->kind != MSTAT_SHM_STATE_SET)
		return CATALOG_OK;
	enum catalog_conflict conflict = shape_find(&fitted->shape, catalog, family, schema_max);
	if (!conflict && fitted->shape->kind == SHAPE_BUCKETS && !tables_make(fitted, family))
		conflict = CATALOG_NO_MEMORY;
	if (conflict)
		family_shape_fini(fitted);
	return conflict;
}

void family_shape_fini(struct family_shape *fitted)
{
	free(fitted->classic_of);
	free(fitted->native_of);
	free(fitted->parts);
	*fitted = (struct family_shape){0};
}

/* ---- values ---- */

static struct number number_of_sum(const struct segment_family *family, uint64_t bits)
{
	return (struct number){.type = family->value == MSTAT_SHM_F64   ? NUMBER_F64
				       : family->value == MSTAT_SHM_I64 ? NUMBER_I64
									: NUMBER_U64,
			       .u64 = bits};
}

void family_shape_merge(const struct family_shape *fitted, struct builder *builder, series_ref series,
			const struct segment_family *family, const struct segment_distribution *value)
{
	const struct shape *shape = fitted->shape;
	uint32_t count = value->bucket_count < fitted->bucket_count ? value->bucket_count : fitted->bucket_count;
	memset(fitted->parts, 0, shape->part_count * sizeof(*fitted->parts));
	for (uint32_t i = 0; shape->classic && i < count; i++)
		fitted->parts[fitted->classic_of[i]] += value->buckets[i];
	for (uint32_t i = 0; shape->native && i < count; i++)
		fitted->parts[fitted->native_of[i]] += value->buckets[i];
	struct composite composite = {
		.shape = shape, .parts = fitted->parts, .sum = number_of_sum(family, value->sum), .has_sum = true};
	builder_merge_composite(builder, series, &composite);
}

uint32_t family_shape_exemplar_part(const struct family_shape *fitted, uint32_t bucket)
{
	if (!fitted->shape || !fitted->shape->classic || bucket >= fitted->bucket_count)
		return 0;
	return fitted->classic_of[bucket];
}
