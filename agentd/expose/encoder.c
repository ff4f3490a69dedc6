/* SPDX-License-Identifier: MIT */
/* What the encoders of all formats share. */
#include "encoder.h"

#include <math.h>
#include <string.h>

void sample_walk_init(struct sample_walk *walk, const struct encoding *encoding, const struct snapshot_family *family)
{
	walk->encoding = encoding;
	walk->next = family->first;
	walk->end = (size_t)family->first + family->count;
	walk->count = 0;
}

static size_t samples_filter(const struct format_filter *filter, struct snapshot_sample *samples, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++)
		if (filter->sample(filter->context, &samples[i]))
			samples[kept++] = samples[i];
	return kept;
}

bool sample_walk_next(struct sample_walk *walk)
{
	const struct format_filter *filter = walk->encoding->options->filter;
	walk->count = 0;
	while (!walk->count && walk->next < walk->end) {
		size_t count = walk->end - walk->next < BATCH_SAMPLES ? walk->end - walk->next : BATCH_SAMPLES;
		snapshot_samples(walk->encoding->snapshot, walk->next, count, walk->samples);
		walk->next += count;
		walk->count = filter && filter->sample ? samples_filter(filter, walk->samples, count) : count;
	}
	return walk->count > 0;
}

bool family_exposed(const struct encoding *encoding, const struct snapshot_family *family)
{
	const struct format_filter *filter = encoding->options->filter;
	if (filter && filter->family && !filter->family(filter->context, family))
		return false;
	if (!filter || !filter->sample)
		return family->count > 0;
	for (size_t i = 0; i < family->count; i++) {
		struct snapshot_sample sample = snapshot_sample(encoding->snapshot, family->first + i);
		if (filter->sample(filter->context, &sample))
			return true;
	}
	return false;
}

bool family_unit_fit(const struct snapshot_family *family)
{
	size_t name_len = strlen(family->name), unit_len = strlen(family->unit);
	return unit_len && name_len > unit_len && family->name[name_len - unit_len - 1] == '_' &&
	       !strcmp(family->name + name_len - unit_len, family->unit) && family->type != METRIC_INFO &&
	       family->type != METRIC_STATE_SET;
}

double number_as_f64(struct number number)
{
	switch (number.type) {
	case NUMBER_U64:
		return (double)number.u64;
	case NUMBER_I64:
		return (double)number.i64;
	case NUMBER_F64:
		break;
	}
	return number.f64;
}

/* A scale such as 1e-9 is not exact, its inverse is: dividing rounds once, so that 3000000 ns are 0.003 s and not the
 * double beside it. */
struct number composite_sum(const struct composite *value)
{
	double scale = value->shape->sum_scale;
	if (scale == 1)
		return value->sum;
	double inverse = nearbyint(1 / scale);
	double sum = number_as_f64(value->sum);
	return (struct number){.type = NUMBER_F64, .f64 = 1 / inverse == scale ? sum / inverse : sum * scale};
}

static uint64_t parts_sum(const uint64_t *parts, size_t count)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < count; i++)
		sum += parts[i];
	return sum;
}

uint64_t composite_classic_count(const struct composite *value)
{
	return parts_sum(value->parts, value->shape->classic_count);
}

uint64_t composite_native_count(const struct composite *value)
{
	const struct shape *shape = value->shape;
	return parts_sum(value->parts + shape->native_at, shape->part_count - shape->native_at);
}
