/* SPDX-License-Identifier: MIT */
/* Tokenisers over a piece of text. */
#include "host_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_space(char c)
{
	return is_blank(c) || c == '\n' || c == '\r' || c == '\0';
}

bool text_line(struct text *text, struct text *line)
{
	if (text->at >= text->end)
		return false;
	char *newline = memchr(text->at, '\n', (size_t)(text->end - text->at));
	char *end = newline ? newline : text->end;
	*line = (struct text){text->at, end};
	*end = '\0';
	text->at = newline ? newline + 1 : end;
	return true;
}

void text_blanks(struct text *text)
{
	while (text->at < text->end && is_blank(*text->at))
		text->at++;
}

char *text_word(struct text *text)
{
	text_blanks(text);
	char *word = text->at;
	while (text->at < text->end && !is_space(*text->at))
		text->at++;
	if (text->at == word)
		return NULL;
	char *end = text->at;
	if (end < text->end)
		text->at++;
	*end = '\0';
	return word;
}

/* [from, to) without blanks at its ends, as a C string; the byte at `to` may be written. */
static char *trimmed(char *from, char *to)
{
	while (from < to && is_space(*from))
		from++;
	while (to > from && is_space(to[-1]))
		to--;
	*to = '\0';
	return from;
}

char *text_until(struct text *text, char separator)
{
	char *found = text->at < text->end ? memchr(text->at, separator, (size_t)(text->end - text->at)) : NULL;
	if (!found)
		return NULL;
	char *from = text->at;
	text->at = found + 1;
	return trimmed(from, found);
}

char *text_rest(struct text *text)
{
	char *from = text->at;
	text->at = text->end;
	return trimmed(from, text->end);
}

bool text_skip_words(struct text *text, size_t count)
{
	for (; count; count--) {
		text_blanks(text);
		char *word = text->at;
		while (text->at < text->end && !is_space(*text->at))
			text->at++;
		if (text->at == word)
			return false;
	}
	return true;
}

bool text_take(struct text *text, const char *word)
{
	size_t len = strlen(word);
	if ((size_t)(text->end - text->at) < len || memcmp(text->at, word, len))
		return false;
	text->at += len;
	return true;
}

bool text_u64(struct text *text, uint64_t *value)
{
	char *at = text->at;
	uint64_t sum = 0;
	while (at < text->end && is_blank(*at))
		at++;
	char *first = at;
	for (; at < text->end && *at >= '0' && *at <= '9'; at++) {
		uint64_t digit = (uint64_t)(*at - '0');
		/* 19 digits always fit. */
		if (at - first >= 19 &&
		    (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, digit, &sum)))
			return false;
		if (at - first < 19)
			sum = sum * 10 + digit;
	}
	if (at == first)
		return false;
	text->at = at;
	*value = sum;
	return true;
}

bool text_i64(struct text *text, int64_t *value)
{
	struct text copy = *text;
	uint64_t magnitude;
	text_blanks(&copy);
	bool negative = copy.at < copy.end && *copy.at == '-';
	if (negative || (copy.at < copy.end && *copy.at == '+'))
		copy.at++;
	/* "- 1" is no number. */
	if (copy.at >= copy.end || is_blank(*copy.at) || !text_u64(&copy, &magnitude) ||
	    magnitude > (uint64_t)INT64_MAX + negative)
		return false;
	*value = (int64_t)(negative ? -magnitude : magnitude);
	text->at = copy.at;
	return true;
}

bool text_hex(struct text *text, uint64_t *value)
{
	char *at = text->at;
	uint64_t sum = 0;
	while (at < text->end && is_blank(*at))
		at++;
	char *first = at;
	for (; at < text->end; at++) {
		char c = *at;
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
			    : c >= 'A' && c <= 'F' ? c - 'A' + 10
						   : -1;
		if (digit < 0)
			break;
		if (sum >> 60)
			return false;
		sum = sum << 4 | (uint64_t)digit;
	}
	if (at == first)
		return false;
	text->at = at;
	*value = sum;
	return true;
}

#define FLOAT_TEXT_MAX 64
#define EXACT_INTEGER_MAX (UINT64_C(1) << 53)

/* Most numbers of the kernel are whole: a tenth of what strtod costs. */
static bool whole_f64(struct text *text, double *value)
{
	struct text copy = *text;
	uint64_t whole;
	if (!text_u64(&copy, &whole) || whole > EXACT_INTEGER_MAX || (copy.at < copy.end && !is_space(*copy.at)))
		return false;
	text->at = copy.at;
	*value = (double)whole;
	return true;
}

bool text_f64(struct text *text, double *value)
{
	char copy[FLOAT_TEXT_MAX], *end;
	if (whole_f64(text, value))
		return true;
	text_blanks(text);
	size_t len = 0;
	while (text->at + len < text->end && len < sizeof(copy) - 1 && !is_space(text->at[len])) {
		copy[len] = text->at[len];
		len++;
	}
	copy[len] = '\0';
	if (!len)
		return false;
	double parsed = strtod(copy, &end);
	if (end == copy)
		return false;
	text->at += end - copy;
	*value = parsed;
	return true;
}

static struct text word_text(const char *word)
{
	/* Never written to: only the number tokenisers get it. */
	char *at = (char *)(uintptr_t)word;
	return (struct text){at, at + strlen(word)};
}

bool word_u64(const char *word, uint64_t *value)
{
	struct text text = word_text(word);
	uint64_t parsed;
	if (!text_u64(&text, &parsed) || text.at != text.end)
		return false;
	*value = parsed;
	return true;
}

bool word_i64(const char *word, int64_t *value)
{
	struct text text = word_text(word);
	int64_t parsed;
	if (!text_i64(&text, &parsed) || text.at != text.end)
		return false;
	*value = parsed;
	return true;
}

bool word_f64(const char *word, double *value)
{
	struct text text = word_text(word);
	double parsed;
	if (!text_f64(&text, &parsed) || text.at != text.end)
		return false;
	*value = parsed;
	return true;
}

void word_unescape_octal(char *word)
{
	char *out = word;
	for (const char *in = word; *in; in++) {
		if (in[0] == '\\' && in[1] >= '0' && in[1] <= '3' && in[2] >= '0' && in[2] <= '7' && in[3] >= '0' &&
		    in[3] <= '7') {
			*out++ = (char)((in[1] - '0') << 6 | (in[2] - '0') << 3 | (in[3] - '0'));
			in += 3;
		} else {
			*out++ = *in;
		}
	}
	*out = '\0';
}
