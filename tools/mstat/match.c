/* SPDX-License-Identifier: MIT */
/* Selectors. See match.h. */
#include <errno.h>
#include <fnmatch.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "match.h"
#include "report.h"

enum matcher_kind { MATCHER_EQUAL, MATCHER_NOT_EQUAL, MATCHER_REGEX, MATCHER_NOT_REGEX };

struct matcher {
	char *label;
	enum matcher_kind kind;
	char *value;
	regex_t regex; /* compiled when kind is one of the regex kinds */
};

struct selector {
	char *glob; /* "" fits every name */
	struct matcher *matchers;
	size_t count;
	size_t capacity;
};

struct query {
	struct selector *selectors; /* one of them must fit, unless there is none */
	size_t count;
	size_t capacity;
	struct selector bare; /* all of its matchers must fit */
};

/* ---- parsing ---- */

struct cursor {
	const char *text; /* the whole selector, for messages */
	const char *at;
	char **error;
};

static int cursor_fail(struct cursor *cursor, const char *what)
{
	*cursor->error =
		need_printf("'%s': at character %zu: %s", cursor->text, (size_t)(cursor->at - cursor->text) + 1, what);
	return -EINVAL;
}

static void blanks_skip(struct cursor *cursor)
{
	cursor->at += strspn(cursor->at, " \t\n");
}

static size_t label_name_len(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
	return *text >= '0' && *text <= '9' ? 0 : strspn(text, letters);
}

/* The operator at the place, or -1; *len receives its length. */
static int operator_find(const char *text, size_t *len)
{
	/* The longer ones first, as "=" begins "=~". */
	static const struct {
		char text[3];
		enum matcher_kind kind;
	} operators[] = {
		{"=~", MATCHER_REGEX}, {"!~", MATCHER_NOT_REGEX}, {"!=", MATCHER_NOT_EQUAL}, {"=", MATCHER_EQUAL}};
	for (size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++) {
		*len = strlen(operators[i].text);
		if (strncmp(text, operators[i].text, *len) == 0)
			return (int)operators[i].kind;
	}
	return -1;
}

/* The byte that an escape in a quoted string stands for, or 0. */
static char escape_meaning(char letter)
{
	static const char letters[] = "\\\"'ntr", meanings[] = "\\\"'\n\t\r";
	const char *found = letter ? strchr(letters, letter) : NULL;
	return found ? meanings[found - letters] : 0;
}

/* Reads a quoted string. A backtick takes everything up to the next one as it is. */
static int quoted_parse(struct cursor *cursor, char **value)
{
	char quote = *cursor->at;
	char *text = need(malloc(strlen(cursor->at) + 1));
	size_t len = 0;
	for (cursor->at++; *cursor->at && *cursor->at != quote; cursor->at++) {
		char byte = *cursor->at;
		if (byte == '\\' && quote != '`') {
			byte = escape_meaning(cursor->at[1]);
			if (!byte) {
				free(text);
				return cursor_fail(cursor, "unknown escape; use \\\\ \\\" \\' \\n \\t \\r");
			}
			cursor->at++;
		}
		text[len++] = byte;
	}
	if (!*cursor->at) {
		free(text);
		return cursor_fail(cursor, "the closing quote is missing");
	}
	cursor->at++;
	text[len] = '\0';
	*value = text;
	return 0;
}

static int regex_compile(struct cursor *cursor, struct matcher *matcher)
{
	char *anchored = need_printf("^(%s)$", matcher->value);
	int code = regcomp(&matcher->regex, anchored, REG_EXTENDED | REG_NOSUB);
	free(anchored);
	if (code == 0)
		return 0;
	char what[128], message[192];
	regerror(code, NULL, what, sizeof(what));
	snprintf(message, sizeof(message), "bad regular expression: %s", what);
	return cursor_fail(cursor, message);
}

static void matcher_fini(struct matcher *matcher)
{
	free(matcher->label);
	free(matcher->value);
}

/* Appends a matcher, which is complete but for its regular expression. */
static int matcher_add(struct selector *selector, struct cursor *cursor, struct matcher *matcher)
{
	if (matcher->kind == MATCHER_REGEX || matcher->kind == MATCHER_NOT_REGEX) {
		int error = regex_compile(cursor, matcher);
		if (error) {
			matcher_fini(matcher);
			return error;
		}
	}
	selector->matchers =
		need_room(selector->matchers, selector->count, &selector->capacity, sizeof(*selector->matchers));
	selector->matchers[selector->count++] = *matcher;
	return 0;
}

/* Reads label, operator and value; a bare matcher's value may come without quotes and ends with the argument. */
static int matcher_parse(struct cursor *cursor, bool bare, struct selector *selector)
{
	struct matcher matcher = {0};
	size_t len = label_name_len(cursor->at), operator_len = 0;
	if (!len)
		return cursor_fail(cursor, "a label name is missing");
	const char *label = cursor->at;
	cursor->at += len;
	blanks_skip(cursor);
	int kind = operator_find(cursor->at, &operator_len);
	if (kind < 0)
		return cursor_fail(cursor, "an operator is missing: = != =~ !~");
	cursor->at += operator_len;
	blanks_skip(cursor);
	if (*cursor->at && strchr("\"'`", *cursor->at)) {
		int error = quoted_parse(cursor, &matcher.value);
		if (error)
			return error;
	} else if (bare) {
		matcher.value = need_strdup(cursor->at);
		cursor->at += strlen(cursor->at);
	} else {
		return cursor_fail(cursor, "the value must stand in quotes");
	}
	matcher.label = need(strndup(label, len));
	matcher.kind = (enum matcher_kind)kind;
	return matcher_add(selector, cursor, &matcher);
}

static int braces_parse(struct cursor *cursor, struct selector *selector)
{
	cursor->at++;
	for (blanks_skip(cursor); *cursor->at != '}'; blanks_skip(cursor)) {
		int error = matcher_parse(cursor, false, selector);
		if (error)
			return error;
		blanks_skip(cursor);
		if (*cursor->at == ',')
			cursor->at++;
		else if (*cursor->at != '}')
			return cursor_fail(cursor, "a comma or a closing brace is missing");
	}
	cursor->at++;
	blanks_skip(cursor);
	return *cursor->at ? cursor_fail(cursor, "nothing may follow the closing brace") : 0;
}

/* Whether an argument is a bare matcher: a label name, then an operator. */
static bool bare_matcher(const char *text)
{
	size_t len = label_name_len(text), operator_len;
	text += len;
	text += strspn(text, " \t\n");
	return len && operator_find(text, &operator_len) >= 0;
}

static int argument_parse(struct query *query, struct cursor *cursor)
{
	blanks_skip(cursor);
	if (bare_matcher(cursor->at)) {
		int error = matcher_parse(cursor, true, &query->bare);
		return error || !*cursor->at ? error : cursor_fail(cursor, "nothing may follow the value");
	}
	query->selectors = need_room(query->selectors, query->count, &query->capacity, sizeof(*query->selectors));
	struct selector *selector = &query->selectors[query->count++];
	size_t len = strcspn(cursor->at, "{");
	*selector = (struct selector){.glob = need(strndup(cursor->at, len))};
	size_t name_len = len;
	while (name_len && strchr(" \t\n", selector->glob[name_len - 1]))
		selector->glob[--name_len] = '\0';
	size_t odd = strcspn(selector->glob, "=\"} \t\n");
	cursor->at += odd;
	if (odd < name_len)
		return cursor_fail(cursor, "not a metric name, a glob, name{label=\"value\"} or label=value");
	cursor->at += len - odd;
	return *cursor->at ? braces_parse(cursor, selector) : 0;
}

int query_parse(char *const *selectors, size_t count, struct query **query, char **error)
{
	struct query *made = need(calloc(1, sizeof(*made)));
	for (size_t i = 0; i < count; i++) {
		struct cursor cursor = {selectors[i], selectors[i], error};
		int code = argument_parse(made, &cursor);
		if (code) {
			query_free(made);
			return code;
		}
	}
	*query = made;
	return 0;
}

static void selector_fini(struct selector *selector)
{
	for (size_t i = 0; i < selector->count; i++) {
		struct matcher *matcher = &selector->matchers[i];
		if (matcher->kind == MATCHER_REGEX || matcher->kind == MATCHER_NOT_REGEX)
			regfree(&matcher->regex);
		matcher_fini(matcher);
	}
	free(selector->matchers);
	free(selector->glob);
}

void query_free(struct query *query)
{
	if (!query)
		return;
	for (size_t i = 0; i < query->count; i++)
		selector_fini(&query->selectors[i]);
	selector_fini(&query->bare);
	free(query->selectors);
	free(query);
}

/* ---- matching ---- */

static const char *label_value(const char *name, const char *label, const struct label *labels, size_t count)
{
	if (strcmp(label, "__name__") == 0)
		return name;
	for (size_t i = 0; i < count; i++)
		if (strcmp(labels[i].name, label) == 0)
			return labels[i].value;
	return "";
}

static bool matcher_fits(const struct matcher *matcher, const char *value)
{
	switch (matcher->kind) {
	case MATCHER_EQUAL:
		return strcmp(value, matcher->value) == 0;
	case MATCHER_NOT_EQUAL:
		return strcmp(value, matcher->value) != 0;
	case MATCHER_REGEX:
		return regexec(&matcher->regex, value, 0, NULL, 0) == 0;
	case MATCHER_NOT_REGEX:
		return regexec(&matcher->regex, value, 0, NULL, 0) != 0;
	}
	return false;
}

static bool matchers_fit(const struct selector *selector, const char *name, const struct label *labels, size_t count)
{
	for (size_t i = 0; i < selector->count; i++) {
		const struct matcher *matcher = &selector->matchers[i];
		if (!matcher_fits(matcher, label_value(name, matcher->label, labels, count)))
			return false;
	}
	return true;
}

static bool glob_fits(const char *glob, const char *name, const char *family)
{
	return !*glob || fnmatch(glob, name, 0) == 0 || (family && fnmatch(glob, family, 0) == 0);
}

bool query_matches(const struct query *query, const char *name, const char *family, const struct label *labels,
		   size_t count)
{
	if (!matchers_fit(&query->bare, name, labels, count))
		return false;
	for (size_t i = 0; i < query->count; i++) {
		const struct selector *selector = &query->selectors[i];
		if (glob_fits(selector->glob, name, family) && matchers_fit(selector, name, labels, count))
			return true;
	}
	return query->count == 0;
}
