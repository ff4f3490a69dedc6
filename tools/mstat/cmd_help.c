/* SPDX-License-Identifier: MIT */
/* mstat help: the usage texts. */
#include "command.h"
#include "report.h"

int cmd_help(const struct arguments *arguments)
{
	if (arguments->operand_count == 0) {
		usage_print();
		return CODE_FINE;
	}
	const struct command *command = command_find(arguments->operands[0]);
	if (!command) {
		report("unknown command '%s'; 'mstat help' lists the commands", arguments->operands[0]);
		return CODE_FAILED;
	}
	usage_print_command(command);
	return CODE_FINE;
}
