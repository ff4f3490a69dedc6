/* SPDX-License-Identifier: MIT */
/* The price table at work. */
#include "pricing.h"

#include <assert.h>

#define UNITS_PER_USD 0x1p30
#define MILLI_USD_TOKENS_PER_USD 1000000000u /* prices are thousandths of a dollar for a million tokens */

uint64_t pricing_cost(enum model model, const struct token_use *tokens)
{
	static const struct {
		uint64_t input;
		uint64_t cached;
		uint64_t output;
	} prices[] = {
#define DEMO_MODEL(id, name, provider, input, cached, output) {input, cached, output},
#include "models.def"
#undef DEMO_MODEL
	};
	assert(model < MODEL_COUNT && tokens->cached <= tokens->input);
	uint64_t milli_usd = (tokens->input - tokens->cached) * prices[model].input +
			     tokens->cached * prices[model].cached + tokens->output * prices[model].output;
	/* Split, because milli_usd << 30 would leave 64 bits at 17 dollars. */
	uint64_t whole = milli_usd / MILLI_USD_TOKENS_PER_USD;
	uint64_t rest = milli_usd % MILLI_USD_TOKENS_PER_USD;
	return (whole << 30) + ((rest << 30) + MILLI_USD_TOKENS_PER_USD / 2) / MILLI_USD_TOKENS_PER_USD;
}

double pricing_usd(uint64_t units)
{
	return (double)units / UNITS_PER_USD;
}

uint64_t pricing_units(double usd)
{
	return (uint64_t)(usd * UNITS_PER_USD);
}
