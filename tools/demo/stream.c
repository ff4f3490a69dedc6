/* SPDX-License-Identifier: MIT */
/* Queues and operators. */
#include "stream.h"

#include <mstat/mstat.h>

#include "bandit.h"
#include "checkpoint.h"
#include "dedup.h"
#include "disk.h"
#include "experiment.h"
#include "kafka.h"
#include "normalization.h"
#include "parameter.h"
#include "random.h"
#include "state.h"
#include "stream_metrics.h"
#include "watermark.h"
#include "window.h"

#define QUEUE_EVENTS 64u
#define BUDGET 48u /* events of an operator in a tick */
#define SLOW_EVERY_S 15
#define SLOW_FOR_S 3
#define SLOW_BUDGET 1u
#define DELETES_PERCENT 5
#define SCANS_ONE_IN 200u

struct queued {
	struct event event;
	int64_t spent_ns; /* by operators so far */
};

static struct queue {
	struct queued ring[QUEUE_EVENTS];
	uint32_t first;
	uint32_t count;
} queues[PIPELINE_COUNT][OPERATOR_COUNT];

static int64_t tick_ns;
static uint64_t *tick_random;

void stream_init(void)
{
	stream_metrics_init();
	for (unsigned pipeline = 0; pipeline < PIPELINE_COUNT; pipeline++)
		for (unsigned op = OPERATOR_PARSE; op < OPERATOR_COUNT; op++)
			mstat_gauge_set(stream_metrics.queue_capacity[pipeline][op], QUEUE_EVENTS);
	disk_init();
	state_init();
	checkpoint_init();
	dedup_init();
	normalization_init();
	window_init();
	kafka_init();
	experiment_init();
	bandit_init();
	parameter_init();
}

/* False: the queue is full. */
static bool queue_put(enum pipeline pipeline, enum operator_id op, const struct queued *queued)
{
	struct queue *queue = &queues[pipeline][op];
	if (queue->count == QUEUE_EVENTS) {
		mstat_inc(stream_metrics.backpressure[pipeline][op]);
		return false;
	}
	queue->ring[(queue->first + queue->count++) % QUEUE_EVENTS] = *queued;
	mstat_inc(stream_metrics.received[op][queued->event.type]);
	mstat_gauge_max(stream_metrics.queue_peak[pipeline][op], queue->count);
	return true;
}

/* ---- what the operators do: DROP_COUNT, or why the event goes no further ---- */

static enum drop_reason parse(const struct event *event)
{
	if (dedup_seen(event->key))
		return DROP_DUPLICATE;
	if (event->failed)
		return DROP_REFUSED;
	normalization_add(event);
	return DROP_COUNT;
}

static enum drop_reason enrich(const struct event *event)
{
	static const enum backend backends[EVENT_COUNT] = {
		[EVENT_REGISTRATION] = BACKEND_POSTGRES,
		[EVENT_COMPLETION] = BACKEND_REDIS,
		[EVENT_OPTIMIZATION] = BACKEND_SLED,
		[EVENT_LOOKUP] = BACKEND_MEMORY,
	};
	enum backend backend = backends[event->type];
	bool done = state_get(backend, NAMESPACE_USERS, event->user, tick_random);
	if (random_percent(tick_random, DELETES_PERCENT))
		done &= state_delete(backend, NAMESPACE_USERS, event->user, tick_random);
	else
		done &= state_put(backend, NAMESPACE_USERS, event->user, event->bytes, tick_random);
	if (random_below(tick_random, SCANS_ONE_IN) == 0)
		done &= state_scan(backend, NAMESPACE_USERS, tick_random);
	return done ? DROP_COUNT : DROP_STATE_ERROR;
}

static enum drop_reason aggregate(const struct event *event)
{
	enum pipeline pipeline = event_pipeline((enum event_type)event->type);
	if (event->time_ns < watermark_ns())
		stream_late(event);
	if (!window_add(event, pipeline))
		return DROP_LATE;
	if (!state_put(BACKEND_SLED, NAMESPACE_AGGREGATES, event->user % 16, 64, tick_random))
		return DROP_STATE_ERROR;
	kafka_produce(pipeline, event->user, event->bytes, tick_random);
	experiment_visit(event->user, tick_ns, tick_random);
	if (event->type == EVENT_COMPLETION)
		bandit_pull(tick_random);
	return DROP_COUNT;
}

/* ---- one tick ---- */

static void operator_run(enum pipeline pipeline, enum operator_id op, struct queued *queued)
{
	static enum drop_reason (*const operators[OPERATOR_COUNT])(const struct event *) = {
		[OPERATOR_PARSE] = parse, [OPERATOR_ENRICH] = enrich, [OPERATOR_AGGREGATE] = aggregate};
	struct mstat_timer timer = mstat_timer_start(stream_metrics.processing_seconds[pipeline][op]);
	enum drop_reason reason = operators[op](&queued->event);
	queued->spent_ns += mstat_timer_stop(&timer);
	mstat_observe_ns(stream_metrics.e2e_seconds[pipeline][op], event_now_ns() - queued->event.time_ns);
	if (reason != DROP_COUNT) {
		stream_dropped(op, &queued->event, reason);
		stream_ended(stream_result_of(reason), queued->spent_ns);
		return;
	}
	mstat_inc(stream_metrics.processed[op][queued->event.type]);
	if (op == OPERATOR_AGGREGATE)
		stream_ended(STREAM_SUCCESS, queued->spent_ns);
	else
		queue_put(pipeline, (enum operator_id)(op + 1), queued);
}

/* Whether the queue after an operator has no room; says so. */
static bool operator_waits(enum pipeline pipeline, enum operator_id op)
{
	if (op == OPERATOR_AGGREGATE || queues[pipeline][op + 1].count < QUEUE_EVENTS)
		return false;
	mstat_inc(stream_metrics.backpressure[pipeline][op + 1]);
	return true;
}

static void operator_tick(enum pipeline pipeline, enum operator_id op, uint32_t budget)
{
	struct queue *queue = &queues[pipeline][op];
	for (; queue->count && budget; budget--) {
		if (operator_waits(pipeline, op))
			return;
		struct queued queued = queue->ring[queue->first];
		queue->first = (queue->first + 1) % QUEUE_EVENTS;
		queue->count--;
		operator_run(pipeline, op, &queued);
	}
}

/* Sets the gauges of all queues; the oldest event is at the front of the last queue that has any. */
static void queues_show(void)
{
	int64_t oldest_ns = tick_ns;
	uint64_t waiting = 0;
	for (unsigned pipeline = 0; pipeline < PIPELINE_COUNT; pipeline++) {
		for (unsigned op = OPERATOR_PARSE; op < OPERATOR_COUNT; op++) {
			const struct queue *queue = &queues[pipeline][op];
			mstat_gauge_set(stream_metrics.queue_size[pipeline][op], queue->count);
			waiting += queue->count;
			if (queue->count && queue->ring[queue->first].event.time_ns < oldest_ns)
				oldest_ns = queue->ring[queue->first].event.time_ns;
		}
	}
	mstat_gauge_set(stream_metrics.waiting, (int64_t)waiting);
	mstat_gauge_f64_set(stream_metrics.lag_seconds, (double)(tick_ns - oldest_ns) / 1e9);
}

void stream_accept(const struct event *event)
{
	struct queued queued = {.event = *event};
	mstat_inc(stream_metrics.entered);
	if (queue_put(event_pipeline((enum event_type)event->type), OPERATOR_PARSE, &queued))
		return;
	stream_dropped(OPERATOR_PARSE, event, DROP_QUEUE_FULL);
	stream_ended(stream_result_of(DROP_QUEUE_FULL), 0);
}

void stream_tick(int64_t now_ns, uint64_t *random)
{
	tick_ns = now_ns;
	tick_random = random;
	bool slow = now_ns / 1000000000 % SLOW_EVERY_S < SLOW_FOR_S;
	for (unsigned pipeline = 0; pipeline < PIPELINE_COUNT; pipeline++)
		for (unsigned op = OPERATOR_AGGREGATE; op >= OPERATOR_PARSE; op--)
			operator_tick((enum pipeline)pipeline, (enum operator_id)op,
				      slow && op == OPERATOR_AGGREGATE ? SLOW_BUDGET : BUDGET);
	queues_show();
	window_tick(now_ns);
	kafka_tick(now_ns, random);
	checkpoint_tick(now_ns, random);
	parameter_iterate(now_ns, random);
}
