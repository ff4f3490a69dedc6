/* SPDX-License-Identifier: MIT */
/* The usage texts, made from commands.def and options.def. */
#include <stdio.h>
#include <string.h>

#include "command.h"

#define USAGE_COLUMNS 100

/* Prints text broken at blanks; `column` is where it starts, `indent` where its further lines do. */
static void paragraph_print(const char *text, size_t column, size_t indent)
{
	while (*text) {
		size_t len = strcspn(text, " ");
		if (column > indent && column + len > USAGE_COLUMNS) {
			printf("\n%*s", (int)indent, "");
			column = indent;
		}
		printf("%.*s", (int)len, text);
		text += len;
		column += len;
		if (*text) {
			text++;
			if (column + 1 + strcspn(text, " ") <= USAGE_COLUMNS)
				putchar(' ');
			column++;
		}
	}
	putchar('\n');
}

static void options_print(unsigned options)
{
	for (size_t i = 0; i < OPTION_COUNT_ALL; i++) {
		const struct option_row *row = &option_rows[i];
		if (!(options & 1u << i))
			continue;
		int len = printf("  -%c, --%s%s%s", row->letter, row->word, row->argument ? "=" : "",
				 row->argument ? row->argument : "");
		printf("%*s", len < 24 ? 24 - len : 1, "");
		paragraph_print(row->text, 24, 24);
	}
}

void usage_print(void)
{
	printf("mstat inspects metric segments in shared memory, with or without the agent.\n\n"
	       "Usage: mstat COMMAND [OPTION...] [OPERAND...]\n\nCommands:\n");
	for (size_t i = 0; i < command_count; i++) {
		int len = printf("  %s %s", commands[i].name, commands[i].operands);
		printf("%*s", len < 24 ? 24 - len : 1, "");
		paragraph_print(commands[i].summary, 24, 24);
	}
	printf("\nOptions ('mstat help COMMAND' says which apply):\n");
	options_print(~0u);
	printf("\nExit codes:\n%s", USAGE_EXIT_CODES);
}

void usage_print_command(const struct command *command)
{
	printf("Usage: mstat %s%s%s%s\n\n", command->name, command->options ? " [OPTION...]" : "",
	       *command->operands ? " " : "", command->operands);
	paragraph_print(command->summary, 0, 0);
	if (*command->details) {
		putchar('\n');
		paragraph_print(command->details, 0, 0);
	}
	printf("\nOptions:\n");
	options_print(command->options | OPTION_HELP);
	printf("\nExit codes:\n%s", USAGE_EXIT_CODES);
}
