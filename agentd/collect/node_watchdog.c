/* SPDX-License-Identifier: MIT */
/* Watchdogs: /sys/class/watchdog. Slow: what is left of a timeout is asked of the hardware. */
#include "host_numbers.h"

#define WATCHDOG_PATH "class/watchdog"

#define WATCHDOG(file, name)                                                                                           \
	{                                                                                                              \
		file, HOST_GAUGE("node_watchdog_" name, "Value of /sys/class/watchdog/<watchdog>/" file, "name"), 0    \
	}
static const struct host_number numbers[] = {
	WATCHDOG("bootstatus", "bootstatus"),   WATCHDOG("fw_version", "fw_version"),
	WATCHDOG("nowayout", "nowayout"),       WATCHDOG("timeleft", "timeleft_seconds"),
	WATCHDOG("timeout", "timeout_seconds"), WATCHDOG("pretimeout", "pretimeout_seconds"),
	WATCHDOG("access_cs0", "access_cs0"),
};

/* Labels of the info family, which are names of files, too. */
static const char *const words[] = {"options", "identity", "state", "status", "pretimeout_governor"};
static const struct host_family info_family =
	HOST_GAUGE("node_watchdog_info", "Info of /sys/class/watchdog/<watchdog>", "name", "options", "identity",
		   "state", "status", "pretimeout_governor");

static void watchdog_sample(struct host *host, const char *name)
{
	char directory[HOST_PATH_MAX], path[HOST_PATH_MAX + 32], texts[HOST_COUNT_OF(words)][128];
	const char *values[1 + HOST_COUNT_OF(words)] = {name};
	host_format(directory, WATCHDOG_PATH "/%s", name);
	for (size_t i = 0; i < HOST_COUNT_OF(words); i++) {
		host_format(path, "%s/%s", directory, words[i]);
		if (host_read_string(host, HOST_SYS, path, texts[i], sizeof(texts[i])))
			texts[i][0] = '\0';
		values[1 + i] = texts[i];
	}
	host_sample(host, &info_family, values, (struct number){.type = NUMBER_U64, .u64 = 1});
	host_numbers_sample(host, HOST_SYS, directory, numbers, HOST_COUNT_OF(numbers), HOST_VALUES(name));
}

static int watchdog_collect(struct host *host)
{
	struct host_list names;
	int r = host_list(host, 0, HOST_SYS, WATCHDOG_PATH, &names);
	if (r)
		return r;
	for (size_t i = 0; i < names.count; i++)
		watchdog_sample(host, names.names[i]);
	return names.count ? 0 : -ENODATA;
}

const struct host_ops host_watchdog = {.collect = watchdog_collect};
