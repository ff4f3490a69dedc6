/* SPDX-License-Identifier: MIT */
/* Time to live: a merged series whose value did not change for its family's ttl_s is not exposed, until it changes.
 *
 * It is the merged series that is idle: all its sources are shown or none, so that a sum never goes down because one of
 * them rests, and it comes back with all that was counted. A fold moves values from a segment to totals and changes
 * nothing (sums of doubles and gauges may count as changed by it once). Gauges that are exposed by process are
 * shown as long as one process of their segment changes. A program that sets a gauge to the value that it has changes
 * nothing.
 *
 * Where programs declare different times for one family, that of the youngest declaration counts for all.
 *
 * What is remembered lives in the agent's memory: a restart begins all idle times anew, and so does a change of views
 * that renames the series.
 */
#ifndef AGENTD_COLLECT_SEGMENTS_TTL_H
#define AGENTD_COLLECT_SEGMENTS_TTL_H

#include "segments_private.h"

/* Gives the families of all sources the time to live of the family that they are merged into. 0 or -ENOMEM. */
int ttl_of_families(struct segments *segments);

/* Looks at the values of this collection. Cost: some 10 ns a series that has a time to live, 1 ns a bucket. */
void ttl_update(struct segments *segments);

/* Whether a series is exposed in this collection; without a time to live it is. */
bool ttl_shows(const struct segments *segments, const struct source *source, uint32_t series);

#endif
