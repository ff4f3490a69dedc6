/* SPDX-License-Identifier: MIT */
/* The process_* metrics that Prometheus client libraries have, for the agent itself. */
#ifndef AGENTD_COLLECT_SELF_PROCESS_H
#define AGENTD_COLLECT_SELF_PROCESS_H

#include "snapshot/builder.h"

/* Samples them with the label service="mstatd", so that they never meet those of a segment or of another process.
 * 0 or -errno of reading /proc/self; what could be read is sampled all the same. */
int self_process_collect(struct builder *builder);

#endif
