/* SPDX-License-Identifier: MIT */
/* See distribution.h. Quantiles are estimated as Prometheus' histogram_quantile does: linear within a bucket. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mstat/bucket.h>

#include "distribution.h"
#include "expose/encoder.h"
#include "report.h"
#include "samples.h"

static const double default_quantiles[] = {0.5, 0.9, 0.99};

static void *room(size_t count, size_t item_bytes)
{
	return need(calloc(count + 1, item_bytes));
}

static void bucket_add(struct distribution *made, double upper, uint64_t count)
{
	made->uppers[made->bucket_count] = upper;
	made->counts[made->bucket_count++] = count;
	made->count += count;
}

/* ---- quantiles ---- */

static double quantile_estimate(const struct distribution *made, double quantile)
{
	double rank = quantile * (double)made->count, before = 0;
	size_t i = 0;
	for (; i + 1 < made->bucket_count && before + (double)made->counts[i] < rank; i++)
		before += (double)made->counts[i];
	/* Empty buckets hold no value, also where the rank is 0. */
	while (i + 1 < made->bucket_count && !made->counts[i])
		i++;
	double lower = i ? made->uppers[i - 1] : fmin(made->uppers[0], 0), upper = made->uppers[i];
	if (!made->count)
		return (double)NAN;
	if (isinf(upper))
		return isinf(lower) ? (double)NAN : lower;
	if (!i && upper <= 0)
		return upper;
	return lower + (upper - lower) * (rank - before) / (double)made->counts[i];
}

static void quantiles_fill(struct distribution *made, const double *quantiles, size_t count)
{
	if (!quantiles) {
		quantiles = default_quantiles;
		count = sizeof(default_quantiles) / sizeof(*default_quantiles);
	}
	made->quantile_count = count;
	made->quantiles = room(count, sizeof(*made->quantiles));
	made->values = room(count, sizeof(*made->values));
	for (size_t i = 0; i < count; i++) {
		made->quantiles[i] = quantiles[i];
		made->values[i] = quantile_estimate(made, quantiles[i]);
	}
}

/* ---- from merged values ---- */

static void native_fill(struct distribution *made, const struct composite *value)
{
	const struct shape *shape = value->shape;
	const struct shape_native *native = &shape->buckets;
	const uint64_t *positive = value->parts + shape_positive(shape);
	if (native->negative_count) {
		const uint64_t *negative = value->parts + shape_negative(shape);
		for (uint32_t i = native->negative_count + 1; i-- > 0;)
			bucket_add(made, -mstat_bucket_bound(native->schema, native->negative_first + (int32_t)i - 1),
				   negative[i]);
	}
	bucket_add(made, native->zero_threshold, value->parts[shape_zero(shape)]);
	for (uint32_t i = 0; i < native->positive_count; i++)
		bucket_add(made, mstat_bucket_bound(native->schema, native->positive_first + (int32_t)i), positive[i]);
	bucket_add(made, (double)INFINITY, positive[native->positive_count]);
}

static void summary_fill(struct distribution *made, const struct composite *value)
{
	const struct shape *shape = value->shape;
	made->count = value->count;
	made->quantile_count = shape->bound_count;
	made->quantiles = room(shape->bound_count, sizeof(*made->quantiles));
	made->values = room(shape->bound_count, sizeof(*made->values));
	for (uint32_t i = 0; i < shape->bound_count; i++) {
		made->quantiles[i] = shape->bounds[i];
		made->values[i] = mstat_f64_of_bits(value->parts[i]);
	}
}

struct distribution *distribution_of_composite(const struct composite *value)
{
	const struct shape *shape = value->shape;
	struct distribution *made = room(1, sizeof(*made));
	made->has_sum = value->has_sum;
	if (value->has_sum)
		made->sum = composite_sum(value);
	if (shape->kind == SHAPE_QUANTILES) {
		summary_fill(made, value);
		return made;
	}
	made->uppers = room(shape->part_count, sizeof(*made->uppers));
	made->counts = room(shape->part_count, sizeof(*made->counts));
	if (shape->native)
		native_fill(made, value);
	for (uint32_t i = 0; !shape->native && i < shape->classic_count; i++)
		bucket_add(made, i < shape->bound_count ? shape->bounds[i] : (double)INFINITY, value->parts[i]);
	quantiles_fill(made, NULL, 0);
	return made;
}

/* ---- from segments ---- */

struct distribution *distribution_of_segment(const struct segment_family *family,
					     const struct segment_distribution *value)
{
	struct distribution *made = room(1, sizeof(*made));
	bool scaled = family->value != MSTAT_SHM_F64;
	double *uppers = room(MSTAT_PARTITION_MAX, sizeof(*uppers));
	uint32_t count = mstat_partition(family->buckets, scaled, uppers);
	const struct shape shape = {.sum_scale = scaled ? family->buckets->scale : 1};
	const struct composite sum = {.shape = &shape, .sum = family_number(family, value->sum)};
	made->sum = composite_sum(&sum);
	made->has_sum = true;
	made->uppers = uppers;
	made->counts = room(count, sizeof(*made->counts));
	for (uint32_t i = 0; i <= count && i < value->bucket_count; i++)
		bucket_add(made, i < count ? uppers[i] : (double)INFINITY, value->buckets[i]);
	quantiles_fill(made, family->quantiles, family->item_count);
	return made;
}

void distribution_free(struct distribution *distribution)
{
	if (!distribution)
		return;
	free(distribution->uppers);
	free(distribution->counts);
	free(distribution->quantiles);
	free(distribution->values);
	free(distribution);
}

/* ---- printing ---- */

static struct number mean_of(const struct distribution *distribution)
{
	return (struct number){.type = NUMBER_F64,
			       .f64 = number_double(distribution->sum) / (double)distribution->count};
}

/* Estimates have no more than three digits to tell. */
char *distribution_text(const struct distribution *distribution, bool brief)
{
	char *text = NULL;
	size_t size = 0;
	const char *between = "";
	FILE *out = need(open_memstream(&text, &size));
	if (!brief) {
		fprintf(out, "count %" PRIu64, distribution->count);
		if (distribution->has_sum)
			fprintf(out, ", sum %s", number_text(distribution->sum).text);
		between = ", ";
	}
	if (distribution->has_sum && distribution->count) {
		fprintf(out, "%smean %.3g", between, mean_of(distribution).f64);
		between = ", ";
	}
	for (size_t i = 0; distribution->count && i < distribution->quantile_count; i++) {
		fprintf(out, "%sp%.10g %.3g", between, distribution->quantiles[i] * 100, distribution->values[i]);
		between = ", ";
	}
	return fclose(out) == 0 ? text : need(NULL);
}

static json_t *f64_json(double value)
{
	return json_number((struct number){.type = NUMBER_F64, .f64 = value});
}

void distribution_json(const struct distribution *distribution, json_t *object)
{
	json_t *quantiles = need(json_array()), *buckets = need(json_array());
	json_object_set_new(object, "count",
			    json_number((struct number){.type = NUMBER_U64, .u64 = distribution->count}));
	if (distribution->has_sum)
		json_object_set_new(object, "sum", json_number(distribution->sum));
	for (size_t i = 0; distribution->count && i < distribution->quantile_count; i++) {
		json_t *item = need(json_object());
		json_object_set_new(item, "quantile", f64_json(distribution->quantiles[i]));
		json_object_set_new(item, "value", f64_json(distribution->values[i]));
		json_array_append_new(quantiles, item);
	}
	for (size_t i = 0; i < distribution->bucket_count; i++) {
		if (!distribution->counts[i])
			continue;
		json_t *item = need(json_object());
		json_object_set_new(item, "upper", f64_json(distribution->uppers[i]));
		json_object_set_new(item, "count",
				    json_number((struct number){.type = NUMBER_U64, .u64 = distribution->counts[i]}));
		json_array_append_new(buckets, item);
	}
	json_object_set_new(object, "quantiles", quantiles);
	json_object_set_new(object, "buckets", buckets);
}

char *buckets_text(const struct mstat_shm_buckets *buckets)
{
	char *text = NULL;
	size_t size = 0;
	uint32_t bounds = buckets->bound_count;
	FILE *out = need(open_memstream(&text, &size));
	if (bounds)
		fprintf(out, "%" PRIu32 " bound%s, %.6g to %.6g", bounds, bounds == 1 ? "" : "s", buckets->bounds[0],
			buckets->bounds[bounds - 1]);
	if (buckets->flags & MSTAT_SHM_BUCKETS_EXPONENTIAL)
		fprintf(out, "%sexponential, schema %" PRId32 ", %.6g to %.6g", bounds ? "; " : "", buckets->schema,
			mstat_bucket_bound(buckets->schema, buckets->first - 1),
			mstat_bucket_bound(buckets->schema, buckets->first + (int32_t)buckets->count - 1));
	if (!bounds && !(buckets->flags & MSTAT_SHM_BUCKETS_EXPONENTIAL))
		fputs("none", out);
	if (buckets->flags & MSTAT_SHM_BUCKETS_NEGATIVE)
		fputs("; values below zero too", out);
	if (buckets->scale != 1)
		fprintf(out, "; recorded in units of %.6g", buckets->scale);
	return fclose(out) == 0 ? text : need(NULL);
}
