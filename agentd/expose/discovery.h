/* SPDX-License-Identifier: MIT */
/* Prometheus' HTTP service discovery: every service of the page as a target of its own.
 *
 *     [{"targets": ["host:9466"], "labels": {"__metrics_path__": "/metrics/service/shop", "service": "shop"}}, ...]
 *
 * A service is a value of the label `service`, so that what is listed here is what /metrics/service/NAME knows. The
 * label tells the targets' `up` apart; since the series have it too, the job wants `honor_labels: true`.
 */
#ifndef AGENTD_EXPOSE_DISCOVERY_H
#define AGENTD_EXPOSE_DISCOVERY_H

#include <stddef.h>

#include "snapshot/snapshot.h"

/* Renders the JSON text to malloc'ed *body. `target` is HOST:PORT, `prefix` the path of the services' pages with a
 * slash at its end. 0 or -ENOMEM. Cost: some 50 ns a series. */
int discovery_render(const struct snapshot *snapshot, const char *target, const char *prefix, char **body, size_t *len);

#endif
