/* SPDX-License-Identifier: MIT */
/* Memory zones: /proc/zoneinfo. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

struct field {
	const char *word;
	struct host_family family;
};
/* In ascending order of their words. */
static const struct field fields[] = {
#define ZONE_FIELD(word, type, name, help) {word, HOST_##type(name, help, "node", "zone")},
#include "node_zoneinfo.def"
};

struct zone {
	char node[24];
	char name[32];
};

static int field_compare(const void *word, const void *field)
{
	return strcmp(word, ((const struct field *)field)->word);
}

/* "Node 0, zone   Normal" */
static bool zone_take(struct text *line, struct zone *zone)
{
	uint64_t node;
	if (!text_take(line, "Node"))
		return false;
	if (!text_u64(line, &node) || !text_take(line, ",") || !text_skip_words(line, 1))
		return false;
	const char *name = text_word(line);
	if (!name)
		return false;
	host_format(zone->node, "%llu", (unsigned long long)node);
	host_format(zone->name, "%s", name);
	return true;
}

/* "(0, 2039, 31932)": a family for each place. */
static void protection_sample(struct host *host, struct text *line, const struct zone *zone)
{
	uint64_t value;
	char name[48], place[24];
	text_blanks(line);
	for (unsigned i = 0; text_take(line, i ? "," : "(") && text_u64(line, &value); i++) {
		const struct host_family family = {.name = host_format(name, "node_zoneinfo_protection_%u", i),
						   .help = "Protection array %s. field",
						   .help_words = {host_format(place, "%u", i)},
						   .type = METRIC_GAUGE,
						   .labels = {"node", "zone"}};
		host_u64(host, &family, value, zone->node, zone->name);
	}
}

static void line_sample(struct host *host, struct text *line, const struct zone *zone)
{
	uint64_t value;
	const char *word = text_word(line);
	if (word && !strcmp(word, "pages"))
		word = text_word(line);
	if (!word)
		return;
	if (!strcmp(word, "protection:")) {
		protection_sample(host, line, zone);
		return;
	}
	const struct field *field = bsearch(word, fields, HOST_COUNT_OF(fields), sizeof(fields[0]), field_compare);
	if (field && text_u64(line, &value))
		host_u64(host, &field->family, value, zone->node, zone->name);
	else if (field)
		host_skip(host);
}

static int zoneinfo_collect(struct host *host)
{
	struct text text, line;
	struct zone zone = {"", ""};
	int r = host_read(host, HOST_PROC, "zoneinfo", &text);
	if (r)
		return r;
	while (text_line(&text, &line))
		if (!zone_take(&line, &zone) && zone.name[0])
			line_sample(host, &line, &zone);
	return 0;
}

const struct host_ops host_zoneinfo = {.collect = zoneinfo_collect};
