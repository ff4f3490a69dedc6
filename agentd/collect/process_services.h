/* SPDX-License-Identifier: MIT */
/* The process_* metrics of every instrumented service, summed over the processes of its trees.
 *
 * A process belongs to a service because a segment of it says so and the start time agrees; so do the children that a
 * process has forked and that still run the same program, which count in the same segment without being named in it.
 * Counters keep the share of processes that have gone.
 */
#ifndef AGENTD_COLLECT_PROCESS_SERVICES_H
#define AGENTD_COLLECT_PROCESS_SERVICES_H

#include "snapshot/builder.h"

struct process_services;
struct segments;

/* `segments` stays the caller's and must outlive it; the path is copied. 0 or -ENOMEM. The collector of
 * collectors.def takes it over as its state. */
int process_services_new(const struct segments *segments, const char *procfs, struct process_services **services);
void process_services_free(struct process_services *services); /* NULL is fine */

/* Adds the samples, after the segments were collected. 0 or -errno of the procfs. Cost: 2 to 5 us for a process that
 * has slept, 26 us for one that has not, 3 us a service; collectors that look at all processes in the same collection
 * need not look at these again. One thread at a time. */
int process_services_collect(struct process_services *services, struct builder *builder);

#endif
