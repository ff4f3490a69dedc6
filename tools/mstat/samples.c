/* SPDX-License-Identifier: MIT */
/* Series with their values. See samples.h. */
#include <stdlib.h>
#include <string.h>

#include "snapshot/number.h"
#include "report.h"
#include "samples.h"

/* Text of a sample that came from a segment; quotes as in the exposition. */
static char *sample_text(const char *name, const struct label *labels, size_t count)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = need(open_memstream(&text, &size));
	fputs(name, out);
	for (size_t i = 0; i < count; i++) {
		fprintf(out, "%s%s=\"", i ? "," : "{", labels[i].name);
		for (const char *at = labels[i].value; *at; at++) {
			if (*at == '\\' || *at == '"')
				fputc('\\', out);
			fputs(*at == '\n' ? "\\n" : (char[2]){*at, '\0'}, out);
		}
		fputc('"', out);
	}
	if (count)
		fputc('}', out);
	return fclose(out) == 0 ? text : need(NULL);
}

static int label_compare(const void *a, const void *b)
{
	return strcmp(((const struct label *)a)->name, ((const struct label *)b)->name);
}

static struct sample *sample_add(struct sample_list *list, const char *name, const struct label *labels, size_t count)
{
	list->items = need_room(list->items, list->count, &list->capacity, sizeof(*list->items));
	struct sample *sample = &list->items[list->count++];
	*sample = (struct sample){.name = need_strdup(name), .label_count = count};
	sample->labels = need(calloc(count + 1, sizeof(*sample->labels)));
	for (size_t i = 0; i < count; i++) {
		sample->labels[i].name = need_strdup(labels[i].name);
		sample->labels[i].value = need_strdup(labels[i].value);
	}
	return sample;
}

static int sample_compare(const void *a, const void *b)
{
	const struct sample *one = a, *other = b;
	int order = strcmp(one->text, other->text);
	return order || !one->file || !other->file ? order : strcmp(one->file, other->file);
}

static void samples_sort(struct sample_list *list)
{
	if (list->count)
		qsort(list->items, list->count, sizeof(*list->items), sample_compare);
}

void samples_free(struct sample_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct sample *sample = &list->items[i];
		for (size_t k = 0; k < sample->label_count; k++) {
			free((char *)sample->labels[k].name);
			free((char *)sample->labels[k].value);
		}
		free(sample->labels);
		free(sample->name);
		free(sample->text);
		free(sample->file);
		distribution_free(sample->distribution);
	}
	free(list->items);
	*list = (struct sample_list){0};
}

/* ---- of a snapshot ---- */

/* A sample's labels, unescaped; all of their text lies in `text`. Buffers grow to the longest sample. */
struct label_buffer {
	struct label *labels;
	size_t count;
	size_t capacity;
	char *text;
	size_t text_bytes;
};

static void labels_parse(struct label_buffer *buffer, const struct snapshot_sample *sample)
{
	/* Unescaped text is no longer than the escaped one; each label's quotes and "=" make room for its two NULs. */
	size_t need_bytes = (size_t)sample->text_len + 2, used = 0, cursor = 0;
	if (buffer->text_bytes < need_bytes) {
		buffer->text_bytes = need_bytes * 2;
		buffer->text = need(realloc(buffer->text, buffer->text_bytes));
	}
	char *name = need(malloc(need_bytes)), *value = need(malloc(need_bytes));
	buffer->count = 0;
	while (snapshot_label_next(sample, &cursor, name, need_bytes, value, need_bytes)) {
		size_t name_bytes = strlen(name) + 1, value_bytes = strlen(value) + 1;
		if (name_bytes + value_bytes > buffer->text_bytes - used)
			break;
		buffer->labels = need_room(buffer->labels, buffer->count, &buffer->capacity, sizeof(*buffer->labels));
		char *place = buffer->text + used;
		memcpy(place, name, name_bytes);
		memcpy(place + name_bytes, value, value_bytes);
		buffer->labels[buffer->count++] = (struct label){place, place + name_bytes};
		used += name_bytes + value_bytes;
	}
	free(name);
	free(value);
}

/* What stands in a label's quotes, as it was before. */
static char *value_unescaped(const char *escaped)
{
	char *value = need_strdup(escaped), *out = value;
	for (const char *at = escaped; *at; at++) {
		if (*at == '\\' && at[1])
			*out++ = *++at == 'n' ? '\n' : *at;
		else
			*out++ = *at;
	}
	*out = '\0';
	return value;
}

/* One sample a state, with the state under the family's own name; the labels stay in order of their names, as in the
 * segments' view. */
static void states_add(struct sample_list *list, const struct snapshot_family *family, const struct shape *shape,
		       uint64_t states, const struct label_buffer *buffer, const struct query *query)
{
	struct label *labels = need(calloc(buffer->count + 1, sizeof(*labels)));
	for (uint32_t i = 0; i < shape->bound_count; i++) {
		char *state = value_unescaped(shape->bound_text[i]);
		memcpy(labels, buffer->labels, buffer->count * sizeof(*labels));
		labels[buffer->count] = (struct label){family->name, state};
		if (query_matches(query, family->name, family->name, labels, buffer->count + 1)) {
			struct sample *sample = sample_add(list, family->name, labels, buffer->count + 1);
			qsort(sample->labels, sample->label_count, sizeof(*sample->labels), label_compare);
			sample->text = sample_text(sample->name, sample->labels, sample->label_count);
			sample->type = METRIC_STATE_SET;
			sample->number = (struct number){.type = NUMBER_U64, .u64 = states >> i & 1};
		}
		free(state);
	}
	free(labels);
}

static void sample_distribute(struct sample *sample, struct distribution *distribution)
{
	sample->distribution = distribution;
	sample->number = (struct number){.type = NUMBER_U64, .u64 = distribution->count};
}

static void snapshot_sample_add(struct sample_list *list, const struct snapshot_family *family,
				const struct snapshot_sample *from, const struct query *query,
				struct label_buffer *buffer)
{
	char *name = need(strndup(from->text, from->name_len));
	labels_parse(buffer, from);
	if (from->composite && from->composite->shape->kind == SHAPE_STATES)
		states_add(list, family, from->composite->shape, from->composite->parts[0], buffer, query);
	else if (query_matches(query, name, family->name, buffer->labels, buffer->count)) {
		struct sample *sample = sample_add(list, name, buffer->labels, buffer->count);
		sample->text = need(strndup(from->text, from->text_len));
		sample->type = family->type;
		sample->number = from->number;
		if (from->composite)
			sample_distribute(sample, distribution_of_composite(from->composite));
	}
	free(name);
}

void samples_from_snapshot(struct sample_list *list, const struct snapshot *snapshot, const struct query *query)
{
	struct label_buffer buffer = {0};
	for (size_t f = 0; f < snapshot_family_count(snapshot); f++) {
		const struct snapshot_family *family = snapshot_family(snapshot, f);
		for (size_t i = 0; i < family->count; i++) {
			struct snapshot_sample from = snapshot_sample(snapshot, family->first + i);
			snapshot_sample_add(list, family, &from, query, &buffer);
		}
	}
	free(buffer.labels);
	free(buffer.text);
	samples_sort(list);
}

/* ---- of segments ---- */

/* What the agent adds to the labels of a segment: service, pid, the mark of the overflow series. */
#define AGENT_LABELS_MAX 3 /* or a state, in place of the pid */

struct labelled {
	const char *file;
	const char *name;
	const struct segment_family *family;
	struct label *labels;
	size_t count;
};

static struct sample *labelled_add(struct sample_list *list, const struct labelled *series, enum metric_type type,
				   struct number number)
{
	struct sample *sample = sample_add(list, series->name, series->labels, series->count);
	sample->file = need_strdup(series->file);
	/* The order of the merged view, in which agent's and segment's labels mix. */
	qsort(sample->labels, sample->label_count, sizeof(*sample->labels), label_compare);
	sample->text = sample_text(sample->name, sample->labels, sample->label_count);
	sample->type = type;
	sample->number = number;
	return sample;
}

static bool labelled_matches(const struct labelled *series, const struct query *query)
{
	return query_matches(query, series->name, series->family->name, series->labels, series->count);
}

static void segment_sample_add(struct sample_list *list, const struct labelled *series, struct segment_value value,
			       const struct query *query)
{
	if (value.present && labelled_matches(series, query))
		labelled_add(list, series, family_metric_type(series->family),
			     family_number(series->family, value.bits));
}

/* There is room for one label more. */
static void segment_states_add(struct sample_list *list, struct labelled *series, struct segment_value value,
			       const struct query *query)
{
	for (uint32_t i = 0; value.present && i < series->family->item_count; i++) {
		series->labels[series->count++] = (struct label){series->family->name, series->family->states[i]};
		if (labelled_matches(series, query))
			labelled_add(list, series, METRIC_STATE_SET,
				     (struct number){.type = NUMBER_U64, .u64 = value.bits >> i & 1});
		series->count--;
	}
}

static void segment_distribution_add(struct sample_list *list, const struct labelled *series,
				     struct segment_distribution value, const struct query *query)
{
	if (value.present && labelled_matches(series, query))
		sample_distribute(labelled_add(list, series, family_metric_type(series->family), (struct number){0}),
				  distribution_of_segment(series->family, &value));
}

/* Labels that the agent owns win over those of a segment. */
static bool agent_label(const struct segment_family *family, const char *name)
{
	return strcmp(name, "service") == 0 || (family->merge == MSTAT_SHM_MERGE_EACH && strcmp(name, "pid") == 0);
}

/* A gauge of which each process shows its own value. */
static void each_add(struct sample_list *list, const struct segment *segment, uint32_t index, struct labelled *series,
		     const struct query *query)
{
	for (uint32_t p = 0; p < segment->process_count; p++) {
		char pid[16];
		if (!segment->processes[p].live)
			continue;
		snprintf(pid, sizeof(pid), "%u", segment->processes[p].pid);
		series->labels[series->count++] = (struct label){"pid", pid};
		segment_sample_add(list, series, segment_value_of_process(segment, index, p), query);
		series->count--;
	}
}

static void series_add(struct sample_list *list, struct segment *segment, const char *file, uint32_t index,
		       const struct query *query)
{
	const struct segment_series *from = &segment->series[index];
	const struct segment_family *family = &segment->families[from->family];
	const char *const *values = segment_labels(segment, index);
	char *name = family_exposed_name(family);
	struct label *labels = need(calloc((size_t)family->label_count + AGENT_LABELS_MAX, sizeof(*labels)));
	struct labelled series = {file, name, family, labels, 0};
	for (size_t i = 0; values && !from->overflow && i < family->label_count; i++)
		if (*values[i] && !agent_label(family, family->label_names[i]))
			labels[series.count++] = (struct label){family->label_names[i], values[i]};
	if (from->overflow)
		labels[series.count++] = (struct label){"otel_metric_overflow", "true"};
	labels[series.count++] = (struct label){"service", segment->service};
	if (family->kind == MSTAT_SHM_GAUGE && family->merge == MSTAT_SHM_MERGE_EACH)
		each_add(list, segment, index, &series, query);
	else if (family->buckets)
		segment_distribution_add(list, &series, segment_distribution(segment, index), query);
	else if (family->kind == MSTAT_SHM_STATE_SET)
		segment_states_add(list, &series, segment_value(segment, index), query);
	else
		segment_sample_add(list, &series, segment_value(segment, index), query);
	free(labels);
	free(name);
}

void samples_from_segments(struct sample_list *list, const struct inspection *inspection, const struct query *query)
{
	struct inspection_cursor cursor = {0};
	const char *directory;
	struct segment *segment;
	while ((segment = inspection_next(inspection, &cursor, &directory))) {
		if (!segment_understood(segment))
			continue;
		for (uint32_t i = 0; i < segment->series_count; i++)
			if (segment->series[i].readable)
				series_add(list, segment, segment->name, i, query);
	}
	samples_sort(list);
}

/* ---- printing ---- */

double number_double(struct number number)
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

const char *metric_type_word(enum metric_type type)
{
	static const char *const words[] = {
		[METRIC_COUNTER] = "counter",     [METRIC_GAUGE] = "gauge",
		[METRIC_HISTOGRAM] = "histogram", [METRIC_GAUGE_HISTOGRAM] = "gauge histogram",
		[METRIC_SUMMARY] = "summary",     [METRIC_INFO] = "info",
		[METRIC_STATE_SET] = "state set", [METRIC_UNKNOWN] = "unknown"};
	return words[type];
}

bool metric_type_grows(enum metric_type type)
{
	return type == METRIC_COUNTER || type == METRIC_HISTOGRAM || type == METRIC_SUMMARY;
}

json_t *sample_json(const struct sample *sample)
{
	json_t *object = need(json_object()), *labels = need(json_object());
	if (sample->file)
		json_object_set_new(object, "segment", json_text(sample->file));
	json_object_set_new(object, "name", json_text(sample->name));
	for (size_t i = 0; i < sample->label_count; i++)
		json_object_set_new(labels, sample->labels[i].name, json_text(sample->labels[i].value));
	json_object_set_new(object, "labels", labels);
	json_object_set_new(object, "type", json_text(metric_type_word(sample->type)));
	if (sample->distribution)
		distribution_json(sample->distribution, object);
	else
		json_object_set_new(object, "value", json_number(sample->number));
	return object;
}

struct number_text number_text(struct number number)
{
	struct number_text made;
	_Static_assert(sizeof(made.text) > NUMBER_TEXT_MAX, "room for the NUL");
	made.text[number_format(number, made.text)] = '\0';
	return made;
}
