/* SPDX-License-Identifier: MIT */
/* All host collectors together. */
#include "host_set.h"

#include <stdlib.h>
#include <time.h>

#include <mstat/atomic.h>

#include "collect.h"
#include "host_absent.h"
#include "host_crew.h"
#include "host_private.h"
#include "host_worker.h"

/* How long a stop waits for threads that are not stuck. */
#define STOP_WAIT_NS INT64_C(200000000)

#define HOST_COLLECTOR(name, ...) extern const struct host_ops host_##name;
#include "collectors.def"

struct row {
	const char *name;
	const struct host_ops *ops;
	enum host_speed speed;
};
static const struct row rows[HOST_INDEX_COUNT] = {
#define HOST_COLLECTOR(name, fallback, speed, help) {#name, &host_##name, speed},
#include "collectors.def"
};

struct member {
	struct host host;       /* of a slow one: only where its samples go in */
	struct worker *worker;  /* of a slow one */
	struct absence absence; /* of a fast one */
	bool opened;
	bool asked; /* for this collection */
	int error;
	int64_t duration_ns;
	bool late;
	uint64_t skipped;
};

struct host_set {
	struct host_shared *shared;
	struct host_buffer buffer; /* of all fast collectors */
	struct host report;        /* for what is told about the collectors */
	struct crew *crew;         /* of all slow ones */
	struct member members[HOST_INDEX_COUNT];
	int64_t deadline_ns; /* of the next collection, from its beginning */
	int64_t asked_ns;    /* when the next collection was asked for; 0: it was not */
};

static const struct host_family duration_family = {
	"node_scrape_collector_duration_seconds",
	"node_exporter: Duration of a collector scrape.",
	METRIC_GAUGE,
	{"collector"},
	{NULL},
};
static const struct host_family success_family = {
	"node_scrape_collector_success",
	"node_exporter: Whether a collector succeeded.",
	METRIC_GAUGE,
	{"collector"},
	{NULL},
};
static const struct host_family stale_family = {
	"mstat_collector_stale",
	"Whether a slow collector missed the deadline and its last values are served.",
	METRIC_GAUGE,
	{"collector"},
	{NULL},
};
static const struct host_family skipped_family = {
	"mstat_host_skipped_total",
	"Pieces of sources that a host collector could not understand.",
	METRIC_COUNTER,
	{"collector"},
	{NULL},
};

static int64_t monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static int member_init(struct host_set *set, size_t index)
{
	struct member *member = &set->members[index];
	const struct row *row = &rows[index];
	int r = host_private_new(row->name, &set->buffer, &member->host.own);
	if (r)
		return r;
	member->host.options = &set->shared->options;
	if (row->speed == HOST_SLOW)
		return worker_new(row->name, row->ops, set->shared, set->crew, &member->worker);
	member->error = row->ops->open ? row->ops->open(&member->host) : 0;
	member->opened = !member->error;
	return member->error == -ENOMEM ? -ENOMEM : 0;
}

int host_set_new(const struct host_options *options, struct host_set **set)
{
	struct host_set *fresh = calloc(1, sizeof(*fresh));
	if (!fresh)
		return -ENOMEM;
	fresh->shared = host_shared_new(options);
	fresh->crew = crew_new();
	int r = fresh->shared && fresh->crew ? host_private_new("", &fresh->buffer, &fresh->report.own) : -ENOMEM;
	for (size_t i = 0; !r && i < HOST_INDEX_COUNT; i++)
		if (fresh->shared->options.enabled[i])
			r = member_init(fresh, i);
	if (r) {
		host_set_free(fresh);
		return r;
	}
	host_set_ask(fresh, &(const struct collect_request){.selection = NULL});
	fresh->asked_ns = 0;
	*set = fresh;
	return 0;
}

void host_set_free(struct host_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < HOST_INDEX_COUNT; i++) {
		struct member *member = &set->members[i];
		worker_free(member->worker);
		if (member->opened && rows[i].ops->close)
			rows[i].ops->close(&member->host);
		host_private_free(member->host.own);
	}
	crew_free(set->crew, STOP_WAIT_NS);
	host_private_free(set->report.own);
	host_shared_unref(set->shared);
	free(set->buffer.bytes);
	free(set);
}

static void fast_run(struct member *member, const struct row *row, struct builder *builder, int64_t asked_ns)
{
	struct host_private *own = member->host.own;
	if (!absence_look_due(&member->absence))
		return;
	const int64_t start_ns = monotonic_ns();
	member->host.asked_ns = asked_ns;
	host_sink_begin(&own->sink, builder, NULL);
	host_files_begin(own);
	if (member->opened)
		member->error = row->ops->collect(&member->host);
	host_files_end(own);
	absence_note(&member->absence, member->error, own->sink.taken);
	member->duration_ns = monotonic_ns() - start_ns;
	member->skipped = mstat_load_relaxed(&own->skipped);
}

static void slow_take(struct member *member, struct builder *builder, int64_t deadline_ns)
{
	const struct worker_result result = worker_harvest(member->worker, deadline_ns);
	host_sink_begin(&member->host.own->sink, builder, NULL);
	host_sink_replay(&member->host.own->sink, result.list);
	member->error = result.error;
	member->late = result.late;
	member->duration_ns = result.duration_ns;
	member->skipped = result.skipped;
}

static void members_report(struct host_set *set, struct builder *builder)
{
	struct host *host = &set->report;
	host_sink_begin(&host->own->sink, builder, NULL);
	for (size_t i = 0; i < HOST_INDEX_COUNT; i++) {
		const struct member *member = &set->members[i];
		if (!member->asked)
			continue;
		host_f64(host, &duration_family, (double)member->duration_ns / 1e9, rows[i].name);
		host_u64(host, &success_family, !member->error && !member->late, rows[i].name);
		if (member->worker)
			host_u64(host, &stale_family, member->late, rows[i].name);
		if (member->skipped)
			host_u64(host, &skipped_family, member->skipped, rows[i].name);
	}
}

bool host_set_runs(const struct host_set *set, size_t index)
{
	return set->shared->options.enabled[index];
}

void host_set_ask(struct host_set *set, const struct collect_request *request)
{
	const int64_t most_ns = set->shared->options.deadline_ns;
	for (size_t i = 0; i < HOST_INDEX_COUNT; i++)
		set->members[i].asked =
			set->members[i].host.own && selection_has(request->selection, COLLECTOR_COUNT + i);
	set->asked_ns = monotonic_ns();
	set->deadline_ns = request->deadline_ns && request->deadline_ns < most_ns ? request->deadline_ns : most_ns;
}

/* Slow ones are asked first and taken last, so that they work while the fast ones do. */
void host_set_collect(struct host_set *set, struct builder *builder)
{
	const int64_t now_ns = monotonic_ns(), deadline_ns = now_ns + set->deadline_ns;
	/* What other collectors have found out since the collection began is new enough for ours. */
	const int64_t asked_ns = set->asked_ns ? set->asked_ns : now_ns;
	set->asked_ns = 0;
	for (size_t i = 0; i < HOST_INDEX_COUNT; i++)
		if (set->members[i].asked && set->members[i].worker)
			worker_request(set->members[i].worker, asked_ns);
	crew_start(set->crew);
	for (size_t i = 0; i < HOST_INDEX_COUNT; i++)
		if (set->members[i].asked && !set->members[i].worker)
			fast_run(&set->members[i], &rows[i], builder, asked_ns);
	for (size_t i = 0; i < HOST_INDEX_COUNT; i++)
		if (set->members[i].asked && set->members[i].worker)
			slow_take(&set->members[i], builder, deadline_ns);
	members_report(set, builder);
}

static int collect_host(struct collector *collector, struct builder *builder)
{
	if (collector->state)
		host_set_collect(collector->state, builder);
	return 0;
}

static void close_host(struct collector *collector)
{
	host_set_free(collector->state);
	collector->state = NULL;
}

const struct collector_ops host_collector = {
	.name = "host",
	.help = "The host: node_exporter's metrics.",
	.collect = collect_host,
	.close = close_host,
};
