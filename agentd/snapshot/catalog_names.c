/* SPDX-License-Identifier: MIT */
/* Names in the catalog: one page must never show a sample's name in two families, or parsers refuse all of it. */
#include "catalog_names.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE_SUFFIXES_MAX 4

static const char same_as_family[] = "";

struct type_facts {
	int shape;
	const char *text_suffix;
	const char *reserved_label;
	const char *sample_suffixes[SAMPLE_SUFFIXES_MAX + 1]; /* NULL ends them */
};

#define SAME_AS_FAMILY same_as_family
static const struct type_facts types[] = {
#define METRIC_TYPE(type, shape, text, label, ...) [type] = {shape, text, label, {__VA_ARGS__}},
#include "metric_types.def"
};
#undef SAME_AS_FAMILY
#define TYPE_COUNT (sizeof(types) / sizeof(types[0]))

static const struct type_facts *facts_of(enum metric_type type)
{
	assert((size_t)type < TYPE_COUNT);
	return &types[type];
}

int metric_type_shape(enum metric_type type)
{
	return facts_of(type)->shape;
}

const char *metric_type_text_suffix(enum metric_type type)
{
	return facts_of(type)->text_suffix;
}

bool catalog_name_find(const struct catalog *catalog, const char *name, size_t len, uint32_t *place)
{
	uint32_t from = 0, to = catalog->family_count;
	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		const char *other = catalog->families[catalog->by_name[middle]].name;
		int order = strncmp(other, name, len);
		if (!order && !other[len]) {
			*place = middle;
			return true;
		}
		if (order < 0)
			from = middle + 1;
		else
			to = middle;
	}
	*place = from;
	return false;
}

/* Whether name[0, len) is a sample of a family of this type that ends in this suffix. */
static bool sample_exists(const struct catalog *catalog, const char *name, size_t len, enum metric_type type,
			  const char *suffix)
{
	size_t suffix_len = strlen(suffix);
	uint32_t place;
	return len > suffix_len && !memcmp(name + len - suffix_len, suffix, suffix_len) &&
	       catalog_name_find(catalog, name, len - suffix_len, &place) &&
	       catalog->families[catalog->by_name[place]].type == type;
}

/* Whether a family has this name, or samples of this name. */
static bool name_taken(const struct catalog *catalog, const char *name)
{
	size_t len = strlen(name);
	uint32_t place;
	if (catalog_name_find(catalog, name, len, &place))
		return true;
	for (size_t type = 0; type < TYPE_COUNT; type++)
		for (const char *const *suffix = types[type].sample_suffixes; *suffix; suffix++)
			if (sample_exists(catalog, name, len, (enum metric_type)type, *suffix))
				return true;
	return false;
}

/* The name itself and those of the samples, each against the same of all other families. */
static bool name_clashes(const struct catalog *catalog, const char *name, enum metric_type type)
{
	char longer[METRIC_NAME_BYTES_MAX + METRIC_SUFFIX_BYTES_MAX + 1];
	if (name_taken(catalog, name))
		return true;
	char *end = stpcpy(longer, name);
	for (const char *const *suffix = facts_of(type)->sample_suffixes; *suffix; suffix++) {
		assert(strlen(*suffix) <= METRIC_SUFFIX_BYTES_MAX);
		strcpy(end, *suffix);
		if (name_taken(catalog, longer))
			return true;
	}
	return false;
}

static bool label_reserved(enum metric_type type, const char *family_name, const char *label)
{
	const char *reserved = facts_of(type)->reserved_label;
	if (reserved == same_as_family)
		reserved = family_name;
	return reserved && !strcmp(label, reserved);
}

bool catalog_label_allowed(const struct family *family, const char *label)
{
	return label_name_valid(label) && !label_reserved(family->type, family->name, label);
}

enum catalog_conflict catalog_names_check(const struct catalog *catalog, const struct family_request *request)
{
	if (strlen(request->name) > METRIC_NAME_BYTES_MAX || !metric_name_valid(request->name) ||
	    name_clashes(catalog, request->name, request->type))
		return CATALOG_CONFLICT_NAME;
	/* The name becomes that of a label, which may have no colon. */
	if (facts_of(request->type)->reserved_label == same_as_family && !label_name_valid(request->name))
		return CATALOG_CONFLICT_NAME;
	for (size_t i = 0; request->label_names && i < request->label_count; i++)
		if (label_reserved(request->type, request->name, request->label_names[i]))
			return CATALOG_CONFLICT_LABELS;
	return CATALOG_OK;
}

static int string_compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

enum catalog_conflict catalog_labels_join(struct catalog *catalog, const struct family_request *request)
{
	const char *sorted[SERIES_TEXT_LABELS_MAX];
	if (request->label_count > SERIES_TEXT_LABELS_MAX)
		return CATALOG_LIMIT;
	size_t bytes = 1;
	for (size_t i = 0; i < request->label_count; i++) {
		sorted[i] = request->label_names[i];
		bytes += strlen(sorted[i]) + 1;
	}
	qsort(sorted, request->label_count, sizeof(sorted[0]), string_compare);
	if (!text_buffer_reserve(&catalog->scratch, bytes))
		return CATALOG_NO_MEMORY;
	char *out = catalog->scratch.bytes;
	for (size_t i = 0; i < request->label_count; i++)
		out = stpcpy(stpcpy(out, sorted[i]), ",");
	*out = '\0';
	return CATALOG_OK;
}
