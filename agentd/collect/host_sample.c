/* SPDX-License-Identifier: MIT */
/* Samples of host collectors, on their way to the builder. */
#include "host_sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host_hash.h"

#define HELP_BYTES_MAX 1024
#define COUNTER_SUFFIX "_total"

void sample_list_fini(struct sample_list *list)
{
	free(list->bytes);
	*list = (struct sample_list){NULL, 0, 0};
}

void host_sink_begin(struct host_sink *sink, struct builder *builder, struct sample_list *list)
{
	if (!sink->seed)
		sink->seed = host_hash_seed();
	sink->builder = builder;
	sink->list = list;
	sink->cache_next = 0;
	sink->taken = 0;
	if (list)
		list->len = 0;
	if (builder && sink->cache_generation != catalog_generation(builder_catalog(builder))) {
		sink->cache_generation = catalog_generation(builder_catalog(builder));
		sink->cache_count = 0;
	}
}

void host_sink_fini(struct host_sink *sink)
{
	free(sink->cache);
	*sink = (struct host_sink){.builder = NULL};
}

/* ---- into the builder ------------------------------------------------------------------------------------------- */

static uint64_t sample_key(const struct host_sink *sink, const struct host_family *family, const char *const *values)
{
	uint64_t key = host_hash_add(sink->seed, family->name);
	for (size_t i = 0; family->labels[i]; i++)
		key = host_hash_add(host_hash_add(key, family->labels[i]), values[i]);
	return key;
}

/* The length of the UTF-8 character at `text`, or 0 if there is none (RFC 3629: no surrogates, no overlong forms). */
static size_t utf8_len(const unsigned char *text)
{
	unsigned char c = text[0];
	if (c < 0x80)
		return 1;
	size_t len = c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
	for (size_t i = 1; i < len; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	if ((c == 0xe0 && text[1] < 0xa0) || (c == 0xed && text[1] > 0x9f) || (c == 0xf0 && text[1] < 0x90) ||
	    (c == 0xf4 && text[1] > 0x8f))
		return 0;
	return len;
}

/* The same text with one U+FFFD for each run of bytes that are not UTF-8: malloc'ed, or NULL when out of memory. */
static char *utf8_mended(const char *text)
{
	char *mended = malloc(3 * strlen(text) + 1), *out = mended;
	bool in_run = false;
	if (!mended)
		return NULL;
	for (size_t len; *text; text += len) {
		len = utf8_len((const unsigned char *)text);
		if (len)
			out = mempcpy(out, text, len);
		else if (!in_run)
			out = mempcpy(out, "\xef\xbf\xbd", 3);
		in_run = !len;
		len += !len;
	}
	*out = '\0';
	return mended;
}

static bool utf8_valid(const char *text)
{
	for (size_t len; *text; text += len) {
		len = utf8_len((const unsigned char *)text);
		if (!len)
			return false;
	}
	return true;
}

/* A help text that is made of words from a file may have any bytes, and may be cut in the middle of a character: every
 * byte that is no UTF-8 becomes '?'. */
static void help_mend(char *help)
{
	for (size_t len; *help; help += len) {
		len = utf8_len((const unsigned char *)help);
		if (!len)
			*help = '?';
		len += !len;
	}
}

/* A family with the help text and the name as the catalog wants them. Name and help are copied only where they have to
 * be changed. */
static enum catalog_conflict family_resolve(struct catalog *catalog, const struct host_family *family, family_ref *ref)
{
	char help[HELP_BYTES_MAX], name[256];
	size_t len = strlen(family->name), suffix_len = strlen(COUNTER_SUFFIX);
	struct family_request request = {
		.name = family->name,
		.help = family->help,
		.type = family->type,
		.keep_empty_labels = true,
	};
	if (family->help_words[0]) {
		/* The words take the places of the "%s": no format that comes from a file is ever interpreted. */
		const char *from = family->help, *mark;
		size_t used = 0;
		for (int i = 0; i < 2 && family->help_words[i] && (mark = strstr(from, "%s")); i++) {
			int n = snprintf(help + used, sizeof(help) - used, "%.*s%s", (int)(mark - from), from,
					 family->help_words[i]);
			used += (size_t)n < sizeof(help) - used ? (size_t)n : sizeof(help) - used - 1;
			from = mark + 2;
		}
		snprintf(help + used, sizeof(help) - used, "%s", from);
		help_mend(help);
		request.help = help;
	}
	if (family->type == METRIC_COUNTER) {
		if (len <= suffix_len || len - suffix_len >= sizeof(name) ||
		    strcmp(family->name + len - suffix_len, COUNTER_SUFFIX) != 0)
			return CATALOG_CONFLICT_NAME;
		memcpy(name, family->name, len - suffix_len);
		name[len - suffix_len] = '\0';
		request.name = name;
	}
	return catalog_family(catalog, &request, ref);
}

static enum catalog_conflict labels_resolve(struct catalog *catalog, family_ref family_found,
					    const struct host_family *family, const char *const *values,
					    series_ref *series)
{
	struct label labels[HOST_LABELS_MAX];
	char *mended[HOST_LABELS_MAX];
	size_t count = 0, mended_count = 0;
	enum catalog_conflict conflict = CATALOG_OK;
	for (; family->labels[count] && !conflict; count++) {
		labels[count] = (struct label){family->labels[count], values[count]};
		if (utf8_valid(values[count]))
			continue;
		mended[mended_count] = utf8_mended(values[count]);
		if (mended[mended_count])
			labels[count].value = mended[mended_count++];
		else
			conflict = CATALOG_NO_MEMORY;
	}
	if (!conflict)
		conflict = catalog_series(catalog, family_found, labels, count, series);
	while (mended_count)
		free(mended[--mended_count]);
	return conflict;
}

/* The series, or SERIES_NONE after counting why not. */
static series_ref sample_resolve(struct builder *builder, const struct host_family *family, const char *const *values)
{
	struct catalog *catalog = builder_catalog(builder);
	family_ref found;
	series_ref series;
	enum catalog_conflict conflict = family_resolve(catalog, family, &found);
	if (conflict)
		builder_count_conflict(builder, conflict);
	if (conflict && conflict != CATALOG_CONFLICT_HELP)
		return SERIES_NONE;
	conflict = labels_resolve(catalog, found, family, values, &series);
	if (!conflict)
		return series;
	builder_count_conflict(builder, conflict);
	return SERIES_NONE;
}

static bool cache_reserve(struct host_sink *sink)
{
	if (sink->cache_next < sink->cache_capacity)
		return true;
	size_t capacity = sink->cache_capacity ? sink->cache_capacity + sink->cache_capacity / 2 : 16;
	struct cached_series *cache = reallocarray(sink->cache, capacity, sizeof(*cache));
	if (!cache)
		return false;
	sink->cache = cache;
	sink->cache_capacity = capacity;
	return true;
}

static bool builder_take(struct host_sink *sink, const struct host_family *family, const char *const *values,
			 struct number number)
{
	uint64_t key = sample_key(sink, family, values);
	size_t at = sink->cache_next;
	series_ref series;
	if (at < sink->cache_count && sink->cache[at].key == key) {
		series = sink->cache[at].series;
		sink->cache_next++;
	} else {
		series = sample_resolve(sink->builder, family, values);
		if (series == SERIES_NONE)
			return true;
		if (cache_reserve(sink)) {
			sink->cache[at] = (struct cached_series){key, series};
			sink->cache_next++;
			if (sink->cache_count < sink->cache_next)
				sink->cache_count = sink->cache_next;
		}
	}
	builder_merge(sink->builder, series, MERGE_MAX, number, 0);
	return true;
}

/* ---- lists ------------------------------------------------------------------------------------------------------ */

/* In a list: this, then name, help, two help words (empty: none), and each label's name and value, all as C strings. */
struct record {
	struct number number;
	uint32_t bytes; /* to the next record */
	uint8_t type;
	uint8_t label_count;
};

static void list_string(struct sample_list *list, const char *string)
{
	list->len = (size_t)(stpcpy(list->bytes + list->len, string) - list->bytes) + 1;
}

static size_t record_bytes(const struct host_family *family, const char *const *values, size_t *label_count)
{
	size_t bytes = sizeof(struct record) + strlen(family->name) + strlen(family->help) + 4;
	for (size_t i = 0; i < 2 && family->help_words[i]; i++)
		bytes += strlen(family->help_words[i]);
	for (*label_count = 0; family->labels[*label_count]; ++*label_count)
		bytes += strlen(family->labels[*label_count]) + strlen(values[*label_count]) + 2;
	return (bytes + _Alignof(struct record) - 1) / _Alignof(struct record) * _Alignof(struct record);
}

static bool list_take(struct sample_list *list, const struct host_family *family, const char *const *values,
		      struct number number)
{
	size_t label_count, bytes = record_bytes(family, values, &label_count), begin = list->len;
	if (begin + bytes > SAMPLE_LIST_BYTES_MAX)
		return false;
	if (begin + bytes > list->capacity) {
		size_t capacity = 2 * list->capacity + bytes + 1024;
		char *grown = realloc(list->bytes, capacity);
		if (!grown)
			return false;
		list->bytes = grown;
		list->capacity = capacity;
	}
	*(struct record *)(list->bytes + begin) = (struct record){.number = number,
								  .bytes = (uint32_t)bytes,
								  .type = (uint8_t)family->type,
								  .label_count = (uint8_t)label_count};
	list->len += sizeof(struct record);
	list_string(list, family->name);
	list_string(list, family->help);
	for (size_t i = 0; i < 2; i++)
		list_string(list, family->help_words[0] && family->help_words[i] ? family->help_words[i] : "");
	for (size_t i = 0; i < label_count; i++) {
		list_string(list, family->labels[i]);
		list_string(list, values[i]);
	}
	list->len = begin + bytes;
	return true;
}

static const char *string_next(const char **at)
{
	const char *string = *at;
	*at += strlen(string) + 1;
	return string;
}

void host_sink_replay(struct host_sink *sink, const struct sample_list *list)
{
	for (size_t begin = 0; begin < list->len;) {
		const struct record *record = (const struct record *)(list->bytes + begin);
		const char *at = (const char *)(record + 1);
		const char *values[HOST_LABELS_MAX];
		struct host_family family = {.type = (enum metric_type)record->type};
		family.name = string_next(&at);
		family.help = string_next(&at);
		for (size_t i = 0; i < 2; i++) {
			const char *word = string_next(&at);
			family.help_words[i] = *word ? word : NULL;
		}
		for (size_t i = 0; i < record->label_count; i++) {
			family.labels[i] = string_next(&at);
			values[i] = string_next(&at);
		}
		builder_take(sink, &family, values, record->number);
		begin += record->bytes;
	}
}

bool host_sink_sample(struct host_sink *sink, const struct host_family *family, const char *const *values,
		      struct number number)
{
	sink->taken++;
	return sink->list ? list_take(sink->list, family, values, number) : builder_take(sink, family, values, number);
}
