/* SPDX-License-Identifier: MIT */
/* What texts and names may look like. Sources: RFC 3629 for UTF-8, prometheus.io "Metric names and labels". */
#include <string.h>

#include "private.h"

/* Length of the well-formed sequence at `text`, which has at least one byte and does not begin in ASCII; 0 if broken.
 * The range of the second byte is what keeps out overlong forms, surrogates and code points beyond U+10FFFF. */
static size_t sequence_len(const unsigned char *text, size_t left)
{
	unsigned char lead = text[0];
	unsigned char low = 0x80;
	unsigned char high = 0xbf;
	size_t len;

	if (lead >= 0xc2 && lead <= 0xdf) {
		len = 2;
	} else if (lead >= 0xe0 && lead <= 0xef) {
		len = 3;
		low = lead == 0xe0 ? 0xa0 : low;
		high = lead == 0xed ? 0x9f : high;
	} else if (lead >= 0xf0 && lead <= 0xf4) {
		len = 4;
		low = lead == 0xf0 ? 0x90 : low;
		high = lead == 0xf4 ? 0x8f : high;
	} else {
		return 0;
	}
	if (left < len || text[1] < low || text[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

bool text_is_utf8(const char *text, size_t len)
{
	const unsigned char *bytes = (const unsigned char *)text;

	for (size_t i = 0; i < len;) {
		size_t step = bytes[i] < 0x80 ? bytes[i] != 0 : sequence_len(bytes + i, len - i);
		if (!step)
			return false;
		i += step;
	}
	return true;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool name_is_metric(const char *name)
{
	if (!is_letter(*name) && *name != ':')
		return false;
	for (name++; *name; name++)
		if (!is_letter(*name) && !is_digit(*name) && *name != ':')
			return false;
	return true;
}

size_t label_name_len(const char *text, size_t len)
{
	size_t end = 0;

	if (!len || !is_letter(*text))
		return 0;
	while (end < len && (is_letter(text[end]) || is_digit(text[end])))
		end++;
	return end > 1 && text[0] == '_' && text[1] == '_' ? 0 : end;
}

bool name_is_label(const char *name)
{
	size_t len = strlen(name);
	return len && label_name_len(name, len) == len;
}

bool name_has_unit(const char *name, const char *unit)
{
	size_t name_len = strlen(name);
	size_t unit_len = strlen(unit);

	if (!unit_len)
		return true;
	return name_len > unit_len + 1 && name[name_len - unit_len - 1] == '_' &&
	       !strcmp(name + name_len - unit_len, unit);
}
