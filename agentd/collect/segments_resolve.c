/* SPDX-License-Identifier: MIT */
/* From the sources to the catalog: references for families and series that are new.
 *
 * Families come to the catalog in the order of their age, so that of two programs that declare one name differently the
 * older one wins, whichever was read first.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host_hash.h"
#include "segments_labels.h"
#include "segments_source.h"
#include "segments_ttl.h"
#include "snapshot/series_text.h"

/* ---- families ---- */

struct new_family {
	const struct source *source;
	uint32_t index;
	uint64_t created_ns;
};

static int by_family_age(const void *a, const void *b)
{
	const struct new_family *left = a, *right = b;
	return (left->created_ns > right->created_ns) - (left->created_ns < right->created_ns);
}

/* Shapes live as long as the agent: one source cannot have them all. */
#define SHAPES_OF_SOURCE_MAX 1024u

static bool shape_resolve(struct segments *segments, struct builder *builder, const struct source *source,
			  const struct segment_family *family, struct tracked_family *known)
{
	struct tracked *tracked = source->tracked;
	int schema_max = view_schema_max(known->view, family->buckets);
	enum catalog_conflict conflict = tracked->shape_count < SHAPES_OF_SOURCE_MAX
						 ? shape_budget_init(&segments->budget, source->uid, &known->shape,
								     builder_catalog(builder), family, schema_max)
						 : CATALOG_LIMIT;
	if (conflict)
		builder_count_conflict(builder, conflict);
	tracked->shape_count += known->shape.shape != NULL;
	if (!conflict && family->kind == MSTAT_SHM_SUMMARY)
		known->layout = window_layout_get(&segments->windows, family);
	return !conflict;
}

static enum family_instances instances_of(const struct segment_family *family, const struct view *view)
{
	if (family->merge == MSTAT_SHM_MERGE_EACH)
		return INSTANCES_PROCESSES;
	if (!view || !view->each)
		return INSTANCES_MERGED;
	return family->kind == MSTAT_SHM_GAUGE ? INSTANCES_PROCESSES : INSTANCES_SEGMENTS;
}

/* Formats want the name to end in the unit. */
static const char *unit_of(const char *name, const char *unit)
{
	size_t len = strlen(name), unit_len = strlen(unit);
	bool ends = len > unit_len && name[len - unit_len - 1] == '_' && !strcmp(name + len - unit_len, unit);
	return ends ? unit : "";
}

static enum catalog_conflict family_request(struct builder *builder, const struct segment_family *family,
					    struct tracked_family *known)
{
	const char *names[LABELS_MAX];
	char renamed[METRIC_NAME_BYTES_MAX + 1];
	const enum metric_type type = metric_type_of(family);
	const char *name = view_family_name(known->view, family->name, type, renamed, sizeof(renamed));
	struct family_request request = {.name = name,
					 .help = family->help,
					 .unit = name == family->name ? family->unit : unit_of(name, family->unit),
					 .type = type,
					 .label_names = names,
					 .label_count = family_label_names(known, family, names)};
	/* Views may be of one service alone: series of the family differ in their label names. */
	if (view_changes_labels(known->view))
		request.label_names = NULL;
	known->name_hash = host_hash_add(0, name);
	return catalog_family(builder_catalog(builder), &request, &known->reference);
}

static void family_resolve(struct segments *segments, struct builder *builder, const struct source *source,
			   uint32_t number)
{
	const struct segment_family *family = &source->families[number];
	struct tracked_family *known = &source->tracked->families[number];
	if (family->label_count > TOTALS_LABELS_MAX) {
		builder_count_conflict(builder, CATALOG_CONFLICT_LABELS);
		return;
	}
	known->view = views_find(segments->views, family->name, metric_type_of(family), source->tracked->service);
	known->instances = instances_of(family, known->view);
	if (known->view && known->view->drops_family)
		return;
	enum catalog_conflict conflict = family_request(builder, family, known);
	if (conflict != CATALOG_OK)
		builder_count_conflict(builder, conflict);
	if (known->reference != FAMILY_NONE && !shape_resolve(segments, builder, source, family, known))
		known->reference = FAMILY_NONE;
}

static int families_reserve(struct tracked *tracked, uint32_t count)
{
	struct tracked_family *families = reallocarray(tracked->families, count, sizeof(*families));
	if (!families)
		return -ENOMEM;
	tracked->families = families;
	return 0;
}

static int families_resolve(struct segments *segments, struct builder *builder)
{
	size_t count = 0, filled = 0;
	for (size_t i = 0; i < segments->source_count; i++)
		count += segments->sources[i].family_count - segments->sources[i].tracked->family_count;
	if (!count)
		return 0;
	struct new_family *fresh = calloc(count, sizeof(*fresh));
	if (!fresh)
		return -ENOMEM;
	int r = 0;
	for (size_t i = 0; !r && i < segments->source_count; i++) {
		const struct source *source = &segments->sources[i];
		struct tracked *tracked = source->tracked;
		if (tracked->family_count == source->family_count)
			continue;
		r = families_reserve(tracked, source->family_count);
		for (; !r && tracked->family_count < source->family_count; tracked->family_count++) {
			tracked->families[tracked->family_count] = (struct tracked_family){.reference = FAMILY_NONE};
			fresh[filled++] =
				(struct new_family){.source = source,
						    .index = tracked->family_count,
						    .created_ns = source->families[tracked->family_count].created_ns};
		}
	}
	qsort(fresh, filled, sizeof(*fresh), by_family_age);
	for (size_t i = 0; i < filled; i++)
		family_resolve(segments, builder, fresh[i].source, fresh[i].index);
	free(fresh);
	return r;
}

/* ---- series ---- */

series_ref series_resolve(struct segments *segments, struct builder *builder, const struct source *source,
			  uint32_t series, const char *pid)
{
	struct series_labels labels;
	series_ref resolved = SERIES_NONE;
	family_ref family = source->tracked->families[source_series_family(source, series)].reference;
	if (family == FAMILY_NONE || !series_labels_make(&labels, segments, source, series, pid))
		return SERIES_NONE;
	enum catalog_conflict conflict =
		catalog_series(builder_catalog(builder), family, labels.items, labels.count, &resolved);
	if (conflict != CATALOG_OK) {
		builder_count_conflict(builder, conflict);
		return SERIES_NONE;
	}
	return resolved;
}

static int series_reserve(struct tracked *tracked, uint32_t count)
{
	if (count <= tracked->series_capacity)
		return 0;
	/* Exactly what is there the first time, room to grow afterwards: most programs register once. */
	uint32_t capacity = tracked->series_capacity ? count + count / 4 : count;
	series_ref *series = reallocarray(tracked->series, capacity, sizeof(*series));
	if (!series)
		return -ENOMEM;
	tracked->series = series;
	tracked->series_capacity = capacity;
	return 0;
}

/* The strings were dropped when everything else had been resolved: have them read again. A segment that is another one
 * then is lost for this collection. */
static bool strings_restore(const struct segments *segments, struct source *source, uint32_t series)
{
	struct segment *segment = source->segment;
	if (!segment || segment->series[series].overflow || segment_labels(segment, series))
		return true;
	segment_want_strings(segment);
	enum segment_state state = segment_read(segment, source->directory_fd, &segments->options.limits);
	source->families = segment->families;
	source->lost = (state != SEGMENT_LIVE && state != SEGMENT_DEAD) ||
		       segment->record_changes != source->tracked->record_changes;
	return !source->lost;
}

static void source_resolve_values(struct segments *segments, struct builder *builder, struct source *source)
{
	struct tracked *tracked = source->tracked;
	for (uint32_t series = 0; tracked->later_count && series < tracked->series_count; series++) {
		if (tracked->series[series] != SERIES_LATER || !source_present(source, series) ||
		    !source_has_instance(source, &tracked->families[source_series_family(source, series)]) ||
		    !ttl_shows(segments, source, series))
			continue;
		if (!strings_restore(segments, source, series))
			return;
		tracked->series[series] = series_resolve(segments, builder, source, series, NULL);
		if (tracked->series[series] != SERIES_NONE)
			catalog_series_created(builder_catalog(builder), tracked->series[series],
					       source_created_ns(source, series));
		tracked->later_count--;
	}
}

static bool source_by_process(const struct source *source)
{
	for (uint32_t i = 0; i < source->tracked->family_count; i++)
		if (source->tracked->families[i].instances == INSTANCES_PROCESSES)
			return true;
	return false;
}

static int series_list(struct tracked *tracked, const struct source *source)
{
	int r = series_reserve(tracked, source->series_count);
	for (; !r && tracked->series_count < source->series_count; tracked->series_count++) {
		const struct tracked_family *family =
			&tracked->families[source_series_family(source, tracked->series_count)];
		bool later = family->reference != FAMILY_NONE && family->instances != INSTANCES_PROCESSES;
		tracked->series[tracked->series_count] = later ? SERIES_LATER : SERIES_NONE;
		tracked->later_count += later;
	}
	return r;
}

/* ---- merged series ---- */

static bool family_has_past(const struct source *source, uint32_t family)
{
	const struct tracked_family *known = &source->tracked->families[family];
	return known->reference != FAMILY_NONE && (known->ttl_s || source->families[family].kind == MSTAT_SHM_SUMMARY);
}

static bool source_has_past(const struct source *source)
{
	for (uint32_t i = 0; i < source->tracked->family_count; i++)
		if (family_has_past(source, i))
			return true;
	return false;
}

static int merged_reserve(struct tracked *tracked)
{
	if (tracked->merged_count >= tracked->series_count)
		return 0;
	uint32_t *merged = reallocarray(tracked->merged, tracked->series_capacity, sizeof(*merged));
	if (!merged)
		return -ENOMEM;
	memset(merged + tracked->merged_count, 0, (tracked->series_capacity - tracked->merged_count) * sizeof(*merged));
	tracked->merged = merged;
	tracked->merged_count = tracked->series_capacity;
	return 0;
}

/* The merged series that the series of a source are part of. */
static int merged_resolve(struct segments *segments, struct source *source)
{
	struct tracked *tracked = source->tracked;
	struct series_labels labels;
	int r = source_has_past(source) ? merged_reserve(tracked) : 0;
	for (uint32_t series = 0; !r && tracked->merged && series < tracked->series_count; series++) {
		if (tracked->merged[series] || !family_has_past(source, source_series_family(source, series)))
			continue;
		if (!strings_restore(segments, source, series))
			return 0;
		if (!series_labels_make(&labels, segments, source, series, NULL))
			continue;
		uint32_t place =
			merged_get(&segments->merged, series_labels_identity(&labels, segments, source, series));
		if (place == MERGED_NONE)
			r = -ENOMEM;
		else
			tracked->merged[series] = place + 1;
	}
	return r;
}

int sources_resolve(struct segments *segments, struct builder *builder)
{
	int r = families_resolve(segments, builder);
	if (!r)
		r = ttl_of_families(segments);
	for (size_t i = 0; !r && i < segments->source_count; i++) {
		struct source *source = &segments->sources[i];
		r = series_list(source->tracked, source);
		if (!r)
			r = merged_resolve(segments, source);
	}
	if (r)
		return r;
	ttl_update(segments);
	for (size_t i = 0; i < segments->source_count; i++) {
		struct source *source = &segments->sources[i];
		if (!source->lost)
			source_resolve_values(segments, builder, source);
		/* Resolved: the labels live in the catalog now. What is exposed by process is resolved at every
		 * collection. */
		if (source->segment && !source_by_process(source))
			segment_drop_strings(source->segment);
	}
	return 0;
}

/* ---- the end of references ---- */

void tracked_reset(struct tracked *tracked)
{
	struct segments *segments = tracked->owner;
	for (uint32_t i = 0; i < tracked->family_count; i++) {
		family_shape_fini(&tracked->families[i].shape);
		window_layout_put(&segments->windows, tracked->families[i].layout);
	}
	free(tracked->families);
	free(tracked->series);
	free(tracked->service);
	tracked->families = NULL;
	tracked->series = NULL;
	tracked->service = NULL;
	tracked->family_count = tracked->shape_count = 0;
	tracked->series_count = tracked->series_capacity = tracked->later_count = 0;
	for (uint32_t i = 0; i < tracked->merged_count; i++)
		if (tracked->merged[i])
			merged_put(&segments->merged, tracked->merged[i] - 1);
	free(tracked->merged);
	tracked->merged = NULL;
	tracked->merged_count = 0;
}
