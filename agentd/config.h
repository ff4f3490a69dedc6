/* SPDX-License-Identifier: MIT */
/* The configuration: flags over file over defaults, checked as a whole before anything of it is used. */
#ifndef AGENTD_CONFIG_H
#define AGENTD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A NULL-terminated list of strings. */
struct config_list {
	char **items;
	size_t count;
};

enum config_type {
	CONFIG_ADDRESSES,
	CONFIG_DIRECTORIES,
	CONFIG_PATH_URL,
	CONFIG_PATH_FILE,
	CONFIG_DURATION,
	CONFIG_BYTES,
	CONFIG_COUNT,
	CONFIG_CHOICE,
	CONFIG_SWITCH,
	CONFIG_TEXT,
	CONFIG_PATTERN,
	CONFIG_TEXTS,
};

typedef struct config_list config_field_CONFIG_ADDRESSES;
typedef struct config_list config_field_CONFIG_DIRECTORIES;
typedef char *config_field_CONFIG_PATH_URL;
typedef char *config_field_CONFIG_PATH_FILE;
typedef int64_t config_field_CONFIG_DURATION;
typedef int64_t config_field_CONFIG_BYTES;
typedef int64_t config_field_CONFIG_COUNT;
typedef int64_t config_field_CONFIG_CHOICE;
typedef int64_t config_field_CONFIG_SWITCH; /* 0 or 1 */
typedef char *config_field_CONFIG_TEXT;
typedef char *config_field_CONFIG_PATTERN;
typedef struct config_list config_field_CONFIG_TEXTS;

enum config_reload { CONFIG_LIVE, CONFIG_RESTART, CONFIG_FLAG_ONLY };

/* Index of an item: CONFIG_AT_log_level, ... */
enum config_index {
#define CONFIG_ITEM(section, name, field, type, ...) CONFIG_AT_##field,
#include "config.def"
#undef CONFIG_ITEM
	CONFIG_ITEM_COUNT
};

/* One row of config.def. */
struct config_item {
	const char *key;
	enum config_type type;
	const char *fallback;
	int64_t min;
	int64_t max;
	enum config_reload reload;
	const char *placeholder;
	const char *help;
	size_t offset; /* of the field in struct config */
};
extern const struct config_item config_items[CONFIG_ITEM_COUNT];

/* Where a value came from. */
enum config_origin { CONFIG_FROM_NOWHERE, CONFIG_FROM_FILE, CONFIG_FROM_FLAG };

enum config_action { CONFIG_RUN, CONFIG_SHOW_HELP, CONFIG_SHOW_VERSION };

struct config {
#define CONFIG_ITEM(section, name, field, type, ...) config_field_##type field;
#include "config.def"
#undef CONFIG_ITEM
	struct views *views; /* collect/views.h; NULL: none */
	enum config_action action;
	enum config_origin origins[CONFIG_ITEM_COUNT];
};

/* Reads flags, then the file that they name, then fills in the defaults. 0, or -EINVAL (a bad flag, file or value),
 * -ENOMEM, or -errno of opening the file. *error is then a malloc'ed message that names the place (the flag, or
 * FILE:LINE:) and the remedy. With --help or --version no file is read and *config has the action only. */
int config_load(int argc, char *const argv[], struct config **config, char **error);
void config_free(struct config *config);

/* Whether the values of one item differ. */
bool config_differs(const struct config *one, const struct config *other, enum config_index index);

/* Prints the usage text, generated from config.def. */
void config_print_help(FILE *out);

/* The item of a key of `len` bytes, or NULL. */
const struct config_item *config_item_find(const char *key, size_t len);

/* A malloc'ed message in *error; the last resort when memory is short is NULL. Returns -EINVAL. */
int config_fail(char **error, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
