/* SPDX-License-Identifier: MIT */
/* How statistics of network drivers become families: node_exporter's rules. */
#ifndef AGENTD_COLLECT_NODE_ETHTOOL_H
#define AGENTD_COLLECT_NODE_ETHTOOL_H

#include "host.h"

#define ETHTOOL_NAME_MAX 256u

/* The family of a statistic: "tx0.Bytes" is "node_ethtool_tx0_bytes", "rx_queue_0_drops" is
 * "node_ethtool_received_queue_0_drops". `name` has ETHTOOL_NAME_MAX bytes; what is too long is cut. */
void ethtool_name_make(const char *statistic, char *name);

/* A sample of a statistic of a device. */
void ethtool_statistic_sample(struct host *host, const char *device, const char *statistic, uint64_t value);

#endif
