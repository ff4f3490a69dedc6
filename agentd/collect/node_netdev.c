/* SPDX-License-Identifier: MIT */
/* Counters of network devices: rtnetlink, which knows more than /proc/net/dev and parses faster. */
#include <linux/if_link.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "host_netlink.h"
#include "node_netdev_address.h"

#define STATISTIC(name) HOST_COUNTER("node_network_" name "_total", "Network device statistic " name ".", "device")

/* A family is the sum of up to four of the kernel's counters. */
#define AT(field) ((offsetof(struct rtnl_link_stats64, field)) + 1)
struct statistic {
	struct host_family family;
	size_t offsets_plus_1[4];
};
static const struct statistic statistics[] = {
	{STATISTIC("receive_bytes"), {AT(rx_bytes)}},
	{STATISTIC("receive_packets"), {AT(rx_packets)}},
	{STATISTIC("receive_errs"), {AT(rx_errors)}},
	{STATISTIC("receive_drop"), {AT(rx_dropped), AT(rx_missed_errors)}},
	{STATISTIC("receive_fifo"), {AT(rx_fifo_errors)}},
	{STATISTIC("receive_frame"),
	 {AT(rx_length_errors), AT(rx_over_errors), AT(rx_crc_errors), AT(rx_frame_errors)}},
	{STATISTIC("receive_compressed"), {AT(rx_compressed)}},
	{STATISTIC("receive_multicast"), {AT(multicast)}},
	{STATISTIC("receive_nohandler"), {AT(rx_nohandler)}},
	{STATISTIC("transmit_bytes"), {AT(tx_bytes)}},
	{STATISTIC("transmit_packets"), {AT(tx_packets)}},
	{STATISTIC("transmit_errs"), {AT(tx_errors)}},
	{STATISTIC("transmit_drop"), {AT(tx_dropped)}},
	{STATISTIC("transmit_fifo"), {AT(tx_fifo_errors)}},
	{STATISTIC("transmit_colls"), {AT(collisions)}},
	{STATISTIC("transmit_carrier"),
	 {AT(tx_carrier_errors), AT(tx_aborted_errors), AT(tx_window_errors), AT(tx_heartbeat_errors)}},
	{STATISTIC("transmit_compressed"), {AT(tx_compressed)}},
};

static int netdev_open(struct host *host)
{
	struct host_filter *filter = calloc(1, sizeof(*filter));
	if (!filter)
		return -ENOMEM;
	int r = host_filter_init(filter, host->options->netdev_device_include, host->options->netdev_device_exclude);
	if (r)
		free(filter);
	else
		host->state = filter;
	return r;
}

static void netdev_close(struct host *host)
{
	host_filter_fini(host->state);
	free(host->state);
}

static uint64_t statistic_sum(const struct rtnl_link_stats64 *stats, const struct statistic *statistic)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < 4 && statistic->offsets_plus_1[i]; i++) {
		uint64_t value;
		memcpy(&value, (const char *)stats + statistic->offsets_plus_1[i] - 1, sizeof(value));
		sum += value;
	}
	return sum;
}

static void link_sample(struct host *host, const struct nlmsghdr *message, void *context)
{
	const struct rtattr *attributes[IFLA_STATS64 + 1];
	struct rtnl_link_stats64 stats = {0};
	char device[IFNAMSIZ + 1] = "";
	(void)context;
	if (message->nlmsg_type != RTM_NEWLINK)
		return;
	host_netlink_attributes(message, sizeof(struct ifinfomsg), attributes, HOST_COUNT_OF(attributes));
	const struct rtattr *name = attributes[IFLA_IFNAME], *counters = attributes[IFLA_STATS64];
	if (!name || !counters) {
		host_skip(host);
		return;
	}
	memcpy(device, RTA_DATA(name), RTA_PAYLOAD(name) < IFNAMSIZ ? RTA_PAYLOAD(name) : IFNAMSIZ);
	/* Older kernels have fewer counters, newer ones more. Copied, since attributes are aligned to 4 bytes only. */
	memcpy(&stats, RTA_DATA(counters),
	       RTA_PAYLOAD(counters) < sizeof(stats) ? RTA_PAYLOAD(counters) : sizeof(stats));
	if (!host_filter_takes(host->state, device))
		return;
	for (size_t i = 0; i < HOST_COUNT_OF(statistics); i++)
		host_u64(host, &statistics[i].family, statistic_sum(&stats, &statistics[i]), device);
}

static int netdev_collect(struct host *host)
{
	const struct ifinfomsg request = {.ifi_family = AF_UNSPEC};
	int r = host_netlink_dump(host, NETLINK_ROUTE, RTM_GETLINK, &request, sizeof(request), link_sample, NULL);
	if (!r && host->options->netdev_address_info)
		r = netdev_address_sample(host, host->state);
	return r;
}

const struct host_ops host_netdev = {.collect = netdev_collect, .open = netdev_open, .close = netdev_close};
