/* SPDX-License-Identifier: MIT */
/* Which processes belong to which service, as the segments tell. */
#ifndef AGENTD_COLLECT_SEGMENTS_PROCESSES_H
#define AGENTD_COLLECT_SEGMENTS_PROCESSES_H

#include "segments.h"

/* `service` is the value of the service label; it lives until the next collection of the segments. `process` is NULL
 * where a service is known and none of its processes: dead trees whose totals are kept. */
typedef void segments_process_each(void *context, const char *service, const struct segment_process *process);

/* Calls `each` for what there is since the last collection, live processes only; a service comes up at least once. What
 * the segments say is a hint: PIDs are those of the process' own namespace and must be verified by start_ticks. */
void segments_each_process(const struct segments *segments, segments_process_each *each, void *context);

#endif
