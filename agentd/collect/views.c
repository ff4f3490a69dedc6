/* SPDX-License-Identifier: MIT */
/* Views, as they are applied. */
#include "views.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot/catalog_names.h"

/* ---- life ---- */

struct views *views_new(void)
{
	return calloc(1, sizeof(struct views));
}

static void match_fini(struct view_match *match)
{
	free(match->text);
	host_pattern_free(match->pattern);
}

static void names_fini(struct view_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i]);
	free(names->items);
}

static void pairs_fini(struct view_pairs *pairs)
{
	for (size_t i = 0; i < pairs->count; i++) {
		free((char *)pairs->items[i].name);
		free((char *)pairs->items[i].value);
	}
	free(pairs->items);
}

void views_free(struct views *views)
{
	if (!views)
		return;
	for (size_t i = 0; i < views->count; i++) {
		struct view *view = &views->views[i];
		match_fini(&view->name);
		match_fini(&view->service);
		free(view->rename);
		names_fini(&view->keep);
		names_fini(&view->drop);
		pairs_fini(&view->labels_renamed);
		pairs_fini(&view->labels_added);
	}
	free(views->views);
	free(views);
}

bool views_equal(const struct views *one, const struct views *other)
{
	if (!one || !other)
		return one == other;
	return one->count == other->count && one->digest == other->digest;
}

struct view *views_append(struct views *views)
{
	struct view *grown = reallocarray(views->views, views->count + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	views->views = grown;
	grown[views->count] = (struct view){.schema_max = SHAPE_SCHEMA_MAX};
	return &grown[views->count++];
}

int view_match_set(struct view_match *match, const char *text, char *why, size_t why_size)
{
	if (!*text) {
		snprintf(why, why_size, "expected a text that is not empty");
		return -EINVAL;
	}
	if (!strpbrk(text, "*+?()[]{}|^$\\")) {
		match->text = strdup(text);
		return match->text ? 0 : -ENOMEM;
	}
	char *anchored = NULL;
	if (asprintf(&anchored, "^(?:%s)$", text) < 0)
		return -ENOMEM;
	int r = host_pattern_new(anchored, &match->pattern, why, why_size);
	free(anchored);
	return r;
}

int view_names_add(struct view_names *names, const char *name)
{
	char **items = reallocarray(names->items, names->count + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	names->items = items;
	items[names->count] = strdup(name);
	if (!items[names->count])
		return -ENOMEM;
	names->count++;
	return 0;
}

int view_pairs_add(struct view_pairs *pairs, const char *name, const char *value)
{
	struct label *items = reallocarray(pairs->items, pairs->count + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	pairs->items = items;
	items[pairs->count] = (struct label){.name = strdup(name), .value = strdup(value)};
	pairs->count++;
	return items[pairs->count - 1].name && items[pairs->count - 1].value ? 0 : -ENOMEM;
}

/* ---- matching ---- */

static bool match_takes(const struct view_match *match, const char *text)
{
	if (match->text)
		return !strcmp(match->text, text);
	return !match->pattern || host_pattern_match(match->pattern, text);
}

/* Under the name with or without the suffix of its type. */
static bool name_matches(const struct view_match *match, const char *name, enum metric_type type)
{
	char longer[METRIC_NAME_BYTES_MAX + METRIC_SUFFIX_BYTES_MAX + 1];
	const char *suffix = metric_type_text_suffix(type);
	if (match_takes(match, name))
		return true;
	if (!*suffix || strlen(name) > METRIC_NAME_BYTES_MAX)
		return false;
	stpcpy(stpcpy(longer, name), suffix);
	return match_takes(match, longer);
}

const struct view *views_find(const struct views *views, const char *name, enum metric_type type, const char *service)
{
	for (size_t i = 0; views && i < views->count; i++) {
		const struct view *view = &views->views[i];
		if (match_takes(&view->service, service) && name_matches(&view->name, name, type))
			return view;
	}
	return NULL;
}

/* ---- families ---- */

const char *view_family_name(const struct view *view, const char *name, enum metric_type type, char *buffer,
			     size_t buffer_size)
{
	if (!view || !view->rename)
		return name;
	const char *suffix = metric_type_text_suffix(type);
	size_t len = strlen(view->rename), suffix_len = strlen(suffix);
	if (suffix_len && len > suffix_len && !strcmp(view->rename + len - suffix_len, suffix))
		len -= suffix_len;
	snprintf(buffer, buffer_size, "%.*s", (int)len, view->rename);
	return buffer;
}

/* The index of the bucket of a lower schema that holds bucket `index` of a higher one, `steps` below. */
static int64_t index_lowered(int32_t index, int steps)
{
	return ((int64_t)index + (1 << steps) - 1) >> steps;
}

static int64_t buckets_at(const struct mstat_shm_buckets *buckets, int steps)
{
	int64_t first = index_lowered(buckets->first, steps);
	int64_t last = index_lowered(buckets->first + (int32_t)buckets->count - 1, steps);
	return (last - first + 1) * (buckets->flags & MSTAT_SHM_BUCKETS_NEGATIVE ? 2 : 1);
}

int view_schema_max(const struct view *view, const struct mstat_shm_buckets *buckets)
{
	int schema = view ? view->schema_max : SHAPE_SCHEMA_MAX;
	if (!view || !view->buckets_max || !buckets || !(buckets->flags & MSTAT_SHM_BUCKETS_EXPONENTIAL))
		return schema;
	if (schema > buckets->schema)
		schema = buckets->schema;
	while (schema > SHAPE_SCHEMA_MIN && buckets_at(buckets, buckets->schema - schema) > view->buckets_max)
		schema--;
	return schema;
}

/* ---- labels ---- */

bool view_changes_labels(const struct view *view)
{
	return view && (view->keep.count || view->drop.count || view->labels_renamed.count ||
			view->labels_added.count || view->each);
}

static bool names_have(const struct view_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (!strcmp(names->items[i], name))
			return true;
	return false;
}

const char *view_label_name(const struct view *view, const char *name, bool own)
{
	if (!view)
		return name;
	if (names_have(&view->drop, name) || (view->keep.count && !own && !names_have(&view->keep, name)))
		return NULL;
	for (size_t i = 0; i < view->labels_renamed.count; i++)
		if (!strcmp(view->labels_renamed.items[i].name, name))
			return view->labels_renamed.items[i].value;
	return name;
}
