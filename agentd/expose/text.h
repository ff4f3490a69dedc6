/* SPDX-License-Identifier: MIT */
/* Prometheus text exposition 0.0.4 of a snapshot. Source: prometheus.io, "Exposition formats".
 *
 * 1.0.0 differs only in quoting names that no family of ours has. What 0.0.4 has no word for:
 *
 *     gauge histogram   a histogram of its buckets alone; x_gcount and x_gsum are gauges of their own
 *     info, state set   gauges
 *     exemplars, created times, units: not exposed
 *
 * A histogram that has native buckets only is shown by its ladder (ladder.h). Cost: some 15 ns a series of one number,
 * 35 where 100,000 of them outgrow the caches; 30 more for a value that is no integer; some 15 ns a bucket.
 */
#ifndef AGENTD_EXPOSE_TEXT_H
#define AGENTD_EXPOSE_TEXT_H

#include "format.h"

/* format_render() of everything as FORMAT_TEXT: 0 or -ENOMEM. */
int text_render(const struct snapshot *snapshot, char **body, size_t *len);

#endif
