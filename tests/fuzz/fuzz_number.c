/* SPDX-License-Identifier: MIT */
/* Numbers as text, against strtod(3) and snprintf(3): the input is 8 bytes for each number. */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>

#include "fuzz.h"
#include "snapshot/number.h"

static bool same(double one, double other)
{
	return (isnan(one) && isnan(other)) || !memcmp(&one, &other, sizeof(one));
}

static double read_back(const char *text, size_t len)
{
	char copy[NUMBER_TEXT_MAX + 1] = {0}, *end;

	fuzz_require(len && len <= NUMBER_TEXT_MAX);
	memcpy(copy, text, len);
	double value = strtod(copy, &end);
	fuzz_require(!*end);
	return value;
}

/* Digits without leading and trailing zeros, without point and exponent. */
static size_t significant_digits(const char *text, size_t len)
{
	size_t digits = 0, zeros = 0;

	for (size_t i = 0; i < len && text[i] != 'e'; i++) {
		if (!isdigit((unsigned char)text[i]) || (!digits && text[i] == '0'))
			continue;
		zeros = text[i] == '0' ? zeros + 1 : 0;
		digits++;
	}
	return digits - zeros;
}

/* The fewest digits with which %e reads back; its text in `text`. */
static size_t digits_needed(double value, char text[64])
{
	for (int digits = 1; digits < 17; digits++) {
		snprintf(text, 64, "%.*e", digits - 1, value);
		if (same(strtod(text, NULL), value))
			return significant_digits(text, strlen(text));
	}
	snprintf(text, 64, "%.16e", value);
	return significant_digits(text, strlen(text));
}

static void f64_try(double value)
{
	char text[NUMBER_TEXT_MAX], canonical[NUMBER_TEXT_MAX], reference[64];
	size_t len = number_format((struct number){.type = NUMBER_F64, .f64 = value}, text);
	size_t canonical_len = number_format_canonical(value, canonical);

	fuzz_require(same(read_back(text, len), value));
	fuzz_require(same(read_back(canonical, canonical_len), value == 0 ? 0 : value));
	if (!isfinite(value))
		return;
	fuzz_require(memchr(canonical, '.', canonical_len) || memchr(canonical, 'e', canonical_len));
	/* Integers stand with all their places. */
	if (!memchr(text, '.', len) && !memchr(text, 'e', len))
		return;
	fuzz_require(significant_digits(text, len) <= digits_needed(value, reference));
	fuzz_require(significant_digits(canonical, canonical_len) == significant_digits(text, len));
}

static void integers_try(uint64_t bits)
{
	char text[NUMBER_TEXT_MAX], reference[32];
	size_t len = number_format((struct number){.type = NUMBER_U64, .u64 = bits}, text);

	snprintf(reference, sizeof(reference), "%" PRIu64, bits);
	fuzz_require(len == strlen(reference) && !memcmp(text, reference, len));
	len = number_format((struct number){.type = NUMBER_I64, .i64 = (int64_t)bits}, text);
	snprintf(reference, sizeof(reference), "%" PRId64, (int64_t)bits);
	fuzz_require(len == strlen(reference) && !memcmp(text, reference, len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes bytes = {data, data + size};

	while (fuzz_left(&bytes)) {
		uint64_t bits = fuzz_u64(&bytes);
		double value;
		memcpy(&value, &bits, sizeof(value));
		f64_try(value);
		integers_try(bits);
		/* Numbers as people have them: few decimals. */
		f64_try((double)(int64_t)(bits % 10000000) / 1000);
	}
	return 0;
}
