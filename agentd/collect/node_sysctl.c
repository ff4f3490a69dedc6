/* SPDX-License-Identifier: MIT */
/* Kernel parameters that were asked for: --collector.sysctl.include=NAME[:FIELD,...] for numbers,
 * --collector.sysctl.include-info=NAME for words. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "host.h"

static const struct host_family info_family = HOST_GAUGE("node_sysctl_info", "sysctl info", "name", "value", "index");

#define NAME_BYTES_MAX 256
#define VALUES_MAX 256

/* "net.ipv4.conf.eth0/1.forwarding" is sys/net/ipv4/conf/eth0.1/forwarding: a "/" stands for a dot of a name. */
static bool parameter_path(char *path, size_t size, const char *name)
{
	int len = snprintf(path, size, "sys/%s", name);
	if (len < 0 || (size_t)len >= size)
		return false;
	for (char *c = path + strlen("sys/"); *c; c++)
		*c = *c == '.' ? '/' : *c == '/' ? '.' : *c;
	return true;
}

static bool name_make(char *metric, const char *name, const char *key)
{
	int len = snprintf(metric, NAME_BYTES_MAX, "node_sysctl_%s%s%s", name, *key ? "_" : "", key);
	for (char *c = metric; *c; c++)
		if (!isalnum((unsigned char)*c))
			*c = '_';
	return len > 0 && len < NAME_BYTES_MAX;
}

/* One of several values that have names of their own. */
static void key_sample(struct host *host, const char *name, const char *key, size_t place, int64_t value)
{
	char metric[NAME_BYTES_MAX], number[24];
	const struct host_family family = {.name = metric,
					   .help = "sysctl %s, field %s",
					   .help_words = {name, host_format(number, "%zu", place)},
					   .type = METRIC_UNKNOWN};
	if (name_make(metric, name, key))
		host_i64(host, &family, value);
	else
		host_skip(host);
}

static void values_sample(struct host *host, const char *name, const int64_t *values, size_t count)
{
	char metric[NAME_BYTES_MAX], index[24];
	struct host_family family = {.name = metric, .help = "sysctl %s", .help_words = {name}, .type = METRIC_UNKNOWN};
	if (!name_make(metric, name, "")) {
		host_skip(host);
		return;
	}
	if (count == 1) {
		host_i64(host, &family, values[0]);
		return;
	}
	family.labels[0] = "index";
	for (size_t i = 0; i < count; i++)
		host_i64(host, &family, values[i], host_format(index, "%zu", i));
}

/* `keys` is "total,current,max"; as many as there are values. */
static int keys_sample(struct host *host, const char *name, char *keys, const int64_t *values, size_t count)
{
	size_t key_count = 1;
	for (const char *c = keys; *c; c++)
		key_count += *c == ',';
	if (key_count != count) {
		host_skip(host);
		return -EINVAL;
	}
	for (size_t i = 0; i < count; i++) {
		char *key = strsep(&keys, ",");
		key_sample(host, name, key, i, values[i]);
	}
	return 0;
}

static int numbers_sample(struct host *host, const char *include)
{
	char name[NAME_BYTES_MAX], path[HOST_PATH_MAX];
	struct text text;
	int64_t values[VALUES_MAX];
	size_t count = 0;
	host_format(name, "%s", include);
	char *keys = strchr(name, ':');
	if (keys)
		*keys++ = '\0';
	if (!parameter_path(path, sizeof(path), name))
		return -ENAMETOOLONG;
	int r = host_read(host, HOST_PROC, path, &text);
	if (r)
		return r;
	while (count < VALUES_MAX && text_i64(&text, &values[count]))
		count++;
	if (!count || *text_rest(&text)) {
		host_skip(host); /* words among the numbers */
		return -EINVAL;
	}
	if (keys)
		return keys_sample(host, name, keys, values, count);
	values_sample(host, name, values, count);
	return 0;
}

static int words_sample(struct host *host, const char *name)
{
	char path[HOST_PATH_MAX], index[24];
	struct text text, line;
	const char *word;
	if (!parameter_path(path, sizeof(path), name))
		return -ENAMETOOLONG;
	int r = host_read(host, HOST_PROC, path, &text);
	if (r)
		return r;
	for (size_t i = 0; text_line(&text, &line);)
		for (; (word = text_word(&line)); i++)
			host_u64(host, &info_family, 1, name, word, host_format(index, "%zu", i));
	return 0;
}

/* A parameter that this kernel has not does not keep the others from being told. */
static int sysctl_collect(struct host *host)
{
	int result = 0;
	for (char *const *name = host->options->sysctl_include; name && *name; name++) {
		int r = numbers_sample(host, *name);
		result = result ? result : r;
	}
	for (char *const *name = host->options->sysctl_include_info; name && *name; name++) {
		int r = words_sample(host, *name);
		result = result ? result : r;
	}
	return result;
}

const struct host_ops host_sysctl = {.collect = sysctl_collect};
