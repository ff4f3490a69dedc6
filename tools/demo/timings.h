/* SPDX-License-Identifier: MIT */
/* How long requests, calls of models, workflows and their steps take.
 *
 * Not part of the ledger: a request that is asked again is timed again, and one whose worker is killed may be timed
 * without being answered. Counts are the ledger's.
 */
#ifndef DEMO_TIMINGS_H
#define DEMO_TIMINGS_H

#include <stdint.h>

#include "labels.h"
#include "trace.h"

/* Makes the handles. Call once in the parent, before fork. */
void timings_init(void);

/* All are thread-safe. */
void timing_request(enum method method, enum endpoint endpoint, enum http_status status, int64_t ns,
		    const struct trace *trace);
void timing_call(enum model model, int64_t ns, const struct trace *trace);
void timing_step(enum step step, int64_t ns);
void timing_workflow(enum workflow workflow, int64_t ns);

/* The size of a prompt. Its family can be turned off (MSTAT_DISABLE=llm_prompt_size_bytes). */
void timing_prompt(enum model model, const char *prompt);

#endif
