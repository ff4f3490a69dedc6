/* SPDX-License-Identifier: MIT */
/* What a subcommand is, and what it is called with. */
#ifndef MSTAT_TOOL_COMMAND_H
#define MSTAT_TOOL_COMMAND_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes; USAGE_EXIT_CODES is what the user reads about them. */
enum {
	CODE_FINE = 0,
	CODE_FINDINGS = 1,
	CODE_FAILED = 2,
};
#define USAGE_EXIT_CODES                                                                                               \
	"  0  fine\n"                                                                                                  \
	"  1  something was found wrong, or nothing matched\n"                                                         \
	"  2  wrong usage, or a system call failed\n"

enum option_index {
#define MSTAT_OPTION(name, word, letter, argument, text) OPTION_INDEX_##name,
#include "options.def"
#undef MSTAT_OPTION
	OPTION_COUNT_ALL
};

/* Sets of options, as bits. */
enum {
#define MSTAT_OPTION(name, word, letter, argument, text) OPTION_##name = 1 << OPTION_INDEX_##name,
#include "options.def"
#undef MSTAT_OPTION
};

struct option_row {
	const char *word; /* without the dashes */
	char letter;      /* or 0 */
	const char *argument;
	const char *text;
};
extern const struct option_row option_rows[OPTION_COUNT_ALL];

/* The command line, understood. */
struct arguments {
	unsigned given; /* OPTION_* bits */
	char **directories;
	size_t directory_count;
	int64_t interval_ns;
	uint64_t count; /* 0: without end */
	bool sort_by_rate;
	char **operands; /* without the subcommand */
	size_t operand_count;
};

#define MANY_OPERANDS SIZE_MAX

struct command {
	const char *name;
	const char *operands;
	size_t operand_min;
	size_t operand_max;
	unsigned options;
	const char *summary;
	const char *details;
	/* Returns an exit code; has reported on standard error why, if it is CODE_FAILED. */
	int (*run)(const struct arguments *arguments);
};
extern const struct command commands[];
extern const size_t command_count;

/* The row of a name, or NULL. */
const struct command *command_find(const char *name);

#define MSTAT_COMMAND(name, operands, fewest, most, options, summary, details)                                         \
	int cmd_##name(const struct arguments *arguments);
#include "commands.def"
#undef MSTAT_COMMAND

/* Understands a command line; words[0] is the program's name. The strings stay the caller's. The first operand becomes
 * *command, which is NULL when there is none. Returns 0, or -EINVAL after reporting what is wrong. */
int arguments_parse(int count, char **words, struct arguments *arguments, const char **command);
void arguments_fini(struct arguments *arguments);

/* Usage texts, on standard output. */
void usage_print(void);
void usage_print_command(const struct command *command);

#endif
