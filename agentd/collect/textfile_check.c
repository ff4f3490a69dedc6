/* SPDX-License-Identifier: MIT */
/* The rules of OpenMetrics about samples of a family, and about families beside each other. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "textfile_private.h"

static const char *const type_suffixes[] = {
#define TEXTFILE_TYPE(name, openmetrics, prometheus, suffixes, ...) suffixes,
#include "textfile_types.def"
};

/* Goes through suffixes that each end with a blank: the next one's length. */
static const char *suffix_next(const char **list, size_t *len)
{
	const char *suffix = *list, *blank = strchr(suffix, ' ');
	if (!blank)
		return NULL;
	*len = (size_t)(blank - suffix);
	*list = blank + 1;
	return suffix;
}

const char *textfile_suffix(const struct textfile_family *family, const char *name)
{
	const char *list = type_suffixes[family->type], *suffix;
	size_t len, family_len = strlen(family->name);
	if (strncmp(name, family->name, family_len) != 0)
		return NULL;
	name += family_len;
	while ((suffix = suffix_next(&list, &len)))
		if (strlen(name) == len && !memcmp(name, suffix, len))
			return name;
	return NULL;
}

/* ---- one sample ------------------------------------------------------------------------------------------------- */

static bool is_one_of(const char *suffix, const char *const *suffixes)
{
	for (; *suffixes; suffixes++)
		if (!strcmp(suffix, *suffixes))
			return true;
	return false;
}

static bool is_integer(double value)
{
	return isfinite(value) && value == trunc(value);
}

/* The bound of a bucket or a quantile; infinity is to be written "+Inf". */
static bool bound_parse(const char *label, double *bound)
{
	if (!label)
		return false;
	char *at = (char *)(uintptr_t)label; /* only read */
	struct text text = {at, at + strlen(label)};
	return textfile_number(&text, bound) && text.at == text.end && !isnan(*bound) &&
	       (!isinf(*bound) || *bound < 0 || !strcmp(label, "+Inf"));
}

static textfile_reason labels_check(const struct textfile_document *document, const struct textfile_family *family,
				    const struct textfile_sample *sample, const char *suffix)
{
	double bound;
	if (family->type == TEXTFILE_STATESET && !textfile_label(document, sample, family->name))
		return "a sample of a stateset lacks the label named like the family";
	if (!strcmp(suffix, "_bucket") && !bound_parse(textfile_label(document, sample, "le"), &bound))
		return "a bucket lacks its label le, or it is not a number in its usual form";
	if (family->type == TEXTFILE_SUMMARY && !*suffix &&
	    (!bound_parse(textfile_label(document, sample, "quantile"), &bound) || bound < 0 || bound > 1))
		return "a quantile lacks its label quantile, or it is not between 0 and 1";
	return NULL;
}

static textfile_reason value_check(const struct textfile_family *family, const struct textfile_sample *sample,
				   const char *suffix)
{
	static const char *const integers[] = {"_bucket", "_count", "_gcount", NULL};
	static const char *const counted[] = {"_total", "_sum", "_count", "_bucket", "_gcount", NULL};
	double value = sample->value;
	if (is_one_of(suffix, integers) && !is_integer(value))
		return "a bucket or a count is not an integer";
	if (isnan(value) && (is_one_of(suffix, counted) || !strcmp(suffix, "_gsum")))
		return "what counts is not a number";
	if (value < 0 && is_one_of(suffix, counted))
		return "what counts is negative";
	if (family->type == TEXTFILE_SUMMARY && !*suffix && value < 0)
		return "a quantile's value is negative";
	if (family->type == TEXTFILE_STATESET && value != 0 && value != 1)
		return "a stateset's value is neither 0 nor 1";
	if (family->type == TEXTFILE_INFO && value != 1)
		return "an info's value is not 1";
	return NULL;
}

static textfile_reason sample_check(struct textfile_document *document, const struct textfile_family *family,
				    const struct textfile_sample *sample)
{
	const char *suffix = textfile_suffix(family, sample->name);
	textfile_reason reason = labels_check(document, family, sample, suffix);
	if (!reason)
		reason = value_check(family, sample, suffix);
	bool buckets = family->type == TEXTFILE_HISTOGRAM || family->type == TEXTFILE_GAUGEHISTOGRAM;
	if (!reason && sample->exemplar && !(buckets && !strcmp(suffix, "_bucket")) &&
	    !(family->type == TEXTFILE_COUNTER && !strcmp(suffix, "_total")))
		reason = "an exemplar is on a sample that may have none";
	return reason;
}

/* ---- groups: samples of one metric ------------------------------------------------------------------------------ */

/* The label that tells samples of one metric apart, or "". */
static const char *own_label(const struct textfile_family *family, const struct textfile_sample *sample)
{
	const char *suffix = sample->name + strlen(family->name);
	switch (family->type) {
	case TEXTFILE_STATESET:
		return family->name;
	case TEXTFILE_SUMMARY:
		return *suffix ? "" : "quantile";
	case TEXTFILE_HISTOGRAM:
	case TEXTFILE_GAUGEHISTOGRAM:
		return strcmp(suffix, "_bucket") ? "" : "le";
	default:
		return "";
	}
}

/* NULL for a sample without labels: a document may have no array of them. */
static const struct label *labels_of(const struct textfile_document *document, const struct textfile_sample *sample)
{
	return sample->label_count ? document->labels + sample->labels_first : NULL;
}

/* Labels in their order, without those of the names `skip_a` and `skip_b`. */
static int labels_compare(const struct textfile_document *document, const struct textfile_sample *a, const char *skip_a,
			  const struct textfile_sample *b, const char *skip_b)
{
	const struct label *of_a = labels_of(document, a), *of_b = labels_of(document, b);
	size_t i = 0, j = 0;
	for (;; i++, j++) {
		if (i < a->label_count && !strcmp(of_a[i].name, skip_a))
			i++;
		if (j < b->label_count && !strcmp(of_b[j].name, skip_b))
			j++;
		if (i >= a->label_count || j >= b->label_count)
			return (i < a->label_count) - (j < b->label_count);
		int order = strcmp(of_a[i].name, of_b[j].name);
		if (!order)
			order = strcmp(of_a[i].value, of_b[j].value);
		if (order)
			return order;
	}
}

static int group_compare(const struct textfile_document *document, const struct textfile_family *family,
			 const struct textfile_sample *a, const struct textfile_sample *b)
{
	if (family->type == TEXTFILE_INFO)
		return 0; /* infos cannot be told apart */
	return labels_compare(document, a, own_label(family, a), b, own_label(family, b));
}

int textfile_sample_compare(const struct textfile_document *document, const struct textfile_sample *a,
			    const struct textfile_sample *b)
{
	int order = strcmp(a->name, b->name);
	return order ? order : labels_compare(document, a, "", b, "");
}

/* What qsort_r(3) needs. */
struct sorting {
	const struct textfile_document *document;
	const struct textfile_family *family;
};

static int group_order(const void *a, const void *b, void *context)
{
	const struct sorting *sorting = context;
	const struct textfile_sample *samples = sorting->document->samples;
	return group_compare(sorting->document, sorting->family, &samples[*(const size_t *)a],
			     &samples[*(const size_t *)b]);
}

static int series_order(const void *a, const void *b, void *context)
{
	const struct sorting *sorting = context;
	const struct textfile_sample *samples = sorting->document->samples;
	return textfile_sample_compare(sorting->document, &samples[*(const size_t *)a], &samples[*(const size_t *)b]);
}

static textfile_reason timestamps_check(const struct textfile_family *family, const struct textfile_sample *previous,
					const struct textfile_sample *sample)
{
	if (previous->timestamped != sample->timestamped)
		return "only some samples of a metric have timestamps";
	if (sample->timestamped && sample->timestamp < previous->timestamp && family->type != TEXTFILE_INFO)
		return "timestamps of a metric go backwards";
	return NULL;
}

/* Samples of one metric stand together. `runs` has room for all. */
static textfile_reason groups_check(struct textfile_document *document, const struct textfile_family *family,
				    size_t *runs)
{
	const struct textfile_sample *samples = document->samples;
	struct sorting sorting = {document, family};
	size_t count = 0, end = family->sample_first + family->sample_count;
	for (size_t i = family->sample_first; i < end; i++) {
		if (i == family->sample_first || group_compare(document, family, &samples[i - 1], &samples[i])) {
			runs[count++] = i;
			continue;
		}
		textfile_reason reason = timestamps_check(family, &samples[i - 1], &samples[i]);
		if (reason)
			return reason;
	}
	qsort_r(runs, count, sizeof(runs[0]), group_order, &sorting);
	for (size_t i = 1; i < count; i++)
		if (!group_order(&runs[i - 1], &runs[i], &sorting))
			return "samples of one metric do not stand together";
	return NULL;
}

/* ---- histograms ------------------------------------------------------------------------------------------------- */

struct histogram {
	bool bucketed, counted, summed, gauge_summed;
	bool negative_bound, negative_sum;
	double bound, value, count;
};

static textfile_reason histogram_end(const struct histogram *histogram)
{
	bool summed = histogram->summed || histogram->gauge_summed;
	if (!histogram->bucketed || !isinf(histogram->bound) || histogram->bound < 0)
		return "a histogram has no bucket +Inf";
	if (histogram->counted && histogram->count != histogram->value)
		return "a histogram's count is not that of its bucket +Inf";
	if (summed && !histogram->counted)
		return "a histogram has a sum but no count";
	if (!summed && histogram->counted)
		return "a histogram has a count but no sum";
	if (histogram->negative_bound && histogram->summed)
		return "a histogram with negative buckets has a sum";
	if (!histogram->negative_bound && histogram->negative_sum)
		return "a gauge histogram without negative buckets has a negative sum";
	return NULL;
}

static textfile_reason histogram_add(const struct textfile_document *document, struct histogram *histogram,
				     const struct textfile_sample *sample, const char *suffix)
{
	if (!strcmp(suffix, "_count") || !strcmp(suffix, "_gcount")) {
		histogram->counted = true;
		histogram->count = sample->value;
	} else if (!strcmp(suffix, "_sum")) {
		histogram->summed = true;
	} else if (!strcmp(suffix, "_gsum")) {
		histogram->gauge_summed = true;
		histogram->negative_sum = sample->value < 0;
	}
	if (strcmp(suffix, "_bucket") != 0)
		return NULL;
	double bound = 0;
	bound_parse(textfile_label(document, sample, "le"), &bound); /* it was checked before */
	if (histogram->bucketed && bound <= histogram->bound)
		return "buckets do not stand in ascending order";
	if (histogram->bucketed && sample->value < histogram->value)
		return "a bucket has less than the one before it";
	histogram->bucketed = true;
	histogram->negative_bound |= bound < 0;
	histogram->bound = bound;
	histogram->value = sample->value;
	return NULL;
}

static textfile_reason histograms_check(const struct textfile_document *document, const struct textfile_family *family)
{
	struct histogram histogram = {.bucketed = false};
	textfile_reason reason = NULL;
	if (!family->sample_count)
		return NULL;
	const struct textfile_sample *samples = document->samples + family->sample_first;
	for (size_t i = 0; i < family->sample_count && !reason; i++) {
		if (i && (group_compare(document, family, &samples[i - 1], &samples[i]) ||
			  samples[i - 1].timestamped != samples[i].timestamped ||
			  samples[i - 1].timestamp != samples[i].timestamp)) {
			reason = histogram_end(&histogram);
			histogram = (struct histogram){.bucketed = false};
		}
		if (!reason)
			reason = histogram_add(document, &histogram, &samples[i],
					       samples[i].name + strlen(family->name));
	}
	return reason ? reason : histogram_end(&histogram);
}

/* ---- families --------------------------------------------------------------------------------------------------- */

textfile_reason textfile_check_family(struct textfile_document *document, const struct textfile_family *family)
{
	bool stateless = family->type == TEXTFILE_INFO || family->type == TEXTFILE_STATESET;
	uint32_t line = document->line;
	document->line = family->line;
	if (stateless && family->unit && *family->unit)
		return "an info or a stateset has a unit";
	for (size_t i = 0; i < family->sample_count; i++) {
		const struct textfile_sample *sample = &document->samples[family->sample_first + i];
		document->line = sample->line;
		textfile_reason reason = sample_check(document, family, sample);
		if (reason)
			return reason;
	}
	document->line = family->line;
	size_t *runs = calloc(family->sample_count + 1, sizeof(*runs));
	if (!runs)
		return "out of memory";
	textfile_reason reason = groups_check(document, family, runs);
	free(runs);
	if (!reason && (family->type == TEXTFILE_HISTOGRAM || family->type == TEXTFILE_GAUGEHISTOGRAM))
		reason = histograms_check(document, family);
	if (!reason)
		document->line = line;
	return reason;
}

struct name {
	const char *name, *suffix;
	size_t name_len, suffix_len, family;
};

static char name_at(const struct name *name, size_t i)
{
	return i < name->name_len                      ? name->name[i]
	       : i < name->name_len + name->suffix_len ? name->suffix[i - name->name_len]
						       : '\0';
}

static int name_order(const void *a, const void *b)
{
	for (size_t i = 0;; i++) {
		char of_a = name_at(a, i), of_b = name_at(b, i);
		if (of_a != of_b || !of_a)
			return (of_a > of_b) - (of_a < of_b);
	}
}

/* A family takes its own name and those with its type's suffixes; no two families may take one name. */
textfile_reason textfile_check_names(struct textfile_document *document, struct textfile_mark mark)
{
	enum { NAMES_MAX = 5 };
	struct name *names = calloc((document->family_count - mark.families) * NAMES_MAX + 1, sizeof(*names));
	size_t count = 0;
	textfile_reason reason = NULL;
	if (!names)
		return "out of memory";
	for (size_t i = mark.families; i < document->family_count; i++) {
		const struct textfile_family *family = &document->families[i];
		const char *list = type_suffixes[family->type], *suffix;
		size_t len, name_len = strlen(family->name);
		names[count++] = (struct name){family->name, "", name_len, 0, i};
		while ((suffix = suffix_next(&list, &len)))
			if (len)
				names[count++] = (struct name){family->name, suffix, name_len, len, i};
	}
	qsort(names, count, sizeof(names[0]), name_order);
	for (size_t i = 1; i < count && !reason; i++) {
		if (name_order(&names[i - 1], &names[i]))
			continue;
		reason = "two families take the same name, or samples of one family do not stand together";
		size_t later = names[i].family > names[i - 1].family ? names[i].family : names[i - 1].family;
		document->line = document->families[later].line;
	}
	free(names);
	return reason;
}

textfile_reason textfile_check_series(struct textfile_document *document, struct textfile_mark mark)
{
	struct sorting sorting = {document, NULL};
	size_t count = document->sample_count - mark.samples, *order = calloc(count + 1, sizeof(*order));
	textfile_reason reason = NULL;
	if (!order)
		return "out of memory";
	for (size_t i = 0; i < count; i++)
		order[i] = mark.samples + i;
	qsort_r(order, count, sizeof(order[0]), series_order, &sorting);
	for (size_t i = 1; i < count && !reason; i++) {
		const struct textfile_sample *a = &document->samples[order[i - 1]], *b = &document->samples[order[i]];
		if (a->timestamped || series_order(&order[i - 1], &order[i], &sorting))
			continue;
		reason = "a series is given twice";
		document->line = a->line > b->line ? a->line : b->line;
	}
	free(order);
	return reason;
}
