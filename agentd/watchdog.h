/* SPDX-License-Identifier: MIT */
/* The watchdog: whether the agent still deserves to be called alive.
 *
 * The loop gives a sign of life twice in each interval of the service manager, but only while collections make
 * progress: no collection is under way, or its collectors come to an end one after the other. A collection may take as
 * long as it likes; a single collector that has not ended after a whole interval is stuck. The signs then stop, and the
 * service manager ends the agent one interval later.
 */
#ifndef AGENTD_WATCHDOG_H
#define AGENTD_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

struct watchdog {
	uint64_t interval_us; /* 0: nobody asks */
	uint64_t steps;
	int64_t moved_ns;
	bool stuck;
};

void watchdog_init(struct watchdog *watchdog, uint64_t interval_us, int64_t now_ns);

/* One look. `busy`: a collection is under way; `steps`: how many collectors have begun since the start. Returns whether
 * it is alive; watchdog->stuck is the opposite of the last answer. */
bool watchdog_look(struct watchdog *watchdog, bool busy, uint64_t steps, int64_t now_ns);

/* How long to wait for the next look, in microseconds. */
uint64_t watchdog_period_us(const struct watchdog *watchdog);

#endif
