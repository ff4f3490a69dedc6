/* SPDX-License-Identifier: MIT */
/* Completions of bash and zsh. They need nothing but the shell. */
#include <stdio.h>
#include <string.h>

#include "tables.h"

#define HEAD "# Made from the tables of the program. Do not edit.\n"

/* ---- words ------------------------------------------------------------------------------------------------------ */

static void option_words_print(unsigned options)
{
	for (size_t i = 0; i < option_entry_count; i++)
		if (options & 1u << i)
			printf(" --%s%s", option_entries[i].word, option_entries[i].argument ? "=" : "");
}

static void setting_words_print(void)
{
	for (size_t i = 0; i < CONFIG_ITEM_COUNT; i++) {
		const struct config_item *item = &config_items[i];
		if (item->type == CONFIG_SWITCH)
			printf(" --%s --no-%s", item->key, item->key);
		else
			printf(" --%s=", item->key);
	}
}

/* Within single quotes of a shell, without what zsh's specifications give a meaning. */
static void description_print(const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", stdout);
		else if (strchr("[]:\\", *text))
			printf("\\%c", *text);
		else
			putchar(*text);
	}
}

static bool takes_path(const struct config_item *item)
{
	return item->type == CONFIG_PATH_FILE || item->type == CONFIG_DIRECTORIES;
}

/* ---- bash ------------------------------------------------------------------------------------------------------- */

/* A word that ends in "=" waits for its value; "=" parts words for bash itself. */
#define BASH_REPLY "\t[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace 2>/dev/null\n"

static void bash_mstat(void)
{
	printf(HEAD "_mstat() {\n\tlocal current=${COMP_WORDS[COMP_CWORD]} command= words= word\n"
		    "\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
		    "\t\t[[ $word == -* ]] || { command=$word; break; }\n\tdone\n\tcase $command in\n");
	for (size_t i = 0; i < command_entry_count; i++) {
		printf("\t%s) words='", command_entries[i].name);
		option_words_print(command_entries[i].options);
		printf("' ;;\n");
	}
	printf("\t*) words='");
	for (size_t i = 0; i < command_entry_count; i++)
		printf(" %s", command_entries[i].name);
	printf(" --help --version' ;;\n\tesac\n\t[[ $command == help ]] && words='");
	for (size_t i = 0; i < command_entry_count; i++)
		printf(" %s", command_entries[i].name);
	printf("'\n\tcase $command:$current in\n\tdump:[!-]* | verify:[!-]*) COMPREPLY=($(compgen -f -- \"$current\")) "
	       ";;\n"
	       "\t*) COMPREPLY=($(compgen -W \"$words\" -- \"$current\")) ;;\n\tesac\n" BASH_REPLY "}\n"
	       "complete -F _mstat mstat\n");
}

static void bash_mstatd(void)
{
	printf(HEAD "_mstatd() {\n\tlocal current=${COMP_WORDS[COMP_CWORD]} flag=\n"
		    "\t[[ $current == = ]] && current=\n"
		    "\tif [[ ${COMP_WORDS[COMP_CWORD]} == = ]]; then flag=${COMP_WORDS[COMP_CWORD-1]}\n"
		    "\telif [[ ${COMP_WORDS[COMP_CWORD-1]} == = ]]; then flag=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
		    "\tcase $flag in\n");
	for (size_t i = 0; i < CONFIG_ITEM_COUNT; i++) {
		const struct config_item *item = &config_items[i];
		if (item->type == CONFIG_CHOICE) {
			printf("\t--%s) COMPREPLY=($(compgen -W '", item->key);
			for (const char *c = item->placeholder; *c; c++)
				putchar(*c == '|' ? ' ' : *c);
			printf("' -- \"$current\")) ;;\n");
		} else if (takes_path(item)) {
			printf("\t--%s) COMPREPLY=($(compgen -f -- \"$current\")) ;;\n", item->key);
		}
	}
	printf("\t?*) COMPREPLY=() ;;\n\t*) COMPREPLY=($(compgen -W '");
	setting_words_print();
	printf(" --help --version' -- \"$current\")) ;;\n\tesac\n" BASH_REPLY "}\ncomplete -F _mstatd mstatd\n");
}

/* ---- zsh -------------------------------------------------------------------------------------------------------- */

static void zsh_option(const struct option_entry *option)
{
	const char *value = option->argument ? "=" : "";
	printf(" \\\n\t\t\t'(-%c --%s)'{-%c%s,--%s%s}'[", option->letter, option->word, option->letter,
	       option->argument ? "+" : "", option->word, value);
	description_print(option->text);
	putchar(']');
	if (option->argument)
		printf(":%s:%s", option->argument, strcmp(option->word, "dir") ? "" : "_files -/");
	putchar('\'');
}

static void zsh_mstat(void)
{
	printf("#compdef mstat\n" HEAD "_mstat() {\n\tlocal -a commands=(\n");
	for (size_t i = 0; i < command_entry_count; i++) {
		printf("\t\t'%s:", command_entries[i].name);
		description_print(command_entries[i].summary);
		printf("'\n");
	}
	printf("\t)\n\tif (( CURRENT == 2 )); then\n\t\t_describe command commands\n\t\treturn\n\tfi\n"
	       "\tlocal command=$words[2]\n\tshift words; (( CURRENT-- ))\n\tcase $command in\n");
	for (size_t i = 0; i < command_entry_count; i++) {
		const struct command_entry *command = &command_entries[i];
		printf("\t%s)\n\t\t_arguments -s", command->name);
		for (size_t k = 0; k < option_entry_count; k++)
			if (command->options & 1u << k)
				zsh_option(&option_entries[k]);
		if (!strcmp(command->name, "help"))
			printf(" \\\n\t\t\t'1:command:->command' && return\n\t\t_describe command commands");
		else if (strstr(command->operands, "SEGMENT"))
			printf(" \\\n\t\t\t'*:segment:_files'");
		printf("\n\t\t;;\n");
	}
	printf("\tesac\n}\n_mstat \"$@\"\n");
}

static void zsh_setting(const struct config_item *item)
{
	const char *repeated =
		item->type == CONFIG_ADDRESSES || item->type == CONFIG_DIRECTORIES || item->type == CONFIG_TEXTS ? "*"
														 : "";
	printf(" \\\n\t\t'%s--%s=%s[", repeated, item->key, item->type == CONFIG_SWITCH ? "-" : "");
	description_print(item->help);
	printf("]:");
	if (item->type == CONFIG_SWITCH)
		printf(":value:(true false)'");
	else if (item->type == CONFIG_CHOICE) {
		printf("value:(");
		for (const char *c = item->placeholder; *c; c++)
			putchar(*c == '|' ? ' ' : *c);
		printf(")'");
	} else {
		printf("value:%s'", takes_path(item) ? "_files" : "");
	}
	if (item->type == CONFIG_SWITCH)
		printf(" \\\n\t\t'--no-%s[off]'", item->key);
}

static void zsh_mstatd(void)
{
	printf("#compdef mstatd\n" HEAD "_mstatd() {\n\t_arguments");
	for (size_t i = 0; i < CONFIG_ITEM_COUNT; i++)
		zsh_setting(&config_items[i]);
	printf(" \\\n\t\t'--help[print the flags]' \\\n\t\t'--version[print the version]'\n}\n_mstatd \"$@\"\n");
}

bool completions_print(const char *shell, const char *program)
{
	static const struct {
		const char *shell, *program;
		void (*print)(void);
	} all[] = {
		{"bash", "mstat", bash_mstat},
		{"bash", "mstatd", bash_mstatd},
		{"zsh", "mstat", zsh_mstat},
		{"zsh", "mstatd", zsh_mstatd},
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (!strcmp(all[i].shell, shell) && !strcmp(all[i].program, program)) {
			all[i].print();
			return true;
		}
	}
	return false;
}
