/* SPDX-License-Identifier: MIT */
/* The agent before its service manager: when it says that it serves, and when that it lives. */
#include <stdio.h>

#include <mstat/atomic.h>

#include "agent_private.h"
#include "log.h"
#include "notify.h"

/* ---- readiness -------------------------------------------------------------------------------------------------- */

static void status_print(const struct agent *agent, char *out, size_t size)
{
	size_t len = (size_t)snprintf(out, size, "Serving on ");
	for (size_t i = 0; i < http_place_count(agent->http) && len < size; i++) {
		char place[128];
		http_place_print(agent->http, i, place, sizeof(place));
		len += (size_t)snprintf(out + len, size - len, "%s%s", i ? ", " : "", place);
	}
}

void agent_report_serving(const struct agent *agent, const char *addition)
{
	char places[512], status[1024];
	status_print(agent, places, sizeof(places));
	snprintf(status, sizeof(status), "%s%s%s", places, addition ? "; " : "", addition ? addition : "");
	notify_ready(status);
}

void agent_report_ready(struct agent *agent)
{
	if (agent->ready_told)
		return;
	/* The collection at the start found no memory. */
	if (!mstat_load_relaxed(&agent->collected))
		snapshot_unref(agent_collect(agent, &(const struct page_collection){.collectors = NULL}));
	if (!mstat_load_relaxed(&agent->collected)) {
		notify_status("No collection has succeeded yet.");
		return;
	}
	agent->ready_told = true;
	agent_report_serving(agent, NULL);
}

/* ---- signs of life ---------------------------------------------------------------------------------------------- */

static void stuck_report(struct agent *agent)
{
	/* Collectors begin one after the other: the last one that began is the one that does not end. */
	const struct collector *collector = collect_running(&agent->collect);
	const char *name = collector ? collector->ops->name : "none";
	char status[128];
	snprintf(status, sizeof(status), "Stuck in collector %s.", name);
	log_error("a collector is stuck, the service manager will restart the agent", LOG_TEXT("collector", name));
	notify_status(status);
}

static int on_watchdog(sd_event_source *source, uint64_t time_us, void *context)
{
	(void)time_us;
	struct agent *agent = context;
	struct watchdog *watchdog = &agent->watchdog;
	const bool stuck_before = watchdog->stuck;
	if (watchdog_look(watchdog, mstat_load_relaxed(&agent->collect.busy), mstat_load_relaxed(&agent->collect.steps),
			  agent_clock_ns(CLOCK_MONOTONIC)))
		notify_alive();
	else if (!stuck_before)
		stuck_report(agent);
	if (stuck_before && !watchdog->stuck)
		agent_report_serving(agent, NULL);
	const int r = sd_event_source_set_time_relative(source, watchdog_period_us(watchdog));
	return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int agent_watchdog_start(struct agent *agent)
{
	const uint64_t interval_us = notify_alive_interval_us();
	if (!interval_us)
		return 0;
	watchdog_init(&agent->watchdog, interval_us, agent_clock_ns(CLOCK_MONOTONIC));
	notify_alive();
	const uint64_t period_us = watchdog_period_us(&agent->watchdog);
	return sd_event_add_time_relative(agent->event, &agent->watchdog_tick, CLOCK_MONOTONIC, period_us,
					  period_us / 8, on_watchdog, agent);
}
