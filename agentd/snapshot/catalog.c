/* SPDX-License-Identifier: MIT */
/* The catalog: families by name, series by text; what fits together and what is a conflict. */
#include "catalog_names.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const char *catalog_conflict_label(enum catalog_conflict conflict)
{
	static const char *const labels[CATALOG_CONFLICT_COUNT] = {
#define CATALOG_CONFLICT(name, label, text) [name] = label,
#include "conflicts.def"
#undef CATALOG_CONFLICT
	};
	assert(conflict < CATALOG_CONFLICT_COUNT);
	return labels[conflict];
}

struct catalog *catalog_new(uint32_t series_max)
{
	struct catalog *catalog = calloc(1, sizeof(*catalog));
	if (!catalog)
		return NULL;
	catalog->series_max = series_max < STORE_SERIES_MAX ? series_max : STORE_SERIES_MAX;
	/* References of buried series are not free yet; twice the series lets a whole population be replaced. */
	catalog->store = store_new(series_max < STORE_SERIES_MAX / 2 ? 2 * series_max : STORE_SERIES_MAX);
	catalog->order = order_new(0);
	series_table_init(&catalog->table);
	if (!catalog->store || !catalog->order) {
		catalog_free(catalog);
		return NULL;
	}
	return catalog;
}

void catalog_free(struct catalog *catalog)
{
	if (!catalog)
		return;
	if (catalog->store)
		store_close(catalog->store);
	for (family_ref ref = 0; ref < catalog->family_limit; ref++)
		free(catalog->families[ref].name);
	free(catalog->families);
	free(catalog->by_name);
	free(catalog->idle);
	free(catalog->added);
	free(catalog->scratch.bytes);
	order_unref(catalog->order);
	series_table_fini(&catalog->table);
	free(catalog);
}

uint32_t catalog_series_count(const struct catalog *catalog)
{
	return catalog->series_count;
}

uint32_t catalog_family_count(const struct catalog *catalog)
{
	return catalog->family_count;
}

uint64_t catalog_generation(const struct catalog *catalog)
{
	return catalog->generation;
}

size_t catalog_bytes(const struct catalog *catalog)
{
	return store_bytes(catalog->store) + catalog->table.slot_count * sizeof(uint32_t) +
	       (catalog->order->count + catalog->added_capacity) * sizeof(series_ref) + catalog->idle_capacity +
	       catalog->family_capacity * (sizeof(struct family) + sizeof(family_ref));
}

/* ---- families --------------------------------------------------------------------------------------------------- */

static const char *string_or_empty(const char *string)
{
	return string ? string : "";
}

/* Whether a family that exists takes the request. Another help text comes last: it does not refuse the series. */
static enum catalog_conflict family_match(struct catalog *catalog, const struct family *family,
					  const struct family_request *request)
{
	if (family->type != request->type)
		return CATALOG_CONFLICT_TYPE;
	if (strcmp(family->unit, string_or_empty(request->unit)))
		return CATALOG_CONFLICT_UNIT;
	if (family->label_names && request->label_names) {
		enum catalog_conflict conflict = catalog_labels_join(catalog, request);
		if (conflict)
			return conflict;
		if (strcmp(family->label_names, catalog->scratch.bytes))
			return CATALOG_CONFLICT_LABELS;
	}
	return strcmp(family->help, string_or_empty(request->help)) ? CATALOG_CONFLICT_HELP : CATALOG_OK;
}

static enum catalog_conflict family_check(struct catalog *catalog, const struct family_request *request)
{
	enum catalog_conflict conflict = catalog_names_check(catalog, request);
	if (conflict)
		return conflict;
	if (catalog->family_count >= CATALOG_FAMILIES_MAX)
		return CATALOG_LIMIT;
	return request->label_names ? catalog_labels_join(catalog, request) : CATALOG_OK;
}

/* Copies the strings of a request, and the label names in the scratch buffer, into one block. */
static bool family_init(struct family *family, const struct family_request *request, const char *label_names)
{
	const char *help = string_or_empty(request->help);
	const char *unit = string_or_empty(request->unit);
	size_t name_len = strlen(request->name);
	size_t string_bytes = name_len + strlen(help) + strlen(unit) + 3;
	char *block = malloc(string_bytes + (label_names ? strlen(label_names) + 1 : 0));
	if (!block)
		return false;
	*family = (struct family){
		.name = block,
		.help = block + name_len + 1,
		.unit = block + name_len + strlen(help) + 2,
		.label_names = label_names ? block + string_bytes : NULL,
		.string_bytes = (uint32_t)string_bytes,
		.text_name_len = (uint32_t)(name_len + strlen(metric_type_text_suffix(request->type))),
		.type = request->type,
		.shape = (int8_t)metric_type_shape(request->type),
		.keep_empty_labels = request->keep_empty_labels,
	};
	strcpy(family->name, request->name);
	strcpy(family->help, help);
	strcpy(family->unit, unit);
	if (label_names)
		strcpy(family->label_names, label_names);
	return true;
}

/* Room for one more family in both arrays. */
static bool families_reserve(struct catalog *catalog)
{
	if (catalog->family_limit < catalog->family_capacity)
		return true;
	uint32_t capacity = catalog->family_capacity ? 2 * catalog->family_capacity : 32;
	struct family *families = realloc(catalog->families, capacity * sizeof(*families));
	if (!families)
		return false;
	catalog->families = families;
	family_ref *by_name = realloc(catalog->by_name, capacity * sizeof(*by_name));
	if (!by_name)
		return false;
	catalog->by_name = by_name;
	catalog->family_capacity = capacity;
	return true;
}

/* A reference without a family: one that was dropped, else a new one. */
static family_ref family_reference(const struct catalog *catalog)
{
	family_ref ref = 0;
	if (catalog->family_count == catalog->family_limit)
		return catalog->family_limit;
	while (catalog->families[ref].name)
		ref++;
	return ref;
}

static enum catalog_conflict family_add(struct catalog *catalog, const struct family_request *request, uint32_t place,
					family_ref *family)
{
	enum catalog_conflict conflict = family_check(catalog, request);
	if (conflict)
		return conflict;
	if (!families_reserve(catalog))
		return CATALOG_NO_MEMORY;
	family_ref ref = family_reference(catalog);
	struct family fresh;
	if (!family_init(&fresh, request, request->label_names ? catalog->scratch.bytes : NULL))
		return CATALOG_NO_MEMORY;
	catalog->families[ref] = fresh;
	memmove(catalog->by_name + place + 1, catalog->by_name + place,
		(catalog->family_count - place) * sizeof(*catalog->by_name));
	catalog->by_name[place] = ref;
	catalog->family_count++;
	if (ref == catalog->family_limit)
		catalog->family_limit++;
	*family = ref;
	return CATALOG_OK;
}

enum catalog_conflict catalog_family(struct catalog *catalog, const struct family_request *request, family_ref *family)
{
	uint32_t place;
	if (!catalog_name_find(catalog, request->name, strlen(request->name), &place))
		return family_add(catalog, request, place, family);
	family_ref found = catalog->by_name[place];
	enum catalog_conflict conflict = family_match(catalog, &catalog->families[found], request);
	if (conflict == CATALOG_OK || conflict == CATALOG_CONFLICT_HELP)
		*family = found;
	return conflict;
}

void catalog_family_drop(struct catalog *catalog, family_ref ref)
{
	struct family *family = &catalog->families[ref];
	uint32_t place;
	bool found = catalog_name_find(catalog, family->name, strlen(family->name), &place);
	assert(found && family->series_count == 0);
	(void)found;
	catalog->family_count--;
	memmove(catalog->by_name + place, catalog->by_name + place + 1,
		(catalog->family_count - place) * sizeof(*catalog->by_name));
	free(family->name);
	*family = (struct family){0};
}

/* ---- series ----------------------------------------------------------------------------------------------------- */

/* The capacity that an array with `count` elements should have to take one more: half as much again. */
static uint32_t capacity_wanted(uint32_t count, uint32_t capacity)
{
	if (count < capacity)
		return capacity;
	return capacity < 64 ? 64 : capacity + capacity / 2;
}

/* Room for one more series in the catalog's own arrays. */
static bool series_reserve(struct catalog *catalog)
{
	uint32_t wanted = capacity_wanted(catalog->added_count, catalog->added_capacity);
	if (wanted > catalog->added_capacity) {
		series_ref *added = realloc(catalog->added, wanted * sizeof(*added));
		if (!added)
			return false;
		catalog->added = added;
		catalog->added_capacity = wanted;
	}
	wanted = capacity_wanted(store_limit(catalog->store), catalog->idle_capacity);
	if (wanted > catalog->idle_capacity) {
		uint8_t *idle = realloc(catalog->idle, wanted);
		if (!idle)
			return false;
		catalog->idle = idle;
		catalog->idle_capacity = wanted;
	}
	return series_table_reserve(&catalog->table, catalog->store);
}

/* The series' text in the scratch buffer. */
static enum catalog_conflict key_render(struct catalog *catalog, const struct family *family,
					const struct label *labels, size_t count)
{
	char name[METRIC_NAME_BYTES_MAX + METRIC_SUFFIX_BYTES_MAX + 1];
	stpcpy(stpcpy(name, family->name), metric_type_text_suffix(family->type));
	return series_text_render(&catalog->scratch, name, family->text_name_len, labels, count,
				  family->keep_empty_labels);
}

static enum catalog_conflict series_add(struct catalog *catalog, family_ref family, uint64_t hash, series_ref *series)
{
	if (catalog->series_count >= catalog->series_max)
		return CATALOG_LIMIT;
	if (!series_reserve(catalog))
		return CATALOG_NO_MEMORY;
	series_ref fresh;
	enum catalog_conflict conflict =
		store_add(catalog->store, catalog->scratch.bytes, (uint32_t)catalog->scratch.len, family, &fresh);
	if (conflict)
		return conflict;
	series_table_insert(&catalog->table, hash, fresh);
	catalog->added[catalog->added_count++] = fresh;
	catalog->idle[fresh] = 0;
	catalog->families[family].series_count++;
	catalog->series_count++;
	*series = fresh;
	return CATALOG_OK;
}

static bool labels_allowed(const struct family *family, const struct label *labels, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!catalog_label_allowed(family, labels[i].name))
			return false;
	return true;
}

enum catalog_conflict catalog_series(struct catalog *catalog, family_ref family, const struct label *labels,
				     size_t count, series_ref *series)
{
	assert(family < catalog->family_limit && catalog->families[family].name);
	enum catalog_conflict conflict = key_render(catalog, &catalog->families[family], labels, count);
	if (conflict)
		return conflict;
	const struct text_buffer *key = &catalog->scratch;
	uint64_t hash = series_hash(&catalog->table, key->bytes, key->len);
	series_ref found = series_table_find(&catalog->table, catalog->store, hash, key->bytes, key->len);
	if (found == SERIES_NONE) {
		/* Only here: a name that is not allowed never gets into the table. */
		if (!labels_allowed(&catalog->families[family], labels, count))
			return CATALOG_CONFLICT_LABELS;
		return series_add(catalog, family, hash, series);
	}
	*series = found;
	return CATALOG_OK;
}

void catalog_series_created(struct catalog *catalog, series_ref series, uint64_t created_ns)
{
	store_created(catalog->store, series, created_ns);
}
