/* SPDX-License-Identifier: MIT */
/* The tables from which manual pages and completions are made. */
#include "tables.h"

#include <string.h>

#include "tools/mstat/command.h"

static const char *const collector_names[] = {
#define HOST_COLLECTOR(name, ...) #name,
#include "collect/collectors.def"
};

bool setting_is_collector(const struct config_item *item)
{
	for (size_t i = 0; i < sizeof(collector_names) / sizeof(collector_names[0]); i++) {
		if (!strncmp(item->key, "collector.", 10) && !strcmp(item->key + 10, collector_names[i]))
			return true;
	}
	return false;
}

bool setting_is_collector_option(const struct config_item *item)
{
	return !strncmp(item->key, "collector.", 10) && strchr(item->key + 10, '.');
}

const struct option_entry option_entries[] = {
#define MSTAT_OPTION(name, word, letter, argument, text) {word, letter, argument, text},
#include "tools/mstat/options.def"
#undef MSTAT_OPTION
};
const size_t option_entry_count = sizeof(option_entries) / sizeof(option_entries[0]);

const struct command_entry command_entries[] = {
#define MSTAT_COMMAND(name, operands, fewest, most, options, summary, details)                                         \
	{#name, operands, (options) | OPTION_HELP, summary, details},
#include "tools/mstat/commands.def"
#undef MSTAT_COMMAND
};
const size_t command_entry_count = sizeof(command_entries) / sizeof(command_entries[0]);
