/* SPDX-License-Identifier: MIT */
/* Tokens of metrics in text, and the growing document. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "textfile_private.h"

bool textfile_line(struct textfile_document *document, struct text *text, struct text *line)
{
	document->line++;
	return text_line(text, line);
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t name_len(const struct text *text, bool colons)
{
	const char *at = text->at;
	while (at < text->end && (is_letter(*at) || (colons && *at == ':') || (at > text->at && is_digit(*at))))
		at++;
	return (size_t)(at - text->at);
}

size_t textfile_name_len(const struct text *text)
{
	return name_len(text, true);
}

/* ---- numbers ---------------------------------------------------------------------------------------------------- */

static bool is_word(const char *at, size_t len)
{
	if (len && (*at == '+' || *at == '-')) {
		at++;
		len--;
	}
	return (len == 3 && (!strncasecmp(at, "inf", 3) || !strncasecmp(at, "nan", 3))) ||
	       (len == 8 && !strncasecmp(at, "infinity", 8));
}

/* Digits, at most one point, and an exponent: strtod(3) would take more, such as 0x1p3. */
static bool is_decimal(const char *at, size_t len)
{
	const char *end = at + len;
	size_t digits = 0;
	if (at < end && (*at == '+' || *at == '-'))
		at++;
	for (; at < end && is_digit(*at); at++)
		digits++;
	if (at < end && *at == '.')
		at++;
	for (; at < end && is_digit(*at); at++)
		digits++;
	if (!digits || at == end)
		return digits;
	if (*at != 'e' && *at != 'E')
		return false;
	at++;
	if (at < end && (*at == '+' || *at == '-'))
		at++;
	if (at == end)
		return false;
	while (at < end && is_digit(*at))
		at++;
	return at == end;
}

/* strtod stops at the blank, or at the NUL behind the line. */
bool textfile_number(struct text *line, double *value)
{
	size_t len = 0;
	while (line->at + len < line->end && line->at[len] != ' ' && line->at[len] != '\t')
		len++;
	if (!is_word(line->at, len) && !is_decimal(line->at, len))
		return false;
	*value = strtod(line->at, NULL);
	line->at += len;
	return true;
}

/* ---- text ------------------------------------------------------------------------------------------------------- */

void textfile_unescape(char *text, bool quotes)
{
	char *out = text;
	for (const char *in = text; *in; in++) {
		if (in[0] == '\\' && (in[1] == '\\' || in[1] == 'n' || (quotes && in[1] == '"'))) {
			*out++ = in[1] == 'n' ? '\n' : in[1];
			in++;
		} else {
			*out++ = *in;
		}
	}
	*out = '\0';
}

/* The length of the character at `at`, or 0 if it is not UTF-8. */
static size_t character_len(const unsigned char *at, size_t left)
{
	unsigned char c = at[0];
	size_t len = c < 0x80                ? 1
		     : c >= 0xc2 && c < 0xe0 ? 2
		     : c >= 0xe0 && c < 0xf0 ? 3
		     : c >= 0xf0 && c < 0xf5 ? 4
					     : 0;
	if (len > left)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	if ((c == 0xe0 && at[1] < 0xa0) || (c == 0xed && at[1] > 0x9f) || (c == 0xf0 && at[1] < 0x90) ||
	    (c == 0xf4 && at[1] > 0x8f))
		return 0;
	return len;
}

bool textfile_utf8(const char *bytes, size_t len)
{
	const unsigned char *at = (const unsigned char *)bytes, *end = at + len;
	while (at < end) {
		size_t step = character_len(at, (size_t)(end - at));
		if (!step)
			return false;
		at += step;
	}
	return true;
}

/* ---- labels ----------------------------------------------------------------------------------------------------- */

/* The place behind the closing quote of a value that begins at `at`; NULL if there is none. */
static char *value_end(char *at, const char *end)
{
	for (; at < end && *at != '"'; at++)
		if (!*at || (*at == '\\' && ++at == end))
			return NULL; /* a NUL cannot be exposed */
	return at < end ? at + 1 : NULL;
}

/* Room for one more of an array; false when out of memory. */
static bool reserve(void **array, size_t *capacity, size_t count, size_t size)
{
	if (count < *capacity)
		return true;
	size_t wanted = *capacity ? 2 * *capacity : 64;
	void *grown = reallocarray(*array, wanted, size);
	if (!grown)
		return false;
	*array = grown;
	*capacity = wanted;
	return true;
}

/* In front of those with a greater name; a name may be there once. */
static textfile_reason label_insert(struct textfile_document *document, size_t first, const char *name,
				    const char *value)
{
	size_t at = document->label_count;
	if (at - first == TEXTFILE_LABELS_MAX)
		return "a sample has more than 32 labels";
	if (!reserve((void **)&document->labels, &document->label_capacity, at, sizeof(document->labels[0])))
		return "out of memory";
	struct label *labels = document->labels;
	for (; at > first && strcmp(labels[at - 1].name, name) >= 0; at--) {
		if (!strcmp(labels[at - 1].name, name))
			return "a label is given twice";
		labels[at] = labels[at - 1];
	}
	labels[at] = (struct label){name, value};
	document->label_count++;
	return NULL;
}

/* name="value", without what follows it */
static textfile_reason label_read(struct textfile_document *document, struct text *line, bool blanks, size_t first)
{
	char *name = line->at;
	size_t len = name_len(line, false);
	line->at += len;
	if (blanks)
		text_blanks(line);
	if (!len || line->at == line->end || *line->at != '=')
		return "a label is not of the form name=\"value\"";
	line->at++;
	if (blanks)
		text_blanks(line);
	if (line->at == line->end || *line->at != '"')
		return "a label's value is not in quotes";
	char *value = line->at + 1, *end = value_end(value, line->end);
	if (!end)
		return "a label's value does not end";
	name[len] = '\0';
	end[-1] = '\0';
	textfile_unescape(value, true);
	line->at = end;
	return label_insert(document, first, name, value);
}

textfile_reason textfile_labels(struct textfile_document *document, struct text *line, bool blanks, size_t *first,
				size_t *count)
{
	size_t begin = document->label_count;
	for (bool more = false;; more = true) {
		if (blanks)
			text_blanks(line);
		if ((!more || blanks) && text_take(line, "}"))
			break;
		textfile_reason reason = label_read(document, line, blanks, begin);
		if (reason)
			return reason;
		if (blanks)
			text_blanks(line);
		if (text_take(line, "}"))
			break;
		if (!text_take(line, ","))
			return "labels are not separated by a comma";
	}
	*first = begin;
	*count = document->label_count - begin;
	return NULL;
}

const char *textfile_label(const struct textfile_document *document, const struct textfile_sample *sample,
			   const char *name)
{
	for (size_t i = 0; i < sample->label_count; i++)
		if (!strcmp(document->labels[sample->labels_first + i].name, name))
			return document->labels[sample->labels_first + i].value;
	return NULL;
}

/* ---- the document ----------------------------------------------------------------------------------------------- */

struct textfile_family *textfile_family_add(struct textfile_document *document, const char *name)
{
	if (!reserve((void **)&document->families, &document->family_capacity, document->family_count,
		     sizeof(document->families[0])))
		return NULL;
	struct textfile_family *family = &document->families[document->family_count++];
	*family = (struct textfile_family){
		.name = name, .file = document->file, .line = document->line, .sample_first = document->sample_count};
	return family;
}

struct textfile_sample *textfile_sample_add(struct textfile_document *document, const char *name)
{
	if (!reserve((void **)&document->samples, &document->sample_capacity, document->sample_count,
		     sizeof(document->samples[0])))
		return NULL;
	struct textfile_family *family = &document->families[document->family_count - 1];
	struct textfile_sample *sample = &document->samples[document->sample_count++];
	*sample = (struct textfile_sample){.name = name, .family = document->family_count - 1, .line = document->line};
	family->sample_count++;
	return sample;
}

struct textfile_mark textfile_mark(const struct textfile_document *document)
{
	return (struct textfile_mark){document->family_count, document->sample_count, document->label_count};
}

void textfile_rewind(struct textfile_document *document, struct textfile_mark mark)
{
	document->family_count = mark.families;
	document->sample_count = mark.samples;
	document->label_count = mark.labels;
}

void textfile_document_clear(struct textfile_document *document)
{
	textfile_rewind(document, (struct textfile_mark){0, 0, 0});
}

void textfile_document_fini(struct textfile_document *document)
{
	free(document->families);
	free(document->samples);
	free(document->labels);
	*document = (struct textfile_document){.families = NULL};
}
