/* SPDX-License-Identifier: MIT */
/* From the sources to the collection: references for what is new, then one merge a value.
 *
 * Families come to the catalog in the order of their age, so that of two programs that declare one name differently the
 * older one wins, whichever was read first. A label of a program that has the name of one of the agent's own is exposed
 * as exported_NAME.
 */
#include "segments_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABELS_MAX (TOTALS_LABELS_MAX + 2) /* the agent's: service, pid */

/* ---- label names ---- */

static bool name_is_ours(const struct segment_family *family, const char *name)
{
	return !strcmp(name, "service") || (family->merge == MSTAT_SHM_MERGE_EACH && !strcmp(name, "pid"));
}

/* The name under which a program's label is exposed; `buffer` for those that change. */
static const char *name_exposed(const struct segment_family *family, const char *name, char buffer[64])
{
	if (!name_is_ours(family, name))
		return name;
	snprintf(buffer, 64, "exported_%s", name);
	return buffer;
}

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

static bool shape_resolve(struct builder *builder, struct tracked *tracked, const struct segment_family *family,
			  struct family_shape *shape)
{
	enum catalog_conflict conflict =
		tracked->shape_count < SHAPES_OF_SOURCE_MAX
			? family_shape_init(shape, builder_catalog(builder), family, SHAPE_SCHEMA_MAX)
			: CATALOG_LIMIT;
	if (conflict)
		builder_count_conflict(builder, conflict);
	tracked->shape_count += shape->shape != NULL;
	return !conflict;
}

static family_ref family_resolve(struct builder *builder, struct tracked *tracked, const struct segment_family *family,
				 struct family_shape *shape)
{
	const char *names[LABELS_MAX];
	char buffers[2][64];
	size_t count = 0, renamed = 0;
	family_ref reference = FAMILY_NONE;
	if (family->label_count > TOTALS_LABELS_MAX) {
		builder_count_conflict(builder, CATALOG_CONFLICT_LABELS);
		return FAMILY_NONE;
	}
	names[count++] = "service";
	if (family->merge == MSTAT_SHM_MERGE_EACH)
		names[count++] = "pid";
	for (uint16_t i = 0; i < family->label_count; i++) {
		names[count] = name_exposed(family, family->label_names[i], buffers[renamed]);
		renamed += names[count++] != family->label_names[i];
	}
	struct family_request request = {.name = family->name,
					 .help = family->help,
					 .unit = family->unit,
					 .type = metric_type_of(family),
					 .label_names = names,
					 .label_count = count};
	enum catalog_conflict conflict = catalog_family(builder_catalog(builder), &request, &reference);
	if (conflict != CATALOG_OK)
		builder_count_conflict(builder, conflict);
	if (reference != FAMILY_NONE && !shape_resolve(builder, tracked, family, shape))
		return FAMILY_NONE;
	return reference;
}

static int families_reserve(struct tracked *tracked, uint32_t count)
{
	family_ref *families = reallocarray(tracked->families, count, sizeof(*families));
	if (families)
		tracked->families = families;
	struct family_shape *shapes = reallocarray(tracked->shapes, count, sizeof(*shapes));
	if (shapes)
		tracked->shapes = shapes;
	return families && shapes ? 0 : -ENOMEM;
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
			tracked->families[tracked->family_count] = FAMILY_NONE;
			tracked->shapes[tracked->family_count] = (struct family_shape){0};
			fresh[filled++] =
				(struct new_family){.source = source,
						    .index = tracked->family_count,
						    .created_ns = source->families[tracked->family_count].created_ns};
		}
	}
	qsort(fresh, filled, sizeof(*fresh), by_family_age);
	for (size_t i = 0; i < filled; i++) {
		struct tracked *tracked = fresh[i].source->tracked;
		uint32_t family = fresh[i].index;
		tracked->families[family] =
			family_resolve(builder, tracked, &fresh[i].source->families[family], &tracked->shapes[family]);
	}
	free(fresh);
	return r;
}

/* ---- series ---- */

static uint32_t series_family(const struct source *source, uint32_t series)
{
	return source->segment ? source->segment->series[series].family : source->totals->series[series].family;
}

static bool series_overflow(const struct source *source, uint32_t series)
{
	return source->segment ? source->segment->series[series].overflow : source->totals->series[series].overflow;
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

/* `pid` is NULL but for families that merge by EACH. */
static series_ref series_resolve(struct builder *builder, const struct source *source, uint32_t series, const char *pid)
{
	const struct segment_family *family = &source->families[series_family(source, series)];
	family_ref reference = source->tracked->families[series_family(source, series)];
	const char *values[TOTALS_LABELS_MAX];
	struct label labels[LABELS_MAX];
	char buffers[2][64];
	size_t count = 0, renamed = 0;
	series_ref resolved = SERIES_NONE;
	if (reference == FAMILY_NONE)
		return SERIES_NONE;
	labels[count++] = (struct label){"service", source->tracked->service};
	if (pid)
		labels[count++] = (struct label){"pid", pid};
	if (series_overflow(source, series)) {
		labels[count++] = (struct label){"otel_metric_overflow", "true"};
	} else if (series_values(source, series, family->label_count, values)) {
		for (uint16_t i = 0; i < family->label_count; i++) {
			const char *name = name_exposed(family, family->label_names[i], buffers[renamed]);
			renamed += name != family->label_names[i];
			labels[count++] = (struct label){name, values[i]};
		}
	} else {
		return SERIES_NONE;
	}
	enum catalog_conflict conflict = catalog_series(builder_catalog(builder), reference, labels, count, &resolved);
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

/* Nothing for kinds with buckets. */
static struct segment_value series_value(const struct source *source, uint32_t series)
{
	if (source->families[series_family(source, series)].buckets)
		return (struct segment_value){0};
	return source->segment ? segment_value(source->segment, series) : source->totals->series[series].value;
}

static struct segment_distribution series_distribution(const struct source *source, uint32_t series)
{
	return source->segment ? segment_distribution(source->segment, series)
			       : totals_distribution(source->totals, series);
}

static bool series_present(const struct source *source, uint32_t series)
{
	if (source->families[series_family(source, series)].buckets)
		return series_distribution(source, series).present;
	return series_value(source, series).present;
}

static uint64_t series_created_ns(const struct source *source, uint32_t series)
{
	return source->segment ? source->segment->series[series].created_ns : source->totals->series[series].created_ns;
}

/* The strings were dropped when everything else had been resolved: have them read again. */
static void strings_restore(const struct segments *segments, const struct source *source, uint32_t series)
{
	if (!source->segment || source->segment->series[series].overflow || segment_labels(source->segment, series))
		return;
	segment_want_strings(source->segment);
	segment_read(source->segment, source->directory_fd, &segments->options.limits);
}

static void source_resolve_values(const struct segments *segments, struct builder *builder, const struct source *source)
{
	struct tracked *tracked = source->tracked;
	for (uint32_t series = 0; tracked->later_count && series < tracked->series_count; series++) {
		if (tracked->series[series] != SERIES_LATER || !series_present(source, series))
			continue;
		strings_restore(segments, source, series);
		tracked->series[series] = series_resolve(builder, source, series, NULL);
		if (tracked->series[series] != SERIES_NONE)
			catalog_series_created(builder_catalog(builder), tracked->series[series],
					       series_created_ns(source, series));
		tracked->later_count--;
	}
}

static bool source_has_each(const struct source *source)
{
	for (uint32_t i = 0; i < source->family_count; i++)
		if (source->families[i].merge == MSTAT_SHM_MERGE_EACH)
			return true;
	return false;
}

int sources_resolve(struct segments *segments, struct builder *builder)
{
	int r = families_resolve(segments, builder);
	for (size_t i = 0; !r && i < segments->source_count; i++) {
		const struct source *source = &segments->sources[i];
		struct tracked *tracked = source->tracked;
		r = series_reserve(tracked, source->series_count);
		for (; !r && tracked->series_count < source->series_count; tracked->series_count++) {
			bool each = source->families[series_family(source, tracked->series_count)].merge ==
				    MSTAT_SHM_MERGE_EACH;
			tracked->series[tracked->series_count] = each ? SERIES_NONE : SERIES_LATER;
			tracked->later_count += !each;
		}
		source_resolve_values(segments, builder, source);
		/* Resolved: the labels live in the catalog now. Gauges that merge by EACH resolve at every collection.
		 */
		if (source->segment && !source_has_each(source))
			segment_drop_strings(source->segment);
	}
	return r;
}

/* ---- values ---- */

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

static void each_merge(const struct source *source, struct builder *builder, uint32_t series)
{
	const struct segment_family *family = &source->families[series_family(source, series)];
	char pid[16];
	for (uint32_t i = 0; source->segment && i < source->segment->process_count; i++) {
		struct segment_value value = segment_value_of_process(source->segment, series, i);
		if (!value.present || !source->segment->processes[i].live)
			continue;
		snprintf(pid, sizeof(pid), "%u", source->segment->processes[i].pid);
		series_ref reference = series_resolve(builder, source, series, pid);
		if (reference != SERIES_NONE)
			builder_merge(builder, reference, MERGE_SUM, value_number(family, value), 0);
	}
}

static void distribution_merge(const struct source *source, struct builder *builder, uint32_t series)
{
	uint32_t family = series_family(source, series);
	struct segment_distribution value = series_distribution(source, series);
	if (value.present)
		family_shape_merge(&source->tracked->shapes[family], builder, source->tracked->series[series],
				   &source->families[family], &value);
}

static void states_merge(const struct source *source, struct builder *builder, uint32_t series)
{
	struct segment_value value = series_value(source, series);
	struct composite composite = {.shape = source->tracked->shapes[series_family(source, series)].shape,
				      .parts = &value.bits};
	if (value.present)
		builder_merge_composite(builder, source->tracked->series[series], &composite);
}

static void source_merge_exemplars(const struct source *source, struct builder *builder)
{
	const struct segment_exemplar *exemplars;
	size_t count = source->segment ? segment_exemplars(source->segment, &exemplars) : 0;
	for (size_t i = 0; i < count; i++) {
		const struct segment_exemplar *exemplar = &exemplars[i];
		if (exemplar->series >= source->tracked->series_count ||
		    source->tracked->series[exemplar->series] >= SERIES_LATER)
			continue;
		uint32_t family = series_family(source, exemplar->series);
		if (source->families[family].kind == MSTAT_SHM_SUMMARY || !series_present(source, exemplar->series))
			continue;
		uint32_t part = family_shape_exemplar_part(&source->tracked->shapes[family], exemplar->bucket);
		builder_exemplar(builder, source->tracked->series[exemplar->series], part, exemplar->labels,
				 exemplar->labels_len, exemplar->value, (int64_t)exemplar->time_ns);
	}
}

static void source_merge(const struct source *source, struct builder *builder)
{
	for (uint32_t series = 0; series < source->tracked->series_count; series++) {
		const struct segment_family *family = &source->families[series_family(source, series)];
		if (family->merge == MSTAT_SHM_MERGE_EACH && family->kind == MSTAT_SHM_GAUGE) {
			each_merge(source, builder, series);
			continue;
		}
		if (source->tracked->series[series] >= SERIES_LATER)
			continue;
		if (family->kind == MSTAT_SHM_HISTOGRAM || family->kind == MSTAT_SHM_GAUGE_HISTOGRAM) {
			distribution_merge(source, builder, series);
			continue;
		}
		if (family->kind == MSTAT_SHM_STATE_SET) {
			states_merge(source, builder, series);
			continue;
		}
		struct segment_value value = series_value(source, series);
		if (value.present)
			builder_merge(builder, source->tracked->series[series], family_rule(family),
				      value_number(family, value), value.time_ns);
	}
	source_merge_exemplars(source, builder);
}

void sources_merge(const struct segments *segments, struct builder *builder)
{
	for (size_t i = 0; i < segments->source_count; i++)
		source_merge(&segments->sources[i], builder);
}
