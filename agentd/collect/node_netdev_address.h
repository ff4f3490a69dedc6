/* SPDX-License-Identifier: MIT */
/* Addresses of network devices: the optional part of the netdev collector. */
#ifndef AGENTD_COLLECT_NODE_NETDEV_ADDRESS_H
#define AGENTD_COLLECT_NODE_NETDEV_ADDRESS_H

#include "host.h"

/* The addresses of the devices that the filter takes; 0 or -errno. */
int netdev_address_sample(struct host *host, struct host_filter *filter);

#endif
