/* SPDX-License-Identifier: MIT */
/* Addresses of network devices: the optional part of the netdev collector. */
#include "node_netdev_address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>

#include "host_netlink.h"

static const struct host_family info_family = HOST_GAUGE("node_network_address_info", "node network address by device",
							 "device", "address", "netmask", "scope");

/* Loopback counts as link-local; everything else that is neither is global. */
static const char *scope_name(int family, const void *address)
{
	const struct in6_addr *six = address;
	uint32_t four;
	if (family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(six) || IN6_IS_ADDR_LINKLOCAL(six) ? "link-local" : "global";
	memcpy(&four, address, sizeof(four));
	four = ntohl(four);
	return four >> 24 == 127 || four >> 16 == 0xa9fe ? "link-local" : "global";
}

static void address_sample(struct host *host, const struct nlmsghdr *message, void *context)
{
	const struct rtattr *attributes[IFA_LOCAL + 1];
	char device[IF_NAMESIZE], address[INET6_ADDRSTRLEN], netmask[8];
	struct host_filter *filter = context;
	if (message->nlmsg_type != RTM_NEWADDR || message->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifaddrmsg)))
		return;
	const struct ifaddrmsg *header = NLMSG_DATA(message);
	host_netlink_attributes(message, sizeof(*header), attributes, HOST_COUNT_OF(attributes));
	/* Of a point-to-point link IFA_ADDRESS is the other end. */
	const struct rtattr *local = attributes[IFA_LOCAL] ? attributes[IFA_LOCAL] : attributes[IFA_ADDRESS];
	size_t bytes = header->ifa_family == AF_INET ? 4 : header->ifa_family == AF_INET6 ? 16 : 0;
	if (!local || !bytes || RTA_PAYLOAD(local) < bytes) {
		host_skip(host);
		return;
	}
	if (!if_indextoname(header->ifa_index, device) || !host_filter_takes(filter, device) ||
	    !inet_ntop(header->ifa_family, RTA_DATA(local), address, sizeof(address)))
		return; /* a device may be gone meanwhile */
	host_u64(host, &info_family, 1, device, address, host_format(netmask, "%u", header->ifa_prefixlen),
		 scope_name(header->ifa_family, RTA_DATA(local)));
}

int netdev_address_sample(struct host *host, struct host_filter *filter)
{
	const struct ifaddrmsg request = {.ifa_family = AF_UNSPEC};
	return host_netlink_dump(host, NETLINK_ROUTE, RTM_GETADDR, &request, sizeof(request), address_sample, filter);
}
