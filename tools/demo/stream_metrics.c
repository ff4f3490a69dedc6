/* SPDX-License-Identifier: MIT */
/* Declarations and handles of the stream processor. */
#include "stream_metrics.h"

#define OPERATOR_LABELS "pipeline", "operator", "event_type"

MSTAT_COUNTER(received_total, "stream_events_received_total", "Events that an operator was given.", OPERATOR_LABELS);
MSTAT_COUNTER(processed_total, "stream_events_processed_total", "Events that an operator passed on.", OPERATOR_LABELS);
MSTAT_COUNTER(dropped_total, "stream_events_dropped_total", "Events that went no further, and why.", OPERATOR_LABELS,
	      "reason");
MSTAT_COUNTER(late_total, "late_events_total", "Events that are older than the watermark.", OPERATOR_LABELS);
MSTAT_HISTOGRAM_AS(processing_seconds, MSTAT_NATIVE, "stream_processing_duration_seconds", "seconds",
		   "Time of a stage on an event.", "pipeline", "stage");
MSTAT_HISTOGRAM_AS(e2e_seconds, MSTAT_BOTH, "stream_e2e_latency_seconds", "seconds",
		   "Time from the request to the end of a stage.", "pipeline", "stage");
MSTAT_GAUGE(queue_size, "stream_backpressure_queue_size", "Events in the queue of an operator.", "pipeline",
	    "operator");
MSTAT_GAUGE(queue_capacity, "stream_backpressure_queue_capacity", "Events that the queue of an operator may hold.",
	    "pipeline", "operator");
MSTAT_GAUGE_AS(queue_peak, MSTAT_MAX | MSTAT_LIVE, "stream_backpressure_queue_peak", "",
	       "Most events that the queue of an operator held since the start.", "pipeline", "operator");
MSTAT_COUNTER(backpressure_total, "stream_backpressure_events_total",
	      "How often the queue of an operator had no room for an event.", "pipeline", "operator");

MSTAT_COUNTER(entered_total, "stream_processor_events_received_total", "Events that entered the processor.");
MSTAT_COUNTER(ended_total, "stream_processor_events_processed_total", "Events that left the processor, by result.",
	      "result");
MSTAT_HISTOGRAM_AS(spent_seconds, MSTAT_NATIVE, "stream_processor_event_processing_duration_seconds", "seconds",
		   "Time of all operators on an event.");
MSTAT_GAUGE_F64_AS(lag_seconds, MSTAT_MAX | MSTAT_LIVE, "stream_processor_pipeline_lag_seconds", "seconds",
		   "Age of the oldest event that waits.");
MSTAT_GAUGE(waiting, "stream_processor_backpressure_events", "Events that wait in a queue of an operator.");
MSTAT_COUNTER(processor_late_total, "stream_processor_late_events_total", "Events older than the watermark.");

struct stream_metrics stream_metrics;

static struct {
	mstat_counter *dropped[OPERATOR_COUNT][EVENT_COUNT][DROP_COUNT];
	mstat_counter *late[EVENT_COUNT];
	mstat_counter *ended[STREAM_RESULT_COUNT];
	mstat_counter *processor_late;
	mstat_histogram *spent_seconds;
} metrics;

/* Which operator drops for which reasons. */
static const unsigned drops[OPERATOR_COUNT] = {
	[OPERATOR_INGEST] = 1u << DROP_QUEUE_FULL,
	[OPERATOR_PARSE] = 1u << DROP_QUEUE_FULL | 1u << DROP_DUPLICATE | 1u << DROP_REFUSED,
	[OPERATOR_ENRICH] = 1u << DROP_STATE_ERROR,
	[OPERATOR_AGGREGATE] = 1u << DROP_STATE_ERROR | 1u << DROP_LATE,
};

static void counters_init(unsigned op, unsigned type)
{
	const char *pipeline = label_text(DOMAIN_PIPELINE, event_pipeline((enum event_type)type));
	const char *name = label_text(DOMAIN_OPERATOR, op), *text = label_text(DOMAIN_EVENT_TYPE, type);
	stream_metrics.received[op][type] = mstat_counter_with(&received_total, pipeline, name, text);
	stream_metrics.processed[op][type] = mstat_counter_with(&processed_total, pipeline, name, text);
	for (unsigned reason = 0; reason < DROP_COUNT; reason++)
		if (drops[op] >> reason & 1)
			metrics.dropped[op][type][reason] = mstat_counter_with(&dropped_total, pipeline, name, text,
									       label_text(DOMAIN_DROP, reason));
	if (op == OPERATOR_AGGREGATE)
		metrics.late[type] = mstat_counter_with(&late_total, pipeline, name, text);
}

static void queue_init(unsigned pipeline, unsigned op)
{
	const char *name = label_text(DOMAIN_PIPELINE, pipeline), *text = label_text(DOMAIN_OPERATOR, op);
	stream_metrics.queue_size[pipeline][op] = mstat_gauge_with(&queue_size, name, text);
	stream_metrics.queue_capacity[pipeline][op] = mstat_gauge_with(&queue_capacity, name, text);
	stream_metrics.queue_peak[pipeline][op] = mstat_gauge_with(&queue_peak, name, text);
	stream_metrics.backpressure[pipeline][op] = mstat_counter_with(&backpressure_total, name, text);
	stream_metrics.processing_seconds[pipeline][op] = mstat_histogram_with(&processing_seconds, name, text);
	stream_metrics.e2e_seconds[pipeline][op] = mstat_histogram_with(&e2e_seconds, name, text);
}

void stream_metrics_init(void)
{
	static const char *const results[STREAM_RESULT_COUNT] = {"success", "error", "filtered", "dropped"};
	for (unsigned op = 0; op < OPERATOR_COUNT; op++)
		for (unsigned type = 0; type < EVENT_COUNT; type++)
			counters_init(op, type);
	for (unsigned pipeline = 0; pipeline < PIPELINE_COUNT; pipeline++)
		for (unsigned op = OPERATOR_PARSE; op < OPERATOR_COUNT; op++)
			queue_init(pipeline, op);
	for (unsigned result = 0; result < STREAM_RESULT_COUNT; result++)
		metrics.ended[result] = mstat_counter_with(&ended_total, results[result]);
	metrics.processor_late = mstat_counter_with(&processor_late_total);
	metrics.spent_seconds = mstat_histogram_with(&spent_seconds);
	stream_metrics.entered = mstat_counter_with(&entered_total);
	stream_metrics.waiting = mstat_gauge_with(&waiting);
	stream_metrics.lag_seconds = mstat_gauge_f64_with(&lag_seconds);
}

void stream_offer(int fd, const struct event *event)
{
	mstat_inc(stream_metrics.received[OPERATOR_INGEST][event->type]);
	if (event_write(fd, event))
		mstat_inc(stream_metrics.processed[OPERATOR_INGEST][event->type]);
	else
		stream_dropped(OPERATOR_INGEST, event, DROP_QUEUE_FULL);
}

void stream_pipe_show(int fd)
{
	/* Both pipelines share the pipe; it is shown under a name of its own. */
	mstat_gauge_set(mstat_gauge_with(&queue_size, "all", label_text(DOMAIN_OPERATOR, OPERATOR_INGEST)),
			event_pipe_size(fd));
	mstat_gauge_set(mstat_gauge_with(&queue_capacity, "all", label_text(DOMAIN_OPERATOR, OPERATOR_INGEST)),
			event_pipe_capacity(fd));
}

void stream_dropped(enum operator_id op, const struct event *event, enum drop_reason reason)
{
	mstat_inc(metrics.dropped[op][event->type][reason]);
}

void stream_late(const struct event *event)
{
	mstat_inc(metrics.late[event->type]);
	mstat_inc(metrics.processor_late);
}

enum stream_result stream_result_of(enum drop_reason reason)
{
	static const enum stream_result results[DROP_COUNT] = {
		[DROP_QUEUE_FULL] = STREAM_DROPPED, [DROP_DUPLICATE] = STREAM_FILTERED,
		[DROP_REFUSED] = STREAM_FILTERED,   [DROP_LATE] = STREAM_DROPPED,
		[DROP_STATE_ERROR] = STREAM_ERROR,
	};
	return results[reason];
}

void stream_ended(enum stream_result result, int64_t spent_ns)
{
	mstat_inc(metrics.ended[result]);
	mstat_observe_ns(metrics.spent_seconds, spent_ns);
}
