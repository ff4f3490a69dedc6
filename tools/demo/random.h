/* SPDX-License-Identifier: MIT */
/* Random numbers for simulations: small state, one a thread, the same sequence for the same seed.
 * Source: SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
 */
#ifndef DEMO_RANDOM_H
#define DEMO_RANDOM_H

#include <math.h>
#include <stdint.h>

static inline uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* A number below `bound` (not 0). The bias of the remainder does not matter here. */
static inline uint32_t random_below(uint64_t *state, uint32_t bound)
{
	return (uint32_t)((random_next(state) >> 32) % bound);
}

/* True `percent` times out of 100. */
static inline int random_percent(uint64_t *state, uint32_t percent)
{
	return random_below(state, 100) < percent;
}

/* From 0 to below 1. */
static inline double random_unit(uint64_t *state)
{
	return (double)(random_next(state) >> 11) * 0x1p-53;
}

/* A duration as remote systems have them: half of them below the median, some 16 times as long. Its logarithm is the
 * sum of four even ones, which is near enough to a bell. */
static inline int64_t random_duration_ns(uint64_t *state, int64_t median_ns)
{
	double sum = random_unit(state) + random_unit(state) + random_unit(state) + random_unit(state);
	return (int64_t)((double)median_ns * exp2(2 * (sum - 2)));
}

#endif
