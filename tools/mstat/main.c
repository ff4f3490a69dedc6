/* SPDX-License-Identifier: MIT */
/* mstat, the inspector: finds the subcommand and runs it. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <mstat/mstat.h>

#include "command.h"
#include "nearest.h"
#include "report.h"

const struct command commands[] = {
#define MSTAT_COMMAND(name, operands, fewest, most, options, summary, details)                                         \
	{#name, operands, fewest, most, options, summary, details, cmd_##name},
#include "commands.def"
#undef MSTAT_COMMAND
};
const size_t command_count = sizeof(commands) / sizeof(*commands);

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < command_count; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static const char *command_name(size_t index)
{
	return commands[index].name;
}

static const struct command *command_need(const char *name)
{
	const struct command *command = command_find(name);
	if (command)
		return command;
	size_t near = nearest(name, command_name, command_count);
	if (near < command_count)
		report("unknown command '%s'; did you mean '%s'?", name, commands[near].name);
	else
		report("unknown command '%s'; 'mstat help' lists the commands", name);
	return NULL;
}

/* The first option that was given and that the command does not take; OPTION_COUNT_ALL: none. */
static size_t option_refused(const struct command *command, unsigned given)
{
	unsigned refused = given & ~(command->options | OPTION_HELP | OPTION_VERSION);
	size_t i = 0;
	while (i < OPTION_COUNT_ALL && !(refused & 1u << i))
		i++;
	return i;
}

static int command_check(const struct command *command, const struct arguments *arguments)
{
	size_t refused = option_refused(command, arguments->given);
	if (refused < OPTION_COUNT_ALL)
		report("'%s' has no option --%s; 'mstat help %s' lists those it has", command->name,
		       option_rows[refused].word, command->name);
	else if (arguments->operand_count < command->operand_min)
		report("'%s' needs %s: mstat %s %s", command->name, command->operands, command->name,
		       command->operands);
	else if (arguments->operand_count > command->operand_max)
		report("'%s' takes no operand '%s'; 'mstat help %s' says what it takes", command->name,
		       arguments->operands[command->operand_max], command->name);
	else
		return CODE_FINE;
	return CODE_FAILED;
}

static int command_run(const struct command *command, const struct arguments *arguments)
{
	if (arguments->given & OPTION_HELP) {
		usage_print_command(command);
		return CODE_FINE;
	}
	int code = command_check(command, arguments);
	return code == CODE_FINE ? command->run(arguments) : code;
}

static int run_without_command(const struct arguments *arguments)
{
	if (arguments->given & OPTION_HELP) {
		usage_print();
		return CODE_FINE;
	}
	report("a command is missing; 'mstat help' lists them");
	return CODE_FAILED;
}

int main(int argc, char **argv)
{
	struct arguments arguments;
	const char *name = NULL;
	const struct command *command = NULL;
	int code = CODE_FAILED;

	/* A reader that leaves early (head) is an error of a write, not a death: output_finish() deals with it. */
	signal(SIGPIPE, SIG_IGN);
	if (arguments_parse(argc, argv, &arguments, &name) < 0)
		return CODE_FAILED;
	if (arguments.given & OPTION_VERSION) {
		printf("mstat %s\n", MSTAT_VERSION);
		code = CODE_FINE;
	} else if (!name) {
		code = run_without_command(&arguments);
	} else if ((command = command_need(name))) {
		code = command_run(command, &arguments);
	}
	arguments_fini(&arguments);
	return output_finish(code);
}
