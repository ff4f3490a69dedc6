/* SPDX-License-Identifier: MIT */
/* The YAML configuration file.
 *
 * It is read from the events of libyaml. libcyaml, which builds on the same events, was tried: its reports give the
 * line of the key before for a duplicate, no line for a syntax error, and it does not know ranges, so that a second
 * walk would have been needed beside it, which then knows all that libcyaml could add.
 */
#include "config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "collect/views_file.h"
#include "config_value.h"

/* The section that is a list and has no flags. */
#define VIEWS_SECTION "views"

/* A configuration is short; a longer file is a mistake (a device, a log) that would eat memory. */
#define FILE_BYTES_MAX (1024 * 1024)

struct reading {
	struct config *config;
	struct config *scratch; /* takes the values that a flag overrides, so that they are checked all the same */
	const char *path;
	const char *text;
	size_t len;
	yaml_parser_t parser;
	yaml_event_t event;
	bool seen[CONFIG_ITEM_COUNT];
	size_t lines[CONFIG_ITEM_COUNT]; /* of the key, where seen */
	char **error;
};

/* Says where the current event is. */
#define reading_fail(reading, format, ...)                                                                             \
	config_fail((reading)->error, "%s:%zu: " format, (reading)->path, (reading)->event.start_mark.line + 1,        \
		    ##__VA_ARGS__)

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
		return "an alias";
	default:
		return "the end";
	}
}

/* Counted from 0, as libyaml does. */
static size_t line_of_offset(const struct reading *reading, size_t offset)
{
	size_t line = 0;
	for (size_t i = 0; i < offset && i < reading->len; i++)
		line += reading->text[i] == '\n';
	return line;
}

static int next(struct reading *reading)
{
	yaml_event_delete(&reading->event);
	if (yaml_parser_parse(&reading->parser, &reading->event))
		return 0;
	const yaml_parser_t *parser = &reading->parser;
	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	/* A reader error (a byte that is not UTF-8) has an offset instead of a mark. */
	const size_t line = parser->error == YAML_READER_ERROR ? line_of_offset(reading, parser->problem_offset)
							       : parser->problem_mark.line;
	return config_fail(reading->error, "%s:%zu: not YAML: %s", reading->path, line + 1,
			   parser->problem ? parser->problem : "unknown problem");
}

/* The text of the current event if it is a scalar without a NUL inside, else NULL. */
static const char *scalar(const struct reading *reading)
{
	const yaml_event_t *event = &reading->event;
	if (event->type != YAML_SCALAR_EVENT || strlen((char *)event->data.scalar.value) != event->data.scalar.length)
		return NULL;
	return (const char *)event->data.scalar.value;
}

static int take_value(struct reading *reading, const struct config_item *item)
{
	const size_t index = (size_t)(item - config_items);
	const bool overridden = reading->config->origins[index] == CONFIG_FROM_FLAG;
	const char *text = scalar(reading);
	if (!text)
		return reading_fail(reading, "%s: expected a single value, found %s", item->key,
				    reading->event.type == YAML_SCALAR_EVENT ? "one with a NUL inside"
									     : event_kind(&reading->event));
	char why[CONFIG_WHY_MAX];
	int r = config_value_set(overridden ? reading->scratch : reading->config, item, text, why);
	if (r == -EINVAL)
		return reading_fail(reading, "%s: \"%s\": %s", item->key, text, why);
	if (!r && !overridden)
		reading->config->origins[index] = CONFIG_FROM_FILE;
	return r;
}

static int take_list(struct reading *reading, const struct config_item *item)
{
	if (reading->event.type != YAML_SEQUENCE_START_EVENT)
		return reading_fail(reading, "%s: expected a list ([a, b]), found %s", item->key,
				    event_kind(&reading->event));
	for (size_t count = 0;; count++) {
		int r = next(reading);
		if (r)
			return r;
		if (reading->event.type == YAML_SEQUENCE_END_EVENT)
			return count ? 0 : reading_fail(reading, "%s: the list is empty; remove the key", item->key);
		r = take_value(reading, item);
		if (r)
			return r;
	}
}

/* The current event is a key of a section; reads it and its value. */
static int take_item(struct reading *reading, const char *section)
{
	char key[64];
	const char *name = scalar(reading);
	const int len = snprintf(key, sizeof(key), "%s.%s", section, name ? name : "");
	const struct config_item *item = name && len < (int)sizeof(key) ? config_item_find(key, (size_t)len) : NULL;
	if (!item || item->reload == CONFIG_FLAG_ONLY)
		return reading_fail(reading, "%s.%s: unknown key; --help lists the keys", section, name ? name : "?");
	const size_t index = (size_t)(item - config_items);
	if (reading->seen[index])
		return reading_fail(reading, "%s: duplicate key, first on line %zu; remove one", key,
				    reading->lines[index]);
	reading->seen[index] = true;
	reading->lines[index] = reading->event.start_mark.line + 1;
	int r = next(reading);
	if (r)
		return r;
	return config_item_is_list(item) ? take_list(reading, item) : take_value(reading, item);
}

static bool section_known(const char *section)
{
	const size_t len = strlen(section);
	if (!strcmp(section, VIEWS_SECTION))
		return true;
	for (size_t i = 0; i < CONFIG_ITEM_COUNT; i++) {
		if (!strncmp(config_items[i].key, section, len) && config_items[i].key[len] == '.' &&
		    config_items[i].reload != CONFIG_FLAG_ONLY)
			return true;
	}
	return false;
}

/* The current event begins the value of a section. */
static int take_section(struct reading *reading, const char *section)
{
	if (reading->event.type != YAML_MAPPING_START_EVENT)
		return reading_fail(reading, "%s: expected a mapping of keys, found %s", section,
				    event_kind(&reading->event));
	for (;;) {
		int r = next(reading);
		if (r || reading->event.type == YAML_MAPPING_END_EVENT)
			return r;
		r = take_item(reading, section);
		if (r)
			return r;
	}
}

static int next_of_views(void *context)
{
	return next(context);
}

/* The current event begins the value of the section of views. */
static int take_views(struct reading *reading)
{
	const struct views_source source = {.path = reading->path,
					    .event = &reading->event,
					    .next = next_of_views,
					    .context = reading,
					    .error = reading->error};
	return views_read(&source, &reading->config->views);
}

/* Names and lines of the sections so far; there are few, and each is known, so the table is small. */
struct sections {
	char names[CONFIG_ITEM_COUNT + 1][32];
	size_t lines[CONFIG_ITEM_COUNT + 1];
	size_t count;
};

/* The current event is a key of the file's top level. */
static int section_begin(struct reading *reading, struct sections *sections)
{
	const char *name = scalar(reading);
	if (!name || strlen(name) >= sizeof(sections->names[0]) || !section_known(name))
		return reading_fail(reading, "%s: unknown key; --help lists the keys", name ? name : "?");
	for (size_t i = 0; i < sections->count; i++) {
		if (!strcmp(sections->names[i], name))
			return reading_fail(reading, "%s: duplicate key, first on line %zu; remove one", name,
					    sections->lines[i]);
	}
	strcpy(sections->names[sections->count], name);
	sections->lines[sections->count++] = reading->event.start_mark.line + 1;
	return next(reading);
}

static int take_document(struct reading *reading)
{
	struct sections sections = {.count = 0};
	/* An empty document is one empty plain scalar. */
	if (reading->event.type == YAML_SCALAR_EVENT && !reading->event.data.scalar.length)
		return next(reading);
	if (reading->event.type != YAML_MAPPING_START_EVENT)
		return reading_fail(reading, "expected a mapping of sections (web:, log:, segment:), found %s",
				    event_kind(&reading->event));
	for (;;) {
		int r = next(reading);
		if (r)
			return r;
		if (reading->event.type == YAML_MAPPING_END_EVENT)
			return next(reading);
		r = section_begin(reading, &sections);
		if (r)
			return r;
		const char *section = sections.names[sections.count - 1];
		r = strcmp(section, VIEWS_SECTION) ? take_section(reading, section) : take_views(reading);
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

/* Reads the whole file: *text is malloc'ed. */
static int file_read(const char *path, char **text, size_t *len, char **error)
{
	int r = 0;
	char *buffer = NULL;
	size_t filled = 0;
	struct stat st;
	/* O_NONBLOCK: a FIFO without a writer must not hold up the start or a reload. */
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st)) {
		r = -errno;
		config_fail(error, "%s: %s; check --config.file", path, strerror(-r));
		goto out;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_BYTES_MAX) {
		r = config_fail(error, "%s: not a regular file of at most 1 MiB; check --config.file", path);
		goto out;
	}
	buffer = malloc((size_t)st.st_size + 1);
	if (!buffer) {
		r = -ENOMEM;
		goto out;
	}
	while (filled < (size_t)st.st_size) {
		const ssize_t n = read(fd, buffer + filled, (size_t)st.st_size - filled);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			r = -errno;
			config_fail(error, "%s: %s; check --config.file", path, strerror(-r));
			goto out;
		}
		if (!n)
			break;
		filled += (size_t)n;
	}
	*text = buffer;
	*len = filled;
	buffer = NULL;
out:
	free(buffer);
	if (fd >= 0)
		close(fd);
	return r;
}

int config_file_load(struct config *config, const char *path, char **error)
{
	char *text = NULL;
	size_t len = 0;
	struct config scratch = {0};
	struct reading reading = {.config = config, .scratch = &scratch, .path = path, .error = error};
	int r = file_read(path, &text, &len, error);
	if (r)
		return r;
	if (!yaml_parser_initialize(&reading.parser)) {
		free(text);
		return -ENOMEM;
	}
	reading.text = text;
	reading.len = len;
	yaml_parser_set_input_string(&reading.parser, (const unsigned char *)text, len);
	r = take_stream(&reading);
	yaml_event_delete(&reading.event);
	yaml_parser_delete(&reading.parser);
	for (size_t i = 0; i < CONFIG_ITEM_COUNT; i++)
		config_value_clear(&scratch, &config_items[i]);
	free(text);
	return r;
}
