/* SPDX-License-Identifier: MIT */
/* The agent: owns the parts and the order in which they start and stop. */
#include "agent.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <mstat/mstat.h>

#include "agent_private.h"
#include "log.h"
#include "segment/discover.h"
#include "stop.h"

/* A page may be this old when it is served. */
#define PAGE_FRESH_NS 100000000

int64_t agent_clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

void agent_prepare_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	/* A client or a log reader that went away is an error of a write, no reason to die. */
	signal(SIGPIPE, SIG_IGN);
}

/* One arena for all threads and pages of their own for large blocks: a rendered page goes back to the kernel when it is
 * freed, instead of being kept by every thread that once rendered. */
static void memory_setup(void)
{
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, 128 * 1024);
	mallopt(M_TRIM_THRESHOLD, 128 * 1024);
}

/* ---- collection ------------------------------------------------------------------------------------------------- */

static void collection_report(struct agent *agent, const char *reason, int64_t start_ns)
{
	readiness_report(agent->readiness, READY_COLLECTION, reason, agent_clock_ns(CLOCK_MONOTONIC) - start_ns);
	if (reason && !agent->collection_failing)
		log_error("collection failed", LOG_TEXT("reason", reason));
	if (!reason && agent->collection_failing)
		log_info("collection works again");
	agent->collection_failing = reason;
}

struct snapshot *agent_collect(void *context)
{
	struct agent *agent = context;
	const int64_t start_ns = agent_clock_ns(CLOCK_MONOTONIC);
	int error = 0;
	char reason[128];
	pthread_mutex_lock(&agent->lock);
	builder_begin(agent->builder);
	const struct collector *failed = collect_run(&agent->collect, agent->builder, &error);
	struct snapshot *snapshot = builder_freeze(agent->builder);
	if (failed)
		snprintf(reason, sizeof(reason), "collector %s: %s", failed->ops->name, log_errno_text(error));
	collection_report(agent, !snapshot ? "out of memory" : failed ? reason : NULL, start_ns);
	pthread_mutex_unlock(&agent->lock);
	if (!snapshot)
		return NULL;
	snapshot_ref(snapshot);
	snapshot_publish(&agent->slot, snapshot);
	return snapshot;
}

/* ---- sweep ------------------------------------------------------------------------------------------------------ */

static void sweep_report(struct agent *agent, const char *reason, int64_t start_ns)
{
	readiness_report(agent->readiness, READY_SEGMENTS, reason, agent_clock_ns(CLOCK_MONOTONIC) - start_ns);
	if (reason && !agent->sweep_failing)
		log_warn("sweep of the segment directories failed", LOG_TEXT("reason", reason));
	if (!reason && agent->sweep_failing)
		log_info("sweep of the segment directories works again");
	agent->sweep_failing = reason;
}

int agent_sweep(struct agent *agent)
{
	const int64_t start_ns = agent_clock_ns(CLOCK_MONOTONIC);
	struct timespec deadline;
	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec++;
	int r = -pthread_mutex_timedlock(&agent->lock, &deadline);
	if (!r) {
		r = segments_sweep(agent->segments);
		pthread_mutex_unlock(&agent->lock);
	}
	sweep_report(agent, r ? log_errno_text(r) : NULL, start_ns);
	agent->sweep_ns = agent_clock_ns(CLOCK_MONOTONIC);
	return r == -EBUSY ? r : 0;
}

/* ---- start and stop --------------------------------------------------------------------------------------------- */

static const struct page *page_of(void *context)
{
	return page_get(context);
}

/* The directories that the client library would choose, where none is configured. */
static int directories_default(struct config *config)
{
	struct config_list *list = &config->segment_directories;
	if (list->count)
		return 0;
	list->items = calloc(4, sizeof(*list->items));
	if (!list->items)
		return -ENOMEM;
	list->count = segment_default_directories(list->items);
	return 0;
}

static int segments_start(struct agent *agent, char **error)
{
	const struct config *config = agent->config;
	struct segments_options options = {
		.directories = config->segment_directories.items,
		.directory_count = config->segment_directories.count,
		.fold_after_ns = config->segment_fold_after_ns,
		.keep_dead_ns = config->segment_keep_dead_ns,
		.services_max = (uint32_t)config->segment_services_max,
		.limits = segment_limits_default,
		.entries_max = (size_t)config->segment_entries_max,
		.folding = true,
	};
	if (config->segment_bytes_max)
		options.limits.file_bytes_max = (uint64_t)config->segment_bytes_max;
	if (config->segment_series_max)
		options.limits.series_max = (uint32_t)config->segment_series_max;
	return segments_open(&options, &agent->segments, error);
}

/* How an option gets from its field in struct config to the one in struct host_options. */
#define OPTION_FROM_TEXT(field) ((field) ? (field) : "")
#define OPTION_FROM_PATTERN(field) ((field) ? (field) : "")
#define OPTION_FROM_SWITCH(field) ((field) != 0)
#define OPTION_FROM_COUNT(field) (field)
#define OPTION_FROM_DURATION(field) (field)
#define OPTION_FROM_TEXTS(field) ((field).items)

static int host_start(const struct config *config, struct host_set **set)
{
	const struct host_options options = {
		.paths = {[HOST_PROC] = config->path_procfs,
			  [HOST_SYS] = config->path_sysfs,
			  [HOST_ROOTFS] = config->path_rootfs,
			  [HOST_UDEV] = config->path_udev_data},
		.deadline_ns = config->collector_deadline_ns,
#define HOST_COLLECTOR(name, ...) .enabled[HOST_INDEX_##name] = config->collector_##name,
#include "collect/collectors.def"
#define COLLECTOR_OPTION(option, field, type, ...) .field = OPTION_FROM_##type(config->collector_##field),
#include "collect/collector_options.def"
	};
	return host_set_new(&options, set);
}

static int collection_start(struct agent *agent)
{
	struct host_set *host = NULL;
	agent->catalog = catalog_new((uint32_t)agent->config->web_series_max);
	agent->builder = agent->catalog ? builder_new(agent->catalog) : NULL;
	agent->readiness = readiness_new();
	agent->pages = page_cache_new(agent_collect, agent, PAGE_FRESH_NS);
	if (!agent->builder || !agent->readiness || !agent->pages)
		return -ENOMEM;
	agent->self = (struct self_state){
		.version = MSTAT_VERSION,
		.segments = agent->segments,
		.figures = agent_figures,
		.context = agent,
	};
	int r = host_start(agent->config, &host);
	if (r)
		return r;
	collect_init(&agent->collect, (void *const[COLLECTOR_COUNT]){
					      [COLLECTOR_SEGMENTS] = agent->segments,
					      [COLLECTOR_HOST] = host,
					      [COLLECTOR_SELF] = &agent->self,
				      });
	return 0;
}

static int http_start(struct agent *agent, char **error)
{
	const struct config *config = agent->config;
	const struct http_options options = {
		.name = "mstatd",
		.version = MSTAT_VERSION,
		.telemetry_path = config->web_telemetry_path,
		.connections_max = (unsigned)config->web_connections_max,
		.connections_per_client_max = (unsigned)config->web_connections_per_client_max,
		.timeout_s = (unsigned)((config->web_timeout_ns + 999999999) / 1000000000),
		.readiness = agent->readiness,
		.page_get = page_of,
		.page_put = page_put,
		.page_context = agent->pages,
	};
	agent->http = http_new(&options);
	return agent->http ? agent_listen(agent, config, error) : -ENOMEM;
}

int agent_listen(struct agent *agent, const struct config *config, char **error)
{
	const int64_t start_ns = agent_clock_ns(CLOCK_MONOTONIC);
	const struct config_list *addresses = &config->web_listen_addresses;
	int r = http_listen(agent->http, addresses->items, addresses->count, error);
	if (r)
		return r;
	readiness_report(agent->readiness, READY_HTTP, NULL, agent_clock_ns(CLOCK_MONOTONIC) - start_ns);
	for (size_t i = 0; i < http_place_count(agent->http); i++) {
		char place[128];
		http_place_print(agent->http, i, place, sizeof(place));
		log_info("listening", LOG_TEXT("address", place));
	}
	return 0;
}

/* The parts, in order; agent_close() copes with any beginning of it. */
static int parts_start(struct agent *agent, char **error)
{
	int r = stop_open(&agent->stop_fd);
	if (!r)
		r = directories_default(agent->config);
	if (!r)
		r = segments_start(agent, error);
	if (!r)
		r = collection_start(agent);
	if (!r)
		r = agent_sweep(agent);
	if (r == -EBUSY && !*error)
		*error = strdup(AGENT_OWNED_TEXT);
	if (!r) {
		/* Before the first request, so that /ready tells the truth from the beginning. */
		snapshot_unref(agent_collect(agent));
		r = http_start(agent, error);
	}
	return r;
}

int agent_open(struct config *config, int argc, char *const argv[], struct agent **agent, char **error)
{
	struct agent *opened = calloc(1, sizeof(*opened));
	*error = NULL;
	if (!opened) {
		config_free(config);
		return -ENOMEM;
	}
	memory_setup();
	pthread_mutex_init(&opened->lock, NULL);
	opened->config = config;
	opened->argc = argc;
	opened->argv = argv;
	opened->start_ns = agent_clock_ns(CLOCK_REALTIME);
	log_setup((enum log_level)config->log_level, (enum log_format)config->log_format);
	log_info("starting", LOG_TEXT("version", MSTAT_VERSION));
	int r = parts_start(opened, error);
	if (r) {
		agent_close(opened);
		return r;
	}
	for (size_t i = 0; i < config->segment_directories.count; i++)
		log_info("reading segments", LOG_TEXT("directory", config->segment_directories.items[i]));
	*agent = opened;
	return 0;
}

void agent_close(struct agent *agent)
{
	if (!agent)
		return;
	http_free(agent->http); /* first: its threads use everything below */
	page_cache_free(agent->pages);
	snapshot_publish(&agent->slot, NULL);
	if (agent->readiness)
		collect_fini(&agent->collect);
	readiness_free(agent->readiness);
	builder_free(agent->builder);
	catalog_free(agent->catalog);
	segments_close(agent->segments);
	pthread_mutex_destroy(&agent->lock);
	config_free(agent->config);
	free(agent);
}
