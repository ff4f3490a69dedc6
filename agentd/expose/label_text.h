/* SPDX-License-Identifier: MIT */
/* Labels as they stand in a text, label="value",label="value": a walk over them without a copy. */
#ifndef AGENTD_EXPOSE_LABEL_TEXT_H
#define AGENTD_EXPOSE_LABEL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct label_text {
	const char *name;
	const char *value; /* escaped */
	size_t name_len;
	size_t value_len;
	size_t escapes; /* in the value: so many bytes fewer has it unescaped */
};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first byte of a word is its lowest");

#define BYTES_01 0x0101010101010101u
#define BYTES_80 0x8080808080808080u

/* Marks the bytes of a word that are zero, and maybe some above them. */
static inline uint64_t word_zeros(uint64_t word)
{
	return (word - BYTES_01) & ~word & BYTES_80;
}

/* The first byte in [at, end) that is one of two; end if there is none. Short texts: eight bytes at a time, no call. */
static inline const char *label_text_find(const char *at, const char *end, char one, char other)
{
	for (; end - at >= 8; at += 8) {
		uint64_t word;
		memcpy(&word, at, sizeof(word));
		uint64_t found = word_zeros(word ^ BYTES_01 * (unsigned char)one) |
				 word_zeros(word ^ BYTES_01 * (unsigned char)other);
		if (found)
			return at + __builtin_ctzll(found) / 8;
	}
	while (at < end && *at != one && *at != other)
		at++;
	return at;
}

/* The label at *at, which moves behind it and its comma. False at the end, and where no label can be read: *at == end
 * tells the one from the other. */
static inline bool label_text_next(const char **at, const char *end, struct label_text *label)
{
	const char *equals = label_text_find(*at, end, '=', '=');
	if (end - equals < 3 || equals[1] != '"')
		return false;
	const char *value = equals + 2;
	const char *out = label_text_find(value, end, '"', '\\');
	size_t escapes = 0;
	while (out < end && *out == '\\') {
		escapes++;
		out = end - out < 2 ? end : label_text_find(out + 2, end, '"', '\\');
	}
	if (out >= end)
		return false;
	*label = (struct label_text){.name = *at,
				     .value = value,
				     .name_len = (size_t)(equals - *at),
				     .value_len = (size_t)(out - value),
				     .escapes = escapes};
	out++;
	*at = out < end && *out == ',' ? out + 1 : out;
	return true;
}

/* Writes a value without its escapes. */
static inline char *label_value_unescape(char *out, const struct label_text *label)
{
	if (!label->escapes)
		return mempcpy(out, label->value, label->value_len);
	const char *end = label->value + label->value_len;
	for (const char *at = label->value; at < end; at++) {
		if (*at == '\\' && ++at < end)
			*out++ = *at == 'n' ? '\n' : *at;
		else
			*out++ = *at;
	}
	return out;
}

#endif
