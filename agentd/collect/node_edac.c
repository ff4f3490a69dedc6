/* SPDX-License-Identifier: MIT */
/* Memory errors: /sys/devices/system/edac. */
#include <stdio.h>
#include <string.h>

#include "host_numbers.h"

#define EDAC_PATH "devices/system/edac/mc"

static const struct host_number controller_numbers[] = {
	{"ce_count",
	 HOST_COUNTER("node_edac_correctable_errors_total", "Total correctable memory errors.", "controller"), 0},
	{"ue_count",
	 HOST_COUNTER("node_edac_uncorrectable_errors_total", "Total uncorrectable memory errors.", "controller"), 0},
};
#define ROW_CORRECTABLE                                                                                                \
	HOST_COUNTER("node_edac_csrow_correctable_errors_total", "Total correctable memory errors for this csrow.",    \
		     "controller", "csrow")
#define ROW_UNCORRECTABLE                                                                                              \
	HOST_COUNTER("node_edac_csrow_uncorrectable_errors_total",                                                     \
		     "Total uncorrectable memory errors for this csrow.", "controller", "csrow")
static const struct host_number row_numbers[] = {
	{"ce_count", ROW_CORRECTABLE, 0},
	{"ue_count", ROW_UNCORRECTABLE, 0},
};
/* Errors whose row is not known. */
static const struct host_number unknown_row_numbers[] = {
	{"ce_noinfo_count", ROW_CORRECTABLE, 0},
	{"ue_noinfo_count", ROW_UNCORRECTABLE, 0},
};

/* The number behind the prefix, as a string, or NULL. */
static const char *name_number(const char *name, const char *prefix)
{
	size_t len = strlen(prefix);
	return !strncmp(name, prefix, len) && name[len] >= '0' && name[len] <= '9' ? name + len : NULL;
}

static void controller_sample(struct host *host, const char *name, const char *controller)
{
	char directory[HOST_PATH_MAX - 16], path[HOST_PATH_MAX];
	struct host_list rows;
	host_format(directory, EDAC_PATH "/%.200s", name);
	host_numbers_sample(host, HOST_SYS, directory, controller_numbers, HOST_COUNT_OF(controller_numbers),
			    HOST_VALUES(controller));
	host_numbers_sample(host, HOST_SYS, directory, unknown_row_numbers, HOST_COUNT_OF(unknown_row_numbers),
			    HOST_VALUES(controller, "unknown"));
	if (host_list(host, 1, HOST_SYS, directory, &rows))
		return;
	for (size_t i = 0; i < rows.count; i++) {
		const char *row = name_number(rows.names[i], "csrow");
		if (row)
			host_numbers_sample(host, HOST_SYS, host_format(path, "%s/csrow%.200s", directory, row),
					    row_numbers, HOST_COUNT_OF(row_numbers), HOST_VALUES(controller, row));
	}
}

static int edac_collect(struct host *host)
{
	struct host_list names;
	int r = host_list(host, 0, HOST_SYS, EDAC_PATH, &names);
	if (r)
		return r == -ENOENT ? 0 : r; /* no controller that is watched: nothing to tell, and no failure */
	for (size_t i = 0; i < names.count; i++) {
		const char *controller = name_number(names.names[i], "mc");
		if (controller)
			controller_sample(host, names.names[i], controller);
	}
	return 0;
}

const struct host_ops host_edac = {.collect = edac_collect};
