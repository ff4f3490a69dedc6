/* SPDX-License-Identifier: MIT */
/* One value of the configuration: from text to a field of struct config, with range check. */
#include "config_value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "collect/host_pattern.h"
#include "expose/listen.h"

struct unit {
	const char *word;
	int64_t factor;
};

/* Longer words before their beginnings ("ms" before "m"). */
static const struct unit duration_units[] = {
	{"ms", 1000000},       {"s", 1000000000},      {"m", 60000000000}, {"h", 3600000000000},
	{"d", 86400000000000}, {"w", 604800000000000}, {NULL, 0},
};
static const struct unit byte_units[] = {
	{"KiB", 1024}, {"MiB", 1024 * 1024}, {"GiB", 1024 * 1024 * 1024}, {"B", 1}, {NULL, 0},
};
static const struct unit count_units[] = {{NULL, 0}};

static void *field_of(struct config *config, const struct config_item *item)
{
	return (char *)config + item->offset;
}

bool config_item_is_list(const struct config_item *item)
{
	return item->type == CONFIG_ADDRESSES || item->type == CONFIG_DIRECTORIES || item->type == CONFIG_TEXTS;
}

bool config_item_is_text(const struct config_item *item)
{
	return item->type == CONFIG_PATH_URL || item->type == CONFIG_PATH_FILE || item->type == CONFIG_TEXT ||
	       item->type == CONFIG_PATTERN;
}

static const struct unit *unit_find(const struct unit *units, const char *text)
{
	for (; units->word; units++) {
		if (!strncmp(text, units->word, strlen(units->word)))
			return units;
	}
	return NULL;
}

/* Digits at *text, moved past; false if there are none or too many. */
static bool digits_parse(const char **text, int64_t *value)
{
	const char *start = *text;
	int64_t sum = 0;
	for (; **text >= '0' && **text <= '9'; (*text)++) {
		if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, **text - '0', &sum))
			return false;
	}
	*value = sum;
	return *text > start;
}

/* NUMBER[UNIT] once, or several times ("1h30m") where `repeated`. A bare number is taken only where it cannot be
 * misunderstood: bytes, counts, and the duration 0. */
static bool quantity_parse(const char *text, const struct unit *units, bool repeated, int64_t *value)
{
	int64_t sum = 0;
	bool first = true;
	do {
		int64_t number;
		if (!digits_parse(&text, &number))
			return false;
		const struct unit *unit = unit_find(units, text);
		if (!unit && (*text || !first || (repeated && number)))
			return false;
		if (unit)
			text += strlen(unit->word);
		if (__builtin_mul_overflow(number, unit ? unit->factor : 1, &number) ||
		    __builtin_add_overflow(sum, number, &sum))
			return false;
		first = false;
	} while (repeated && *text);
	if (*text)
		return false;
	*value = sum;
	return true;
}

/* A quantity as the messages show it: in the largest unit that divides it. */
static void quantity_print(int64_t value, const struct unit *units, char *out, size_t size)
{
	const struct unit *best = NULL;
	for (; units->word; units++) {
		if (value && value % units->factor == 0 && (!best || units->factor > best->factor))
			best = units;
	}
	snprintf(out, size, "%" PRId64 "%s", best ? value / best->factor : value, best ? best->word : "");
}

static int quantity_set(const struct config_item *item, const char *text, int64_t *field, char *why)
{
	const bool duration = item->type == CONFIG_DURATION;
	const struct unit *units = duration ? duration_units : item->type == CONFIG_BYTES ? byte_units : count_units;
	int64_t value;
	if (quantity_parse(text, units, duration, &value) && value >= item->min && value <= item->max) {
		*field = value;
		return 0;
	}
	char min[32], max[32];
	quantity_print(item->min, units, min, sizeof(min));
	quantity_print(item->max, units, max, sizeof(max));
	snprintf(why, CONFIG_WHY_MAX, "expected %s from %s to %s",
		 duration                     ? "a duration (such as 500ms, 10s, 1h30m)"
		 : item->type == CONFIG_BYTES ? "a number of bytes (such as 65536, 64KiB, 16MiB)"
					      : "a whole number",
		 min, max);
	return -EINVAL;
}

static int choice_set(const struct config_item *item, const char *text, int64_t *field, char *why)
{
	const size_t len = strlen(text);
	int64_t index = 0;
	for (const char *word = item->placeholder; *word; index++) {
		const size_t word_len = strcspn(word, "|");
		if (len == word_len && !memcmp(word, text, len)) {
			*field = index;
			return 0;
		}
		word += word_len;
		word += *word == '|';
	}
	snprintf(why, CONFIG_WHY_MAX, "expected one of %s", item->placeholder);
	return -EINVAL;
}

/* What is wrong with a text value, or NULL. */
static const char *text_refusal(const struct config_item *item, const char *text)
{
	if (item->type == CONFIG_PATH_URL) {
		if (*text != '/' || text[strcspn(text, "?#% \t\r\n")])
			return "expected a path that begins with / and holds no blank, ?, # or %";
		if (!strcmp(text, "/") || !strcmp(text, "/health") || !strcmp(text, "/ready"))
			return "expected a path other than /, /health and /ready, which are taken";
	}
	if (item->type == CONFIG_ADDRESSES) {
		struct listen_address address;
		if (listen_address_parse(text, &address))
			return "expected HOST:PORT, [IPV6]:PORT or :PORT with a port from 0 to 65535";
	}
	if (item->type == CONFIG_TEXT || item->type == CONFIG_PATTERN)
		return NULL;
	return *text ? NULL : "expected a path that is not empty";
}

static int pattern_check(const char *text, char *why)
{
	struct host_pattern *pattern = NULL;
	int r = *text ? host_pattern_new(text, &pattern, why, CONFIG_WHY_MAX) : 0;
	host_pattern_free(pattern);
	return r;
}

static int switch_set(const char *text, int64_t *field, char *why)
{
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
		snprintf(why, CONFIG_WHY_MAX, "expected true or false");
		return -EINVAL;
	}
	*field = *text == 't';
	return 0;
}

static int text_set(const struct config_item *item, const char *text, char **field, char *why)
{
	const char *refusal = text_refusal(item, text);
	int r = item->type == CONFIG_PATTERN ? pattern_check(text, why) : 0;
	if (r)
		return r;
	if (refusal) {
		snprintf(why, CONFIG_WHY_MAX, "%s", refusal);
		return -EINVAL;
	}
	char *copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

static int list_add(const struct config_item *item, const char *text, struct config_list *list, char *why)
{
	for (size_t i = 0; i < list->count; i++) {
		if (!strcmp(list->items[i], text)) {
			snprintf(why, CONFIG_WHY_MAX, "the same value is in the list already; remove one");
			return -EINVAL;
		}
	}
	char **items = realloc(list->items, (list->count + 2) * sizeof(*items));
	if (!items)
		return -ENOMEM;
	list->items = items;
	items[list->count] = NULL;
	int r = text_set(item, text, &items[list->count], why);
	if (r)
		return r;
	items[++list->count] = NULL;
	return 0;
}

int config_value_set(struct config *config, const struct config_item *item, const char *text, char *why)
{
	void *field = field_of(config, item);
	switch (item->type) {
	case CONFIG_ADDRESSES:
	case CONFIG_DIRECTORIES:
	case CONFIG_TEXTS:
		return list_add(item, text, field, why);
	case CONFIG_PATH_URL:
	case CONFIG_PATH_FILE:
	case CONFIG_TEXT:
	case CONFIG_PATTERN:
		return text_set(item, text, field, why);
	case CONFIG_SWITCH:
		return switch_set(text, field, why);
	case CONFIG_CHOICE:
		return choice_set(item, text, field, why);
	case CONFIG_DURATION:
	case CONFIG_BYTES:
	case CONFIG_COUNT:
		break;
	}
	return quantity_set(item, text, field, why);
}

void config_value_clear(struct config *config, const struct config_item *item)
{
	if (config_item_is_list(item)) {
		struct config_list *list = field_of(config, item);
		for (size_t i = 0; i < list->count; i++)
			free(list->items[i]);
		free(list->items);
		*list = (struct config_list){0};
	} else if (config_item_is_text(item)) {
		char **text = field_of(config, item);
		free(*text);
		*text = NULL;
	}
}
