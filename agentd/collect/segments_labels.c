/* SPDX-License-Identifier: MIT */
/* Labels of series, as they are exposed. */
#include "segments_labels.h"

#include <string.h>

#include "host_hash.h"
#include "segments_source.h"

static const char *instance_name(enum family_instances instances)
{
	return instances == INSTANCES_PROCESSES ? "pid" : instances == INSTANCES_SEGMENTS ? "segment" : NULL;
}

/* The name of a program's label before a view changes it. */
static const char *name_exposed(const struct tracked_family *tracked, const char *name)
{
	const char *instance = instance_name(tracked->instances);
	if (!strcmp(name, "service"))
		return "exported_service";
	if (!instance || strcmp(name, instance) != 0)
		return name;
	return tracked->instances == INSTANCES_PROCESSES ? "exported_pid" : "exported_segment";
}

size_t family_label_names(const struct tracked_family *tracked, const struct segment_family *family,
			  const char *names[LABELS_MAX])
{
	const char *instance = instance_name(tracked->instances);
	size_t count = 0;
	names[count++] = "service";
	if (instance)
		names[count++] = instance;
	for (uint16_t i = 0; i < family->label_count; i++)
		names[count++] = name_exposed(tracked, family->label_names[i]);
	return count;
}

static void label_add(struct series_labels *labels, const struct view *view, const char *name, bool own,
		      const char *value)
{
	const char *exposed = view_label_name(view, name, own);
	if (exposed)
		labels->items[labels->count++] = (struct label){exposed, value};
}

/* What all series of a source's family have in common. */
static void labels_begin(struct series_labels *labels, const struct source *source,
			 const struct tracked_family *tracked)
{
	const struct view *view = tracked->view;
	labels->count = 0;
	for (size_t i = 0; view && i < view->labels_added.count; i++)
		labels->items[labels->count++] = view->labels_added.items[i];
	label_add(labels, view, "service", true, source->tracked->service);
}

static void instance_add(struct series_labels *labels, const struct source *source,
			 const struct tracked_family *tracked, const char *pid)
{
	if (pid)
		label_add(labels, tracked->view, "pid", true, pid);
	else if (tracked->instances == INSTANCES_SEGMENTS)
		label_add(labels, tracked->view, "segment", true, source->segment ? source->segment->name : "");
}

static void overflow_add(struct series_labels *labels)
{
	labels->items[labels->count++] = (struct label){"otel_metric_overflow", "true"};
}

/* Label values of a series, in the family's order; false when they are not at hand. */
static bool series_values(const struct source *source, uint32_t series, uint16_t count, const char **values)
{
	if (source->segment) {
		const char *const *labels = segment_labels(source->segment, series);
		for (uint16_t i = 0; labels && i < count; i++)
			values[i] = labels[i];
		return labels || !count;
	}
	const char *value = source->totals->series[series].values;
	for (uint16_t i = 0; i < count; i++, value += strlen(value) + 1)
		values[i] = value;
	return true;
}

/* Whether the series is among the first series_max of its family and service. */
static bool labels_admitted(const struct series_labels *labels, struct segments *segments, const struct source *source,
			    uint32_t series)
{
	const struct tracked_family *family = &source->tracked->families[source_series_family(source, series)];
	uint64_t group = host_hash_add(family->name_hash, source->tracked->service);
	return admission_takes(&segments->admission, group, series_labels_identity(labels, segments, source, series),
			       family->view->series_max);
}

bool series_labels_make(struct series_labels *labels, struct segments *segments, const struct source *source,
			uint32_t series, const char *pid)
{
	const uint32_t number = source_series_family(source, series);
	const struct segment_family *family = &source->families[number];
	const struct tracked_family *tracked = &source->tracked->families[number];
	const char *values[TOTALS_LABELS_MAX];
	labels_begin(labels, source, tracked);
	instance_add(labels, source, tracked, pid);
	if (source_series_overflow(source, series)) {
		overflow_add(labels);
		return true;
	}
	if (!series_values(source, series, family->label_count, values))
		return false;
	for (uint16_t i = 0; i < family->label_count; i++)
		label_add(labels, tracked->view, name_exposed(tracked, family->label_names[i]), false, values[i]);
	if (tracked->view && tracked->view->series_max && !labels_admitted(labels, segments, source, series)) {
		labels_begin(labels, source, tracked);
		overflow_add(labels);
	}
	return true;
}

uint64_t series_labels_identity(const struct series_labels *labels, const struct segments *segments,
				const struct source *source, uint32_t series)
{
	const struct tracked_family *family = &source->tracked->families[source_series_family(source, series)];
	uint64_t sum = 0;
	for (size_t i = 0; i < labels->count; i++) {
		const struct label *label = &labels->items[i];
		bool counts = *label->value;
		/* Of two labels with one name the first counts; empty ones are none. */
		for (size_t before = 0; counts && before < i; before++)
			counts = strcmp(labels->items[before].name, label->name) != 0;
		if (counts)
			sum += host_hash_add(host_hash_add(segments->seed, label->name), label->value);
	}
	return host_hash_mix(host_hash_mix(segments->seed, family->name_hash), sum);
}
