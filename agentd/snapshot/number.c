/* SPDX-License-Identifier: MIT */
/* Numbers as text: integers two digits at a time, doubles in their shortest form. */
#include "number.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "shortest.h"

/* Decimal exponents outside of this are printed with an e, as Go's strconv and Prometheus do. */
#define POINT_EXPONENT_MIN (-4)
#define POINT_EXPONENT_MAX 20
#define POINT_EXPONENT_MAX_CANONICAL 5

#define PAIRS(tens) tens "0" tens "1" tens "2" tens "3" tens "4" tens "5" tens "6" tens "7" tens "8" tens "9"
static const char pairs[] =
	PAIRS("0") PAIRS("1") PAIRS("2") PAIRS("3") PAIRS("4") PAIRS("5") PAIRS("6") PAIRS("7") PAIRS("8") PAIRS("9");
#undef PAIRS

static size_t u64_format(uint64_t value, char *out)
{
	char digits[20];
	char *at = digits + sizeof(digits);
	while (value >= 100) {
		at -= 2;
		memcpy(at, pairs + 2 * (value % 100), 2);
		value /= 100;
	}
	if (value >= 10) {
		at -= 2;
		memcpy(at, pairs + 2 * value, 2);
	} else {
		*--at = (char)('0' + value);
	}
	size_t len = (size_t)(digits + sizeof(digits) - at);
	memcpy(out, at, len);
	return len;
}

static size_t i64_format(int64_t value, char *out)
{
	if (value >= 0)
		return u64_format((uint64_t)value, out);
	*out = '-';
	return 1 + u64_format(0 - (uint64_t)value, out + 1);
}

static size_t exponent_format(int exponent, char *out)
{
	char *at = out;
	*at++ = 'e';
	*at++ = exponent < 0 ? '-' : '+';
	unsigned magnitude = (unsigned)(exponent < 0 ? -exponent : exponent);
	if (magnitude < 10)
		*at++ = '0';
	return (size_t)(at - out) + u64_format(magnitude, at);
}

/* Digits with the point behind the first `whole` ones; 0 < whole < len. */
static size_t point_insert(const char *digits, size_t len, size_t whole, char *out)
{
	memcpy(out, digits, whole);
	out[whole] = '.';
	memcpy(out + whole + 1, digits + whole, len - whole);
	return len + 1;
}

/* With an e where the exponent is less than POINT_EXPONENT_MIN or greater than `point_exponent_max`. */
static size_t decimal_format(struct decimal decimal, int point_exponent_max, char *out)
{
	char digits[20];
	size_t len = u64_format(decimal.digits, digits);
	int first = decimal.exponent + (int)len - 1; /* the decimal exponent of the first digit */
	if (first < POINT_EXPONENT_MIN || first > point_exponent_max) {
		size_t used = 1;
		*out = *digits;
		if (len > 1)
			used = point_insert(digits, len, 1, out);
		return used + exponent_format(first, out + used);
	}
	if (first < 0) {
		size_t zeros = (size_t)-first;
		memcpy(out, "0.000", zeros + 1);
		memcpy(out + zeros + 1, digits, len);
		return zeros + 1 + len;
	}
	if (decimal.exponent < 0)
		return point_insert(digits, len, (size_t)first + 1, out);
	memcpy(out, digits, len);
	memset(out + len, '0', (size_t)decimal.exponent);
	return len + (size_t)decimal.exponent;
}

static size_t f64_format(double value, char *out)
{
	char *at = out;
	if (isnan(value)) {
		memcpy(out, "NaN", 3);
		return 3;
	}
	if (isinf(value)) {
		memcpy(out, signbit(value) ? "-Inf" : "+Inf", 4);
		return 4;
	}
	if (signbit(value)) {
		*at++ = '-';
		value = -value;
	}
	if (value < 0x1p53 && value == (double)(uint64_t)value)
		at += u64_format((uint64_t)value, at);
	else
		at += decimal_format(decimal_shortest(value), POINT_EXPONENT_MAX, at);
	return (size_t)(at - out);
}

size_t number_format(struct number number, char *out)
{
	switch (number.type) {
	case NUMBER_U64:
		return u64_format(number.u64, out);
	case NUMBER_I64:
		return i64_format(number.i64, out);
	case NUMBER_F64:
		break;
	}
	return f64_format(number.f64, out);
}

size_t number_format_canonical(double value, char *out)
{
	char *at = out;
	if (!isfinite(value))
		return f64_format(value, out);
	if (value < 0)
		*at++ = '-';
	if (value == 0)
		*at++ = '0';
	else
		at += decimal_format(decimal_shortest(fabs(value)), POINT_EXPONENT_MAX_CANONICAL, at);
	size_t len = (size_t)(at - out);
	if (memchr(out, '.', len) || memchr(out, 'e', len))
		return len;
	memcpy(at, ".0", 2);
	return len + 2;
}
