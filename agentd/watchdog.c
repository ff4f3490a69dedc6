/* SPDX-License-Identifier: MIT */
/* The watchdog: whether the agent still deserves to be called alive. */
#include "watchdog.h"

void watchdog_init(struct watchdog *watchdog, uint64_t interval_us, int64_t now_ns)
{
	*watchdog = (struct watchdog){.interval_us = interval_us, .moved_ns = now_ns};
}

bool watchdog_look(struct watchdog *watchdog, bool busy, uint64_t steps, int64_t now_ns)
{
	if (!busy || steps != watchdog->steps)
		watchdog->moved_ns = now_ns;
	watchdog->steps = steps;
	watchdog->stuck = now_ns - watchdog->moved_ns > (int64_t)watchdog->interval_us * 1000;
	return !watchdog->stuck;
}

uint64_t watchdog_period_us(const struct watchdog *watchdog)
{
	return watchdog->interval_us / 2;
}
