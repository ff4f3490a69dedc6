/* SPDX-License-Identifier: MIT */
/* What a call of a model costs.
 *
 * Costs are whole multiples of 2^-30 US dollars (about a thousandth of a millionth). Sums of such numbers are exact in
 * a double up to 2^53 of them (8 million dollars) in whatever order they are added, by whichever CPU: so even the
 * floating-point counter llm_cost_usd_total can be compared for equality.
 */
#ifndef DEMO_PRICING_H
#define DEMO_PRICING_H

#include <stdint.h>

#include "labels.h"

struct token_use {
	uint64_t input;  /* cached ones included */
	uint64_t cached; /* of input */
	uint64_t output;
};

/* Cost of a call in units of 2^-30 US dollars, rounded to the nearest. At most 2^20 tokens of each kind. */
uint64_t pricing_cost(enum model model, const struct token_use *tokens);

/* Units as US dollars and back; exact. */
double pricing_usd(uint64_t units);
uint64_t pricing_units(double usd);

#endif
