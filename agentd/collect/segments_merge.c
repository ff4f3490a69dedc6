/* SPDX-License-Identifier: MIT */
/* From the sources to the collection: one merge a value. */
#include <stdio.h>
#include <string.h>

#include "segments_source.h"
#include "segments_ttl.h"

static struct number value_number(const struct segment_family *family, struct segment_value value)
{
	struct number number = {.type = family->value == MSTAT_SHM_F64   ? NUMBER_F64
					: family->value == MSTAT_SHM_I64 ? NUMBER_I64
									 : NUMBER_U64,
				.u64 = value.bits};
	return number;
}

static enum merge_rule family_rule(const struct segment_family *family)
{
	switch (family->merge) {
	case MSTAT_SHM_MERGE_MIN:
		return MERGE_MIN;
	case MSTAT_SHM_MERGE_MAX:
		return MERGE_MAX;
	case MSTAT_SHM_MERGE_LAST:
		return MERGE_LAST;
	default:
		return MERGE_SUM;
	}
}

static void each_merge(struct segments *segments, struct builder *builder, const struct source *source, uint32_t series)
{
	const struct segment_family *family = &source->families[source_series_family(source, series)];
	char pid[16];
	for (uint32_t i = 0; source->segment && i < source->segment->process_count; i++) {
		struct segment_value value = segment_value_of_process(source->segment, series, i);
		if (!value.present || !source->segment->processes[i].live)
			continue;
		snprintf(pid, sizeof(pid), "%u", source->segment->processes[i].pid);
		series_ref reference = series_resolve(segments, builder, source, series, pid);
		if (reference != SERIES_NONE)
			builder_merge(builder, reference, MERGE_SUM, value_number(family, value), 0);
	}
}

static void distribution_merge(struct builder *builder, const struct source *source, uint32_t series)
{
	uint32_t family = source_series_family(source, series);
	struct segment_distribution value = source_distribution(source, series);
	if (value.present)
		family_shape_merge(&source->tracked->families[family].shape, builder, source->tracked->series[series],
				   &source->families[family], &value);
}

static void states_merge(struct builder *builder, const struct source *source, uint32_t series)
{
	struct segment_value value = source_value(source, series);
	struct composite composite = {
		.shape = source->tracked->families[source_series_family(source, series)].shape.shape,
		.parts = &value.bits};
	if (value.present)
		builder_merge_composite(builder, source->tracked->series[series], &composite);
}

static void number_merge(struct builder *builder, const struct source *source, uint32_t series)
{
	const struct segment_family *family = &source->families[source_series_family(source, series)];
	struct segment_value value = source_value(source, series);
	if (value.present)
		builder_merge(builder, source->tracked->series[series], family_rule(family),
			      value_number(family, value), value.time_ns);
}

/* Into its window, also while it is not shown: what comes in meanwhile is seen afterwards. */
static void summary_merge(struct segments *segments, struct builder *builder, const struct source *source,
			  uint32_t series, bool shown)
{
	const struct tracked *tracked = source->tracked;
	const struct tracked_family *family = &tracked->families[source_series_family(source, series)];
	struct segment_distribution value = source_distribution(source, series);
	if (!value.present || !tracked->merged || !tracked->merged[series])
		return;
	struct merged *merged = &segments->merged.all[tracked->merged[series] - 1];
	struct window_share share = {.layout = family->layout,
				     .shape = family->shape.shape,
				     .family = &source->families[source_series_family(source, series)],
				     .value = &value,
				     .created_ns = source_created_ns(source, series)};
	enum catalog_conflict conflict = windows_add(&segments->windows, &merged->window, &share);
	if (conflict)
		builder_count_conflict(builder, conflict);
	if (shown && tracked->series[series] < SERIES_LATER)
		merged->series = tracked->series[series];
}

static void source_merge_exemplars(struct builder *builder, const struct source *source)
{
	const struct segment_exemplar *exemplars;
	size_t count = source->segment ? segment_exemplars(source->segment, &exemplars) : 0;
	for (size_t i = 0; i < count; i++) {
		const struct segment_exemplar *exemplar = &exemplars[i];
		if (exemplar->series >= source->tracked->series_count ||
		    source->tracked->series[exemplar->series] >= SERIES_LATER)
			continue;
		uint32_t family = source_series_family(source, exemplar->series);
		if (source->families[family].kind == MSTAT_SHM_SUMMARY || !source_present(source, exemplar->series))
			continue;
		uint32_t part = family_shape_exemplar_part(&source->tracked->families[family].shape, exemplar->bucket);
		builder_exemplar(builder, source->tracked->series[exemplar->series], part, exemplar->labels,
				 exemplar->labels_len, exemplar->value, (int64_t)exemplar->time_ns);
	}
}

static void series_merge(struct builder *builder, const struct source *source, uint32_t series)
{
	switch (source->families[source_series_family(source, series)].kind) {
	case MSTAT_SHM_HISTOGRAM:
	case MSTAT_SHM_GAUGE_HISTOGRAM:
		distribution_merge(builder, source, series);
		break;
	case MSTAT_SHM_STATE_SET:
		states_merge(builder, source, series);
		break;
	default:
		number_merge(builder, source, series);
	}
}

static void source_merge(struct segments *segments, struct builder *builder, const struct source *source)
{
	for (uint32_t series = 0; series < source->tracked->series_count; series++) {
		uint32_t number = source_series_family(source, series);
		const struct tracked_family *family = &source->tracked->families[number];
		bool shown = !family->ttl_s || ttl_shows(segments, source, series);
		if (family->reference == FAMILY_NONE || !source_has_instance(source, family))
			continue;
		if (source->families[number].kind == MSTAT_SHM_SUMMARY)
			summary_merge(segments, builder, source, series, shown);
		else if (shown && family->instances == INSTANCES_PROCESSES)
			each_merge(segments, builder, source, series);
		else if (shown && source->tracked->series[series] < SERIES_LATER)
			series_merge(builder, source, series);
	}
	source_merge_exemplars(builder, source);
}

static void windows_expose(struct segments *segments, struct builder *builder)
{
	for (uint32_t i = 0; i < segments->merged.limit; i++) {
		struct merged *merged = &segments->merged.all[i];
		if (merged->window && window_touched(&segments->windows, merged->window))
			window_expose(&segments->windows, merged->window, builder, merged->series);
		merged->series = SERIES_NONE;
	}
}

void sources_merge(struct segments *segments, struct builder *builder)
{
	for (size_t i = 0; i < segments->source_count; i++)
		if (!segments->sources[i].lost)
			source_merge(segments, builder, &segments->sources[i]);
	windows_expose(segments, builder);
}
