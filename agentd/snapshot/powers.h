/* SPDX-License-Identifier: MIT */
/* Powers of ten to 128 bits, computed at first use: 10 KB of zeros in the binary instead of a table to be believed. */
#ifndef AGENTD_SNAPSHOT_POWERS_H
#define AGENTD_SNAPSHOT_POWERS_H

#include <stdint.h>

#define POWER_EXPONENT_MIN (-292)
#define POWER_EXPONENT_MAX 324

struct power {
	uint64_t high;
	uint64_t low;
};

/* 10^exponent * 2^s rounded up to an integer, where s makes it lie in [2^127, 2^128). Thread-safe. */
struct power power_of_ten(int exponent);

#endif
