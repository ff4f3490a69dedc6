/* SPDX-License-Identifier: MIT */
/* Routes of the main table: rtnetlink. Slow: a router may have a million of them. */
#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host_netlink.h"

static const struct host_family info_family = HOST_GAUGE("node_network_route_info", "network routing table information",
							 "device", "src", "dest", "gw", "priority", "proto", "weight");
static const struct host_family count_family =
	HOST_GAUGE("node_network_routes", "network routes by interface", "device");

/* By number (rtnetlink(7)). */
static const struct {
	unsigned char number;
	const char *name;
} protocols[] = {{RTPROT_UNSPEC, "unspec"},
		 {RTPROT_REDIRECT, "redirect"},
		 {RTPROT_KERNEL, "kernel"},
		 {RTPROT_BOOT, "boot"},
		 {RTPROT_STATIC, "static"},
		 {RTPROT_GATED, "gated"},
		 {RTPROT_RA, "ra"},
		 {RTPROT_MRT, "mrt"},
		 {RTPROT_ZEBRA, "zebra"},
		 {RTPROT_BIRD, "bird"},
		 {RTPROT_DNROUTED, "dnrouted"},
		 {RTPROT_XORP, "xorp"},
		 {RTPROT_NTK, "ntk"},
		 {RTPROT_DHCP, "dhcp"},
		 {RTPROT_MROUTED, "mrouted"},
		 {RTPROT_KEEPALIVED, "keepalived"},
		 {RTPROT_BABEL, "babel"},
		 {RTPROT_BGP, "bgp"},
		 {RTPROT_ISIS, "isis"},
		 {RTPROT_OSPF, "ospf"},
		 {RTPROT_RIP, "rip"},
		 {RTPROT_EIGRP, "eigrp"}};

/* Routes per device, by the device's index. */
struct device_count {
	unsigned index;
	char name[IF_NAMESIZE];
	uint64_t routes;
};
struct devices {
	struct device_count *counts;
	size_t count, capacity;
	size_t last; /* routes of one device mostly come together */
};

static struct device_count *device_get(struct devices *devices, unsigned index)
{
	if (devices->last < devices->count && devices->counts[devices->last].index == index)
		return &devices->counts[devices->last];
	for (size_t i = 0; i < devices->count; i++) {
		if (devices->counts[i].index == index) {
			devices->last = i;
			return &devices->counts[i];
		}
	}
	if (devices->count == devices->capacity) {
		size_t capacity = devices->capacity ? 2 * devices->capacity : 16;
		struct device_count *grown = realloc(devices->counts, capacity * sizeof(*grown));
		if (!grown)
			return NULL;
		devices->counts = grown;
		devices->capacity = capacity;
	}
	struct device_count *device = &devices->counts[devices->count];
	*device = (struct device_count){.index = index};
	if (!if_indextoname(index, device->name))
		return NULL;
	devices->last = devices->count++;
	return device;
}

static const char *protocol_name(unsigned char number)
{
	for (size_t i = 0; i < HOST_COUNT_OF(protocols); i++)
		if (protocols[i].number == number)
			return protocols[i].name;
	return "unknown";
}

/* "" if there is none. */
static const char *address_format(const struct rtattr *attribute, int family, char *text, size_t size)
{
	size_t len = family == AF_INET ? 4 : 16;
	if (!attribute || RTA_PAYLOAD(attribute) < len ||
	    !inet_ntop(family, RTA_DATA(attribute), text, (socklen_t)size))
		*text = '\0';
	return text;
}

static uint32_t attribute_u32(const struct rtattr *attribute)
{
	uint32_t value = 0;
	if (attribute && RTA_PAYLOAD(attribute) >= sizeof(value))
		memcpy(&value, RTA_DATA(attribute), sizeof(value));
	return value;
}

static void hop_sample(struct host *host, const struct rtmsg *route, const struct rtattr *const *attributes,
		       struct device_count *device, const struct rtattr *gateway, const char *weight)
{
	char source[INET6_ADDRSTRLEN], address[INET6_ADDRSTRLEN],
		to[INET6_ADDRSTRLEN + 8] = "default", via[INET6_ADDRSTRLEN], priority[16];
	if (!device) {
		host_skip(host);
		return;
	}
	if (attributes[RTA_DST])
		host_format(to, "%s/%u",
			    address_format(attributes[RTA_DST], route->rtm_family, address, sizeof(address)),
			    route->rtm_dst_len);
	device->routes++;
	host_u64(host, &info_family, 1, device->name,
		 address_format(attributes[RTA_PREFSRC], route->rtm_family, source, sizeof(source)), to,
		 address_format(gateway, route->rtm_family, via, sizeof(via)),
		 host_format(priority, "%u", attribute_u32(attributes[RTA_PRIORITY])),
		 protocol_name(route->rtm_protocol), weight);
}

/* Several ways to one destination. */
static void hops_sample(struct host *host, const struct rtmsg *route, const struct rtattr *const *attributes)
{
	const struct rtattr *multipath = attributes[RTA_MULTIPATH];
	const struct rtnexthop *hop = RTA_DATA(multipath);
	size_t left = RTA_PAYLOAD(multipath);
	while (left >= sizeof(*hop) && hop->rtnh_len >= sizeof(*hop) && hop->rtnh_len <= left) {
		const struct rtattr *gateway = NULL;
		char weight[16];
		size_t len = hop->rtnh_len - sizeof(*hop);
		for (const struct rtattr *at = (const struct rtattr *)(hop + 1); RTA_OK(at, len);
		     at = RTA_NEXT(at, len))
			if ((at->rta_type & NLA_TYPE_MASK) == RTA_GATEWAY)
				gateway = at;
		hop_sample(host, route, attributes, device_get(host->state, (unsigned)hop->rtnh_ifindex), gateway,
			   host_format(weight, "%u", hop->rtnh_hops + 1u));
		size_t step = RTNH_ALIGN(hop->rtnh_len);
		if (step > left)
			break;
		left -= step;
		hop = (const struct rtnexthop *)((const char *)hop + step);
	}
}

static void route_sample(struct host *host, const struct nlmsghdr *message, void *context)
{
	const struct rtattr *attributes[RTA_TABLE + 1];
	const struct rtmsg *route = NLMSG_DATA(message);
	(void)context;
	if (message->nlmsg_type != RTM_NEWROUTE || message->nlmsg_len < NLMSG_LENGTH(sizeof(*route)))
		return;
	if (route->rtm_type != RTN_UNICAST || (route->rtm_family != AF_INET && route->rtm_family != AF_INET6))
		return;
	host_netlink_attributes(message, sizeof(*route), attributes, HOST_COUNT_OF(attributes));
	if (attributes[RTA_MULTIPATH])
		hops_sample(host, route, attributes);
	else
		hop_sample(host, route, attributes, device_get(host->state, attribute_u32(attributes[RTA_OIF])),
			   attributes[RTA_GATEWAY], "");
}

static int network_route_collect(struct host *host)
{
	struct devices *devices = host->state;
	const struct rtmsg request = {.rtm_family = AF_UNSPEC};
	devices->count = devices->last = 0;
	int r = host_netlink_dump(host, NETLINK_ROUTE, RTM_GETROUTE, &request, sizeof(request), route_sample, NULL);
	for (size_t i = 0; !r && i < devices->count; i++)
		host_u64(host, &count_family, devices->counts[i].routes, devices->counts[i].name);
	return r;
}

static int network_route_open(struct host *host)
{
	host->state = calloc(1, sizeof(struct devices));
	return host->state ? 0 : -ENOMEM;
}

static void network_route_close(struct host *host)
{
	struct devices *devices = host->state;
	free(devices->counts);
	free(devices);
}

const struct host_ops host_network_route = {
	.collect = network_route_collect, .open = network_route_open, .close = network_route_close};
