/* SPDX-License-Identifier: MIT */
/* Prometheus text 0.0.4: a family's two comment lines, then its samples, whose bytes lie ready in the snapshot. */
#include "text.h"

#include "lines.h"

#define HEADER_FIXED_BYTES 96u /* the words of both comment lines, a suffix twice */

/* What a type is called here, and what follows the family's name in its comment lines. */
struct text_type {
	const char *word;
	const char *suffix;
};

static const struct text_type types[] = {
	[METRIC_UNKNOWN] = {"untyped", ""},           [METRIC_GAUGE] = {"gauge", ""},
	[METRIC_COUNTER] = {"counter", "_total"},     [METRIC_HISTOGRAM] = {"histogram", ""},
	[METRIC_GAUGE_HISTOGRAM] = {"histogram", ""}, [METRIC_SUMMARY] = {"summary", ""},
	[METRIC_INFO] = {"gauge", "_info"},           [METRIC_STATE_SET] = {"gauge", ""},
};

static bool header_write(struct output *output, const struct snapshot_family *family, struct text_type type)
{
	if (!output_reserve(output, 2 * strlen(family->name) + 2 * strlen(family->help) + HEADER_FIXED_BYTES))
		return false;
	char *out = output->at;
	if (*family->help) {
		out = stpcpy(stpcpy(stpcpy(out, "# HELP "), family->name), type.suffix);
		*out++ = ' ';
		out = line_help(out, family->help, false);
		*out++ = '\n';
	}
	out = stpcpy(stpcpy(stpcpy(out, "# TYPE "), family->name), type.suffix);
	*out++ = ' ';
	out = stpcpy(out, type.word);
	*out++ = '\n';
	output->at = out;
	return true;
}

/* x_sum and x_count. */
static bool sum_and_count_write(struct output *output, const struct snapshot_sample *sample, uint64_t count)
{
	if (!output_reserve(output, 2 * (size_t)(sample->text_len + LINE_FIXED_BYTES)))
		return false;
	char *out = output->at;
	if (sample->composite->has_sum)
		out = line_number(out, sample, "_sum", composite_sum(sample->composite));
	output->at = line_number(out, sample, "_count", number_u64(count));
	return true;
}

static bool composite_write(struct output *output, const struct snapshot_family *family,
			    const struct snapshot_sample *sample, struct ladder *ladder)
{
	uint64_t count;
	switch (family->type) {
	case METRIC_HISTOGRAM:
		return lines_buckets(output, sample, ladder, false, &count) &&
		       sum_and_count_write(output, sample, count);
	case METRIC_GAUGE_HISTOGRAM:
		return lines_buckets(output, sample, ladder, false, &count);
	case METRIC_SUMMARY:
		return lines_quantiles(output, sample, false) &&
		       sum_and_count_write(output, sample, sample->composite->count);
	default:
		return lines_states(output, family, sample);
	}
}

static bool composites_write(struct encoding *encoding, const struct snapshot_family *family)
{
	struct sample_walk walk;
	struct ladder ladder;
	ladder_init(&ladder, false);
	sample_walk_init(&walk, encoding, family);
	while (sample_walk_next(&walk))
		for (size_t i = 0; i < walk.count; i++)
			if (!composite_write(&encoding->output, family, &walk.samples[i], &ladder))
				return false;
	return true;
}

static uint64_t gauge_count(const struct composite *value)
{
	return value->shape->classic ? composite_classic_count(value) : composite_native_count(value);
}

/* One number of each gauge histogram, as a gauge beside it: in a family of type histogram the name would be strange. */
static bool gauges_write(struct encoding *encoding, const struct snapshot_family *family, const char *suffix, bool sums)
{
	struct sample_walk walk;
	bool headed = false;
	sample_walk_init(&walk, encoding, family);
	while (sample_walk_next(&walk)) {
		for (size_t i = 0; i < walk.count; i++) {
			const struct snapshot_sample *sample = &walk.samples[i];
			const struct composite *value = sample->composite;
			if (sums && !value->has_sum)
				continue;
			if (!headed && !header_write(&encoding->output, family, (struct text_type){"gauge", suffix}))
				return false;
			headed = true;
			if (!output_reserve(&encoding->output, sample->text_len + LINE_FIXED_BYTES))
				return false;
			struct number number = sums ? composite_sum(value) : number_u64(gauge_count(value));
			encoding->output.at = line_number(encoding->output.at, sample, suffix, number);
		}
	}
	return true;
}

static bool scalars_write(struct encoding *encoding, const struct snapshot_family *family)
{
	struct sample_walk walk;
	sample_walk_init(&walk, encoding, family);
	while (sample_walk_next(&walk))
		if (!lines_numbers(&encoding->output, walk.samples, walk.count))
			return false;
	return true;
}

bool text_family_write(struct encoding *encoding, const struct snapshot_family *family)
{
	if (!header_write(&encoding->output, family, types[family->type]))
		return false;
	switch (family->type) {
	case METRIC_HISTOGRAM:
	case METRIC_SUMMARY:
	case METRIC_STATE_SET:
		return composites_write(encoding, family);
	case METRIC_GAUGE_HISTOGRAM:
		return composites_write(encoding, family) && gauges_write(encoding, family, "_gcount", false) &&
		       gauges_write(encoding, family, "_gsum", true);
	default:
		return scalars_write(encoding, family);
	}
}

int text_render(const struct snapshot *snapshot, char **body, size_t *len)
{
	return format_render(snapshot, &(struct format_options){.format = FORMAT_TEXT}, body, len);
}
