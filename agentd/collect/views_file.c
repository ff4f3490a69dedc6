/* SPDX-License-Identifier: MIT */
/* The list `views:`: what is not understood is an error that says where. */
#include "views_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host_hash.h"
#include "snapshot/series_text.h"

struct reading {
	const struct views_source *source;
	struct views *views;
};

static __attribute__((format(printf, 3, 4))) int fail_at(const struct reading *reading, size_t line, const char *format,
							 ...)
{
	char *text = NULL;
	va_list arguments;
	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	free(*reading->source->error);
	if (!text || asprintf(reading->source->error, "%s:%zu: views: %s", reading->source->path, line, text) < 0)
		*reading->source->error = NULL;
	free(text);
	return -EINVAL;
}

static size_t line_of(const struct reading *reading)
{
	return reading->source->event->start_mark.line + 1;
}

#define reading_fail(reading, ...) fail_at((reading), line_of(reading), __VA_ARGS__)

static yaml_event_type_t event_type(const struct reading *reading)
{
	return reading->source->event->type;
}

static int next(struct reading *reading)
{
	const yaml_event_t *event = reading->source->event;
	int r = reading->source->next(reading->source->context);
	if (r)
		return r;
	reading->views->digest = host_hash_mix(reading->views->digest, (uint64_t)event->type);
	if (event->type == YAML_SCALAR_EVENT)
		reading->views->digest = host_hash_add(reading->views->digest, (const char *)event->data.scalar.value);
	return 0;
}

/* The text of the current event if it is a scalar without a NUL inside, else NULL. */
static const char *scalar(const struct reading *reading)
{
	const yaml_event_t *event = reading->source->event;
	if (event->type != YAML_SCALAR_EVENT || strlen((char *)event->data.scalar.value) != event->data.scalar.length)
		return NULL;
	return (const char *)event->data.scalar.value;
}

/* ---- values ---- */

static int take_integer(struct reading *reading, const char *key, long least, long greatest, long *value)
{
	const char *text = scalar(reading);
	char *end = NULL;
	errno = 0;
	long number = text ? strtol(text, &end, 10) : 0;
	if (!text || !*text || *end || errno || strchr(" \t\n+", *text) || number < least || number > greatest)
		return reading_fail(reading, "%s: expected a whole number from %ld to %ld", key, least, greatest);
	*value = number;
	return 0;
}

static int take_true(struct reading *reading, const char *key, bool *value)
{
	const char *text = scalar(reading);
	if (!text || strcmp(text, "true") != 0)
		return reading_fail(reading, "%s: expected true; remove the key where it is not", key);
	*value = true;
	return 0;
}

static int label_check(struct reading *reading, const char *key, const char *name)
{
	if (name && label_name_valid(name))
		return 0;
	return reading_fail(reading, "%s: %s is no label name; expected letters, digits and _", key,
			    name && *name ? name : "this");
}

static int take_names(struct reading *reading, const char *key, struct view_names *names)
{
	if (event_type(reading) != YAML_SEQUENCE_START_EVENT)
		return reading_fail(reading, "%s: expected a list of label names: [a, b]", key);
	for (;;) {
		int r = next(reading);
		if (r)
			return r;
		if (event_type(reading) == YAML_SEQUENCE_END_EVENT)
			return names->count ? 0 : reading_fail(reading, "%s: the list is empty; remove the key", key);
		r = label_check(reading, key, scalar(reading));
		if (!r)
			r = view_names_add(names, scalar(reading));
		if (r)
			return r;
	}
}

static bool pairs_have(const struct view_pairs *pairs, const char *name)
{
	for (size_t i = 0; i < pairs->count; i++)
		if (!strcmp(pairs->items[i].name, name))
			return true;
	return false;
}

/* The current event is the name; `to_names`: its value must be a label name, too. */
static int take_pair(struct reading *reading, const char *key, struct view_pairs *pairs, bool to_names)
{
	int r = label_check(reading, key, scalar(reading));
	if (r)
		return r;
	if (pairs_have(pairs, scalar(reading)))
		return reading_fail(reading, "%s: %s is given twice; remove one", key, scalar(reading));
	if (pairs->count == VIEW_ADDED_MAX)
		return reading_fail(reading, "%s: more than %u labels", key, VIEW_ADDED_MAX);
	char *name = strdup(scalar(reading));
	r = name ? next(reading) : -ENOMEM;
	if (!r && to_names)
		r = label_check(reading, key, scalar(reading));
	else if (!r && (!scalar(reading) || !*scalar(reading)))
		r = reading_fail(reading, "%s: %s: expected a text that is not empty", key, name);
	if (!r)
		r = view_pairs_add(pairs, name, scalar(reading));
	free(name);
	return r;
}

static int take_pairs(struct reading *reading, const char *key, struct view_pairs *pairs, bool to_names)
{
	if (event_type(reading) != YAML_MAPPING_START_EVENT)
		return reading_fail(reading, "%s: expected a mapping: {a: b}", key);
	for (;;) {
		int r = next(reading);
		if (r)
			return r;
		if (event_type(reading) == YAML_MAPPING_END_EVENT)
			return pairs->count ? 0
					    : reading_fail(reading, "%s: the mapping is empty; remove the key", key);
		r = take_pair(reading, key, pairs, to_names);
		if (r)
			return r;
	}
}

/* ---- mappings with known keys ---- */

/* Reads the value of a key; the current event begins it. */
typedef int take_key(struct reading *reading, struct view *view, size_t key);

struct keys {
	const char *of;    /* for messages */
	const char *words; /* with a blank between them */
	take_key *take;
};
#define KEYS_MAX 16

/* The number of a key among the words, or SIZE_MAX. */
static size_t key_find(const struct keys *keys, const char *key)
{
	size_t len = strlen(key), index = 0;
	for (const char *word = keys->words; *word; index++) {
		size_t word_len = strcspn(word, " ");
		if (word_len == len && !memcmp(word, key, len))
			return index;
		word += word_len;
		word += *word == ' ';
	}
	return SIZE_MAX;
}

static int take_mapping(struct reading *reading, struct view *view, const struct keys *keys)
{
	bool seen[KEYS_MAX] = {false};
	if (event_type(reading) != YAML_MAPPING_START_EVENT)
		return reading_fail(reading, "%s: expected a mapping with some of: %s", keys->of, keys->words);
	for (;;) {
		int r = next(reading);
		if (r || event_type(reading) == YAML_MAPPING_END_EVENT)
			return r;
		const char *word = scalar(reading);
		size_t key = word ? key_find(keys, word) : SIZE_MAX;
		if (key == SIZE_MAX)
			return reading_fail(reading, "%s: unknown key of %s; there are: %s", word ? word : "?",
					    keys->of, keys->words);
		if (seen[key])
			return reading_fail(reading, "%s: given twice; remove one", word);
		seen[key] = true;
		r = next(reading);
		if (!r)
			r = keys->take(reading, view, key);
		if (r)
			return r;
	}
}

enum match_key { MATCH_NAME, MATCH_SERVICE };

static int take_match_key(struct reading *reading, struct view *view, size_t key)
{
	char why[256];
	const char *text = scalar(reading), *name = key == MATCH_NAME ? "name" : "service";
	if (!text)
		return reading_fail(reading, "%s: expected a text or pattern", name);
	int r = view_match_set(key == MATCH_NAME ? &view->name : &view->service, text, why, sizeof(why));
	return r == -EINVAL ? reading_fail(reading, "%s: \"%s\": %s", name, text, why) : r;
}

enum labels_key { LABELS_KEEP, LABELS_DROP, LABELS_RENAME, LABELS_ADD };

static int take_labels_key(struct reading *reading, struct view *view, size_t key)
{
	switch ((enum labels_key)key) {
	case LABELS_KEEP:
		return take_names(reading, "keep", &view->keep);
	case LABELS_DROP:
		return take_names(reading, "drop", &view->drop);
	case LABELS_RENAME:
		return take_pairs(reading, "rename", &view->labels_renamed, true);
	case LABELS_ADD:
		break;
	}
	return take_pairs(reading, "add", &view->labels_added, false);
}

static int take_rename(struct reading *reading, struct view *view)
{
	const char *name = scalar(reading);
	if (!name || strlen(name) > METRIC_NAME_BYTES_MAX || !metric_name_valid(name))
		return reading_fail(reading, "rename: expected a metric name: letters, digits, _ and :");
	view->rename = strdup(name);
	return view->rename ? 0 : -ENOMEM;
}

static const struct keys match_keys = {"match", "name service", take_match_key};
static const struct keys labels_keys = {"labels", "keep drop rename add", take_labels_key};

enum view_key { VIEW_MATCH, VIEW_RENAME, VIEW_LABELS, VIEW_DROP, VIEW_SCHEMA, VIEW_BUCKETS, VIEW_EACH, VIEW_SERIES };

static int take_view_key(struct reading *reading, struct view *view, size_t key)
{
	long number = 0;
	int r = 0;
	switch ((enum view_key)key) {
	case VIEW_MATCH:
		return take_mapping(reading, view, &match_keys);
	case VIEW_RENAME:
		return take_rename(reading, view);
	case VIEW_LABELS:
		return take_mapping(reading, view, &labels_keys);
	case VIEW_DROP:
		return take_true(reading, "drop", &view->drops_family);
	case VIEW_EACH:
		return take_true(reading, "each", &view->each);
	case VIEW_SCHEMA:
		r = take_integer(reading, "schema_max", SHAPE_SCHEMA_MIN, SHAPE_SCHEMA_MAX, &number);
		view->schema_max = (int)number;
		return r;
	case VIEW_BUCKETS:
		r = take_integer(reading, "buckets_max", 1, SHAPE_NATIVE_MAX, &number);
		view->buckets_max = (uint32_t)number;
		return r;
	case VIEW_SERIES:
		r = take_integer(reading, "series_max", 1, 16777216, &number);
		view->series_max = (uint32_t)number;
	}
	return r;
}

static const struct keys view_keys = {"a view", "match rename labels drop schema_max buckets_max each series_max",
				      take_view_key};

/* ---- views as a whole ---- */

static bool match_given(const struct view_match *match)
{
	return match->text || match->pattern;
}

static bool exposure_changed(const struct view *view)
{
	return view->rename || view_changes_labels(view) || view->schema_max != SHAPE_SCHEMA_MAX || view->buckets_max ||
	       view->series_max;
}

static int view_check(const struct reading *reading, const struct view *view, size_t line)
{
	if (!match_given(&view->name) && !match_given(&view->service))
		return fail_at(reading, line, "match is missing; give a name, a service or both");
	if (!view->drops_family && !exposure_changed(view))
		return fail_at(reading, line,
			       "nothing to do; give rename, labels, drop, schema_max, buckets_max, each or series_max");
	if (view->drops_family && exposure_changed(view))
		return fail_at(reading, line, "drop: a family that is dropped has nothing else; remove the other keys");
	if (view->rename && !view->name.text)
		return fail_at(reading, line, "rename: needs a match of one name that is no pattern");
	if (view->keep.count && view->drop.count)
		return fail_at(reading, line, "labels: keep and drop exclude each other; remove one");
	return 0;
}

static int take_view(struct reading *reading)
{
	size_t line = line_of(reading);
	if (reading->views->count == VIEWS_MAX)
		return reading_fail(reading, "more than %u views; match several families by a pattern", VIEWS_MAX);
	struct view *view = views_append(reading->views);
	if (!view)
		return -ENOMEM;
	int r = take_mapping(reading, view, &view_keys);
	return r ? r : view_check(reading, view, line);
}

int views_read(const struct views_source *source, struct views **views)
{
	struct reading reading = {.source = source, .views = views_new()};
	int r = reading.views ? 0 : -ENOMEM;
	if (!r && event_type(&reading) != YAML_SEQUENCE_START_EVENT)
		r = reading_fail(&reading, "expected a list of entries such as - {match: {name: a}, drop: true}");
	while (!r) {
		r = next(&reading);
		if (!r && event_type(&reading) == YAML_SEQUENCE_END_EVENT)
			break;
		if (!r)
			r = take_view(&reading);
	}
	if (r)
		views_free(reading.views);
	else
		*views = reading.views;
	return r;
}
