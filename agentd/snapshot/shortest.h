/* SPDX-License-Identifier: MIT */
/* The shortest decimal that reads back as a given double, and of those the nearest.
 *
 * Algorithm: Schubfach, from Raffaello Giulietti, "The Schubfach way to render doubles", 2020 to 2022.
 */
#ifndef AGENTD_SNAPSHOT_SHORTEST_H
#define AGENTD_SNAPSHOT_SHORTEST_H

#include <stdint.h>

/* digits * 10^exponent; no trailing zero in digits, which have at most 17 places. */
struct decimal {
	uint64_t digits;
	int exponent;
};

/* For a finite double above zero. Thread-safe. Cost: some 20 to 30 ns. */
struct decimal decimal_shortest(double value);

#endif
