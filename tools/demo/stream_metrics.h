/* SPDX-License-Identifier: MIT */
/* The families of the stream processor. Events are counted by operator and type; a type has one pipeline. */
#ifndef DEMO_STREAM_METRICS_H
#define DEMO_STREAM_METRICS_H

#include <mstat/mstat.h>

#include "event.h"

/* How an event left the processor. */
enum stream_result { STREAM_SUCCESS, STREAM_ERROR, STREAM_FILTERED, STREAM_DROPPED, STREAM_RESULT_COUNT };

struct stream_metrics {
	mstat_counter *received[OPERATOR_COUNT][EVENT_COUNT];
	mstat_counter *processed[OPERATOR_COUNT][EVENT_COUNT];
	mstat_histogram *processing_seconds[PIPELINE_COUNT][OPERATOR_COUNT];
	mstat_histogram *e2e_seconds[PIPELINE_COUNT][OPERATOR_COUNT];
	mstat_gauge *queue_size[PIPELINE_COUNT][OPERATOR_COUNT];
	mstat_gauge *queue_capacity[PIPELINE_COUNT][OPERATOR_COUNT];
	mstat_gauge *queue_peak[PIPELINE_COUNT][OPERATOR_COUNT];
	mstat_counter *backpressure[PIPELINE_COUNT][OPERATOR_COUNT];
	mstat_counter *entered; /* of the processor as a whole, as all below */
	mstat_gauge *waiting;
	mstat_gauge_f64 *lag_seconds;
};
extern struct stream_metrics stream_metrics;

/* Makes the handles; also in each worker, before it offers events. */
void stream_metrics_init(void);

/* A worker's part, the operator ingest: puts an event into the pipe, or drops and counts it. Thread-safe. */
void stream_offer(int fd, const struct event *event);

/* Sets the gauges of the pipe. */
void stream_pipe_show(int fd);

void stream_dropped(enum operator_id op, const struct event *event, enum drop_reason reason);
void stream_late(const struct event *event);
enum stream_result stream_result_of(enum drop_reason reason);

/* An event has left, after `spent_ns` of work on it. */
void stream_ended(enum stream_result result, int64_t spent_ns);

#endif
