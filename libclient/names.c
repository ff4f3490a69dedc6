/* SPDX-License-Identifier: MIT */
/* The naming rules of Prometheus and OpenMetrics, as far as a family can break them at registration.
 *
 * Source: Prometheus, "Data model" and "Metric and label naming"; OpenMetrics 1.0, suffixes of the metric types. A
 * counter's name is kept without "_total" and exposed with it, so that `x` and `x_total` declare one family; likewise
 * an info's and "_info". Suffixes that an exposition appends to other types (_bucket, _sum, _count, ...) are refused at
 * the end of any name: they would clash.
 */
#include <string.h>

#include "private.h"

static const char *const reserved_suffixes[] = {"_bucket", "_sum",    "_count", "_created",
						"_info",   "_gcount", "_gsum",  "_total"};

static bool ends_in(const char *text, size_t len, const char *suffix)
{
	size_t suffix_len = strlen(suffix);
	return len >= suffix_len && !memcmp(text + len - suffix_len, suffix, suffix_len);
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int mstat_name_check(const char *name, uint8_t kind, size_t *base_len)
{
	size_t len = name ? strlen(name) : 0;
	if (!len || len > 255 || !(is_letter(name[0]) || name[0] == ':'))
		return MSTAT_REASON_NAME;
	for (size_t i = 1; i < len; i++)
		if (!is_letter(name[i]) && !is_digit(name[i]) && name[i] != ':')
			return MSTAT_REASON_NAME;
	if (kind == MSTAT_SHM_COUNTER && ends_in(name, len, "_total"))
		len -= strlen("_total");
	if (kind == MSTAT_SHM_INFO && ends_in(name, len, "_info"))
		len -= strlen("_info");
	if (!len)
		return MSTAT_REASON_NAME;
	for (size_t i = 0; i < sizeof(reserved_suffixes) / sizeof(*reserved_suffixes); i++)
		if (ends_in(name, len, reserved_suffixes[i]))
			return MSTAT_REASON_NAME;
	*base_len = len;
	return 0;
}

int mstat_unit_check(const char *unit, const char *name, size_t base_len)
{
	size_t len = unit ? strlen(unit) : 0;
	if (!len)
		return 0;
	for (size_t i = 0; i < len; i++)
		if (!(unit[i] >= 'a' && unit[i] <= 'z') && !is_digit(unit[i]) && unit[i] != '_')
			return MSTAT_REASON_UNIT;
	if (base_len <= len + 1 || name[base_len - len - 1] != '_' || memcmp(name + base_len - len, unit, len))
		return MSTAT_REASON_UNIT;
	return 0;
}

bool mstat_label_name_valid(const char *name)
{
	if (!is_letter(name[0]) || (name[0] == '_' && name[1] == '_'))
		return false;
	size_t len = 1;
	for (; name[len]; len++)
		if (!is_letter(name[len]) && !is_digit(name[len]))
			return false;
	return len <= 255;
}

/* RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
bool mstat_utf8_valid(const char *text, size_t len)
{
	const unsigned char *c = (const unsigned char *)text, *end = c + len;
	while (c < end) {
		unsigned int first = *c++, more, minimum, point;
		if (first < 0x80) {
			if (!first)
				return false;
			continue;
		}
		if (first >= 0xc2 && first <= 0xdf)
			more = 1, minimum = 0x80, point = first & 0x1f;
		else if (first >= 0xe0 && first <= 0xef)
			more = 2, minimum = 0x800, point = first & 0x0f;
		else if (first >= 0xf0 && first <= 0xf4)
			more = 3, minimum = 0x10000, point = first & 0x07;
		else
			return false;
		if ((size_t)(end - c) < more)
			return false;
		for (; more; more--, c++) {
			if ((*c & 0xc0) != 0x80)
				return false;
			point = point << 6 | (*c & 0x3f);
		}
		if (point < minimum || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
			return false;
	}
	return true;
}
