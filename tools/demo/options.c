/* SPDX-License-Identifier: MIT */
/* The command line, driven by options.def: --name VALUE or --name=VALUE. */
#include "options.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum option_kind { KIND_TEXT, KIND_COUNT, KIND_NUMBER, KIND_FLAG };

struct option_row {
	enum option_kind kind;
	size_t offset;
	const char *name;
	const char *argument;
	const char *text; /* of the default */
	double minimum;
	double maximum;
	const char *help;
};

static const struct option_row rows[] = {
#define DEMO_OPTION(field, kind, name, argument, text, minimum, maximum, help)                                         \
	{KIND_##kind, offsetof(struct options, field), name, argument, text, minimum, maximum, help},
#include "options.def"
#undef DEMO_OPTION
};
#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

/* Stores a value; false if the text is not one. */
static bool option_set(struct options *options, const struct option_row *row, const char *text)
{
	char *field = (char *)options + row->offset;
	char *end = NULL;
	if (row->kind == KIND_TEXT) {
		*(const char **)(void *)field = text;
		return true;
	}
	if (row->kind == KIND_FLAG) {
		*(bool *)field = true;
		return true;
	}
	errno = 0;
	double number = strtod(text, &end);
	if (end == text || *end || errno || !(number >= row->minimum && number <= row->maximum))
		return false;
	if (row->kind == KIND_NUMBER) {
		*(double *)(void *)field = number;
		return true;
	}
	uint64_t count = strtoull(text, &end, 10);
	if (*end || errno)
		return false;
	*(uint64_t *)(void *)field = count;
	return true;
}

static void option_complain(const struct option_row *row, const char *text)
{
	if (row->kind == KIND_TEXT || row->kind == KIND_FLAG)
		fprintf(stderr, "demo: --%s takes %s\n", row->name, *row->argument ? row->argument : "no value");
	else
		fprintf(stderr, "demo: --%s %s: give a %snumber from %g to %g\n", row->name, text ? text : "(nothing)",
			row->kind == KIND_COUNT ? "whole " : "", row->minimum, row->maximum);
}

static const struct option_row *option_find(const char *name, size_t len)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (strlen(rows[i].name) == len && memcmp(rows[i].name, name, len) == 0)
			return &rows[i];
	return NULL;
}

/* Reads the option at argv[*at] and moves *at to its last word. */
static int option_parse(struct options *options, int argc, char **argv, int *at)
{
	const char *word = argv[*at];
	size_t len = strcspn(word, "=");
	const struct option_row *row = strncmp(word, "--", 2) == 0 ? option_find(word + 2, len - 2) : NULL;
	if (!row) {
		fprintf(stderr, "demo: %.*s: no such option; --help lists them\n", (int)len, word);
		return -EINVAL;
	}
	const char *text = word[len] == '=' ? word + len + 1 : NULL;
	if (!text && row->kind != KIND_FLAG && *at + 1 < argc)
		text = argv[++*at];
	bool wanted = row->kind != KIND_FLAG;
	if (wanted != (text != NULL) || !option_set(options, row, text)) {
		option_complain(row, text);
		return -EINVAL;
	}
	return 0;
}

int options_parse(struct options *options, int argc, char **argv)
{
	struct options parsed;
	memset(&parsed, 0, sizeof(parsed));
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (rows[i].kind != KIND_FLAG)
			option_set(&parsed, &rows[i], rows[i].text);
	for (int i = 1; i < argc; i++)
		if (option_parse(&parsed, argc, argv, &i))
			return -EINVAL;
	*options = parsed;
	return 0;
}

void options_help(FILE *file)
{
	fputs("usage: demo [OPTION]...\n\n"
	      "A small HTTP service of an LLM gateway, instrumented with libmstat, and a load generator for it.\n\n",
	      file);
	for (size_t i = 0; i < ROW_COUNT; i++) {
		char left[64];
		snprintf(left, sizeof(left), "--%s%s%s", rows[i].name, *rows[i].argument ? " " : "", rows[i].argument);
		fprintf(file, "  %-26s %s", left, rows[i].help);
		if (*rows[i].text)
			fprintf(file, " [%s]", rows[i].text);
		fputc('\n', file);
	}
	fputs("\nEnvironment: MSTAT_DIR, OTEL_SERVICE_NAME (default llm-gateway) and what else libmstat reads.\n"
	      "Exit code: 0; 1 something failed, or a count was lost or doubled; 2 wrong usage.\n",
	      file);
}
