/* SPDX-License-Identifier: MIT */
/* Prometheus protobuf: delimited io.prometheus.client.MetricFamily messages. Source: client_model, metrics.proto.
 *
 * Messages are written forwards with room for a length of the usual size, which is filled in at the end. Infos and
 * state sets have no type of their own here and go as gauges. Where a histogram has both kinds of buckets, its count is
 * that of the native ones, as receivers demand; classic counts that are ahead of it are cut.
 */
#include <assert.h>
#include <math.h>

#include "encoder.h"
#include "exemplars.h"
#include "label_text.h"
#include "native.h"
#include "wire.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "doubles are written in the order of the machine");

#define NS_PER_S 1000000000u

enum family_field { FAMILY_NAME = 1, FAMILY_HELP = 2, FAMILY_TYPE = 3, FAMILY_METRIC = 4, FAMILY_UNIT = 5 };
enum family_type {
	TYPE_COUNTER = 0,
	TYPE_GAUGE = 1,
	TYPE_SUMMARY = 2,
	TYPE_UNTYPED = 3,
	TYPE_HISTOGRAM = 4,
	TYPE_GAUGE_HISTOGRAM = 5
};
enum metric_field {
	METRIC_FIELD_LABEL = 1,
	METRIC_FIELD_GAUGE = 2,
	METRIC_FIELD_COUNTER = 3,
	METRIC_FIELD_SUMMARY = 4,
	METRIC_FIELD_UNTYPED = 5,
	METRIC_FIELD_HISTOGRAM = 7
};
enum label_field { LABEL_NAME = 1, LABEL_VALUE = 2 };
enum value_field { VALUE = 1, COUNTER_EXEMPLAR = 2, COUNTER_CREATED = 3 };
enum summary_field { SUMMARY_COUNT = 1, SUMMARY_SUM = 2, SUMMARY_QUANTILE = 3, SUMMARY_CREATED = 4 };
enum quantile_field { QUANTILE = 1, QUANTILE_VALUE = 2 };
enum histogram_field {
	HISTOGRAM_COUNT = 1,
	HISTOGRAM_SUM = 2,
	HISTOGRAM_BUCKET = 3,
	HISTOGRAM_SCHEMA = 5,
	HISTOGRAM_ZERO_THRESHOLD = 6,
	HISTOGRAM_ZERO_COUNT = 7,
	HISTOGRAM_NEGATIVE_SPAN = 9,
	HISTOGRAM_NEGATIVE_DELTA = 10,
	HISTOGRAM_POSITIVE_SPAN = 12,
	HISTOGRAM_POSITIVE_DELTA = 13,
	HISTOGRAM_CREATED = 15,
	HISTOGRAM_EXEMPLAR = 16
};
enum bucket_field { BUCKET_COUNT = 1, BUCKET_BOUND = 2, BUCKET_EXEMPLAR = 3 };
enum span_field { SPAN_OFFSET = 1, SPAN_LENGTH = 2 };
enum exemplar_field { EXEMPLAR_LABEL = 1, EXEMPLAR_VALUE = 2, EXEMPLAR_TIME = 3 };
enum time_field { TIME_SECONDS = 1, TIME_NANOS = 2 };

/* How a type is sent: TYPE_, the field of a metric's value, what follows the family's name. */
static const struct type_facts {
	enum family_type type;
	enum metric_field value;
	const char *suffix;
} types[] = {
	[METRIC_UNKNOWN] = {TYPE_UNTYPED, METRIC_FIELD_UNTYPED, ""},
	[METRIC_GAUGE] = {TYPE_GAUGE, METRIC_FIELD_GAUGE, ""},
	[METRIC_COUNTER] = {TYPE_COUNTER, METRIC_FIELD_COUNTER, "_total"},
	[METRIC_HISTOGRAM] = {TYPE_HISTOGRAM, METRIC_FIELD_HISTOGRAM, ""},
	[METRIC_GAUGE_HISTOGRAM] = {TYPE_GAUGE_HISTOGRAM, METRIC_FIELD_HISTOGRAM, ""},
	[METRIC_SUMMARY] = {TYPE_SUMMARY, METRIC_FIELD_SUMMARY, ""},
	[METRIC_INFO] = {TYPE_GAUGE, METRIC_FIELD_GAUGE, "_info"},
	[METRIC_STATE_SET] = {TYPE_GAUGE, METRIC_FIELD_GAUGE, ""},
};

/* What a message takes at most, beside labels. A label of n bytes of text takes less than 3n: `a="",` becomes 7. */
#define METRIC_FIXED_BYTES 256u
#define EXEMPLAR_FIXED_BYTES 64u
#define PART_BYTES 40u

/* ---- parts of metrics ------------------------------------------------------------------------------------------- */

/* Copies a few bytes of a text that goes on up to `end`, eight at a time: what is too much lies in reserved room and is
 * written over. */
static inline char *text_copy(char *out, const char *text, size_t len, const char *end)
{
	if (!end || (size_t)(end - text) < len + 8)
		return mempcpy(out, text, len);
	for (size_t i = 0; i < len; i += 8)
		memcpy(out + i, text + i, 8);
	return out + len;
}

/* `end` is that of the text in which the label stands; NULL if there is none. */
static inline char *label_write(char *out, unsigned field, const struct label_text *label, const char *end)
{
	size_t value_len = label->value_len - label->escapes;
	size_t len = 2 + varint_bytes(label->name_len) + label->name_len + varint_bytes(value_len) + value_len;
	out = varint_write(tag_write(out, field, WIRE_LEN), len);
	out = varint_write(tag_write(out, LABEL_NAME, WIRE_LEN), label->name_len);
	out = text_copy(out, label->name, label->name_len, end);
	out = varint_write(tag_write(out, LABEL_VALUE, WIRE_LEN), value_len);
	if (label->escapes)
		return label_value_unescape(out, label);
	return text_copy(out, label->value, value_len, end);
}

static char *labels_write(char *out, unsigned field, const char *at, const char *end)
{
	struct label_text label;
	while (label_text_next(&at, end, &label))
		out = label_write(out, field, &label, end);
	return out;
}

static char *sample_labels_write(char *out, const struct snapshot_sample *sample)
{
	if (sample->text_len == sample->name_len)
		return out;
	/* without the braces */
	return labels_write(out, METRIC_FIELD_LABEL, sample->text + sample->name_len + 1,
			    sample->text + sample->text_len - 1);
}

static char *time_write(char *out, unsigned field, int64_t time_ns)
{
	char *start = message_open(out, field);
	uint64_t time = time_ns > 0 ? (uint64_t)time_ns : 0;
	out = uint_write(start + 1, TIME_SECONDS, time / NS_PER_S);
	out = uint_write(out, TIME_NANOS, time % NS_PER_S);
	return message_close(start, out, 1);
}

static char *created_write(char *out, unsigned field, const struct snapshot_sample *sample)
{
	return sample->created_ns ? time_write(out, field, (int64_t)sample->created_ns) : out;
}

static char *exemplar_write(char *out, unsigned field, const struct exemplar *exemplar)
{
	char *start = message_open(out, field);
	out = labels_write(start + 1, EXEMPLAR_LABEL, exemplar->labels, exemplar->labels + exemplar->labels_len);
	out = double_write(out, EXEMPLAR_VALUE, exemplar->value);
	if (exemplar->time_ns > 0)
		out = time_write(out, EXEMPLAR_TIME, exemplar->time_ns);
	return message_close(start, out, 1);
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

static char *number_write(char *out, enum metric_type type, const struct snapshot_sample *sample)
{
	char *start = message_open(out, types[type].value);
	out = double_write(start + 1, VALUE, number_as_f64(sample->number));
	if (type == METRIC_COUNTER) {
		const struct exemplar *exemplar = exemplar_of_counter(sample);
		if (exemplar)
			out = exemplar_write(out, COUNTER_EXEMPLAR, exemplar);
		out = created_write(out, COUNTER_CREATED, sample);
	}
	return message_close(start, out, 1);
}

static char *summary_write(char *out, const struct snapshot_sample *sample)
{
	const struct composite *value = sample->composite;
	char *start = message_open(out, METRIC_FIELD_SUMMARY);
	out = uint_write(start + 1, SUMMARY_COUNT, value->count);
	if (value->has_sum)
		out = double_write(out, SUMMARY_SUM, number_as_f64(composite_sum(value)));
	for (uint32_t i = 0; i < value->shape->bound_count; i++) {
		double quantile;
		memcpy(&quantile, &value->parts[i], sizeof(quantile));
		char *message = message_open(out, SUMMARY_QUANTILE);
		out = double_write(message + 1, QUANTILE, value->shape->bounds[i]);
		out = message_close(message, double_write(out, QUANTILE_VALUE, quantile), 1);
	}
	return message_close(start, created_write(out, SUMMARY_CREATED, sample), 1);
}

static char *bucket_write(char *out, uint64_t count, double bound, const struct exemplar *exemplar)
{
	char *start = message_open(out, HISTOGRAM_BUCKET);
	out = uint_write(start + 1, BUCKET_COUNT, count);
	out = double_write(out, BUCKET_BOUND, bound);
	if (exemplar)
		out = exemplar_write(out, BUCKET_EXEMPLAR, exemplar);
	return message_close(start, out, 1);
}

static char *classic_write(char *out, const struct snapshot_sample *sample, struct ladder *ladder, uint64_t count)
{
	const struct composite *value = sample->composite;
	uint64_t cumulative = 0;
	uint32_t next = 0;
	ladder_set(ladder, value->shape);
	for (uint32_t i = 0; i < value->shape->classic_count; i++) {
		bool last = i == value->shape->bound_count;
		cumulative += value->parts[i];
		out = bucket_write(out, last || cumulative > count ? count : cumulative,
				   last ? (double)INFINITY : value->shape->bounds[i],
				   exemplar_of_bucket(sample, ladder, i, &next));
	}
	return out;
}

static char *span_write(char *out, unsigned field, int32_t offset, uint32_t length)
{
	char *start = message_open(out, field);
	out = uint_write(start + 1, SPAN_OFFSET, zigzag(offset));
	return message_close(start, uint_write(out, SPAN_LENGTH, length), 1);
}

/* The buckets of one sign: spans, and counts as differences from the one before. */
static char *native_sign_write(char *out, struct native_walk walk, unsigned span_field, unsigned delta_field)
{
	struct native_walk buckets = walk;
	struct native_bucket bucket;
	uint64_t before = 0;
	int32_t offset;
	uint32_t length;
	char *spans = out;
	while (native_next_span(&walk, &offset, &length))
		out = span_write(out, span_field, offset, length);
	if (out == spans)
		return out;
	char *start = message_open(out, delta_field);
	out = start + 1;
	while (native_next(&buckets, &bucket)) {
		out = varint_write(out, zigzag((int64_t)(bucket.count - before)));
		before = bucket.count;
	}
	return message_close(start, out, 1);
}

static char *native_write(char *out, const struct composite *value)
{
	const struct shape_native *buckets = &value->shape->buckets;
	uint64_t zero_count = value->parts[shape_zero(value->shape)];
	out = uint_write(out, HISTOGRAM_SCHEMA, zigzag(buckets->schema));
	out = double_write(out, HISTOGRAM_ZERO_THRESHOLD, buckets->zero_threshold);
	out = uint_write(out, HISTOGRAM_ZERO_COUNT, zero_count);
	char *spans = out;
	out = native_sign_write(out, native_negative(value), HISTOGRAM_NEGATIVE_SPAN, HISTOGRAM_NEGATIVE_DELTA);
	out = native_sign_write(out, native_positive(value), HISTOGRAM_POSITIVE_SPAN, HISTOGRAM_POSITIVE_DELTA);
	/* Without any of these it would be read as a classic histogram. */
	if (out == spans && !zero_count && !(buckets->zero_threshold > 0))
		out = span_write(out, HISTOGRAM_POSITIVE_SPAN, 0, 0);
	return out;
}

static char *histogram_write(char *out, enum metric_type type, const struct snapshot_sample *sample,
			     struct ladder *ladder)
{
	const struct composite *value = sample->composite;
	const struct shape *shape = value->shape;
	char *start = message_open(out, METRIC_FIELD_HISTOGRAM);
	uint64_t count = shape->native ? composite_native_count(value) : composite_classic_count(value);
	out = uint_write(start + 2, HISTOGRAM_COUNT, count);
	if (value->has_sum)
		out = double_write(out, HISTOGRAM_SUM, number_as_f64(composite_sum(value)));
	if (shape->classic)
		out = classic_write(out, sample, ladder, count);
	if (shape->native)
		out = native_write(out, value);
	if (type == METRIC_HISTOGRAM)
		out = created_write(out, HISTOGRAM_CREATED, sample);
	/* Those of native buckets must have a time. */
	for (uint32_t i = 0; !shape->classic && i < sample->exemplar_count; i++)
		if (sample->exemplars[i].time_ns > 0 && exemplar_fit(&sample->exemplars[i]))
			out = exemplar_write(out, HISTOGRAM_EXEMPLAR, &sample->exemplars[i]);
	return message_close(start, out, 2);
}

/* ---- metrics ---------------------------------------------------------------------------------------------------- */

static bool numbers_write(struct output *output, enum metric_type type, const struct sample_walk *walk)
{
	size_t bytes = 0;
	for (size_t i = 0; i < walk->count; i++)
		bytes += 3 * (size_t)walk->samples[i].text_len + METRIC_FIXED_BYTES +
			 3 * exemplars_bytes(&walk->samples[i], EXEMPLAR_FIXED_BYTES);
	if (!output_reserve(output, bytes))
		return false;
	char *out = output->at;
	for (size_t i = 0; i < walk->count; i++) {
		char *start = message_open(out, FAMILY_METRIC);
		out = sample_labels_write(start + 1, &walk->samples[i]);
		out = message_close(start, number_write(out, type, &walk->samples[i]), 1);
	}
	output->at = out;
	return true;
}

/* A state set: a gauge for each state, with a label of the family's name. */
static bool states_write(struct output *output, const struct snapshot_family *family,
			 const struct snapshot_sample *sample)
{
	const struct shape *shape = sample->composite->shape;
	for (uint32_t i = 0; i < shape->bound_count; i++) {
		struct snapshot_sample state = {
			.number = {.type = NUMBER_U64, .u64 = sample->composite->parts[0] >> i & 1}};
		const char *text = shape->bound_text[i];
		struct label_text label = {.name = family->name,
					   .value = text,
					   .name_len = strlen(family->name),
					   .value_len = strlen(text)};
		for (const char *at = text; *at; at += *at == '\\' ? 2 : 1)
			label.escapes += *at == '\\';
		if (!output_reserve(output, 3 * (size_t)sample->text_len + label.name_len + label.value_len +
						    METRIC_FIXED_BYTES))
			return false;
		char *start = message_open(output->at, FAMILY_METRIC);
		char *out = label_write(sample_labels_write(start + 1, sample), METRIC_FIELD_LABEL, &label, NULL);
		output->at = message_close(start, number_write(out, METRIC_GAUGE, &state), 1);
	}
	return true;
}

static bool composite_write(struct output *output, const struct snapshot_family *family,
			    const struct snapshot_sample *sample, struct ladder *ladder)
{
	if (family->type == METRIC_STATE_SET)
		return states_write(output, family, sample);
	if (!output_reserve(output, 3 * (size_t)sample->text_len + METRIC_FIXED_BYTES +
					    (size_t)sample->composite->shape->part_count * PART_BYTES +
					    3 * exemplars_bytes(sample, EXEMPLAR_FIXED_BYTES)))
		return false;
	char *start = message_open(output->at, FAMILY_METRIC);
	char *out = sample_labels_write(start + 2, sample);
	out = family->type == METRIC_SUMMARY ? summary_write(out, sample)
					     : histogram_write(out, family->type, sample, ladder);
	output->at = message_close(start, out, 2);
	return true;
}

/* ---- families --------------------------------------------------------------------------------------------------- */

static char *family_head_write(char *out, const struct snapshot_family *family)
{
	size_t name_len = strlen(family->name);
	const char *suffix = types[family->type].suffix;
	out = varint_write(tag_write(out, FAMILY_NAME, WIRE_LEN), name_len + strlen(suffix));
	out = stpcpy(mempcpy(out, family->name, name_len), suffix);
	if (*family->help)
		out = bytes_write(out, FAMILY_HELP, family->help, strlen(family->help));
	return uint_write(out, FAMILY_TYPE, types[family->type].type);
}

static bool metrics_write(struct encoding *encoding, const struct snapshot_family *family)
{
	struct sample_walk walk;
	struct ladder ladder;
	ladder_init(&ladder, false);
	sample_walk_init(&walk, encoding, family);
	while (sample_walk_next(&walk)) {
		bool written = true;
		if (!walk.samples[0].composite)
			written = numbers_write(&encoding->output, family->type, &walk);
		for (size_t i = 0; written && walk.samples[0].composite && i < walk.count; i++)
			written = composite_write(&encoding->output, family, &walk.samples[i], &ladder);
		if (!written)
			return false;
	}
	return true;
}

/* How many bytes the length of a family will take: a wrong guess costs that the family is moved. */
static unsigned length_width(const struct encoding *encoding, const struct snapshot_family *family)
{
	size_t sample_bytes = 24 + snapshot_text_bytes(encoding->snapshot) / snapshot_sample_count(encoding->snapshot);
	return varint_bytes(strlen(family->name) + strlen(family->help) + family->count * sample_bytes);
}

bool protobuf_family_write(struct encoding *encoding, const struct snapshot_family *family)
{
	struct output *output = &encoding->output;
	size_t start = (size_t)(output->at - output->bytes);
	unsigned width = length_width(encoding, family);
	size_t head = strlen(family->name) + strlen(family->help) + strlen(family->unit) + METRIC_FIXED_BYTES;
	if (!output_reserve(output, head))
		return false;
	output->at = family_head_write(output->at + width, family);
	if (!metrics_write(encoding, family) || !output_reserve(output, strlen(family->unit) + METRIC_FIXED_BYTES))
		return false;
	if (family_unit_fit(family))
		output->at = bytes_write(output->at, FAMILY_UNIT, family->unit, strlen(family->unit));
	output->at = message_close(output->bytes + start, output->at, width);
	return true;
}
