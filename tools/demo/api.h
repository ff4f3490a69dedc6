/* SPDX-License-Identifier: MIT */
/* What the service does with a request, without HTTP: a request in, an answer and its effects on the series out.
 *
 * Handlers do not count. They note what is to be counted in outcome->effects, and the worker hands that to the ledger
 * together with the answer, so that both happen once or not at all.
 */
#ifndef DEMO_API_H
#define DEMO_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger.h"
#include "trace.h"

#define REQUEST_BODY_BYTES_MAX 16384u

struct request {
	enum method method;
	enum endpoint endpoint;
	bool too_large; /* the body was, and is not here */
	const char *body;
	size_t body_len;
	const char *query_key; /* of /api/cache; NULL: not given */
	const char *query_layer;
	uint64_t *random; /* of the calling thread */
	const struct trace *trace;
};

struct outcome {
	struct answer answer;
	struct effects effects;
	int64_t begin_ns; /* CLOCK_MONOTONIC */
	int64_t step_ns;  /* when the last step ended */
	/* How much longer simulated things claim to have taken than they did: in all, and since the last step. */
	int64_t simulated_ns;
	int64_t step_simulated_ns;
};

/* Handles a request: sets the answer and the effects, those on http_requests_total included. Thread-safe. May take
 * milliseconds (the simulated provider). */
void api_handle(const struct request *request, struct outcome *outcome);

/* ---- for handlers ------------------------------------------------------------------------------------------------ */

#define DEMO_ENDPOINT(id, path, method, statuses, handler)                                                             \
	void handler(const struct request *request, struct outcome *outcome);
#include "endpoints.def"
#undef DEMO_ENDPOINT

/* Answers with a JSON text; too long a text is a programming error. */
__attribute__((format(printf, 3, 4))) void outcome_answer(struct outcome *outcome, enum http_status status,
							  const char *format, ...);

/* Answers with an error of the status' kind: {"error":{"type":...,"reason":...}}. The reason is shortened and cleaned
 * to fit, since it may quote the client. */
__attribute__((format(printf, 3, 4))) void outcome_refuse(struct outcome *outcome, enum http_status status,
							  const char *format, ...);

/* Notes `units` for a series of a ledger family. */
void outcome_count(struct outcome *outcome, enum family_id family, unsigned first, unsigned second, unsigned third,
		   uint64_t units);

/* Notes a step of a workflow, and the end of one. A step lasts from the end of the last one, a workflow from the
 * beginning of the request. */
void outcome_step(struct outcome *outcome, enum step step, enum result result);
void outcome_workflow(struct outcome *outcome, enum workflow workflow, enum result result);

/* Looks up (and fills) a cache and notes hits, misses, evictions, expirations. Returns whether it was a hit. */
bool outcome_cache(struct outcome *outcome, enum cache_layer layer, const char *key, uint32_t value_bytes);

/* Refuses a workflow whose input was wrong: the step "validate" failed. */
__attribute__((format(printf, 3, 4))) void workflow_refuse(struct outcome *outcome, enum workflow workflow,
							   const char *format, ...);

#endif
