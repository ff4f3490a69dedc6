/* SPDX-License-Identifier: MIT */
/* Exemplars: appended, sorted once, searched by halving. */
#include "exemplar_set.h"

#include <stdlib.h>
#include <string.h>

#define EXEMPLAR_BYTES 96u /* " # {} value time", numbers of at most 32 bytes */

static bool drafts_reserve(struct exemplar_drafts *drafts, size_t text_bytes)
{
	if (drafts->count == drafts->capacity) {
		uint32_t capacity = drafts->capacity ? 2 * drafts->capacity : 16;
		struct exemplar_draft *grown = realloc(drafts->drafts, capacity * sizeof(*grown));
		if (!grown)
			return false;
		drafts->drafts = grown;
		drafts->capacity = capacity;
	}
	if (drafts->text_used + text_bytes > drafts->text_capacity) {
		size_t capacity = 2 * (drafts->text_used + text_bytes);
		char *grown = realloc(drafts->text, capacity);
		if (!grown)
			return false;
		drafts->text = grown;
		drafts->text_capacity = capacity;
	}
	return true;
}

enum catalog_conflict exemplar_drafts_add(struct exemplar_drafts *drafts, const struct exemplar_draft *draft,
					  const char *labels)
{
	size_t text_bytes = (size_t)draft->labels_len + 1; /* never nothing, so that text_at tells the order */
	if (drafts->count >= EXEMPLAR_DRAFTS_MAX || text_bytes > EXEMPLAR_DRAFT_TEXT_BYTES_MAX - drafts->text_used)
		return CATALOG_LIMIT;
	if (!drafts_reserve(drafts, text_bytes))
		return CATALOG_NO_MEMORY;
	char *text = drafts->text + drafts->text_used;
	memcpy(text, labels, draft->labels_len);
	text[draft->labels_len] = '\0';
	struct exemplar_draft *added = &drafts->drafts[drafts->count++];
	*added = *draft;
	added->text_at = (uint32_t)drafts->text_used;
	drafts->text_used += text_bytes;
	return CATALOG_OK;
}

/* By series and part, then the newest first. */
static int draft_compare(const void *a, const void *b)
{
	const struct exemplar_draft *left = a, *right = b;
	if (left->series != right->series)
		return left->series < right->series ? -1 : 1;
	if (left->part != right->part)
		return left->part < right->part ? -1 : 1;
	if (left->time_ns != right->time_ns)
		return left->time_ns > right->time_ns ? -1 : 1;
	return left->text_at > right->text_at ? -1 : 1;
}

static bool drafts_sorted(const struct exemplar_drafts *drafts)
{
	for (uint32_t i = 1; i < drafts->count; i++)
		if (draft_compare(&drafts->drafts[i - 1], &drafts->drafts[i]) > 0)
			return false;
	return true;
}

void exemplar_drafts_sort(struct exemplar_drafts *drafts)
{
	/* Mostly they are: qsort() would take memory to find out. */
	if (!drafts_sorted(drafts))
		qsort(drafts->drafts, drafts->count, sizeof(drafts->drafts[0]), draft_compare);
	uint32_t kept = 0;
	for (uint32_t i = 0; i < drafts->count; i++) {
		const struct exemplar_draft *draft = &drafts->drafts[i];
		const struct exemplar_draft *last = kept ? &drafts->drafts[kept - 1] : NULL;
		if (!last || last->series != draft->series || last->part != draft->part)
			drafts->drafts[kept++] = *draft;
	}
	drafts->count = kept;
}

void exemplar_drafts_clear(struct exemplar_drafts *drafts)
{
	drafts->count = 0;
	drafts->text_used = 0;
}

void exemplar_drafts_fini(struct exemplar_drafts *drafts)
{
	free(drafts->drafts);
	free(drafts->text);
	*drafts = (struct exemplar_drafts){0};
}

enum catalog_conflict exemplar_set_init(struct exemplar_set *set, const struct exemplar_drafts *drafts)
{
	size_t text_bytes = 0;
	if (!drafts->count)
		return CATALOG_OK;
	for (uint32_t i = 0; i < drafts->count; i++)
		text_bytes += drafts->drafts[i].labels_len;
	struct exemplar *exemplars = malloc(drafts->count * (sizeof(*exemplars) + sizeof(series_ref)) + text_bytes);
	if (!exemplars)
		return CATALOG_NO_MEMORY;
	series_ref *series = (series_ref *)(exemplars + drafts->count);
	char *text = (char *)(series + drafts->count);
	for (uint32_t i = 0; i < drafts->count; i++) {
		const struct exemplar_draft *draft = &drafts->drafts[i];
		exemplars[i] = (struct exemplar){.part = draft->part,
						 .labels_len = draft->labels_len,
						 .labels = text,
						 .value = draft->value,
						 .time_ns = draft->time_ns};
		series[i] = draft->series;
		text = mempcpy(text, drafts->text + draft->text_at, draft->labels_len);
	}
	*set = (struct exemplar_set){.exemplars = exemplars,
				     .series = series,
				     .count = drafts->count,
				     .line_bytes = text_bytes + (size_t)drafts->count * EXEMPLAR_BYTES};
	return CATALOG_OK;
}

void exemplar_set_fini(struct exemplar_set *set)
{
	free(set->exemplars);
	*set = (struct exemplar_set){0};
}

const struct exemplar *exemplar_set_find(const struct exemplar_set *set, series_ref series, uint32_t *count)
{
	uint32_t from = 0, to = set->count;
	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		if (set->series[middle] < series)
			from = middle + 1;
		else
			to = middle;
	}
	uint32_t end = from;
	while (end < set->count && set->series[end] == series)
		end++;
	*count = end - from;
	return *count ? set->exemplars + from : NULL;
}
