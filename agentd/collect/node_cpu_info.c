/* SPDX-License-Identifier: MIT */
/* What the CPUs are: /proc/cpuinfo. */
#include "node_cpu_info.h"

#include <string.h>

static const struct host_family flag_family =
	HOST_GAUGE("node_cpu_flag_info",
		   "The `flags` field of CPU information from /proc/cpuinfo taken from the first core.", "flag");
static const struct host_family bug_family =
	HOST_GAUGE("node_cpu_bug_info",
		   "The `bugs` field of CPU information from /proc/cpuinfo taken from the first core.", "bug");
static const struct host_family info_family =
	HOST_GAUGE("node_cpu_info", "CPU information from /proc/cpuinfo.", "package", "core", "cpu", "vendor", "family",
		   "model", "model_name", "microcode", "stepping", "cachesize");

/* In the order of the family's labels. */
enum { CPU = 2 };
static const char *const keys[] = {"physical id", "core id",    "processor", "vendor_id", "cpu family",
				   "model",       "model name", "microcode", "stepping",  "cache size"};

int cpu_info_init(struct cpu_info *info, const struct host_options *options)
{
	char why[256];
	*info = (struct cpu_info){NULL, NULL};
	int r = *options->cpu_info_flags_include
			? host_pattern_new(options->cpu_info_flags_include, &info->flags, why, sizeof(why))
			: 0;
	if (!r && *options->cpu_info_bugs_include)
		r = host_pattern_new(options->cpu_info_bugs_include, &info->bugs, why, sizeof(why));
	if (r)
		cpu_info_fini(info);
	return r;
}

void cpu_info_fini(struct cpu_info *info)
{
	host_pattern_free(info->flags);
	host_pattern_free(info->bugs);
	*info = (struct cpu_info){NULL, NULL};
}

static void words_sample(struct host *host, const struct host_family *family, struct host_pattern *pattern,
			 struct text *words)
{
	const char *word;
	while (pattern && (word = text_word(words)))
		if (host_pattern_match(pattern, word))
			host_u64(host, family, 1, word);
}

static void processor_sample(struct host *host, const char **values)
{
	if (*values[CPU])
		host_sample(host, &info_family, values, (struct number){.type = NUMBER_U64, .u64 = 1});
	for (size_t i = 0; i < HOST_COUNT_OF(keys); i++)
		values[i] = "";
}

void cpu_info_sample(struct host *host, const struct cpu_info *info)
{
	struct text text, line;
	const char *values[HOST_COUNT_OF(keys)];
	bool flags_seen = false, bugs_seen = false;
	if ((!host->options->cpu_info && !info->flags && !info->bugs) || host_read(host, HOST_PROC, "cpuinfo", &text))
		return;
	for (size_t i = 0; i < HOST_COUNT_OF(keys); i++)
		values[i] = "";
	while (text_line(&text, &line)) {
		const char *key = text_until(&line, ':');
		if (!key) {
			processor_sample(host, values); /* an empty line ends a processor */
			continue;
		}
		if (!strcmp(key, "flags") && !flags_seen) {
			flags_seen = true;
			words_sample(host, &flag_family, info->flags, &line);
		} else if (!strcmp(key, "bugs") && !bugs_seen) {
			bugs_seen = true;
			words_sample(host, &bug_family, info->bugs, &line);
		}
		for (size_t i = 0; i < HOST_COUNT_OF(keys); i++)
			if (!strcmp(key, keys[i]))
				values[i] = text_rest(&line);
	}
	processor_sample(host, values);
}
