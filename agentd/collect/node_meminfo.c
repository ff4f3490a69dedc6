/* SPDX-License-Identifier: MIT */
/* Memory: /proc/meminfo. */
#include <string.h>

#include "host.h"

#define NAME_MAX_BYTES 128

/* "Active(anon)" becomes "node_memory_Active_anon", with "_bytes" if there is a unit; false if it is too long. */
static bool name_make(char *name, const char *field, bool bytes)
{
	if (strlen(field) > NAME_MAX_BYTES - sizeof("node_memory__bytes"))
		return false;
	char *out = stpcpy(name, "node_memory_");
	for (; *field; field++)
		if (*field != ')')
			*out++ = *field == '(' ? '_' : *field;
	*out = '\0';
	if (bytes)
		stpcpy(out, "_bytes");
	return true;
}

static void field_sample(struct host *host, struct text *line)
{
	char name[NAME_MAX_BYTES];
	uint64_t value;
	const char *field = text_until(line, ':');
	if (!field || !text_u64(line, &value)) {
		host_skip(host);
		return;
	}
	const char *unit = text_word(line);
	if ((unit && strcmp(unit, "kB") != 0) || !name_make(name, field, unit)) {
		host_skip(host);
		return;
	}
	const struct host_family family = {.name = name,
					   .help = "Memory information field %s.",
					   .help_words = {name + strlen("node_memory_")},
					   .type = METRIC_GAUGE};
	host_f64(host, &family, (double)value * (unit ? 1024 : 1));
}

static int meminfo_collect(struct host *host)
{
	struct text text, line;
	int r = host_read(host, HOST_PROC, "meminfo", &text);
	if (r)
		return r;
	while (text_line(&text, &line))
		field_sample(host, &line);
	return 0;
}

const struct host_ops host_meminfo = {.collect = meminfo_collect};
