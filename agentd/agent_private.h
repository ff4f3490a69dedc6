/* SPDX-License-Identifier: MIT */
/* What the files of the agent's core share. */
#ifndef AGENTD_AGENT_PRIVATE_H
#define AGENTD_AGENT_PRIVATE_H

#include <pthread.h>
#include <systemd/sd-event.h>

#include "agent.h"
#include "collect/collect.h"
#include "collect/host_set.h"
#include "collect/process_services.h"
#include "collect/segments.h"
#include "collect/self.h"
#include "expose/http.h"
#include "expose/page.h"
#include "expose/ready.h"
#include "snapshot/snapshot.h"
#include "sockets.h"
#include "watch.h"
#include "watchdog.h"

enum reload_result { RELOAD_SUCCESS, RELOAD_FAILURE, RELOAD_RESULT_COUNT };

struct agent {
	struct config *config; /* as the parts were started with it */
	int argc;
	char *const *argv;
	int64_t start_ns; /* CLOCK_REALTIME */
	struct sockets sockets;

	/* `lock` guards segments, builder, catalog and collect: the loop sweeps, threads of the server collect. */
	pthread_mutex_t lock;
	struct segments *segments;
	struct catalog *catalog;
	struct builder *builder;
	struct self_state self;
	struct host_set *host; /* until `collect` has it */
	struct collect collect;

	struct snapshot_slot slot;
	struct page_cache *pages;
	struct readiness *readiness;
	struct http *http;

	int stop_fd; /* readable when the agent shall stop */
	sd_event *event;
	sd_event_source *tick;
	sd_event_source *watchdog_tick; /* NULL: nobody watches */
	struct watchdog watchdog;
	struct watch *watch;
	int64_t sweep_ns; /* CLOCK_MONOTONIC of the last sweep */

	uint64_t reloads[RELOAD_RESULT_COUNT];
	bool collected;     /* a page can be served */
	bool ready_told;    /* to the service manager */
	bool sweep_failing; /* so that a lasting failure is logged once */
	bool collection_failing;
};

#define AGENT_OWNED_TEXT "another agent owns a segment directory; stop it, or give this one --segment.dir of its own"

int64_t agent_clock_ns(clockid_t clock);

/* Makes a snapshot and returns it with a reference, or NULL; publishes it if all collectors were asked. The page
 * cache's source. */
struct snapshot *agent_collect(void *context, const struct page_collection *collection);

/* Lets the segments be swept; gives up when a collection holds the lock for more than a second. Failures are logged and
 * shown at /ready; only -EBUSY is returned: another agent owns a directory that appeared, and two must not fold it. */
int agent_sweep(struct agent *agent);

/* Tells the service manager that the agent serves, as soon as it does. */
void agent_report_ready(struct agent *agent);

/* Tells it so, with an addition or NULL. */
void agent_report_serving(const struct agent *agent, const char *addition);

/* Begins to give signs of life, if they are asked for. 0 or -errno. */
int agent_watchdog_start(struct agent *agent);

/* Reads flags and file again and applies what can be applied. */
void agent_reload(struct agent *agent);

/* Listens where the configuration says, and logs where that is. */
int agent_listen(struct agent *agent, const struct config *config, char **error);

/* Hands the views of a configuration to the segments. */
void agent_views(struct agent *agent, struct config *config);

/* Fills in what the self collector is told. */
void agent_figures(void *context, struct self_figures *figures);

#endif
