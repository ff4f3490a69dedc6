/* SPDX-License-Identifier: MIT */
/* The configuration: flags over file over defaults. */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "collect/process_rules.h"
#include "collect/views.h"
#include "config_file.h"
#include "config_value.h"
#include "expose/web_config.h"
#include "privileges.h"

const struct config_item config_items[CONFIG_ITEM_COUNT] = {
#define CONFIG_ITEM(section, name, field, type, fallback, min, max, reload, placeholder, help)                         \
	{#section "." #name, type, fallback, min, max, reload, placeholder, help, offsetof(struct config, field)},
#include "config.def"
#undef CONFIG_ITEM
};

/* What --collector.disable-defaults switches off. */
static const bool item_is_host_collector[CONFIG_ITEM_COUNT] = {
#define HOST_COLLECTOR(name, ...) [CONFIG_AT_collector_##name] = true,
#include "collect/collectors.def"
};

int config_fail(char **error, const char *format, ...)
{
	char *message = NULL;
	va_list arguments;
	va_start(arguments, format);
	if (vasprintf(&message, format, arguments) < 0)
		message = NULL;
	va_end(arguments);
	free(*error);
	*error = message;
	return -EINVAL;
}

const struct config_item *config_item_find(const char *key, size_t len)
{
	for (size_t i = 0; i < CONFIG_ITEM_COUNT; i++) {
		if (strlen(config_items[i].key) == len && !memcmp(config_items[i].key, key, len))
			return &config_items[i];
	}
	return NULL;
}

/* One flag with its value. */
static int flag_set(struct config *config, const struct config_item *item, const char *text, char **error)
{
	enum config_origin *origin = &config->origins[item - config_items];
	if (*origin == CONFIG_FROM_FLAG && !config_item_is_list(item))
		return config_fail(error, "--%s: given twice; remove one", item->key);
	char why[CONFIG_WHY_MAX];
	int r = config_value_set(config, item, text, why);
	if (r == -EINVAL)
		return config_fail(error, "--%s=%s: %s", item->key, text, why);
	*origin = CONFIG_FROM_FLAG;
	return r;
}

/* The switch of "KEY", "no-KEY" (which says false) or "KEY=true|false"; NULL if it is none of them. */
static const struct config_item *switch_find(const char *flag, size_t len, const char **text)
{
	const struct config_item *item = config_item_find(flag, len);
	if (!item && len > 3 && !strncmp(flag, "no-", 3) && !flag[len]) {
		item = config_item_find(flag + 3, len - 3);
		*text = "false";
	} else {
		*text = flag[len] ? flag + len + 1 : "true";
	}
	return item && item->type == CONFIG_SWITCH ? item : NULL;
}

/* Reads the flag at argv[*at] and moves past it. */
static int flag_parse(struct config *config, int argc, char *const argv[], int *at, char **error)
{
	const char *argument = argv[(*at)++];
	if (!strcmp(argument, "--help") || !strcmp(argument, "-h")) {
		config->action = CONFIG_SHOW_HELP;
		return 0;
	}
	if (!strcmp(argument, "--version")) {
		config->action = CONFIG_SHOW_VERSION;
		return 0;
	}
	if (strncmp(argument, "--", 2))
		return config_fail(error, "%s: unexpected argument; flags are --NAME=VALUE, see --help", argument);
	const size_t len = strcspn(argument + 2, "=");
	const char *word;
	const struct config_item *item = switch_find(argument + 2, len, &word);
	if (item)
		return flag_set(config, item, word, error);
	item = config_item_find(argument + 2, len);
	if (!item)
		return config_fail(error, "--%.*s: unknown flag, see --help", (int)len, argument + 2);
	const char *text = argument[2 + len] ? argument + 2 + len + 1 : *at < argc ? argv[(*at)++] : NULL;
	if (!text)
		return config_fail(error, "--%s: the value is missing: --%s=%s", item->key, item->key,
				   item->placeholder);
	return flag_set(config, item, text, error);
}

/* Fills in what neither flag nor file gave. */
static int defaults_set(struct config *config)
{
	for (size_t i = 0; i < CONFIG_ITEM_COUNT; i++) {
		const struct config_item *item = &config_items[i];
		if (config->origins[i] != CONFIG_FROM_NOWHERE || !*item->fallback)
			continue;
		char why[CONFIG_WHY_MAX];
		bool off = item_is_host_collector[i] && config->collector_disable_defaults;
		int r = config_value_set(config, item, off ? "false" : item->fallback, why);
		if (r)
			return r;
	}
	return 0;
}

static int privileges_check(const struct config *config, char **error)
{
	const struct config_list *list = &config->privileges_keep;
	const char *bad;
	uint64_t set;
	if (!privileges_parse(list->items, list->count, &set, &bad))
		return 0;
	return config_fail(error, "privileges.keep: \"%s\": not a capability; capabilities(7) lists them", bad);
}

/* Files that settings name are read again by who uses them; what is wrong in them is told of here. */
static int files_check(const struct config *config, char **error)
{
	struct process_rules *rules = NULL;
	struct web_config *web = NULL;
	int r = 0;
	if (config->action != CONFIG_RUN)
		return 0;
	if (config->collector_namedprocess)
		r = process_rules_load(config->collector_namedprocess_config, &rules, error);
	if (!r && config->web_config_file)
		r = web_config_load(config->web_config_file, NULL, &web, error);
	process_rules_free(rules);
	web_config_put(web);
	return r;
}

int config_load(int argc, char *const argv[], struct config **config, char **error)
{
	struct config *loaded = calloc(1, sizeof(*loaded));
	int r = loaded ? 0 : -ENOMEM;
	char *message = NULL;
	for (int at = 1; !r && at < argc && loaded->action == CONFIG_RUN;)
		r = flag_parse(loaded, argc, argv, &at, &message);
	if (!r && loaded->action == CONFIG_RUN && loaded->config_file)
		r = config_file_load(loaded, loaded->config_file, &message);
	if (!r)
		r = defaults_set(loaded);
	if (!r)
		r = privileges_check(loaded, &message);
	if (!r)
		r = files_check(loaded, &message);
	if (r) {
		if (!message)
			config_fail(&message, "configuration: %s", strerror(-r));
		*error = message;
		config_free(loaded);
		return r;
	}
	*config = loaded;
	return 0;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < CONFIG_ITEM_COUNT; i++)
		config_value_clear(config, &config_items[i]);
	views_free(config->views);
	free(config);
}

static bool texts_differ(const char *one, const char *other)
{
	return one && other ? strcmp(one, other) != 0 : one != other;
}

static bool lists_differ(const struct config_list *one, const struct config_list *other)
{
	if (one->count != other->count)
		return true;
	for (size_t i = 0; i < one->count; i++) {
		if (strcmp(one->items[i], other->items[i]))
			return true;
	}
	return false;
}

bool config_differs(const struct config *one, const struct config *other, enum config_index index)
{
	const struct config_item *item = &config_items[index];
	const void *a = (const char *)one + item->offset;
	const void *b = (const char *)other + item->offset;
	if (config_item_is_list(item))
		return lists_differ(a, b);
	if (config_item_is_text(item))
		return texts_differ(*(char *const *)a, *(char *const *)b);
	return *(const int64_t *)a != *(const int64_t *)b;
}

void config_print_help(FILE *out)
{
	fputs("Usage: mstatd [--FLAG=VALUE ...]\n\n"
	      "Serves the metrics of shared-memory segments and of the host. The configuration file has the same keys, "
	      "nested by "
	      "their\n"
	      "dots (web: {listen-address: [localhost:9466]}); flags win over it. Of a flag that is true or false, "
	      "--FLAG\nand --no-FLAG are enough. Only the file has views, which rename, merge or drop families "
	      "of\nprograms.\n\n",
	      out);
	for (size_t i = 0; i < CONFIG_ITEM_COUNT; i++) {
		const struct config_item *item = &config_items[i];
		fprintf(out, "  --%s=%s\n        %s%s%s%s\n", item->key, item->placeholder, item->help,
			*item->fallback ? " Default: " : "", item->fallback, *item->fallback ? "." : "");
	}
	fputs("  --help\n        Prints this text.\n"
	      "  --version\n        Prints the version.\n\n"
	      "Exit codes: 0 stopped as asked, 1 failure while running, 2 usage or configuration, 3 another agent "
	      "owns\n"
	      "the directory.\n",
	      out);
}
