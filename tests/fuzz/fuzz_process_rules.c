/* SPDX-License-Identifier: MIT */
/* The rules of process groups: the input is the file. Rules that are accepted name some processes. */
#include "collect/process_rules.h"
#include "fuzz.h"
#include "input_file.h"

static void processes_name(struct process_rules *rules)
{
	static char *const cgroups[] = {(char *)"/a", (char *)"/b/c.service", NULL};
	const struct process_identity identities[] = {
		{.pid = 1, .comm = "init", .cmdline = "", .exe = "", .username = "root", .cgroups = cgroups},
		{.pid = 77,
		 .uid = 1000,
		 .start_seconds = 1.5,
		 .comm = "java",
		 .cmdline = "/usr/bin/java -jar shop.jar",
		 .exe = "/usr/bin/java",
		 .username = "shop",
		 .cgroups = cgroups},
		{.pid = 4000000, .comm = "\xff {{.Comm}}", .cmdline = "a\nb \\ \"", .exe = "/", .cgroups = NULL},
	};

	for (size_t i = 0; i < sizeof(identities) / sizeof(*identities); i++) {
		struct process_identity identity = identities[i];
		char name[PROCESS_NAME_BYTES], cut[8];
		bool named = process_rules_name(rules, &identity, name, sizeof(name));
		fuzz_require(!named || strlen(name) < sizeof(name));
		identity = identities[i];
		fuzz_require(process_rules_name(rules, &identity, cut, sizeof(cut)) == named);
		fuzz_require(!named || !strncmp(name, cut, sizeof(cut) - 1));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct process_rules *rules = NULL;
	char *error = NULL;
	int r = process_rules_load(input_file_write(data, size), &rules, &error);

	fuzz_require(r <= 0 && !r == (rules != NULL) && !r == !error);
	fuzz_require(!error || strchr(error, ':'));
	if (!r) {
		(void)process_rules_use_arguments(rules);
		for (int word = 0; word < PROCESS_WORD_COUNT; word++)
			(void)process_rules_use(rules, (enum process_word)word);
		processes_name(rules);
	}
	process_rules_free(rules);
	free(error);
	return 0;
}
