/* SPDX-License-Identifier: MIT */
/* The shortest decimal: the interval of reals that round to the double is scaled by a power of ten until it is between
 * 2 and 20 wide; its candidates are then the multiples of 10, if one lies inside, else the integers.
 */
#include "shortest.h"

#include <stdbool.h>
#include <string.h>

#include "powers.h"

#define FRACTION_BITS 52
#define EXPONENT_MASK 0x7ff
#define EXPONENT_BIAS 1075 /* of the significand taken as an integer */

__extension__ typedef unsigned __int128 u128;

/* floor(e * log10(2)), floor(e * log10(2) + log10(3/4)), floor(e * log2(10)), exact for the exponents of doubles. */
static int floor_log10_pow2(int e)
{
	return (e * 1262611) >> 22;
}

static int floor_log10_three_quarters_pow2(int e)
{
	return (e * 1262611 - 524031) >> 22;
}

static int floor_log2_pow10(int e)
{
	return (e * 1741647) >> 19;
}

/* The product's bits from 128 up, the last of which says "or anything was below": enough to compare exactly. */
static uint64_t multiply_to_odd(struct power power, uint64_t factor)
{
	uint64_t low = (uint64_t)((u128)power.low * factor >> 64);
	u128 product = (u128)power.high * factor + low;
	return (uint64_t)(product >> 64) | ((uint64_t)product > 1);
}

/* The three points that matter, times 4 and scaled: the double and the ends of its interval. */
struct interval {
	uint64_t lower; /* the least and the greatest that still read back as the double */
	uint64_t value;
	uint64_t upper;
	int exponent;
};

static struct interval interval_of(uint64_t significand, int exponent, bool lower_is_nearer)
{
	struct interval interval;
	int k = lower_is_nearer ? floor_log10_three_quarters_pow2(exponent) : floor_log10_pow2(exponent);
	int shift = exponent + floor_log2_pow10(-k) + 1;
	struct power power = power_of_ten(-k);
	/* Ties go to the even significand: the ends belong to its interval, not to that of an odd one. */
	uint64_t open = significand & 1;
	interval.lower = multiply_to_odd(power, (4 * significand - 2 + lower_is_nearer) << shift) + open;
	interval.value = multiply_to_odd(power, (4 * significand) << shift);
	interval.upper = multiply_to_odd(power, (4 * significand + 2) << shift) - open;
	interval.exponent = k;
	return interval;
}

static struct decimal decimal_choose(struct interval interval)
{
	uint64_t below = interval.value / 4;
	if (below >= 10) {
		uint64_t tens = below / 10;
		bool down_inside = interval.lower <= 40 * tens;
		bool up_inside = 40 * tens + 40 <= interval.upper;
		if (down_inside != up_inside)
			return (struct decimal){tens + up_inside, interval.exponent + 1};
	}
	bool down_inside = interval.lower <= 4 * below;
	bool up_inside = 4 * below + 4 <= interval.upper;
	if (down_inside != up_inside)
		return (struct decimal){below + up_inside, interval.exponent};
	uint64_t middle = 4 * below + 2;
	bool up = interval.value > middle || (interval.value == middle && (below & 1));
	return (struct decimal){below + up, interval.exponent};
}

static struct decimal trailing_zeros_drop(struct decimal decimal)
{
	while (decimal.digits % 100 == 0) {
		decimal.digits /= 100;
		decimal.exponent += 2;
	}
	if (decimal.digits % 10 == 0) {
		decimal.digits /= 10;
		decimal.exponent++;
	}
	return decimal;
}

struct decimal decimal_shortest(double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof(bits));
	uint64_t fraction = bits & ((UINT64_C(1) << FRACTION_BITS) - 1);
	int biased = (int)(bits >> FRACTION_BITS) & EXPONENT_MASK;
	struct interval interval;
	if (biased)
		interval = interval_of(fraction | UINT64_C(1) << FRACTION_BITS, biased - EXPONENT_BIAS,
				       !fraction && biased > 1);
	else
		interval = interval_of(fraction, 1 - EXPONENT_BIAS, false);
	return trailing_zeros_drop(decimal_choose(interval));
}
