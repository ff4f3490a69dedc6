/* SPDX-License-Identifier: MIT */
/* Trace contexts: which trace a request belongs to, so that exemplars can name it.
 *
 * A request that brings a W3C traceparent header keeps its trace and its sampled flag, and gets a span of its own; any
 * other begins a trace, of which one out of 16 is sampled.
 */
#ifndef DEMO_TRACE_H
#define DEMO_TRACE_H

#include <stdbool.h>
#include <stdint.h>

struct trace {
	bool sampled;
	uint8_t trace_id[16];
	uint8_t span_id[8];
};

/* `traceparent` may be NULL; what is not a traceparent is passed over. */
void trace_begin(struct trace *trace, const char *traceparent, uint64_t *random);

#endif
