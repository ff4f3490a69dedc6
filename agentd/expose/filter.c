/* SPDX-License-Identifier: MIT */
/* Filters of a page. They look at the bytes that are exposed: what a client asks for is what it has seen. */
#include "filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "label_text.h"

static const char label_name[] = "service";
#define LABEL_NAME_LEN (sizeof(label_name) - 1)

struct filter {
	struct format_filter format;
	char *names[FILTER_NAMES_MAX];
	size_t name_count;
	char *service; /* escaped; NULL: any */
	size_t service_len;
	bool matched;
};

static bool family_passes(void *context, const struct snapshot_family *family);
static bool sample_passes(void *context, const struct snapshot_sample *sample);

struct filter *filter_new(void)
{
	struct filter *filter = calloc(1, sizeof(*filter));
	if (filter)
		filter->format.context = filter;
	return filter;
}

void filter_free(struct filter *filter)
{
	if (!filter)
		return;
	for (size_t i = 0; i < filter->name_count; i++)
		free(filter->names[i]);
	free(filter->service);
	free(filter);
}

int filter_add_name(struct filter *filter, const char *name)
{
	if (filter->name_count == FILTER_NAMES_MAX)
		return -E2BIG;
	char *copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	filter->names[filter->name_count++] = copy;
	filter->format.family = family_passes;
	return 0;
}

int filter_set_service(struct filter *filter, const char *name)
{
	char *out = malloc(2 * strlen(name) + 1);
	if (!out)
		return -ENOMEM;
	filter->service = out;
	for (; *name; name++) {
		if (*name == '\\' || *name == '"' || *name == '\n')
			*out++ = '\\';
		*out++ = *name == '\n' ? 'n' : *name;
	}
	filter->service_len = (size_t)(out - filter->service);
	filter->format.sample = sample_passes;
	return 0;
}

const struct format_filter *filter_format(const struct filter *filter)
{
	return &filter->format;
}

bool filter_matched(const struct filter *filter)
{
	return filter->matched;
}

static bool name_matches(const char *name, const struct snapshot_family *family)
{
	const size_t len = strlen(family->name);
	const char *suffix = family->type == METRIC_COUNTER ? "_total" : family->type == METRIC_INFO ? "_info" : "";
	return !strncmp(name, family->name, len) && (!name[len] || !strcmp(name + len, suffix));
}

static bool family_passes(void *context, const struct snapshot_family *family)
{
	const struct filter *filter = context;
	for (size_t i = 0; i < filter->name_count; i++)
		if (name_matches(filter->names[i], family))
			return true;
	return false;
}

const char *filter_sample_service(const struct snapshot_sample *sample, size_t *len)
{
	/* From the first label on: in a value that ends in ",service=" the bytes look as where a label begins. */
	const char *end = sample->text + sample->text_len;
	const char *at = sample->text + sample->name_len + 1;
	struct label_text label;
	while (at < end && label_text_next(&at, end, &label)) {
		if (label.name_len != LABEL_NAME_LEN || memcmp(label.name, label_name, LABEL_NAME_LEN))
			continue;
		*len = label.value_len;
		return label.value;
	}
	return NULL;
}

static bool sample_passes(void *context, const struct snapshot_sample *sample)
{
	struct filter *filter = context;
	size_t len;
	const char *service = filter_sample_service(sample, &len);
	if (!service || len != filter->service_len || memcmp(service, filter->service, len))
		return false;
	filter->matched = true;
	return true;
}
