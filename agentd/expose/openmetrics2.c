/* SPDX-License-Identifier: MIT */
/* OpenMetrics 2.0.0-rc0: one line a sample, also for histograms (classic and native) and summaries.
 *
 * Families have their full names. A sample's start time follows its value, then its exemplars.
 */
#include "native.h"
#include "openmetrics.h"

#include <math.h>

#define COMPOSITE_FIXED_BYTES 384u /* the words of a value, sum, count, zero bucket, start time */
#define PART_BYTES 64u             /* a bound or a span, a number, commas */

static const char *name_suffix(enum metric_type type)
{
	return type == METRIC_COUNTER ? "_total" : type == METRIC_INFO ? "_info" : "";
}

/* ---- what follows a value --------------------------------------------------------------------------------------- */

static char *start_write(char *out, const struct snapshot_sample *sample)
{
	if (!sample->created_ns)
		return out;
	return line_time(stpcpy(out, " st@"), (int64_t)sample->created_ns);
}

static char *exemplars_write(char *out, const struct snapshot_sample *sample)
{
	for (uint32_t i = 0; i < sample->exemplar_count; i++)
		if (sample->exemplars[i].time_ns > 0 && exemplar_fit(&sample->exemplars[i]))
			out = line_exemplar(out, &sample->exemplars[i]);
	return out;
}

/* ---- numbers ---------------------------------------------------------------------------------------------------- */

static bool counters_write(struct output *output, const struct snapshot_sample *samples, size_t count)
{
	size_t bytes = 0;
	for (size_t i = 0; i < count; i++)
		bytes += samples[i].text_len + LINE_FIXED_BYTES + exemplars_bytes(&samples[i], EXEMPLAR_FIXED_BYTES);
	if (!output_reserve(output, bytes))
		return false;
	char *out = output->at;
	for (size_t i = 0; i < count; i++) {
		out = line_sample(out, &samples[i]);
		out = exemplars_write(start_write(out, &samples[i]), &samples[i]);
		*out++ = '\n';
	}
	output->at = out;
	return true;
}

/* ---- composite values ------------------------------------------------------------------------------------------- */

static char *number_write(char *out, struct number number)
{
	return out + number_format(number, out);
}

static char *sum_write(char *out, const struct composite *value)
{
	return number_write(out, value->has_sum ? composite_sum(value) : number_f64((double)NAN));
}

static char *spans_write(char *out, struct native_walk walk)
{
	int32_t offset;
	uint32_t length;
	while (native_next_span(&walk, &offset, &length)) {
		out = number_write(out, (struct number){.type = NUMBER_I64, .i64 = offset});
		*out++ = ':';
		out = number_write(out, number_u64(length));
		*out++ = ',';
	}
	return out - 1; /* the last comma */
}

static char *counts_write(char *out, struct native_walk walk)
{
	struct native_bucket bucket;
	while (native_next(&walk, &bucket)) {
		out = number_write(out, number_u64(bucket.count));
		*out++ = ',';
	}
	return out - 1;
}

/* `sign` is "positive" or "negative". */
static char *native_sign_write(char *out, const char *sign, struct native_walk walk)
{
	struct native_walk peek = walk;
	struct native_bucket bucket;
	if (!native_next(&peek, &bucket))
		return out;
	*out++ = ',';
	out = spans_write(stpcpy(stpcpy(out, sign), "_spans:["), walk);
	out = stpcpy(out, "],");
	out = counts_write(stpcpy(stpcpy(out, sign), "_buckets:["), walk);
	*out++ = ']';
	return out;
}

static char *native_write(char *out, const struct composite *value)
{
	const struct shape *shape = value->shape;
	out = number_write(stpcpy(out, ",schema:"), (struct number){.type = NUMBER_I64, .i64 = shape->buckets.schema});
	out = number_write(stpcpy(out, ",zero_threshold:"), number_f64(shape->buckets.zero_threshold));
	out = number_write(stpcpy(out, ",zero_count:"), number_u64(value->parts[shape_zero(shape)]));
	out = native_sign_write(out, "negative", native_negative(value));
	return native_sign_write(out, "positive", native_positive(value));
}

/* Cumulative counts, the last of which must be the count of all. */
static char *classic_write(char *out, const struct composite *value, uint64_t count)
{
	const struct shape *shape = value->shape;
	uint64_t cumulative = 0;
	out = stpcpy(out, ",bucket:[");
	for (uint32_t i = 0; i < shape->bound_count; i++) {
		cumulative += value->parts[i];
		out = stpcpy(out, shape->canonical_text[i]);
		*out++ = ':';
		out = number_write(out, number_u64(cumulative < count ? cumulative : count));
		*out++ = ',';
	}
	out = number_write(stpcpy(out, "+Inf:"), number_u64(count));
	*out++ = ']';
	return out;
}

static char *histogram_write(char *out, const struct composite *value, bool gauge)
{
	const struct shape *shape = value->shape;
	uint64_t count = shape->native ? composite_native_count(value) : composite_classic_count(value);
	out = number_write(stpcpy(out, gauge ? "{gcount:" : "{count:"), number_u64(count));
	out = sum_write(stpcpy(out, gauge ? ",gsum:" : ",sum:"), value);
	if (shape->native)
		out = native_write(out, value);
	if (shape->classic)
		out = classic_write(out, value, count);
	return out;
}

static char *summary_write(char *out, const struct composite *value)
{
	out = number_write(stpcpy(out, "{count:"), number_u64(value->count));
	out = stpcpy(sum_write(stpcpy(out, ",sum:"), value), ",quantile:[");
	for (uint32_t i = 0; i < value->shape->bound_count; i++) {
		double quantile;
		memcpy(&quantile, &value->parts[i], sizeof(quantile));
		if (i)
			*out++ = ',';
		out = stpcpy(out, value->shape->canonical_text[i]);
		*out++ = ':';
		out = number_write(out, number_f64(quantile));
	}
	*out++ = ']';
	return out;
}

static bool composite_write(struct output *output, const struct snapshot_family *family,
			    const struct snapshot_sample *sample)
{
	const struct composite *value = sample->composite;
	if (family->type == METRIC_STATE_SET)
		return lines_states(output, family, sample);
	if (!output_reserve(output, sample->text_len + COMPOSITE_FIXED_BYTES +
					    (size_t)value->shape->part_count * PART_BYTES +
					    exemplars_bytes(sample, EXEMPLAR_FIXED_BYTES)))
		return false;
	char *out = mempcpy(output->at, sample->text, sample->text_len);
	*out++ = ' ';
	if (family->type == METRIC_SUMMARY)
		out = summary_write(out, value);
	else
		out = histogram_write(out, value, family->type == METRIC_GAUGE_HISTOGRAM);
	*out++ = '}';
	if (family->type != METRIC_GAUGE_HISTOGRAM)
		out = start_write(out, sample);
	if (family->type != METRIC_SUMMARY)
		out = exemplars_write(out, sample);
	*out++ = '\n';
	output->at = out;
	return true;
}

/* ---- families --------------------------------------------------------------------------------------------------- */

/* Here a summary must have a sum, too. */
static bool summary_fit(const struct composite *value)
{
	return openmetrics_summary_fit(value) && value->has_sum && number_as_f64(composite_sum(value)) >= 0;
}

static bool samples_fit(const struct encoding *encoding, const struct snapshot_family *family)
{
	struct sample_walk walk;
	if (family->type != METRIC_COUNTER && family->type != METRIC_INFO && family->type != METRIC_SUMMARY)
		return true;
	sample_walk_init(&walk, encoding, family);
	while (sample_walk_next(&walk))
		for (size_t i = 0; i < walk.count; i++)
			if (family->type == METRIC_SUMMARY
				    ? !summary_fit(walk.samples[i].composite)
				    : !openmetrics_number_fit(family->type, walk.samples[i].number))
				return false;
	return true;
}

bool openmetrics2_family_write(struct encoding *encoding, const struct snapshot_family *family)
{
	struct output *output = &encoding->output;
	struct sample_walk walk;
	bool fit = samples_fit(encoding, family);
	if (!openmetrics_metadata_write(output, family, name_suffix(family->type),
					fit ? openmetrics_type_word(family->type) : "unknown"))
		return false;
	sample_walk_init(&walk, encoding, family);
	while (sample_walk_next(&walk)) {
		bool written = true;
		if (family->type == METRIC_COUNTER && fit)
			written = counters_write(output, walk.samples, walk.count);
		else if (!walk.samples[0].composite)
			written = lines_numbers(output, walk.samples, walk.count);
		for (size_t i = 0; written && walk.samples[0].composite && i < walk.count; i++)
			written = composite_write(output, family, &walk.samples[i]);
		if (!written)
			return false;
	}
	return true;
}
