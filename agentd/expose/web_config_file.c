/* SPDX-License-Identifier: MIT */
/* The text of a web configuration file taken apart, from the events of libyaml. */
#include "web_config_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define ENTRIES_MAX 1000

enum kind { SINGLE, LIST, PAIRS };

static const struct {
	const char *section;
	const char *name;
	enum kind kind;
} keys[WEB_KEY_COUNT] = {
#define WEB_KEY(section, name, kind) {#section, #name, kind},
#include "web_config.def"
#undef WEB_KEY
};

enum section {
#define WEB_SECTION(name) SECTION_##name,
#include "web_config.def"
#undef WEB_SECTION
	SECTION_COUNT
};

static const char *const section_names[SECTION_COUNT] = {
#define WEB_SECTION(name) #name,
#include "web_config.def"
#undef WEB_SECTION
};

struct reading {
	struct web_file *file;
	const char *text;
	size_t len;
	yaml_parser_t parser;
	yaml_event_t event;
	size_t section_lines[SECTION_COUNT];
	size_t key_lines[WEB_KEY_COUNT];
	char **error;
};

const char *web_key_name(enum web_key key)
{
	return keys[key].name;
}

int web_file_fail(const struct web_file *file, size_t line, char **error, const char *format, ...)
{
	char *what = NULL, *message = NULL;
	va_list arguments;
	va_start(arguments, format);
	if (vasprintf(&what, format, arguments) < 0)
		what = NULL;
	va_end(arguments);
	const int len = !what  ? -1
			: line ? asprintf(&message, "%s:%zu: %s", file->path, line, what)
			       : asprintf(&message, "%s: %s", file->path, what);
	free(what);
	free(*error);
	*error = len < 0 ? NULL : message;
	return -EINVAL;
}

static size_t line_of(const struct reading *reading)
{
	return reading->event.start_mark.line + 1;
}

#define reading_fail(reading, ...) web_file_fail((reading)->file, line_of(reading), (reading)->error, __VA_ARGS__)

static const char *event_kind(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return "a single value";
	case YAML_SEQUENCE_START_EVENT:
		return "a list";
	case YAML_MAPPING_START_EVENT:
		return "a mapping";
	case YAML_ALIAS_EVENT:
		return "an alias, which is not understood here";
	default:
		return "the end";
	}
}

/* A reader error (a byte that is not UTF-8) has an offset instead of a mark. */
static size_t problem_line(const struct reading *reading)
{
	const yaml_parser_t *parser = &reading->parser;
	size_t line = 1;
	if (parser->error != YAML_READER_ERROR)
		return parser->problem_mark.line + 1;
	for (size_t i = 0; i < parser->problem_offset && i < reading->len; i++)
		line += reading->text[i] == '\n';
	return line;
}

/* Passwords' hashes and keys may be in it. */
static void event_wipe(yaml_event_t *event)
{
	if (event->type == YAML_SCALAR_EVENT)
		explicit_bzero(event->data.scalar.value, event->data.scalar.length);
	yaml_event_delete(event);
}

static int next(struct reading *reading)
{
	event_wipe(&reading->event);
	if (yaml_parser_parse(&reading->parser, &reading->event))
		return 0;
	if (reading->parser.error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	return web_file_fail(reading->file, problem_line(reading), reading->error, "not YAML: %s",
			     reading->parser.problem ? reading->parser.problem : "unknown problem");
}

/* The text of the current event if it is a scalar without a NUL inside, else NULL. */
static const char *scalar(const struct reading *reading)
{
	const yaml_event_t *event = &reading->event;
	if (event->type != YAML_SCALAR_EVENT || strlen((char *)event->data.scalar.value) != event->data.scalar.length)
		return NULL;
	return (const char *)event->data.scalar.value;
}

/* Nothing, as a key has it whose lines are all comments. */
static bool nothing(const struct reading *reading)
{
	const char *text = scalar(reading);
	return text && reading->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*text || !strcmp(text, "~") || !strcasecmp(text, "null"));
}

static int entry_append(struct reading *reading, struct web_value *value, const char *name, const char *text)
{
	struct web_entry *entries = value->entries;
	if (value->count == ENTRIES_MAX)
		return reading_fail(reading, "more than %d entries; remove some", ENTRIES_MAX);
	if (!(value->count & (value->count - 1))) { /* full: it grows by powers of two */
		entries = reallocarray(entries, value->count ? 2 * value->count : 1, sizeof(*entries));
		if (!entries)
			return -ENOMEM;
		value->entries = entries;
	}
	struct web_entry entry = {.name = name ? strdup(name) : NULL, .text = strdup(text), .line = line_of(reading)};
	if ((name && !entry.name) || !entry.text) {
		free(entry.name);
		free(entry.text);
		return -ENOMEM;
	}
	entries[value->count++] = entry;
	return 0;
}

static int take_single(struct reading *reading, enum web_key key, const char *name)
{
	const char *text = scalar(reading);
	if (!text)
		return reading_fail(reading, "%s: expected a single value, found %s", name ? name : keys[key].name,
				    reading->event.type == YAML_SCALAR_EVENT ? "one with a NUL inside"
									     : event_kind(&reading->event));
	return entry_append(reading, &reading->file->values[key], name, text);
}

static int take_list(struct reading *reading, enum web_key key)
{
	if (reading->event.type != YAML_SEQUENCE_START_EVENT)
		return reading_fail(reading, "%s: expected a list ([a, b]), found %s", keys[key].name,
				    event_kind(&reading->event));
	for (;;) {
		int r = next(reading);
		if (r || reading->event.type == YAML_SEQUENCE_END_EVENT)
			return r;
		r = take_single(reading, key, NULL);
		if (r)
			return r;
	}
}

static const struct web_entry *pair_find(const struct web_value *value, const char *name)
{
	for (size_t i = 0; i < value->count; i++)
		if (!strcmp(value->entries[i].name, name))
			return &value->entries[i];
	return NULL;
}

static int take_pair(struct reading *reading, enum web_key key)
{
	const char *text = scalar(reading);
	if (!text)
		return reading_fail(reading, "%s: expected a name, found %s", keys[key].name,
				    event_kind(&reading->event));
	const struct web_entry *other = pair_find(&reading->file->values[key], text);
	if (other)
		return reading_fail(reading, "%s: \"%s\": duplicate key, first on line %zu; remove one", keys[key].name,
				    text, other->line);
	char *name = strdup(text);
	if (!name)
		return -ENOMEM;
	int r = next(reading);
	if (!r)
		r = take_single(reading, key, name);
	free(name);
	return r;
}

static int take_pairs(struct reading *reading, enum web_key key)
{
	if (reading->event.type != YAML_MAPPING_START_EVENT)
		return reading_fail(reading, "%s: expected a mapping (NAME: VALUE), found %s", keys[key].name,
				    event_kind(&reading->event));
	for (;;) {
		int r = next(reading);
		if (r || reading->event.type == YAML_MAPPING_END_EVENT)
			return r;
		r = take_pair(reading, key);
		if (r)
			return r;
	}
}

/* The current event is a key; reads its value. */
static int take_key(struct reading *reading, enum web_key key)
{
	if (reading->key_lines[key])
		return reading_fail(reading, "%s: duplicate key, first on line %zu; remove one", keys[key].name,
				    reading->key_lines[key]);
	reading->key_lines[key] = line_of(reading);
	int r = next(reading);
	if (r || nothing(reading))
		return r;
	reading->file->values[key].line = reading->key_lines[key];
	switch (keys[key].kind) {
	case SINGLE:
		return take_single(reading, key, NULL);
	case LIST:
		return take_list(reading, key);
	default:
		return take_pairs(reading, key);
	}
}

static enum web_key key_find(const char *section, const char *name)
{
	int i = 0;
	while (i < WEB_KEY_COUNT && (!name || strcmp(keys[i].section, section) || strcmp(keys[i].name, name)))
		i++;
	return (enum web_key)i;
}

static void keys_list(const char *section, char *out, size_t size)
{
	size_t len = 0;
	*out = '\0';
	for (size_t i = 0; i < WEB_KEY_COUNT && len < size; i++)
		if (!strcmp(keys[i].section, section))
			len += (size_t)snprintf(out + len, size - len, "%s%s", len ? ", " : "", keys[i].name);
}

static int take_section(struct reading *reading, enum section section)
{
	const char *name = section_names[section];
	char known[512];
	if (reading->section_lines[section])
		return reading_fail(reading, "%s: duplicate key, first on line %zu; remove one", name,
				    reading->section_lines[section]);
	reading->section_lines[section] = line_of(reading);
	int r = next(reading);
	if (r || nothing(reading))
		return r;
	if (reading->event.type != YAML_MAPPING_START_EVENT)
		return reading_fail(reading, "%s: expected a mapping of keys, found %s", name,
				    event_kind(&reading->event));
	for (;;) {
		r = next(reading);
		if (r || reading->event.type == YAML_MAPPING_END_EVENT)
			return r;
		const char *word = scalar(reading);
		const enum web_key key = key_find(name, word);
		keys_list(name, known, sizeof(known));
		r = key != WEB_KEY_COUNT
			    ? take_key(reading, key)
			    : reading_fail(reading, "%s.%s: unknown key; known are %s", name, word ? word : "?", known);
		if (r)
			return r;
	}
}

/* The current event is a key of the file's top level. */
static int take_top(struct reading *reading)
{
	const char *name = scalar(reading);
	const enum web_key key = key_find("", name);
	if (key != WEB_KEY_COUNT)
		return take_key(reading, key);
	for (int i = 0; name && i < SECTION_COUNT; i++)
		if (!strcmp(name, section_names[i]))
			return take_section(reading, (enum section)i);
	return reading_fail(reading,
			    "%s: unknown key; known are tls_server_config, http_server_config, basic_auth_users and "
			    "rate_limit",
			    name ? name : "?");
}

static int take_document(struct reading *reading)
{
	if (nothing(reading))
		return next(reading);
	if (reading->event.type != YAML_MAPPING_START_EVENT)
		return reading_fail(reading, "expected a mapping of sections (tls_server_config:), found %s",
				    event_kind(&reading->event));
	for (;;) {
		int r = next(reading);
		if (r)
			return r;
		if (reading->event.type == YAML_MAPPING_END_EVENT)
			return next(reading);
		r = take_top(reading);
		if (r)
			return r;
	}
}

static int take_stream(struct reading *reading)
{
	int r = next(reading); /* stream start */
	if (!r)
		r = next(reading);
	if (r || reading->event.type == YAML_STREAM_END_EVENT)
		return r;
	r = next(reading); /* past the document start */
	if (!r)
		r = take_document(reading);
	if (!r)
		r = next(reading); /* past the document end */
	if (!r && reading->event.type != YAML_STREAM_END_EVENT)
		return reading_fail(reading, "a second document; the file may hold one only");
	return r;
}

static void text_free(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void web_file_fini(struct web_file *file)
{
	for (size_t i = 0; i < WEB_KEY_COUNT; i++) {
		struct web_value *value = &file->values[i];
		for (size_t at = 0; at < value->count; at++) {
			free(value->entries[at].name);
			text_free(value->entries[at].text);
		}
		free(value->entries);
		*value = (struct web_value){.count = 0};
	}
}

int web_file_parse(const char *path, const char *text, size_t len, struct web_file *file, char **error)
{
	struct web_file parsed = {.path = path};
	struct reading reading = {.file = &parsed, .text = text, .len = len, .error = error};
	if (!yaml_parser_initialize(&reading.parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&reading.parser, (const unsigned char *)text, len);
	const int r = take_stream(&reading);
	event_wipe(&reading.event);
	yaml_parser_delete(&reading.parser);
	if (r)
		web_file_fini(&parsed);
	else
		*file = parsed;
	return r;
}
