/* SPDX-License-Identifier: MIT */
/* The series text: rendered from labels, and walked back into labels. */
#include "series_text.h"

#include <stdlib.h>
#include <string.h>

#include "snapshot.h"

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool metric_name_valid(const char *name)
{
	if (!is_letter(*name) && *name != ':')
		return false;
	while (is_letter(*name) || is_digit(*name) || *name == ':')
		name++;
	return !*name;
}

bool label_name_valid(const char *name)
{
	if (!is_letter(*name))
		return false;
	while (is_letter(*name) || is_digit(*name))
		name++;
	return !*name;
}

/* Insertion sort: callers' labels are few and nearly in order. Equal names keep the order in which they were given. */
static size_t labels_sort(const struct label **sorted, const struct label *labels, size_t count)
{
	size_t used = 0;
	for (size_t i = 0; i < count; i++) {
		size_t at = used;
		while (at > 0 && strcmp(sorted[at - 1]->name, labels[i].name) > 0)
			at--;
		if (at > 0 && !strcmp(sorted[at - 1]->name, labels[i].name))
			continue;
		memmove(sorted + at + 1, sorted + at, (used - at) * sizeof(*sorted));
		sorted[at] = &labels[i];
		used++;
	}
	return used;
}

bool text_buffer_reserve(struct text_buffer *buffer, size_t bytes)
{
	if (bytes <= buffer->capacity)
		return true;
	size_t capacity = bytes < 512 ? 512 : bytes + bytes / 2;
	char *grown = realloc(buffer->bytes, capacity);
	if (!grown)
		return false;
	buffer->bytes = grown;
	buffer->capacity = capacity;
	return true;
}

char *label_value_escape(char *out, const char *value)
{
	for (; *value; value++) {
		if (*value == '\\' || *value == '"' || *value == '\n')
			*out++ = '\\';
		*out++ = *value == '\n' ? 'n' : *value;
	}
	return out;
}

/* Appends `,name="value"`; the caller turns the first comma into a brace. */
static enum catalog_conflict label_append(struct text_buffer *buffer, const struct label *label)
{
	size_t name_len = strlen(label->name);
	size_t value_len = strlen(label->value);
	if (name_len > SERIES_TEXT_BYTES_MAX || value_len > SERIES_TEXT_BYTES_MAX ||
	    buffer->len > SERIES_TEXT_BYTES_MAX)
		return CATALOG_LIMIT;
	if (!text_buffer_reserve(buffer, buffer->len + name_len + 2 * value_len + 5))
		return CATALOG_NO_MEMORY;
	char *out = buffer->bytes + buffer->len;
	*out++ = ',';
	out = mempcpy(out, label->name, name_len);
	*out++ = '=';
	*out++ = '"';
	out = label_value_escape(out, label->value);
	*out++ = '"';
	buffer->len = (size_t)(out - buffer->bytes);
	return CATALOG_OK;
}

enum catalog_conflict series_text_render(struct text_buffer *buffer, const char *name, size_t name_len,
					 const struct label *labels, size_t count, bool keep_empty)
{
	const struct label *sorted[SERIES_TEXT_LABELS_MAX + 1];
	if (count > SERIES_TEXT_LABELS_MAX)
		return CATALOG_LIMIT;
	if (!text_buffer_reserve(buffer, name_len))
		return CATALOG_NO_MEMORY;
	memcpy(buffer->bytes, name, name_len);
	buffer->len = name_len;
	size_t used = labels_sort(sorted, labels, count);
	enum catalog_conflict conflict = CATALOG_OK;
	for (size_t i = 0; i < used && !conflict; i++)
		if (keep_empty || *sorted[i]->value)
			conflict = label_append(buffer, sorted[i]);
	if (conflict)
		return conflict;
	if (buffer->len > name_len) {
		buffer->bytes[name_len] = '{';
		buffer->bytes[buffer->len++] = '}'; /* label_append() reserved its byte */
	}
	return buffer->len < SERIES_TEXT_BYTES_MAX ? CATALOG_OK : CATALOG_LIMIT;
}

/* Copies text[from, to) without its escapes, cut to the buffer, with a NUL. */
static void unescape(char *out, size_t size, const char *text, size_t from, size_t to)
{
	size_t len = 0;
	for (; from < to && len + 1 < size; from++) {
		char c = text[from];
		if (c == '\\' && from + 1 < to)
			c = text[++from] == 'n' ? '\n' : text[from];
		out[len++] = c;
	}
	if (size)
		out[len] = '\0';
}

bool snapshot_label_next(const struct snapshot_sample *sample, size_t *cursor, char *name, size_t name_size,
			 char *value, size_t value_size)
{
	const char *text = sample->text;
	size_t end = sample->text_len;
	size_t at = *cursor ? *cursor : sample->name_len;
	if (at >= end || text[at] == '}')
		return false;
	size_t name_at = at + 1; /* behind the brace or the comma */
	const char *equals = memchr(text + name_at, '=', end - name_at);
	if (!equals)
		return false;
	size_t value_at = (size_t)(equals - text) + 2;
	size_t quote = value_at;
	while (quote < end && text[quote] != '"')
		quote += text[quote] == '\\' ? 2 : 1;
	if (quote >= end)
		return false;
	unescape(name, name_size, text, name_at, value_at - 2);
	unescape(value, value_size, text, value_at, quote);
	*cursor = quote + 1;
	return true;
}
