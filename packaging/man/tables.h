/* SPDX-License-Identifier: MIT */
/* The tables from which manual pages and completions are made: settings of mstatd (config.h), commands and options of
 * mstat (tools/mstat/command.h). */
#ifndef PACKAGING_TABLES_H
#define PACKAGING_TABLES_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"

/* Whether a setting switches a host collector on or off; whether it is an option of one. */
bool setting_is_collector(const struct config_item *item);
bool setting_is_collector_option(const struct config_item *item);

struct option_entry {
	const char *word; /* without the dashes */
	char letter;
	const char *argument; /* or NULL */
	const char *text;
};
extern const struct option_entry option_entries[];
extern const size_t option_entry_count;

struct command_entry {
	const char *name;
	const char *operands;
	unsigned options; /* bit N: option_entries[N] */
	const char *summary;
	const char *details;
};
extern const struct command_entry command_entries[];
extern const size_t command_entry_count;

/* completions.c: a shell's ("bash" or "zsh") for a program ("mstat" or "mstatd"); false if there is no such thing. */
bool completions_print(const char *shell, const char *program);

#endif
