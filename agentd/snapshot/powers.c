/* SPDX-License-Identifier: MIT */
/* Powers of ten, each from its neighbour by one exact step in 256-bit arithmetic.
 *
 * A step truncates at the last of 256 bits, so 324 of them leave an error below 2^-240 relative to the value; no power
 * in the range comes that close to an integer multiple of the last of its 128 bits, except those that are exact.
 */
#include "powers.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>

#define WIDE_WORDS 4

/* A fraction in [1/2, 1): words[0] is the most significant. The exponent of 2 is of no interest here. */
struct wide {
	uint64_t words[WIDE_WORDS];
};

static struct power powers[POWER_EXPONENT_MAX - POWER_EXPONENT_MIN + 1];
static pthread_once_t powers_once = PTHREAD_ONCE_INIT;

__extension__ typedef unsigned __int128 u128;

static void shift_left(struct wide *wide, uint64_t in)
{
	for (int i = WIDE_WORDS - 1; i >= 0; i--) {
		uint64_t out = wide->words[i] >> 63;
		wide->words[i] = wide->words[i] << 1 | in;
		in = out;
	}
}

/* Times ten, scaled back into [1/2, 1); bits beyond the last word are cut off. */
static void wide_multiply(struct wide *wide)
{
	uint64_t carry = 0;
	for (int i = WIDE_WORDS - 1; i >= 0; i--) {
		u128 product = (u128)wide->words[i] * 10 + carry;
		wide->words[i] = (uint64_t)product;
		carry = (uint64_t)(product >> 64);
	}
	for (; carry; carry >>= 1) {
		uint64_t in = carry & 1;
		for (int i = 0; i < WIDE_WORDS; i++) {
			uint64_t out = wide->words[i] & 1;
			wide->words[i] = wide->words[i] >> 1 | in << 63;
			in = out;
		}
	}
}

/* Divided by ten, scaled back into [1/2, 1). The remainder supplies the bits that are shifted in. */
static void wide_divide(struct wide *wide)
{
	uint64_t rest = 0;
	for (int i = 0; i < WIDE_WORDS; i++) {
		u128 dividend = (u128)rest << 64 | wide->words[i];
		wide->words[i] = (uint64_t)(dividend / 10);
		rest = (uint64_t)(dividend % 10);
	}
	while (!(wide->words[0] >> 63)) {
		rest *= 2;
		shift_left(wide, rest >= 10);
		rest -= rest >= 10 ? 10 : 0;
	}
}

static struct power power_round_up(const struct wide *wide)
{
	bool exact = !wide->words[2] && !wide->words[3];
	u128 value = ((u128)wide->words[0] << 64 | wide->words[1]) + !exact;
	return (struct power){.high = (uint64_t)(value >> 64), .low = (uint64_t)value};
}

static void powers_fill(void)
{
	const struct wide one = {.words = {UINT64_C(1) << 63}};
	struct wide wide = one;
	for (int exponent = 0; exponent <= POWER_EXPONENT_MAX; exponent++, wide_multiply(&wide))
		powers[exponent - POWER_EXPONENT_MIN] = power_round_up(&wide);
	wide = one;
	for (int exponent = -1; exponent >= POWER_EXPONENT_MIN; exponent--) {
		wide_divide(&wide);
		powers[exponent - POWER_EXPONENT_MIN] = power_round_up(&wide);
	}
}

struct power power_of_ten(int exponent)
{
	assert(exponent >= POWER_EXPONENT_MIN && exponent <= POWER_EXPONENT_MAX);
	pthread_once(&powers_once, powers_fill);
	return powers[exponent - POWER_EXPONENT_MIN];
}
