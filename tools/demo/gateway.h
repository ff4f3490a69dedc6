/* SPDX-License-Identifier: MIT */
/* What the demo is as a whole: its build, its phase, its budget. The parent sets them. */
#ifndef DEMO_GATEWAY_H
#define DEMO_GATEWAY_H

#define GATEWAY_PHASES(X) X(STARTING, "starting") X(SERVING, "serving") X(DRAINING, "draining")
enum gateway_phase {
#define GATEWAY_PHASE(id, text) GATEWAY_##id,
	GATEWAY_PHASES(GATEWAY_PHASE)
#undef GATEWAY_PHASE
};

/* Makes the handles and sets the constants. Call once in the parent; the phase is starting. */
void gateway_init(void);

void gateway_enter(enum gateway_phase phase);

#endif
