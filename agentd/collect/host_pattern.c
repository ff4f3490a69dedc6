/* SPDX-License-Identifier: MIT */
/* Include and exclude patterns: RE2 as people write it, turned into a POSIX extended expression. */
#include "host_pattern.h"

#include <errno.h>
#include <regex.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host_hash.h"

#define EXPRESSION_BYTES_MAX 4096u
#define VERDICT_SETS 512u
#define VERDICT_WAYS 4u

/* Verdicts by hash of the name, with the verdict in the lowest bit; 0: none. */
struct verdicts {
	uint64_t seed;
	uint64_t sets[VERDICT_SETS][VERDICT_WAYS];
};

struct host_pattern {
	regex_t regex;
	struct verdicts *verdicts; /* made with the first name */
};

/* What a letter behind a backslash means, outside and inside of brackets. */
struct class
{
	char letter;
	const char *outside;
	const char *inside;
};
static const struct class classes[] = {
	{'d', "[0-9]", "0-9"},
	{'D', "[^0-9]", NULL},
	{'w', "[0-9A-Za-z_]", "0-9A-Za-z_"},
	{'W', "[^0-9A-Za-z_]", NULL},
	{'s', "[ \t\n\r\f]", " \t\n\r\f"},
	{'S', "[^ \t\n\r\f]", NULL},
};

static const struct class *class_find(char letter)
{
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (classes[i].letter == letter)
			return &classes[i];
	return NULL;
}

/* The piece behind a backslash; what it becomes is appended to `out`. NULL if it has no equal in POSIX. */
static char *escape_translate(char *out, char letter, bool bracket)
{
	const struct class *class = class_find(letter);
	if (class)
		return bracket ? (class->inside ? stpcpy(out, class->inside) : NULL) : stpcpy(out, class->outside);
	bool alphanumeric = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
			    (letter >= '0' && letter <= '9');
	if (!letter || alphanumeric)
		return NULL;
	/* In brackets a backslash is a byte like others; there, only "-", "]" and "^" would need it, by their place. */
	if (bracket && (letter == ']' || letter == '-' || letter == '^'))
		return NULL;
	if (!bracket)
		*out++ = '\\';
	*out++ = letter;
	return out;
}

/* Every byte becomes at most 16. Returns NULL, or what cannot be translated. */
static const char *expression_translate(const char *expression, char *out)
{
	bool bracket = false;
	const char *bracket_first = NULL;
	for (const char *in = expression; *in; in++) {
		if (*in == '\\') {
			out = escape_translate(out, *++in, bracket);
			if (!out)
				return "an escape other than \\d \\D \\w \\W \\s \\S and \\ before a punctuation mark";
			continue;
		}
		if (bracket) {
			if (*in == ']' && in != bracket_first)
				bracket = false;
		} else if (*in == '[') {
			bracket = true;
			bracket_first = in + 1 + (in[1] == '^');
		} else if (in[0] == '(' && in[1] == '?') {
			if (in[2] != ':')
				return "(? other than (?:";
			*out++ = '(';
			in += 2;
			continue;
		} else if ((*in == '*' || *in == '+' || *in == '?' || *in == '}') && in[1] == '?') {
			return "a lazy quantifier";
		}
		*out++ = *in;
	}
	*out = '\0';
	return NULL;
}

int host_pattern_new(const char *expression, struct host_pattern **pattern, char *why, size_t why_size)
{
	int r = -EINVAL;
	if (strlen(expression) > EXPRESSION_BYTES_MAX) {
		snprintf(why, why_size, "expected a regular expression of at most %u bytes", EXPRESSION_BYTES_MAX);
		return r;
	}
	char *posix = malloc(16 * strlen(expression) + 1);
	struct host_pattern *fresh = calloc(1, sizeof(*fresh));
	if (!posix || !fresh) {
		r = -ENOMEM;
		goto out;
	}
	const char *refused = expression_translate(expression, posix);
	if (refused) {
		snprintf(why, why_size, "expected a regular expression without %s", refused);
		goto out;
	}
	int code = regcomp(&fresh->regex, posix, REG_EXTENDED | REG_NOSUB);
	if (code) {
		char reason[128];
		regerror(code, &fresh->regex, reason, sizeof(reason));
		snprintf(why, why_size, "not a regular expression: %s", reason);
		goto out;
	}
	*pattern = fresh;
	fresh = NULL;
	r = 0;
out:
	free(fresh);
	free(posix);
	return r;
}

void host_pattern_free(struct host_pattern *pattern)
{
	if (!pattern)
		return;
	regfree(&pattern->regex);
	free(pattern->verdicts);
	free(pattern);
}

static bool regex_match(const struct host_pattern *pattern, const char *name)
{
	return !regexec(&pattern->regex, name, 0, NULL, 0);
}

bool host_pattern_match(struct host_pattern *pattern, const char *name)
{
	if (!pattern->verdicts) {
		pattern->verdicts = calloc(1, sizeof(*pattern->verdicts));
		if (!pattern->verdicts)
			return regex_match(pattern, name);
		pattern->verdicts->seed = host_hash_seed();
	}
	uint64_t hash = host_hash_add(pattern->verdicts->seed, name) | 1;
	uint64_t *ways = pattern->verdicts->sets[hash >> 32 & (VERDICT_SETS - 1)];
	for (size_t i = 0; i < VERDICT_WAYS; i++)
		if ((ways[i] | 1) == hash && ways[i])
			return ways[i] & 1;
	/* The newest in front, the oldest out. */
	bool match = regex_match(pattern, name);
	memmove(ways + 1, ways, (VERDICT_WAYS - 1) * sizeof(*ways));
	ways[0] = match ? hash : hash & ~UINT64_C(1);
	return match;
}

/* ---- filters ---------------------------------------------------------------------------------------------------- */

static int filter_side_init(struct host_pattern **side, const char *expression)
{
	char why[256];
	return *expression ? host_pattern_new(expression, side, why, sizeof(why)) : 0;
}

int host_filter_init(struct host_filter *filter, const char *include, const char *exclude)
{
	*filter = (struct host_filter){NULL, NULL};
	int r = filter_side_init(&filter->include, include);
	if (!r)
		r = filter_side_init(&filter->exclude, exclude);
	if (r)
		host_filter_fini(filter);
	return r;
}

void host_filter_fini(struct host_filter *filter)
{
	host_pattern_free(filter->include);
	host_pattern_free(filter->exclude);
	*filter = (struct host_filter){NULL, NULL};
}

bool host_filter_takes(struct host_filter *filter, const char *name)
{
	if (filter->include && !host_pattern_match(filter->include, name))
		return false;
	return !filter->exclude || !host_pattern_match(filter->exclude, name);
}
