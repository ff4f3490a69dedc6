/* SPDX-License-Identifier: MIT */
/* The ladder: classic buckets of a histogram that has none. */
#include "ladder.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define EXPONENT_MIN (-1074) /* of 2, the least and the greatest that a double can be */
#define EXPONENT_MAX 1023

/* The buckets of one sign on the coarse schema: powers of 2^step from 2^(first * step) to 2^(last * step). Each covers
 * `fine` native buckets. */
struct rungs {
	int64_t first;
	int64_t last;
	int64_t fine;
};

static int64_t floor_div(int64_t value, int64_t divisor)
{
	return value >= 0 ? value / divisor : -((-value + divisor - 1) / divisor);
}

static int64_t ceil_div(int64_t value, int64_t divisor)
{
	return -floor_div(-value, divisor);
}

static struct rungs rungs_of(int32_t first, uint32_t count, int32_t schema, unsigned step)
{
	if (!count)
		return (struct rungs){.first = 0, .last = -1, .fine = 1};
	/* 2^schema native buckets make an octave, or 2^-schema octaves a bucket. */
	struct rungs rungs = {.fine = schema >= 0 ? (int64_t)step << schema : (int64_t)step >> -schema};
	rungs.first = floor_div((int64_t)first - 1, rungs.fine);
	rungs.last = ceil_div((int64_t)first + count - 1, rungs.fine);
	if (rungs.first < floor_div(EXPONENT_MIN, step))
		rungs.first = floor_div(EXPONENT_MIN, step);
	if (rungs.last > floor_div(EXPONENT_MAX, step))
		rungs.last = floor_div(EXPONENT_MAX, step);
	return rungs;
}

static bool rungs_fit(const struct rungs *rungs)
{
	return rungs->last - rungs->first < (int64_t)LADDER_NATIVE_BOUNDS_MAX;
}

static void bound_add(struct ladder *ladder, double bound, int64_t part_end)
{
	uint32_t index = ladder->bound_count++;
	char *text = ladder->own_bytes[index];
	assert(index < LADDER_OWN_MAX);
	size_t len = ladder->canonical ? number_format_canonical(bound, text)
				       : number_format((struct number){.type = NUMBER_F64, .f64 = bound}, text);
	assert(len < NUMBER_TEXT_MAX);
	text[len] = '\0';
	ladder->own_bounds[index] = bound;
	ladder->own_texts[index] = text;
	ladder->part_ends[index] = (uint32_t)part_end;
}

static int64_t clamp(int64_t value, int64_t greatest)
{
	return value < 0 ? 0 : value > greatest ? greatest : value;
}

/* Bounds below zero, of those that are not in the zero bucket. In ascending order, the parts of negative values are:
 * the smaller ones than all buckets, then the buckets from the last to the first. */
static void negative_add(struct ladder *ladder, const struct shape_native *native, struct rungs rungs, unsigned step)
{
	for (int64_t rung = rungs.last; rung >= rungs.first; rung--) {
		double bound = ldexp(1, (int)(rung * step));
		/* Buckets with an index beyond this are below the bound. */
		int64_t nearer = clamp(rung * rungs.fine - native->negative_first + 1, native->negative_count);
		if (bound > native->zero_threshold)
			bound_add(ladder, -bound, 1 + native->negative_count - nearer);
	}
}

static void positive_add(struct ladder *ladder, const struct shape_native *native, struct rungs rungs, unsigned step)
{
	int64_t zero_end = (int64_t)native->negative_count + 2;
	bound_add(ladder, native->zero_threshold, zero_end);
	for (int64_t rung = rungs.first; rung <= rungs.last; rung++) {
		double bound = ldexp(1, (int)(rung * step));
		int64_t below = clamp(rung * rungs.fine - native->positive_first + 1, native->positive_count);
		if (bound > native->zero_threshold)
			bound_add(ladder, bound, zero_end + below);
	}
}

static void native_set(struct ladder *ladder, const struct shape_native *native)
{
	struct rungs positive, negative;
	unsigned step = native->schema < 0 ? 1u << -native->schema : 1; /* octaves */
	for (;; step *= 2) {
		positive = rungs_of(native->positive_first, native->positive_count, native->schema, step);
		negative = rungs_of(native->negative_first, native->negative_count, native->schema, step);
		if (step == 1u << -SHAPE_SCHEMA_MIN || (rungs_fit(&positive) && rungs_fit(&negative)))
			break;
	}
	ladder->bounds = ladder->own_bounds;
	ladder->texts = ladder->own_texts;
	negative_add(ladder, native, negative, step);
	positive_add(ladder, native, positive, step);
	ladder->own_texts[ladder->bound_count] = "+Inf";
}

void ladder_init(struct ladder *ladder, bool canonical)
{
	ladder->canonical = canonical;
	ladder->shape = NULL;
}

void ladder_set(struct ladder *ladder, const struct shape *shape)
{
	if (ladder->shape == shape)
		return;
	assert(shape->kind == SHAPE_BUCKETS);
	ladder->shape = shape;
	ladder->bound_count = 0;
	if (!shape->classic) {
		native_set(ladder, &shape->buckets);
		return;
	}
	ladder->bound_count = shape->bound_count;
	ladder->bounds = shape->bounds;
	ladder->texts = ladder->canonical ? shape->canonical_text : shape->bound_text;
}

/* A part of a native value by its place in ascending order of values. */
static uint64_t native_part(const struct shape *shape, const uint64_t *parts, uint32_t place)
{
	uint32_t negatives = shape->buckets.negative_count + 1; /* with the greater ones, which lie last in the value */
	if (place < negatives)
		return parts[shape_negative(shape) + negatives - 1 - place];
	return parts[shape_zero(shape) + place - negatives]; /* the zero bucket, and positive ones behind it */
}

uint64_t ladder_count(const struct ladder *ladder, const uint64_t *parts, uint32_t index, uint32_t *part)
{
	const struct shape *shape = ladder->shape;
	uint64_t count = 0;
	if (shape->classic)
		return parts[(*part)++];
	uint32_t end = index < ladder->bound_count ? ladder->part_ends[index] : shape->part_count - shape->native_at;
	for (; *part < end; (*part)++)
		count += native_part(shape, parts, *part);
	return count;
}
