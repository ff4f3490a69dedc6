/* SPDX-License-Identifier: MIT */
/* Pages compared with earlier ones. See history.h. */
#include "history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAULTS_PRINTED 10

static bool ends_in(const char *text, size_t len, const char *suffix)
{
	const size_t suffix_len = strlen(suffix);
	return len >= suffix_len && !memcmp(text + len - suffix_len, suffix, suffix_len);
}

/* Only grows: by its name. What the agent counts itself, of processes too, begins anew with it. `text` is a line. */
static bool only_grows(const struct history *history, const char *text, size_t len)
{
	const size_t name_len = strcspn(text, "{ ");
	if (!strncmp(text, "mstat_", 6) || !strncmp(text, "process_", 8) ||
	    !memmem(text, len, history->label, strlen(history->label)))
		return false;
	return ends_in(text, name_len, "_total") || ends_in(text, name_len, "_bucket") ||
	       ends_in(text, name_len, "_count") || ends_in(text, name_len, "_sum");
}

/* NULL when there is no room for another one. */
static struct history_series *series_find(struct history *history, const char *text)
{
	uint32_t hash = 2166136261u;
	for (const char *c = text; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619u;
	for (uint32_t i = 0; i < HISTORY_SERIES_MAX; i++) {
		struct history_series *series = &history->series[(hash + i) % HISTORY_SERIES_MAX];
		if (!*series->text || !strcmp(series->text, text))
			return series;
	}
	return NULL;
}

static void fault(struct history *history, const char *what, const char *text, double before, double now)
{
	if (history->faults++ < FAULTS_PRINTED)
		printf("page %llu: %s: %s: %.17g, then %.17g\n", (unsigned long long)history->pages, what, text, before,
		       now);
}

/* The buckets of one series follow each other on the page, then come its sum and count. */
struct buckets {
	char family[HISTORY_TEXT_MAX]; /* up to _bucket */
	double last;
};

static void buckets_follow(struct history *history, struct buckets *buckets, const char *text, double value)
{
	const char *suffix = strstr(text, "_bucket{"), *count = strstr(text, "_count{");
	if (suffix) {
		const size_t len = (size_t)(suffix - text);
		const bool same = !strncmp(text, buckets->family, len) && !buckets->family[len];
		if (same && value < buckets->last && !strstr(text, "le=\"0.005\""))
			fault(history, "buckets are not cumulative", text, buckets->last, value);
		buckets->last = value;
		snprintf(buckets->family, sizeof(buckets->family), "%.*s", (int)len, text);
	}
	if (count && *buckets->family && !strncmp(text, buckets->family, (size_t)(count - text))) {
		if (value != buckets->last)
			fault(history, "count is not the last bucket's", text, buckets->last, value);
		buckets->family[0] = 0;
		buckets->last = 0;
	}
}

static void series_follow(struct history *history, const char *text, double value)
{
	struct history_series *series = series_find(history, text);
	if (!series) {
		fault(history, "more series than the history takes", text, 0, value);
		return;
	}
	if (*series->text && value < series->value)
		fault(history, "went down", text, series->value, value);
	strcpy(series->text, text);
	series->value = value;
	series->page = history->pages;
	history->values++;
}

static void vanished(struct history *history)
{
	for (uint32_t i = 0; i < HISTORY_SERIES_MAX; i++) {
		struct history_series *series = &history->series[i];
		if (*series->text && series->page != history->pages)
			fault(history, "is not there", series->text, series->value, 0);
	}
}

void history_page(struct history *history, const char *page)
{
	struct buckets buckets = {.last = 0};
	char text[HISTORY_TEXT_MAX];
	history->pages++;
	for (const char *line = page; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const size_t len = strcspn(line, " \n");
		if (*line == '#' || len >= sizeof(text) || !only_grows(history, line, len))
			continue;
		memcpy(text, line, len);
		text[len] = 0;
		const double value = strtod(line + len, NULL);
		series_follow(history, text, value);
		buckets_follow(history, &buckets, text, value);
	}
	if (history->one_format)
		vanished(history);
}
