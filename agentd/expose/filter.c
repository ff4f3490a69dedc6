/* SPDX-License-Identifier: MIT */
/* Filters of a page. They look at the bytes that are exposed: what a client asks for is what it has seen. */
#include "filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char label_begin[] = "service=\"";
#define LABEL_BEGIN_LEN (sizeof(label_begin) - 1)

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
	const char *end = sample->text + sample->text_len;
	const char *at = sample->text + sample->name_len;
	/* In a value a quote has a backslash before it, so this is found where a label begins and nowhere else. */
	while ((at = memmem(at, (size_t)(end - at), label_begin, LABEL_BEGIN_LEN))) {
		const bool whole_name = at[-1] == '{' || at[-1] == ',';
		at += LABEL_BEGIN_LEN;
		if (!whole_name)
			continue;
		const char *close = at;
		while (close < end && *close != '"')
			close += *close == '\\' ? 2 : 1;
		*len = (size_t)(close - at);
		return at;
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
