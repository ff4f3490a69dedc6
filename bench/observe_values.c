/* SPDX-License-Identifier: MIT */
/* Log-normal values by the Box-Muller transform (Box and Muller: A note on the generation of random normal deviates,
 * 1958). */
#include "observe_values.h"

#include <math.h>

#define MEDIAN_NS 50e6
#define SIGMA 1.2 /* of the logarithm: one value out of six is above 3.3 times the median */

/* An even number above 0, up to 1. */
static double even(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (double)((*state >> 11) + 1) * 0x1p-53;
}

void observe_values_fill(struct observe_values *varying, struct observe_values *constant)
{
	uint64_t state = 1;
	for (unsigned i = 0; i < OBSERVE_VALUES; i++) {
		double normal = sqrt(-2 * log(even(&state))) * cos(2 * M_PI * even(&state));
		varying->ns[i] = (int64_t)(MEDIAN_NS * exp(SIGMA * normal));
		varying->seconds[i] = (double)varying->ns[i] * 1e-9;
		constant->ns[i] = (int64_t)MEDIAN_NS;
		constant->seconds[i] = MEDIAN_NS * 1e-9;
	}
}
