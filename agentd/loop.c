/* SPDX-License-Identifier: MIT */
/* The agent's loop: signals, the timer, the watches; and the reload. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "agent_private.h"
#include "log.h"
#include "notify.h"

#define TICK_US 1000000
/* After something happened in a directory: long enough to take a burst of names in one sweep. */
#define SOON_US 20000
/* The agent's own folding makes names come and go, too; sweeps must not chase each other. */
#define SWEEP_INTERVAL_US 100000

static int tick_arm(struct agent *agent, uint64_t after_us)
{
	int r = sd_event_source_set_time_relative(agent->tick, after_us);
	return r < 0 ? r : sd_event_source_set_enabled(agent->tick, SD_EVENT_ONESHOT);
}

/* What the file says now: see http_web_refresh(). */
static void web_config_refresh(struct agent *agent)
{
	char *reason = NULL;
	const enum http_web_news news = http_web_refresh(agent->http, &reason);
	if (news == HTTP_WEB_RELOADED)
		log_info("web configuration reloaded");
	if (news == HTTP_WEB_BAD)
		log_error("the web configuration is bad, requests are refused",
			  LOG_TEXT("reason", reason ? reason : "out of memory"));
	free(reason);
}

static int on_tick(sd_event_source *source, uint64_t time_us, void *context)
{
	(void)source;
	(void)time_us;
	struct agent *agent = context;
	watch_refresh(agent->watch);
	const int r = agent_sweep(agent);
	if (r) {
		log_error(AGENT_OWNED_TEXT);
		return sd_event_exit(agent->event, r);
	}
	agent_report_ready(agent);
	page_cache_trim(agent->pages);
	web_config_refresh(agent);
	http_expire(agent->http);
	return tick_arm(agent, TICK_US);
}

/* A name came or went: the tick comes forward. */
static void on_directory_change(void *context)
{
	struct agent *agent = context;
	const int64_t since_us = (agent_clock_ns(CLOCK_MONOTONIC) - agent->sweep_ns) / 1000;
	uint64_t due_us, now_us;
	uint64_t after_us = SOON_US;
	if (since_us < SWEEP_INTERVAL_US - SOON_US)
		after_us = (uint64_t)(SWEEP_INTERVAL_US - since_us);
	/* Brought forward only, or a steady stream of events would put the sweep off for ever. */
	if (sd_event_now(agent->event, CLOCK_MONOTONIC, &now_us) >= 0 &&
	    sd_event_source_get_time(agent->tick, &due_us) >= 0 && due_us > now_us + after_us)
		tick_arm(agent, after_us);
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
	(void)source;
	(void)info;
	agent_reload(context);
	return 0;
}

static int on_stop(sd_event_source *source, int fd, uint32_t revents, void *context)
{
	(void)fd;
	(void)revents;
	(void)context;
	log_info("stopping");
	notify_stopping();
	return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int loop_setup(struct agent *agent)
{
	int r = sd_event_new(&agent->event);
	if (r >= 0)
		r = sd_event_add_io(agent->event, NULL, agent->stop_fd, EPOLLIN, on_stop, agent);
	if (r >= 0)
		r = sd_event_add_signal(agent->event, NULL, SIGHUP, on_hangup, agent);
	if (r >= 0)
		r = sd_event_add_time_relative(agent->event, &agent->tick, CLOCK_MONOTONIC, TICK_US, TICK_US / 20,
					       on_tick, agent);
	if (r >= 0)
		r = agent_watchdog_start(agent);
	if (r < 0)
		return r;
	const struct config_list *directories = &agent->config->segment_directories;
	agent->watch = watch_new(agent->event, directories->items, directories->count, on_directory_change, agent);
	if (!agent->watch)
		return -ENOMEM;
	watch_refresh(agent->watch);
	return 0;
}

int agent_run(struct agent *agent)
{
	int r = loop_setup(agent);
	if (r >= 0) {
		agent_report_ready(agent);
		r = sd_event_loop(agent->event);
	}
	watch_free(agent->watch);
	sd_event_source_disable_unref(agent->watchdog_tick);
	sd_event_source_disable_unref(agent->tick);
	sd_event_unref(agent->event);
	return r < 0 ? r : 0;
}

/* ---- reload ----------------------------------------------------------------------------------------------------- */

static void reload_failed(struct agent *agent, char *reason)
{
	mstat_add_relaxed(&agent->reloads[RELOAD_FAILURE], 1);
	log_error("reload failed, the running configuration stays", LOG_TEXT("reason", reason));
	agent_report_serving(agent, "the last reload failed, see the log");
	free(reason);
}

void agent_reload(struct agent *agent)
{
	struct config *config = NULL;
	char *error = NULL;
	notify_reloading();
	if (config_load(agent->argc, agent->argv, &config, &error)) {
		reload_failed(agent, error);
		return;
	}
	/* The one thing that can fail comes first, so that a reload is applied whole or not at all. */
	if (agent_listen(agent, config, &error)) {
		reload_failed(agent, error);
		config_free(config);
		return;
	}
	log_setup((enum log_level)config->log_level, (enum log_format)config->log_format);
	agent_views(agent, config);
	for (int i = 0; i < CONFIG_ITEM_COUNT; i++) {
		/* Directories that nobody named were filled in at the start. */
		if (config_items[i].reload == CONFIG_RESTART &&
		    (i != CONFIG_AT_segment_directories || config->segment_directories.count ||
		     agent->config->origins[i] != CONFIG_FROM_NOWHERE) &&
		    config_differs(agent->config, config, (enum config_index)i))
			log_warn("the new value needs a restart", LOG_TEXT("key", config_items[i].key));
	}
	mstat_add_relaxed(&agent->reloads[RELOAD_SUCCESS], 1);
	log_info("configuration reloaded");
	agent_report_serving(agent, NULL);
	config_free(config);
}
