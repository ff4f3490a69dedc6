/* SPDX-License-Identifier: MIT */
/* The configuration: lines at the beginning of the input that begin with "--" are flags, the rest is the file. */
#include <errno.h>

#include "config.h"
#include "fuzz.h"
#include "input_file.h"

#define FLAGS_MAX 8

static void accepted_check(const struct config *config)
{
	fuzz_require(config->action == CONFIG_RUN || config->action == CONFIG_SHOW_HELP ||
		     config->action == CONFIG_SHOW_VERSION);
	for (int i = 0; i < CONFIG_ITEM_COUNT; i++) {
		const struct config_item *item = &config_items[i];
		int64_t number;
		fuzz_require(!config_differs(config, config, (enum config_index)i));
		if (config->action != CONFIG_RUN)
			continue;
		memcpy(&number, (const char *)config + item->offset, sizeof(number));
		if (item->type == CONFIG_DURATION || item->type == CONFIG_BYTES || item->type == CONFIG_COUNT)
			fuzz_require(config->origins[i] == CONFIG_FROM_NOWHERE ||
				     (number >= item->min && number <= item->max));
		if (item->type == CONFIG_SWITCH)
			fuzz_require(number == 0 || number == 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *rest = text, *argv[FLAGS_MAX + 3] = {(char *)"mstatd"};
	struct config *config = NULL;
	char *error = NULL, file[64];
	int argc = 1;

	fuzz_require(text);
	memcpy(text, data, size);
	text[size] = 0;
	for (char *end; argc <= FLAGS_MAX && !strncmp(rest, "--", 2) && (end = strchr(rest, '\n')); rest = end + 1) {
		*end = 0;
		argv[argc++] = rest;
	}
	snprintf(file, sizeof(file), "--config.file=%s", input_file_write(rest, size - (size_t)(rest - text)));
	argv[argc++] = file;
	int r = config_load(argc, argv, &config, &error);
	fuzz_require(r <= 0 && !r == !error && !r == (config != NULL));
	/* The place, then what to do. */
	fuzz_require(!error || strchr(error, ':'));
	if (!r)
		accepted_check(config);
	config_free(config);
	free(error);
	free(text);
	return 0;
}
