/* SPDX-License-Identifier: MIT */
/* All host collectors together, and how each fared: node_scrape_collector_success and _duration_seconds as
 * node_exporter has them, mstat_collector_stale, mstat_host_skipped_total. */
#ifndef AGENTD_COLLECT_HOST_SET_H
#define AGENTD_COLLECT_HOST_SET_H

#include "host_options.h"
#include "selection.h"
#include "snapshot/builder.h"

struct host_set;

/* The options are copied. 0 or -ENOMEM. */
int host_set_new(const struct host_options *options, struct host_set **set);
void host_set_free(struct host_set *set); /* NULL is fine */

/* Runs the enabled collectors. One that fails is told of in its node_scrape_collector_success: that a machine has no
 * such source is no failure of the agent. Returns after options->deadline_ns at the latest, plus the time of the fast
 * ones. One thread at a time. */
void host_set_collect(struct host_set *set, struct builder *builder);

/* What the next collection is asked for; it runs only the selected collectors, and tells about no others. */
void host_set_ask(struct host_set *set, const struct collect_request *request);

/* Whether the collector of this index is enabled. Thread-safe. */
bool host_set_runs(const struct host_set *set, size_t index);

#endif
