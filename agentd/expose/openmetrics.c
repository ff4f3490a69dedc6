/* SPDX-License-Identifier: MIT */
/* OpenMetrics 1.0.0: each family as its type, or as unknown if one of its samples does not fit. */
#include "openmetrics.h"

#include <math.h>

#define METADATA_FIXED_BYTES 128u /* the words of three lines, a suffix each */

const char *openmetrics_type_word(enum metric_type type)
{
	static const char *const words[] = {
		[METRIC_UNKNOWN] = "unknown",
		[METRIC_GAUGE] = "gauge",
		[METRIC_COUNTER] = "counter",
		[METRIC_HISTOGRAM] = "histogram",
		[METRIC_GAUGE_HISTOGRAM] = "gaugehistogram",
		[METRIC_SUMMARY] = "summary",
		[METRIC_INFO] = "info",
		[METRIC_STATE_SET] = "stateset",
	};
	return words[type];
}

static char *metadata_start(char *out, const char *word, const struct snapshot_family *family, const char *suffix)
{
	out = stpcpy(stpcpy(stpcpy(out, word), family->name), suffix);
	*out++ = ' ';
	return out;
}

bool openmetrics_metadata_write(struct output *output, const struct snapshot_family *family, const char *suffix,
				const char *type)
{
	size_t name_len = strlen(family->name);
	if (!output_reserve(output, 4 * name_len + 2 * strlen(family->help) + METADATA_FIXED_BYTES))
		return false;
	char *out = stpcpy(metadata_start(output->at, "# TYPE ", family, suffix), type);
	*out++ = '\n';
	/* Of names with a suffix only those of counters may have the unit before it. */
	if (family_unit_fit(family) && (!*suffix || !strcmp(type, "counter"))) {
		out = stpcpy(metadata_start(out, "# UNIT ", family, suffix), family->unit);
		*out++ = '\n';
	}
	if (*family->help) {
		out = line_help(metadata_start(out, "# HELP ", family, suffix), family->help, true);
		*out++ = '\n';
	}
	output->at = out;
	return true;
}

bool openmetrics_number_fit(enum metric_type type, struct number number)
{
	if (type == METRIC_INFO)
		return number_as_f64(number) == 1;
	if (type != METRIC_COUNTER)
		return true;
	return number.type == NUMBER_U64 || number_as_f64(number) >= 0;
}

bool openmetrics_summary_fit(const struct composite *value)
{
	for (uint32_t i = 0; i < value->shape->bound_count; i++) {
		double quantile;
		memcpy(&quantile, &value->parts[i], sizeof(quantile));
		if (quantile < 0)
			return false;
	}
	return true;
}

/* ---- families as what they are ---------------------------------------------------------------------------------- */

static bool counters_write(struct encoding *encoding, const struct snapshot_sample *samples, size_t count)
{
	size_t bytes = 0;
	for (size_t i = 0; i < count; i++)
		bytes += 2 * (size_t)(samples[i].text_len + LINE_FIXED_BYTES) +
			 exemplars_bytes(&samples[i], EXEMPLAR_FIXED_BYTES);
	if (!output_reserve(&encoding->output, bytes))
		return false;
	char *out = encoding->output.at;
	for (size_t i = 0; i < count; i++) {
		const struct exemplar *exemplar = exemplar_of_counter(&samples[i]);
		out = line_sample(out, &samples[i]);
		if (exemplar)
			out = line_exemplar(out, exemplar);
		*out++ = '\n';
		if (encoding->options->created && samples[i].created_ns)
			out = line_created(out, &samples[i], "_total");
	}
	encoding->output.at = out;
	return true;
}

static bool created_write(struct encoding *encoding, const struct snapshot_sample *sample)
{
	if (!encoding->options->created || !sample->created_ns)
		return true;
	if (!output_reserve(&encoding->output, sample->text_len + LINE_FIXED_BYTES))
		return false;
	encoding->output.at = line_created(encoding->output.at, sample, "");
	return true;
}

static bool histogram_write(struct encoding *encoding, const struct snapshot_sample *sample, struct ladder *ladder,
			    bool gauge)
{
	struct output *output = &encoding->output;
	uint64_t count;
	if (!lines_buckets(output, sample, ladder, true, &count) ||
	    !output_reserve(output, 2 * (size_t)(sample->text_len + LINE_FIXED_BYTES)))
		return false;
	double sum = sample->composite->has_sum ? number_as_f64(composite_sum(sample->composite)) : (double)NAN;
	if (ladder_negative(ladder) ? gauge && !isnan(sum) : sum >= 0) {
		struct number exact = composite_sum(sample->composite);
		char *out = line_number(output->at, sample, gauge ? "_gsum" : "_sum", exact);
		output->at = line_number(out, sample, gauge ? "_gcount" : "_count", number_u64(count));
	}
	return gauge || created_write(encoding, sample);
}

static bool summary_write(struct encoding *encoding, const struct snapshot_sample *sample)
{
	struct output *output = &encoding->output;
	const struct composite *value = sample->composite;
	if (!lines_quantiles(output, sample, true) ||
	    !output_reserve(output, 2 * (size_t)(sample->text_len + LINE_FIXED_BYTES)))
		return false;
	char *out = output->at;
	if (value->has_sum && number_as_f64(composite_sum(value)) >= 0)
		out = line_number(out, sample, "_sum", composite_sum(value));
	output->at = line_number(out, sample, "_count", number_u64(value->count));
	return created_write(encoding, sample);
}

static bool composites_write(struct encoding *encoding, const struct snapshot_family *family,
			     const struct sample_walk *walk, struct ladder *ladder)
{
	for (size_t i = 0; i < walk->count; i++) {
		const struct snapshot_sample *sample = &walk->samples[i];
		bool written;
		if (family->type == METRIC_SUMMARY)
			written = summary_write(encoding, sample);
		else if (family->type == METRIC_STATE_SET)
			written = lines_states(&encoding->output, family, sample);
		else
			written = histogram_write(encoding, sample, ladder, family->type == METRIC_GAUGE_HISTOGRAM);
		if (!written)
			return false;
	}
	return true;
}

/* Whether all samples of a batch can be what the family is. They are in the cache. */
static bool batch_fit(const struct snapshot_family *family, const struct sample_walk *walk)
{
	for (size_t i = 0; i < walk->count; i++) {
		const struct snapshot_sample *sample = &walk->samples[i];
		if (family->type == METRIC_SUMMARY ? !openmetrics_summary_fit(sample->composite)
						   : !openmetrics_number_fit(family->type, sample->number))
			return false;
	}
	return true;
}

/* Writes the samples until one does not fit: *fit is false then. */
static bool samples_write(struct encoding *encoding, const struct snapshot_family *family, bool *fit)
{
	struct sample_walk walk;
	struct ladder ladder;
	ladder_init(&ladder, true);
	sample_walk_init(&walk, encoding, family);
	while (sample_walk_next(&walk)) {
		bool written;
		*fit = batch_fit(family, &walk);
		if (!*fit)
			return true;
		if (walk.samples[0].composite)
			written = composites_write(encoding, family, &walk, &ladder);
		else if (family->type == METRIC_COUNTER)
			written = counters_write(encoding, walk.samples, walk.count);
		else
			written = lines_numbers(&encoding->output, walk.samples, walk.count);
		if (!written)
			return false;
	}
	return true;
}

/* ---- families as unknown ---------------------------------------------------------------------------------------- */

static bool numbers_write(struct encoding *encoding, const struct snapshot_family *family)
{
	struct sample_walk walk;
	sample_walk_init(&walk, encoding, family);
	while (sample_walk_next(&walk))
		if (!lines_numbers(&encoding->output, walk.samples, walk.count))
			return false;
	return true;
}

static bool quantiles_write(struct encoding *encoding, const struct snapshot_family *family)
{
	struct sample_walk walk;
	sample_walk_init(&walk, encoding, family);
	while (sample_walk_next(&walk))
		for (size_t i = 0; i < walk.count; i++)
			if (!lines_quantiles(&encoding->output, &walk.samples[i], true))
				return false;
	return true;
}

static bool sums_write(struct encoding *encoding, const struct snapshot_family *family, const char *suffix)
{
	struct sample_walk walk;
	bool counts = !strcmp(suffix, "_count");
	if (!openmetrics_metadata_write(&encoding->output, family, suffix, "unknown"))
		return false;
	sample_walk_init(&walk, encoding, family);
	while (sample_walk_next(&walk)) {
		for (size_t i = 0; i < walk.count; i++) {
			const struct snapshot_sample *sample = &walk.samples[i];
			if (!output_reserve(&encoding->output, sample->text_len + LINE_FIXED_BYTES))
				return false;
			if (!counts && !sample->composite->has_sum)
				continue;
			encoding->output.at = line_number(encoding->output.at, sample, suffix,
							  counts ? number_u64(sample->composite->count)
								 : composite_sum(sample->composite));
		}
	}
	return true;
}

static bool unknown_write(struct encoding *encoding, const struct snapshot_family *family)
{
	if (family->type == METRIC_SUMMARY)
		return openmetrics_metadata_write(&encoding->output, family, "", "unknown") &&
		       quantiles_write(encoding, family) && sums_write(encoding, family, "_count") &&
		       sums_write(encoding, family, "_sum");
	return openmetrics_metadata_write(&encoding->output, family,
					  family->type == METRIC_COUNTER ? "_total" : "_info", "unknown") &&
	       numbers_write(encoding, family);
}

bool openmetrics_family_write(struct encoding *encoding, const struct snapshot_family *family)
{
	size_t start = (size_t)(encoding->output.at - encoding->output.bytes);
	bool fit = true;
	if (!openmetrics_metadata_write(&encoding->output, family, "", openmetrics_type_word(family->type)) ||
	    !samples_write(encoding, family, &fit))
		return false;
	if (fit)
		return true;
	encoding->output.at = encoding->output.bytes + start;
	return unknown_write(encoding, family);
}
