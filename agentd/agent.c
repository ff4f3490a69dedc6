/* SPDX-License-Identifier: MIT */
/* The agent: owns the parts and the order in which they start and stop. */
#include "agent.h"

#include <errno.h>
#include <linux/capability.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <time.h>

#include <mstat/mstat.h>

#include "agent_private.h"
#include "log.h"
#include "memory.h"
#include "privileges.h"
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

_Static_assert(sizeof(struct page_collectors) == sizeof(struct selection), "the same bits in both rooms");

struct snapshot *agent_collect(void *context, const struct page_collection *collection)
{
	struct selection selection;
	struct collect_request request = {.deadline_ns = collection->deadline_ns};
	struct agent *agent = context;
	const int64_t start_ns = agent_clock_ns(CLOCK_MONOTONIC);
	int error = 0;
	char reason[128];
	if (collection->collectors) {
		memcpy(&selection, collection->collectors, sizeof(selection));
		request.selection = &selection;
	}
	pthread_mutex_lock(&agent->lock);
	builder_set_partial(agent->builder, request.selection);
	builder_begin(agent->builder);
	const struct collector *failed = collect_run(&agent->collect, agent->builder, &request, &error);
	struct snapshot *snapshot = builder_freeze(agent->builder);
	if (failed)
		snprintf(reason, sizeof(reason), "collector %s: %s", failed->ops->name, log_errno_text(error));
	collection_report(agent, !snapshot ? "out of memory" : failed ? reason : NULL, start_ns);
	pthread_mutex_unlock(&agent->lock);
	if (snapshot)
		mstat_store_relaxed(&agent->collected, true);
	if (!snapshot || request.selection)
		return snapshot;
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

/* How long a sweep waits for a collection: not so long that signs of life come late. */
static uint64_t sweep_patience_us(const struct agent *agent)
{
	const uint64_t share_us = agent->watchdog.interval_us / 8;
	return share_us && share_us < 1000000 ? share_us : 1000000;
}

static void timespec_add_us(struct timespec *time, uint64_t add_us)
{
	const uint64_t ns = (uint64_t)time->tv_nsec + add_us * 1000;
	time->tv_sec += (time_t)(ns / 1000000000);
	time->tv_nsec = (long)(ns % 1000000000);
}

int agent_sweep(struct agent *agent)
{
	const int64_t start_ns = agent_clock_ns(CLOCK_MONOTONIC);
	struct timespec deadline;
	clock_gettime(CLOCK_REALTIME, &deadline);
	timespec_add_us(&deadline, sweep_patience_us(agent));
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

static bool collector_find(void *context, const char *name, struct page_collectors *collectors)
{
	const struct agent *agent = context;
	struct selection selection = {{0}};
	if (!selection_add(&selection, &agent->collect, name))
		return false;
	for (size_t i = 0; i < sizeof(selection.bits) / sizeof(*selection.bits); i++)
		collectors->bits[i] |= selection.bits[i];
	return true;
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
	int r = segments_open(&options, &agent->segments, error);
	if (!r)
		agent_views(agent, agent->config);
	return r;
}

void agent_views(struct agent *agent, struct config *config)
{
	pthread_mutex_lock(&agent->lock);
	segments_set_views(agent->segments, config->views);
	pthread_mutex_unlock(&agent->lock);
	config->views = NULL;
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
	struct process_services *processes = NULL;
	agent->catalog = catalog_new((uint32_t)agent->config->web_series_max);
	agent->builder = agent->catalog ? builder_new(agent->catalog) : NULL;
	agent->readiness = readiness_new();
	agent->pages = page_cache_new(&(const struct page_options){.collect = agent_collect,
								   .context = agent,
								   .fresh_ns = PAGE_FRESH_NS,
								   .carrier_new = http_carrier_new,
								   .carrier_free = http_carrier_free});
	if (!agent->builder || !agent->readiness || !agent->pages)
		return -ENOMEM;
	agent->self = (struct self_state){
		.version = MSTAT_VERSION,
		.segments = agent->segments,
		.figures = agent_figures,
		.context = agent,
	};
	const int r = process_services_new(agent->segments, agent->config->path_procfs, &processes);
	if (r)
		return r;
	collect_init(&agent->collect, (void *const[COLLECTOR_COUNT]){
					      [COLLECTOR_SEGMENTS] = agent->segments,
					      [COLLECTOR_PROCESS] = processes,
					      [COLLECTOR_HOST] = agent->host,
					      [COLLECTOR_SELF] = &agent->self,
				      });
	agent->host = NULL;
	return 0;
}

static int http_start(struct agent *agent, char **error)
{
	const struct config *config = agent->config;
	const struct http_options options = {
		.name = "mstatd",
		.version = MSTAT_VERSION,
		.telemetry_path = config->web_telemetry_path,
		.web_config_file = config->web_config_file,
		.connections_max = (unsigned)config->web_connections_max,
		.connections_per_client_max = (unsigned)config->web_connections_per_client_max,
		.requests_max = (unsigned)config->web_requests_max,
		.timeout_s = (unsigned)((config->web_timeout_ns + 999999999) / 1000000000),
		.request_timeout_ns = config->web_request_timeout_ns,
		.created = config->web_created_timestamps,
		.readiness = agent->readiness,
		.pages = agent->pages,
		.collector_find = collector_find,
		.context = agent,
		.sockets = agent->sockets.fds,
		.socket_count = agent->sockets.count,
	};
	agent->http = http_new(&options);
	return agent->http ? agent_listen(agent, config, error) : -ENOMEM;
}

int agent_listen(struct agent *agent, const struct config *config, char **error)
{
	const int64_t start_ns = agent_clock_ns(CLOCK_MONOTONIC);
	const struct config_list *addresses = &config->web_listen_addresses;
	/* Sockets that were handed over stand for the default address, and beside those that were asked for. */
	const bool handed_over =
		agent->sockets.count && config->origins[CONFIG_AT_web_listen_addresses] == CONFIG_FROM_NOWHERE;
	int r = http_listen(agent->http, addresses->items, handed_over ? 0 : addresses->count, error);
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

/* From here on the agent can do what any program of its user can, and what it was told to keep. */
static int privileges_leave(const struct config *config)
{
	const struct config_list *names = &config->privileges_keep;
	const uint64_t before = privileges_now();
	const char *bad;
	char text[1024];
	uint64_t keep = 0;
	privileges_parse(names->items, names->count, &keep, &bad);
	/* Root without it cannot read the segments of other users. The packaged service needs none: it runs as a user
	 * of its own, whose group segments have. */
	if (!names->count && !geteuid())
		keep = UINT64_C(1) << CAP_DAC_READ_SEARCH;
	const int r = privileges_drop(keep);
	if (r || !before)
		return r;
	privileges_print(before & keep, text, sizeof(text));
	log_info("privileges dropped", LOG_TEXT("kept", text));
	return 0;
}

/* What may need privileges, before anything that others have written is read: eBPF programs and the like are the host
 * collectors' own, which open them in host_set_new(). No thread has been started yet. */
static int host_open(struct agent *agent)
{
	const int r = host_start(agent->config, &agent->host);
	return r ? r : privileges_leave(agent->config);
}

/* The parts, in order; agent_close() copes with any beginning of it. */
static int parts_start(struct agent *agent, char **error)
{
	int r = sockets_take(&agent->sockets, error);
	if (!r)
		r = stop_open(&agent->stop_fd);
	if (!r)
		r = directories_default(agent->config);
	if (!r)
		r = host_open(agent);
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
		snapshot_unref(agent_collect(agent, &(const struct page_collection){.collectors = NULL}));
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
	memory_release_text();
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
	host_set_free(agent->host);
	readiness_free(agent->readiness);
	builder_free(agent->builder);
	catalog_free(agent->catalog);
	segments_close(agent->segments);
	pthread_mutex_destroy(&agent->lock);
	config_free(agent->config);
	free(agent);
}
