/* SPDX-License-Identifier: MIT */
/* Makes manual pages and completions from the tables of the programs, so that they cannot disagree.
 *
 *     generate page <TEMPLATE >PAGE             replaces lines that are @NAME@ by the list of that name, below
 *     generate command NAME                     the page of a subcommand of mstat
 *     generate commands                         the names of the subcommands
 *     generate completion bash|zsh PROGRAM
 *
 * Pages are in mdoc(7): a sentence a line, lines of at most 78 bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tables.h"
#include "tools/mstat/command.h"

#define COLUMNS 76

/* ---- mdoc ------------------------------------------------------------------------------------------------------- */

static void byte_print(char c)
{
	if (c == '\\')
		fputs("\\e", stdout);
	else if (c == '"')
		fputs("\\(dq", stdout);
	else if (c == '\'')
		fputs("\\(aq", stdout);
	else
		putchar(c);
}

/* As it will stand in the page. */
static size_t width_of(const char *text, size_t len)
{
	size_t width = len;
	for (size_t i = 0; i < len; i++)
		width += text[i] == '\\' ? 1 : text[i] == '"' || text[i] == '\'' ? 3 : 0;
	return width;
}

static void bytes_print(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		byte_print(text[i]);
}

static bool ends_sentence(const char *word, size_t len)
{
	return len && (word[len - 1] == '.' || word[len - 1] == '!' || word[len - 1] == '?');
}

/* Running text, broken into lines. */
static void text_print(const char *text)
{
	size_t column = 0;
	while (*text) {
		const size_t len = strcspn(text, " "), width = width_of(text, len);
		if (column && column + 1 + width > COLUMNS) {
			putchar('\n');
			column = 0;
		} else if (column) {
			putchar(' ');
			column++;
		}
		if (!column && (*text == '.' || *text == '\''))
			fputs("\\&", stdout);
		bytes_print(text, len);
		column += width;
		if (ends_sentence(text, len)) {
			putchar('\n');
			column = 0;
		}
		text += len;
		text += strspn(text, " ");
	}
	if (column)
		putchar('\n');
}

/* An argument of a macro: one word, whatever is in it. */
static void word_print(const char *word)
{
	putchar('"');
	bytes_print(word, strlen(word));
	putchar('"');
}

/* The same, that may be broken after a bar. */
static void pattern_print(const char *pattern)
{
	putchar('"');
	for (; *pattern; pattern++) {
		byte_print(*pattern);
		if (*pattern == '|')
			fputs("\\:", stdout);
	}
	putchar('"');
}

/* ---- lists ------------------------------------------------------------------------------------------------------ */

static void setting_print(const struct config_item *item)
{
	printf(".It Fl -%s Ns = Ns Ar ", item->key);
	word_print(item->placeholder);
	putchar('\n');
	text_print(item->help);
	if (*item->fallback) {
		printf("Default:\n.Ql ");
		pattern_print(item->fallback);
		printf(" .\n");
	}
	if (item->reload == CONFIG_LIVE)
		printf("A reload applies a change.\n");
}

static void flags_print(void)
{
	for (size_t i = 0; i < CONFIG_ITEM_COUNT; i++)
		if (!setting_is_collector(&config_items[i]) && !setting_is_collector_option(&config_items[i]))
			setting_print(&config_items[i]);
}

static void collector_options_print(void)
{
	for (size_t i = 0; i < CONFIG_ITEM_COUNT; i++)
		if (setting_is_collector_option(&config_items[i]))
			setting_print(&config_items[i]);
}

static void collectors_print(bool on)
{
	for (size_t i = 0; i < CONFIG_ITEM_COUNT; i++) {
		const struct config_item *item = &config_items[i];
		if (!setting_is_collector(item) || on != !strcmp(item->fallback, "true"))
			continue;
		printf(".It Cm %s\n", item->key + strlen("collector."));
		text_print(item->help);
	}
}

static void collectors_on_print(void)
{
	collectors_print(true);
}

static void collectors_off_print(void)
{
	collectors_print(false);
}

/* A key of the file: its section's first key begins the section. */
static void keys_print(void)
{
	static const char *const kinds[] = {
		[CONFIG_ADDRESSES] = "list of addresses",
		[CONFIG_DIRECTORIES] = "list of directories",
		[CONFIG_PATH_URL] = "path of a URL",
		[CONFIG_PATH_FILE] = "path",
		[CONFIG_DURATION] = "duration",
		[CONFIG_BYTES] = "bytes",
		[CONFIG_COUNT] = "number",
		[CONFIG_CHOICE] = "one of several words",
		[CONFIG_SWITCH] = "true or false",
		[CONFIG_TEXT] = "text",
		[CONFIG_PATTERN] = "regular expression",
		[CONFIG_TEXTS] = "list of texts",
	};
	size_t section_len = 0;
	const char *section = "";
	for (size_t i = 0; i < CONFIG_ITEM_COUNT; i++) {
		const struct config_item *item = &config_items[i];
		const size_t len = strcspn(item->key, ".");
		if (item->reload == CONFIG_FLAG_ONLY)
			continue;
		if (len != section_len || memcmp(section, item->key, len)) {
			printf("%s.Ss %.*s\n.Bl -tag -width Ds\n", section_len ? ".El\n" : "", (int)len, item->key);
			section = item->key;
			section_len = len;
		}
		printf(".It Cm %s : Ar ", item->key + len + 1);
		word_print(item->type == CONFIG_CHOICE ? item->placeholder : kinds[item->type]);
		putchar('\n');
		text_print(item->help);
	}
	printf(".El\n");
}

static void options_print(unsigned options)
{
	for (size_t i = 0; i < option_entry_count; i++) {
		const struct option_entry *option = &option_entries[i];
		if (!(options & 1u << i))
			continue;
		printf(".It Fl %c , -%s", option->letter, option->word);
		if (option->argument)
			printf(" Ns = Ns Ar %s", option->argument);
		putchar('\n');
		text_print(option->text);
	}
}

static void options_all_print(void)
{
	options_print(~0u);
}

/* "NAME", "[NAME]" or "[NAME...]". */
static void operands_print(const char *operands)
{
	const bool optional = *operands == '[';
	if (!*operands)
		return;
	printf("%s %.*s%s\n", optional ? ".Op Ar" : ".Ar", (int)strcspn(operands + optional, ".]"), operands + optional,
	       strstr(operands, "...") ? " ..." : "");
}

static void commands_print(void)
{
	for (size_t i = 0; i < command_entry_count; i++) {
		const struct command_entry *command = &command_entries[i];
		printf(".It Cm %s", command->name);
		if (*command->operands) {
			printf(" Ar ");
			word_print(command->operands);
		}
		putchar('\n');
		text_print(command->summary);
		text_print(command->details);
	}
}

static int names_compare(const void *one, const void *other)
{
	return strcmp(*(const char *const *)one, *(const char *const *)other);
}

static void command_pages_print(void)
{
	const char *names[64];
	size_t count = 0;
	for (; count < command_entry_count && count < 64; count++)
		names[count] = command_entries[count].name;
	qsort(names, count, sizeof(names[0]), names_compare);
	for (size_t i = 0; i < count; i++)
		printf(".Xr mstat-%s 1 ,\n", names[i]);
}

static void reasons_print(void)
{
#define MSTAT_REASON(number, name, label, text)                                                                        \
	printf(".It Dv MSTAT_REASON_%s\n", #name);                                                                     \
	text_print(text);
#include <mstat/reasons.def>
#undef MSTAT_REASON
}

static void states_print(void)
{
#define SEGMENT_STATE(name, word, text)                                                                                \
	printf(".It Cm %s\n", word);                                                                                   \
	text_print(text);
#include "segment/states.def"
#undef SEGMENT_STATE
}

static void refusals_print(void)
{
#define SEGMENT_REFUSAL(name, label, state, text)                                                                      \
	printf(".It Cm %s\n", label);                                                                                  \
	text_print(text);
#include "segment/refusals.def"
#undef SEGMENT_REFUSAL
}

static void capabilities_print(void)
{
#define CAPABILITY_USE(collector, name, what)                                                                          \
	printf(".It Cm %s : Dv CAP_%s\n", #collector, #name);                                                          \
	text_print(what);
#include "capabilities.def"
}

static void header_fields_print(void)
{
#define HEADER_FIELD(field, how) printf(".It\n.Va %s\n", #field);
#include "tools/mstat/header_fields.def"
#undef HEADER_FIELD
}

static const struct list {
	const char *name;
	void (*print)(void);
} lists[] = {
	{"flags", flags_print},
	{"collectors-on", collectors_on_print},
	{"collectors-off", collectors_off_print},
	{"collector-options", collector_options_print},
	{"keys", keys_print},
	{"options", options_all_print},
	{"commands", commands_print},
	{"command-pages", command_pages_print},
	{"reasons", reasons_print},
	{"states", states_print},
	{"refusals", refusals_print},
	{"capabilities", capabilities_print},
	{"header-fields", header_fields_print},
};

/* ---- pages ------------------------------------------------------------------------------------------------------ */

static int page_print(FILE *template)
{
	char line[1024];
	while (fgets(line, sizeof(line), template)) {
		size_t i = 0;
		char name[64];
		if (sscanf(line, "@%63[a-z-]@", name) != 1 || line[strlen(name) + 1] != '@') {
			fputs(line, stdout);
			continue;
		}
		while (i < sizeof(lists) / sizeof(lists[0]) && strcmp(lists[i].name, name))
			i++;
		if (i == sizeof(lists) / sizeof(lists[0])) {
			fprintf(stderr, "generate: no list %s\n", name);
			return 1;
		}
		lists[i].print();
	}
	return 0;
}

static int command_print(const char *name)
{
	const struct command_entry *command = command_entries;
	while (command < command_entries + command_entry_count && strcmp(command->name, name))
		command++;
	if (command == command_entries + command_entry_count) {
		fprintf(stderr, "generate: no command %s\n", name);
		return 1;
	}
	printf(".Dd @DATE@\n.Dt MSTAT-");
	for (const char *c = name; *c; c++)
		putchar(*c - 'a' + 'A');
	printf(" 1\n.Os mstat @VERSION@\n.Sh NAME\n.Nm mstat-%s\n.Nd ", name);
	text_print(command->summary);
	printf(".Sh SYNOPSIS\n.Nm mstat %s\n.Op Ar option ...\n", name);
	operands_print(command->operands);
	printf(".Sh DESCRIPTION\n");
	text_print(*command->details ? command->details : command->summary);
	printf(".Bl -tag -width Ds\n");
	options_print(command->options);
	printf(".El\n.Sh EXIT STATUS\n.Bl -tag -width Ds\n"
	       ".It 0\nfine\n.It 1\nsomething was found wrong, or nothing matched\n"
	       ".It 2\nwrong usage, or a system call failed\n.El\n"
	       ".Sh SEE ALSO\n.Xr mstat 1 ,\n.Xr mstatd 8\n");
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int r = 2;
	if (!strcmp(what, "page") && argc == 2)
		r = page_print(stdin);
	else if (!strcmp(what, "command") && argc == 3)
		r = command_print(argv[2]);
	else if (!strcmp(what, "completion") && argc == 4)
		r = !completions_print(argv[2], argv[3]);
	else if (!strcmp(what, "commands") && argc == 2)
		for (size_t i = r = 0; i < command_entry_count; i++)
			puts(command_entries[i].name);
	else
		fprintf(stderr, "usage: generate page | command NAME | commands | completion SHELL PROGRAM\n");
	return fflush(stdout) || ferror(stdout) ? 1 : r;
}
