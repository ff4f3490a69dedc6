/* SPDX-License-Identifier: MIT */
/* The stream processor: two pipelines of operators with a bounded queue each,
 *
 *     pipe -> (ingest) -> parse -> enrich -> aggregate -> windows, broker, tests
 *
 * An operator that finds the next queue full waits; the first one drops. So a slow end shows as full queues, then as
 * backpressure of the operator before, then as drops, in this order.
 */
#ifndef DEMO_STREAM_H
#define DEMO_STREAM_H

#include "event.h"

/* Makes the handles of the processor and all behind it. Call once in the stream process; none of this is
 * thread-safe. */
void stream_init(void);

/* Takes an event that came out of the pipe. */
void stream_accept(const struct event *event);

/* Lets every operator work off what it can in one tick. */
void stream_tick(int64_t now_ns, uint64_t *random);

#endif
