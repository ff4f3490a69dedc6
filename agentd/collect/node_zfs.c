/* SPDX-License-Identifier: MIT */
/* ZFS: its kstats below /proc/spl/kstat/zfs, of the module and of each pool. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "host.h"

#define ZFS_PATH "spl/kstat/zfs"
#define NAME_BYTES_MAX 160

/* Types of kstats that are numbers. */
#define KSTAT_INT64 3
#define KSTAT_UINT64 4

struct module {
	const char *file;
	const char *prefix;
};
static const struct module modules[] = {
	{"abdstats", "node_zfs_abd"},
	{"arcstats", "node_zfs_arc"},
	{"dbuf_stats", "node_zfs_dbuf"},
	{"dmu_tx", "node_zfs_dmu_tx"},
	{"dnodestats", "node_zfs_dnode"},
	{"fm", "node_zfs_fm"},
	{"vdev_cache_stats", "node_zfs_vdev_cache"},
	{"vdev_mirror_stats", "node_zfs_vdev_mirror"},
	{"xuio_stats", "node_zfs_xuio"},
	{"zfetchstats", "node_zfs_zfetch"},
	{"zil", "node_zfs_zil"},
};

static const struct host_family state_family =
	HOST_GAUGE("node_zfs_zpool_state", "kstat.zfs.misc.state", "zpool", "state");
static const char *const states[] = {"online", "degraded", "faulted", "offline", "removed", "unavail", "suspended"};

/* PREFIX_FIELD with what a metric's name may not hold as "_"; false if it is too long. */
static bool name_make(char *name, const char *prefix, const char *field)
{
	int len = snprintf(name, NAME_BYTES_MAX, "%s_%s", prefix, field);
	if (len < 0 || len >= NAME_BYTES_MAX)
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name))
			*name = '_';
	return true;
}

/* "name type data"; false for what is no number, such as the names of datasets. */
static bool kstat_parse(struct text *line, const char **field, struct number *number)
{
	uint64_t type;
	*field = text_word(line);
	if (!*field || !text_u64(line, &type))
		return false;
	if (type == KSTAT_INT64) {
		number->type = NUMBER_I64;
		return text_i64(line, &number->i64);
	}
	number->type = NUMBER_U64;
	return type == KSTAT_UINT64 && text_u64(line, &number->u64);
}

/* Two lines of headings come first. */
static bool headings_skip(struct host *host, struct text *text)
{
	struct text line;
	if (text_line(text, &line) && text_line(text, &line) && text_take(&line, "name"))
		return true;
	host_skip(host);
	return false;
}

static void module_sample(struct host *host, struct text *text, const struct module *module)
{
	struct text line;
	struct number number;
	char name[NAME_BYTES_MAX];
	const char *field;
	if (!headings_skip(host, text))
		return;
	while (text_line(text, &line)) {
		if (!kstat_parse(&line, &field, &number))
			continue;
		const struct host_family family = {.name = name,
						   .help = "kstat.zfs.misc.%s.%s",
						   .help_words = {module->file, field},
						   .type = METRIC_UNKNOWN};
		if (name_make(name, module->prefix, field))
			host_sample(host, &family, NULL, number);
		else
			host_skip(host);
	}
}

/* A heading, a line of names, a line of values. */
static void pool_io_sample(struct host *host, const char *pool)
{
	struct text text, names, values;
	char path[HOST_PATH_MAX], name[NAME_BYTES_MAX];
	const char *field;
	uint64_t value;
	if (host_read(host, HOST_PROC, host_format(path, ZFS_PATH "/%s/io", pool), &text))
		return;
	if (!text_line(&text, &names) || !text_line(&text, &names) || !text_line(&text, &values)) {
		host_skip(host);
		return;
	}
	while ((field = text_word(&names)) && text_u64(&values, &value)) {
		const struct host_family family = {.name = name,
						   .help = "kstat.zfs.misc.io.%s",
						   .help_words = {field},
						   .type = METRIC_UNKNOWN,
						   .labels = {"zpool"}};
		if (name_make(name, "node_zfs_zpool", field))
			host_u64(host, &family, value, pool);
	}
}

static void dataset_sample(struct host *host, const char *pool, const char *file)
{
	struct text text, line;
	struct number number;
	char path[HOST_PATH_MAX], name[NAME_BYTES_MAX];
	const char *field, *dataset = NULL;
	if (host_read(host, HOST_PROC, host_format(path, ZFS_PATH "/%s/%s", pool, file), &text) ||
	    !headings_skip(host, &text))
		return;
	while (text_line(&text, &line)) {
		if (!dataset && text_take(&line, "dataset_name")) {
			text_skip_words(&line, 1);
			dataset = text_rest(&line);
			continue;
		}
		if (!kstat_parse(&line, &field, &number) || !dataset)
			continue;
		const struct host_family family = {.name = name,
						   .help = "kstat.zfs.misc.objset.%s",
						   .help_words = {field},
						   .type = METRIC_UNKNOWN,
						   .labels = {"zpool", "dataset"}};
		if (name_make(name, "node_zfs_zpool_dataset", field))
			host_sample(host, &family, HOST_VALUES(pool, dataset), number);
	}
}

static void pool_state_sample(struct host *host, const char *pool)
{
	char path[HOST_PATH_MAX], state[32];
	if (host_read_string(host, HOST_PROC, host_format(path, ZFS_PATH "/%s/state", pool), state, sizeof(state)))
		return;
	for (size_t i = 0; i < HOST_COUNT_OF(states); i++)
		host_u64(host, &state_family, !strcasecmp(state, states[i]), pool, states[i]);
}

/* Directories among the files are pools. */
static void pool_sample(struct host *host, const char *pool)
{
	struct host_list files;
	char path[HOST_PATH_MAX];
	if (host_list(host, 1, HOST_PROC, host_format(path, ZFS_PATH "/%s", pool), &files))
		return;
	for (size_t i = 0; i < files.count; i++) {
		const char *file = files.names[i];
		if (!strcmp(file, "io"))
			pool_io_sample(host, pool);
		else if (!strcmp(file, "state"))
			pool_state_sample(host, pool);
		else if (!strncmp(file, "objset-", strlen("objset-")))
			dataset_sample(host, pool, file);
	}
}

static int zfs_collect(struct host *host)
{
	struct host_list names;
	struct text text;
	char path[HOST_PATH_MAX];
	int r = host_list(host, 0, HOST_PROC, ZFS_PATH, &names);
	if (r)
		return r == -ENOENT ? -ENODATA : r;
	for (size_t i = 0; i < HOST_COUNT_OF(modules); i++)
		if (!host_read(host, HOST_PROC, host_format(path, ZFS_PATH "/%s", modules[i].file), &text))
			module_sample(host, &text, &modules[i]);
	for (size_t i = 0; i < names.count; i++)
		pool_sample(host, names.names[i]);
	return 0;
}

const struct host_ops host_zfs = {.collect = zfs_collect};
