/* SPDX-License-Identifier: MIT */
/* The command line. Options may stand before or after the subcommand and its operands; "--" ends them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "nearest.h"
#include "report.h"

const struct option_row option_rows[OPTION_COUNT_ALL] = {
#define MSTAT_OPTION(name, word, letter, argument, text) {word, letter, argument, text},
#include "options.def"
#undef MSTAT_OPTION
};

#define INTERVAL_MIN_NS 10000000ll
#define INTERVAL_MAX_NS 86400000000000ll

static const char *option_word(size_t index)
{
	return option_rows[index].word;
}

static size_t option_find(const char *word, size_t len)
{
	size_t i = 0;
	while (i < OPTION_COUNT_ALL && (strlen(option_rows[i].word) != len || strncmp(option_rows[i].word, word, len)))
		i++;
	return i;
}

static size_t option_find_letter(char letter)
{
	size_t i = 0;
	while (i < OPTION_COUNT_ALL && option_rows[i].letter != letter)
		i++;
	return i;
}

static int option_unknown(const char *word, size_t len)
{
	char name[64] = "";
	if (len < sizeof(name))
		memcpy(name, word, len);
	size_t near = nearest(name, option_word, OPTION_COUNT_ALL);
	if (near < OPTION_COUNT_ALL)
		report("unknown option --%.*s; did you mean --%s?", (int)len, word, option_rows[near].word);
	else
		report("unknown option --%.*s; 'mstat help' lists the options", (int)len, word);
	return -EINVAL;
}

static int interval_parse(const char *text, int64_t *interval_ns)
{
	char *end = NULL;
	double seconds = strtod(text, &end);
	if (strcmp(end, "ms") == 0)
		seconds /= 1000;
	else if (strcmp(end, "") != 0 && strcmp(end, "s") != 0)
		end = NULL;
	/* Written so that NaN is refused, too. */
	if (end == text || !end || !(seconds * 1e9 >= INTERVAL_MIN_NS && seconds * 1e9 <= INTERVAL_MAX_NS)) {
		report("--interval: '%s' is no time from 10ms to 86400s; write 1s, 500ms or 0.5", text);
		return -EINVAL;
	}
	*interval_ns = (int64_t)(seconds * 1e9);
	return 0;
}

static int count_parse(const char *text, uint64_t *count)
{
	char *end = NULL;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || value == 0) {
		report("--count: '%s' is no number from 1 on", text);
		return -EINVAL;
	}
	*count = value;
	return 0;
}

static int sort_parse(const char *text, bool *by_rate)
{
	if (strcmp(text, "rate") != 0 && strcmp(text, "name") != 0) {
		report("--sort: '%s' is no order; use name or rate", text);
		return -EINVAL;
	}
	*by_rate = strcmp(text, "rate") == 0;
	return 0;
}

static int option_take(struct arguments *arguments, size_t option, char *value)
{
	arguments->given |= 1u << option;
	switch (option) {
	case OPTION_INDEX_DIR:
		arguments->directories[arguments->directory_count++] = value;
		return 0;
	case OPTION_INDEX_INTERVAL:
		return interval_parse(value, &arguments->interval_ns);
	case OPTION_INDEX_COUNT:
		return count_parse(value, &arguments->count);
	case OPTION_INDEX_SORT:
		return sort_parse(value, &arguments->sort_by_rate);
	default:
		return 0;
	}
}

/* Takes "--word", "--word=value" or "--word" "value"; returns the words used, or -EINVAL. */
static int word_take(struct arguments *arguments, char *word, char *next)
{
	size_t len = strcspn(word, "=");
	size_t option = option_find(word, len);
	if (option == OPTION_COUNT_ALL)
		return option_unknown(word, len);
	char *value = word[len] ? word + len + 1 : NULL;
	if (!option_rows[option].argument && value) {
		report("--%s takes no value", option_rows[option].word);
		return -EINVAL;
	}
	bool use_next = option_rows[option].argument && !value;
	if (use_next && !next) {
		report("--%s needs a value: --%s=%s", option_rows[option].word, option_rows[option].word,
		       option_rows[option].argument);
		return -EINVAL;
	}
	int error = option_take(arguments, option, use_next ? next : value);
	return error ? error : 1 + use_next;
}

/* Takes "-x", "-xvalue", "-x" "value", and several letters without values in one word. */
static int letters_take(struct arguments *arguments, char *word, char *next)
{
	for (char *letter = word; *letter; letter++) {
		size_t option = option_find_letter(*letter);
		if (option == OPTION_COUNT_ALL) {
			report("unknown option -%c; 'mstat help' lists the options", *letter);
			return -EINVAL;
		}
		bool has_value = option_rows[option].argument;
		bool use_next = has_value && !letter[1];
		if (use_next && !next) {
			report("-%c needs a value: -%c %s", *letter, *letter, option_rows[option].argument);
			return -EINVAL;
		}
		int error = option_take(arguments, option, use_next ? next : letter + 1);
		if (error || has_value)
			return error ? error : 1 + use_next;
	}
	return 1;
}

int arguments_parse(int count, char **words, struct arguments *arguments, const char **command)
{
	struct arguments made = {.interval_ns = 1000000000ll};
	bool options_end = false;
	made.directories = need(calloc((size_t)count + 1, sizeof(char *)));
	made.operands = need(calloc((size_t)count + 1, sizeof(char *)));
	for (int i = 1; i < count;) {
		char *word = words[i], *next = i + 1 < count ? words[i + 1] : NULL;
		int used = 1;
		if (options_end || word[0] != '-' || !word[1])
			made.operands[made.operand_count++] = word;
		else if (strcmp(word, "--") == 0)
			options_end = true;
		else if (word[1] == '-')
			used = word_take(&made, word + 2, next);
		else
			used = letters_take(&made, word + 1, next);
		if (used < 0) {
			arguments_fini(&made);
			return used;
		}
		i += used;
	}
	if (made.operand_count > 0) {
		*command = made.operands[0];
		memmove(made.operands, made.operands + 1, made.operand_count-- * sizeof(char *));
	}
	*arguments = made;
	return 0;
}

void arguments_fini(struct arguments *arguments)
{
	free(arguments->directories);
	free(arguments->operands);
}
