/* SPDX-License-Identifier: MIT */
/* The YAML file of process_names, read from the events of libyaml: what is not understood is an error that says where.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "process_rules.h"

#define FILE_BYTES_MAX (1024 * 1024)

struct reading {
	const char *path;
	struct process_rules *rules;
	yaml_parser_t parser;
	yaml_event_t event;
	char **error;
};

static __attribute__((format(printf, 2, 3))) int fail(char **error, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	if (vasprintf(error, format, arguments) < 0)
		*error = NULL;
	va_end(arguments);
	return -EINVAL;
}

#define reading_fail(reading, format, ...)                                                                             \
	fail((reading)->error, "%s:%zu: " format, (reading)->path, (reading)->event.start_mark.line + 1, ##__VA_ARGS__)

static int next(struct reading *reading)
{
	yaml_event_delete(&reading->event);
	if (yaml_parser_parse(&reading->parser, &reading->event))
		return 0;
	const yaml_parser_t *parser = &reading->parser;
	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	return fail(reading->error, "%s:%zu: not YAML: %s", reading->path, parser->problem_mark.line + 1,
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

/* A refusal of the rules gets its place. */
static int refused(struct reading *reading, int r, const char *why)
{
	return r == -EINVAL ? reading_fail(reading, "%s", why) : r;
}

static int take_list(struct reading *reading, struct process_rule *rule, enum process_rule_kind kind, const char *key)
{
	char why[512];
	if (reading->event.type != YAML_SEQUENCE_START_EVENT)
		return reading_fail(reading, "%s: expected a list: %s: [a, b]", key, key);
	for (size_t count = 0;; count++) {
		int r = next(reading);
		if (r)
			return r;
		if (reading->event.type == YAML_SEQUENCE_END_EVENT)
			return count ? 0 : reading_fail(reading, "%s: the list is empty; remove the key", key);
		const char *text = scalar(reading);
		if (!text)
			return reading_fail(reading, "%s: expected a text in the list", key);
		r = process_rule_add(rule, kind, text, why, sizeof(why));
		if (r)
			return refused(reading, r, why);
	}
}

static int take_name(struct reading *reading, struct process_rule *rule)
{
	char why[512];
	const char *text = scalar(reading);
	if (!text)
		return reading_fail(reading, "name: expected a text");
	return refused(reading, process_rule_set_name(rule, text, why, sizeof(why)), why);
}

enum rule_key { KEY_NAME = PROCESS_RULE_KIND_COUNT, KEY_COUNT };
static const char *const rule_keys[KEY_COUNT] = {
	[PROCESS_RULE_COMM] = "comm",
	[PROCESS_RULE_EXE] = "exe",
	[PROCESS_RULE_CMDLINE] = "cmdline",
	[KEY_NAME] = "name",
};

static int take_key(struct reading *reading, struct process_rule *rule, bool seen[KEY_COUNT])
{
	const char *key = scalar(reading);
	int index = 0;
	while (key && index < KEY_COUNT && strcmp(key, rule_keys[index]) != 0)
		index++;
	if (!key || index == KEY_COUNT)
		return reading_fail(reading, "%s: unknown key of process_names; there are name, comm, exe, cmdline",
				    key ? key : "?");
	if (seen[index])
		return reading_fail(reading, "%s: given twice; remove one", key);
	seen[index] = true;
	const int r = next(reading);
	if (r)
		return r;
	return index == KEY_NAME ? take_name(reading, rule)
				 : take_list(reading, rule, (enum process_rule_kind)index, rule_keys[index]);
}

static int take_rule(struct reading *reading)
{
	char why[512];
	bool seen[KEY_COUNT] = {false};
	if (reading->event.type != YAML_MAPPING_START_EVENT)
		return reading_fail(reading, "process_names: expected entries such as - comm: [bash]");
	struct process_rule *rule = process_rules_append(reading->rules);
	const size_t line = reading->event.start_mark.line + 1;
	if (!rule)
		return -ENOMEM;
	for (;;) {
		int r = next(reading);
		if (!r && reading->event.type == YAML_MAPPING_END_EVENT) {
			r = process_rule_end(rule, why, sizeof(why));
			return r == -EINVAL ? fail(reading->error, "%s:%zu: %s", reading->path, line, why) : r;
		}
		if (!r)
			r = take_key(reading, rule, seen);
		if (r)
			return r;
	}
}

static int take_rules(struct reading *reading)
{
	if (reading->event.type != YAML_SEQUENCE_START_EVENT)
		return reading_fail(reading, "process_names: expected a list of entries such as - comm: [bash]");
	for (;;) {
		int r = next(reading);
		if (r || reading->event.type == YAML_SEQUENCE_END_EVENT)
			return r;
		r = take_rule(reading);
		if (r)
			return r;
	}
}

static int take_document(struct reading *reading)
{
	bool seen = false;
	if (reading->event.type != YAML_MAPPING_START_EVENT)
		return reading_fail(reading, "expected process_names: and a list");
	for (;;) {
		int r = next(reading);
		if (r)
			return r;
		if (reading->event.type == YAML_MAPPING_END_EVENT)
			return seen ? 0 : reading_fail(reading, "process_names: is missing");
		const char *key = scalar(reading);
		if (!key || strcmp(key, "process_names") != 0)
			return reading_fail(reading, "%s: unknown key; there is process_names", key ? key : "?");
		if (seen)
			return reading_fail(reading, "process_names: given twice; remove one");
		seen = true;
		r = next(reading);
		if (!r)
			r = take_rules(reading);
		if (r)
			return r;
	}
}

static int take_stream(struct reading *reading)
{
	int r = 0;
	while (!r && reading->event.type != YAML_DOCUMENT_START_EVENT) {
		if (reading->event.type == YAML_STREAM_END_EVENT)
			return reading_fail(reading, "the file is empty; expected process_names: and a list");
		r = next(reading);
	}
	if (!r)
		r = next(reading);
	if (!r)
		r = take_document(reading);
	if (!r)
		r = next(reading); /* the document's end */
	if (!r)
		r = next(reading);
	if (!r && reading->event.type != YAML_STREAM_END_EVENT)
		r = reading_fail(reading, "a second document; the file may hold one only");
	return r;
}

/* ---- the file --------------------------------------------------------------------------------------------------- */

static int file_read(const char *path, char **text, size_t *len, char **error)
{
	struct stat status;
	/* O_NONBLOCK: a FIFO without a writer must not hold up the start. */
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int r = fd < 0 || fstat(fd, &status) ? -errno : 0;
	char *bytes = NULL;
	if (r) {
		fail(error, "%s: %s; check --collector.namedprocess.config", path, strerror(-r));
	} else if (!S_ISREG(status.st_mode) || status.st_size > FILE_BYTES_MAX) {
		r = fail(error, "%s: not a regular file of at most 1 MiB; check --collector.namedprocess.config", path);
	} else {
		bytes = malloc((size_t)status.st_size + 1);
		const ssize_t n = bytes ? pread(fd, bytes, (size_t)status.st_size, 0) : 0;
		r = !bytes ? -ENOMEM : n < 0 ? -errno : 0;
		*len = (size_t)(n < 0 ? 0 : n);
	}
	if (fd >= 0)
		close(fd);
	if (r)
		free(bytes);
	else
		*text = bytes;
	return r;
}

static int rules_default(struct process_rules *rules)
{
	char why[8];
	struct process_rule *rule = process_rules_append(rules);
	if (!rule || process_rule_set_name(rule, "{{.Comm}}", why, sizeof(why)) ||
	    process_rule_add(rule, PROCESS_RULE_CMDLINE, ".", why, sizeof(why)))
		return -ENOMEM;
	return 0;
}

static int rules_read(struct reading *reading)
{
	char *text = NULL;
	size_t len = 0;
	int r = file_read(reading->path, &text, &len, reading->error);
	if (r)
		return r;
	if (!yaml_parser_initialize(&reading->parser)) {
		free(text);
		return -ENOMEM;
	}
	yaml_parser_set_input_string(&reading->parser, (const unsigned char *)text, len);
	r = take_stream(reading);
	yaml_event_delete(&reading->event);
	yaml_parser_delete(&reading->parser);
	free(text);
	return r;
}

int process_rules_load(const char *path, struct process_rules **rules, char **error)
{
	struct reading reading = {.path = path, .rules = process_rules_new(), .error = error};
	*error = NULL;
	int r = !reading.rules ? -ENOMEM : path && *path ? rules_read(&reading) : rules_default(reading.rules);
	if (r)
		process_rules_free(reading.rules);
	else
		*rules = reading.rules;
	return r;
}
