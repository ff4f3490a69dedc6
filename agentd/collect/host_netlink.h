/* SPDX-License-Identifier: MIT */
/* Dumps by netlink: links, neighbours, queueing disciplines, sockets. */
#ifndef AGENTD_COLLECT_HOST_NETLINK_H
#define AGENTD_COLLECT_HOST_NETLINK_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "host.h"

/* One message of a dump; its whole length has been checked to lie in the buffer. */
typedef void host_netlink_message(struct host *host, const struct nlmsghdr *message, void *context);

/* Sends a dump request (type and payload, NLM_F_REQUEST | NLM_F_DUMP) and calls `each` for every message up to the end.
 * `protocol`: NETLINK_ROUTE, NETLINK_SOCK_DIAG, ... The socket stays open. Uses the collector's buffer. 0, -errno of
 * the kernel's answer, or -ETIMEDOUT. */
int host_netlink_dump(struct host *host, int protocol, uint16_t type, const void *payload, size_t len,
		      host_netlink_message *each, void *context);

/* Fills table[0, count) with the attributes of a message whose own header is `header_bytes` long, by type; absent or
 * cut ones are NULL. */
void host_netlink_attributes(const struct nlmsghdr *message, size_t header_bytes, const struct rtattr **table,
			     size_t count);

#endif
