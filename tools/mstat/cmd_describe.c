/* SPDX-License-Identifier: MIT */
/* mstat describe: what a metric is, and where it comes from. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collection.h"
#include "command.h"
#include "conflict.h"
#include "inspection.h"
#include "report.h"
#include "samples.h"
#include "table.h"

/* One segment's declaration of the metric. */
struct declaration {
	const char *directory;
	struct segment *segment;
	const struct segment_family *family;
	uint32_t series;               /* live ones besides the overflow series */
	struct segment_value overflow; /* what went to the overflow series; of distributions the count */
	unsigned conflicts;            /* with the oldest declaration */
};

struct declaration_list {
	struct declaration *items; /* the oldest first */
	size_t count;
	size_t capacity;
	uint64_t merged_series; /* as the agent would expose them */
};

static bool family_named(const struct segment_family *family, const char *name)
{
	char *exposed = family_exposed_name(family);
	bool named = strcmp(family->name, name) == 0 || strcmp(exposed, name) == 0;
	free(exposed);
	return named;
}

static struct segment_value overflow_value(struct segment *segment, uint32_t series)
{
	const struct segment_distribution distribution = segment_distribution(segment, series);
	struct segment_value count = {.present = distribution.present};
	if (!segment->families[segment->series[series].family].buckets)
		return segment_value(segment, series);
	for (uint32_t i = 0; i < distribution.bucket_count; i++)
		count.bits += distribution.buckets[i];
	return count;
}

static void series_count(struct declaration *declaration)
{
	struct segment *segment = declaration->segment;
	for (uint32_t i = 0; i < segment->series_count; i++) {
		const struct segment_series *series = &segment->series[i];
		if (!series->readable || &segment->families[series->family] != declaration->family)
			continue;
		if (series->overflow)
			declaration->overflow = overflow_value(segment, i);
		else
			declaration->series++;
	}
}

static int declaration_compare(const void *a, const void *b)
{
	const struct declaration *one = a, *other = b;
	if (one->family->created_ns != other->family->created_ns)
		return one->family->created_ns < other->family->created_ns ? -1 : 1;
	return strcmp(one->segment->name, other->segment->name);
}

static void declarations_find(struct declaration_list *list, const struct inspection *inspection, const char *name)
{
	struct inspection_cursor cursor = {0};
	struct declaration made = {0};
	while ((made.segment = inspection_next(inspection, &cursor, &made.directory))) {
		for (uint32_t f = 0; segment_understood(made.segment) && f < made.segment->family_count; f++) {
			made.family = &made.segment->families[f];
			if (!family_named(made.family, name))
				continue;
			list->items = need_room(list->items, list->count, &list->capacity, sizeof(made));
			list->items[list->count] = made;
			series_count(&list->items[list->count++]);
		}
	}
	if (list->count)
		qsort(list->items, list->count, sizeof(*list->items), declaration_compare);
	for (size_t i = 1; i < list->count; i++)
		list->items[i].conflicts = family_conflicts(list->items[0].family, list->items[i].family);
}

static int merged_count(const struct arguments *arguments, struct declaration_list *list)
{
	struct collection *collection;
	if (collection_open(arguments, &collection) < 0)
		return CODE_FAILED;
	int error;
	struct snapshot *snapshot = collection_take(collection, &error);
	if (!snapshot)
		collection_report(error);
	for (size_t i = 0; snapshot && i < snapshot_family_count(snapshot); i++)
		if (strcmp(snapshot_family(snapshot, i)->name, list->items[0].family->name) == 0)
			list->merged_series = snapshot_family(snapshot, i)->count;
	snapshot_unref(snapshot);
	collection_close(collection);
	return snapshot ? CODE_FINE : CODE_FAILED;
}

/* So that each service is named once, in the order of its oldest declaration. */
static bool service_is_new(const struct declaration_list *list, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (strcmp(list->items[i].segment->service, list->items[index].segment->service) == 0)
			return false;
	return true;
}

static void field_print(const char *name, char *text)
{
	printf("  %-9s ", name);
	text_print(stdout, text);
	putchar('\n');
	free(text);
}

/* What only some types have. */
static void details_print(const struct segment_family *family)
{
	if (family->buckets)
		field_print("buckets", buckets_text(family->buckets));
	if (family->kind == MSTAT_SHM_SUMMARY) {
		char *quantiles = family_items_text(family);
		field_print("quantiles", need_printf("%s over %" PRIu32 " s", quantiles, family->window_s));
		free(quantiles);
	}
	if (family->kind == MSTAT_SHM_STATE_SET)
		field_print("states", family_items_text(family));
	if (family->ttl_s)
		field_print("ttl", need_printf("%" PRIu32 " s without a change", family->ttl_s));
}

static void fields_print(const struct declaration_list *list)
{
	const struct segment_family *family = list->items[0].family;
	char *name = family_exposed_name(family);
	text_print(stdout, name);
	putchar('\n');
	free(name);
	field_print("type", family_type_text(family));
	field_print("help", need_strdup(*family->help ? family->help : "none"));
	field_print("unit", need_strdup(*family->unit ? family->unit : "none"));
	field_print("labels", family_labels_text(family));
	field_print("merge", family_merge_text(family));
	details_print(family);
	field_print("series", need_printf("%" PRIu64 " merged", list->merged_series));
	printf("  %-9s ", "services");
	for (size_t i = 0; i < list->count; i++) {
		if (!service_is_new(list, i))
			continue;
		fputs(i ? ", " : "", stdout);
		text_print(stdout, list->items[i].segment->service);
	}
	fputs("\n\n", stdout);
}

static struct number overflow_number(const struct declaration *declaration)
{
	if (declaration->family->buckets)
		return (struct number){.type = NUMBER_U64, .u64 = declaration->overflow.bits};
	return family_number(declaration->family, declaration->overflow.bits);
}

static struct number_text overflow_text(const struct declaration *declaration)
{
	struct number_text none = {"-"};
	return declaration->overflow.present ? number_text(overflow_number(declaration)) : none;
}

static void description_print(const struct declaration_list *list)
{
	struct table table;
	fields_print(list);
	table_init(&table, "SERVICE SEGMENT STATE >SERIES >LIMIT >OVERFLOW CONFLICT");
	for (size_t i = 0; i < list->count; i++) {
		const struct declaration *declaration = &list->items[i];
		char *conflicts = conflicts_text(declaration->conflicts);
		table_add(&table, "%s", declaration->segment->service);
		table_add(&table, "%s/%s", declaration->directory, declaration->segment->name);
		table_add(&table, "%s", segment_state_word(declaration->segment->state));
		table_add(&table, "%" PRIu32, declaration->series);
		table_add(&table, "%" PRIu32, declaration->family->series_limit);
		table_add(&table, "%s", overflow_text(declaration).text);
		table_add(&table, "%s", *conflicts ? conflicts : "-");
		free(conflicts);
	}
	table_print(&table, stdout);
	table_fini(&table);
}

static json_t *declaration_json(const struct declaration *declaration)
{
	char *conflicts = conflicts_text(declaration->conflicts);
	json_t *object = need(json_object());
	json_object_set_new(object, "directory", json_text(declaration->directory));
	json_object_set_new(object, "segment", json_text(declaration->segment->name));
	json_object_set_new(object, "service", json_text(declaration->segment->service));
	json_object_set_new(object, "state", json_text(segment_state_word(declaration->segment->state)));
	json_object_set_new(object, "series", json_integer(declaration->series));
	json_object_set_new(object, "series_limit", json_integer(declaration->family->series_limit));
	if (declaration->overflow.present)
		json_object_set_new(object, "overflow", json_number(overflow_number(declaration)));
	json_object_set_new(object, "conflicts", json_text(conflicts));
	free(conflicts);
	return object;
}

static json_t *f64s_json(const double *values, uint32_t count)
{
	json_t *array = need(json_array());
	for (uint32_t i = 0; i < count; i++)
		json_array_append_new(array, json_number((struct number){.type = NUMBER_F64, .f64 = values[i]}));
	return array;
}

static void buckets_json(const struct mstat_shm_buckets *buckets, json_t *object)
{
	json_t *made = need(json_object());
	json_object_set_new(made, "scale", json_number((struct number){.type = NUMBER_F64, .f64 = buckets->scale}));
	json_object_set_new(made, "bounds", f64s_json(buckets->bounds, buckets->bound_count));
	if (buckets->flags & MSTAT_SHM_BUCKETS_EXPONENTIAL) {
		json_object_set_new(made, "schema", json_integer(buckets->schema));
		json_object_set_new(made, "first", json_integer(buckets->first));
		json_object_set_new(made, "count", json_integer(buckets->count));
	}
	json_object_set_new(made, "negative", json_boolean(buckets->flags & MSTAT_SHM_BUCKETS_NEGATIVE));
	json_object_set_new(object, "buckets", made);
}

static void details_json(const struct segment_family *family, json_t *object)
{
	if (family->buckets)
		buckets_json(family->buckets, object);
	if (family->kind == MSTAT_SHM_SUMMARY) {
		json_object_set_new(object, "quantiles", f64s_json(family->quantiles, family->item_count));
		json_object_set_new(object, "window_s", json_integer(family->window_s));
	}
	if (family->kind == MSTAT_SHM_STATE_SET)
		json_object_set_new(object, "states", json_strings(family->states, family->item_count));
	if (family->ttl_s)
		json_object_set_new(object, "ttl_s", json_integer(family->ttl_s));
}

static void description_print_json(const struct declaration_list *list)
{
	const struct segment_family *family = list->items[0].family;
	char *name = family_exposed_name(family);
	json_t *object = need(json_object()), *segments = need(json_array());
	json_object_set_new(object, "name", json_text(name));
	json_object_set_new(object, "type", json_text(kind_word(family->kind).text));
	json_object_set_new(object, "value", json_text(value_word(family->value).text));
	json_object_set_new(object, "help", json_text(family->help));
	json_object_set_new(object, "unit", json_text(family->unit));
	json_object_set_new(object, "labels", json_strings(family->label_names, family->label_count));
	if (family->kind == MSTAT_SHM_GAUGE) {
		json_object_set_new(object, "merge", json_text(merge_word(family->merge).text));
		json_object_set_new(object, "live", json_boolean(family->live));
	}
	details_json(family, object);
	json_object_set_new(object, "series", json_integer((json_int_t)list->merged_series));
	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(segments, declaration_json(&list->items[i]));
	json_object_set_new(object, "segments", segments);
	json_print(object);
	free(name);
}

static int describe(const struct arguments *arguments, struct declaration_list *list)
{
	if (!list->count) {
		report("no segment has a metric '%s'; 'mstat show' lists what there is", arguments->operands[0]);
		return CODE_FINDINGS;
	}
	int code = merged_count(arguments, list);
	if (code != CODE_FINE)
		return code;
	if (arguments->given & OPTION_JSON)
		description_print_json(list);
	else
		description_print(list);
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].conflicts)
			code = CODE_FINDINGS;
	return code;
}

int cmd_describe(const struct arguments *arguments)
{
	struct inspection inspection;
	struct declaration_list list = {0};
	if (inspection_open(arguments, &inspection) < 0)
		return CODE_FAILED;
	declarations_find(&list, &inspection, arguments->operands[0]);
	int code = describe(arguments, &list);
	free(list.items);
	inspection_close(&inspection);
	return code;
}
