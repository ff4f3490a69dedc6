/* SPDX-License-Identifier: MIT */
/* An info, a state set, a constant. */
#include "gateway.h"

#include <stddef.h>

#include <mstat/mstat.h>

#define DAILY_BUDGET_USD 50

static const char *const phase_texts[] = {
#define GATEWAY_PHASE(id, text) text,
	GATEWAY_PHASES(GATEWAY_PHASE)
#undef GATEWAY_PHASE
		NULL,
};

MSTAT_INFO(build, "gateway_build_info", "What the gateway was built from.", "version", "compiler");
MSTAT_STATE_SET(phases, phase_texts, "gateway_phase", "What the gateway is doing.");
MSTAT_GAUGE_F64_AS(budget, MSTAT_MAX | MSTAT_LIVE, "llm_daily_budget_usd", "usd",
		   "What calls of models may cost in a day, in US dollars.");

static mstat_state_set *phase_set;

void gateway_init(void)
{
	phase_set = mstat_state_set_with(&phases);
	mstat_info_set(mstat_info_with(&build, MSTAT_VERSION, __VERSION__));
	mstat_gauge_f64_set(mstat_gauge_f64_with(&budget), DAILY_BUDGET_USD);
	gateway_enter(GATEWAY_STARTING);
}

void gateway_enter(enum gateway_phase phase)
{
	mstat_state_set_only(phase_set, phase);
}
