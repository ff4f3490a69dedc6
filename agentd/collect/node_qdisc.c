/* SPDX-License-Identifier: MIT */
/* The root queueing discipline of each network device: rtnetlink, or results.json of a directory of fixtures. */
#include <jansson.h>
#include <linux/gen_stats.h>
#include <linux/pkt_sched.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host_netlink.h"

struct qdisc {
	char device[IF_NAMESIZE + 1];
	char kind[32];
	uint64_t bytes, packets, drops, requeues, overlimits, queue_length, backlog;
};

#define LABELS "device", "kind"
static const struct {
	size_t offset;
	const char *key; /* in results.json */
	struct host_family family;
} fields[] = {
#define FIELD(field, key, ...)                                                                                         \
	{                                                                                                              \
		offsetof(struct qdisc, field), key, __VA_ARGS__                                                        \
	}
	FIELD(bytes, "Bytes", HOST_COUNTER("node_qdisc_bytes_total", "Number of bytes sent.", LABELS)),
	FIELD(packets, "Packets", HOST_COUNTER("node_qdisc_packets_total", "Number of packets sent.", LABELS)),
	FIELD(drops, "Drops", HOST_COUNTER("node_qdisc_drops_total", "Number of packets dropped.", LABELS)),
	FIELD(requeues, "Requeues",
	      HOST_COUNTER("node_qdisc_requeues_total", "Number of packets dequeued, not transmitted, and requeued.",
			   LABELS)),
	FIELD(overlimits, "Overlimits",
	      HOST_COUNTER("node_qdisc_overlimits_total", "Number of overlimit packets.", LABELS)),
	FIELD(queue_length, "Qlen",
	      HOST_GAUGE("node_qdisc_current_queue_length", "Number of packets currently in queue to be sent.",
			 LABELS)),
	FIELD(backlog, "Backlog",
	      HOST_GAUGE("node_qdisc_backlog", "Number of bytes currently in queue to be sent.", LABELS)),
};

static uint64_t *field_at(struct qdisc *qdisc, size_t i)
{
	return (uint64_t *)(void *)((char *)qdisc + fields[i].offset);
}

static void qdisc_sample(struct host *host, struct qdisc *qdisc)
{
	if (!host_filter_takes(host->state, qdisc->device))
		return;
	for (size_t i = 0; i < HOST_COUNT_OF(fields); i++)
		host_u64(host, &fields[i].family, *field_at(qdisc, i), qdisc->device, qdisc->kind);
}

/* ---- the kernel ------------------------------------------------------------------------------------------------- */

/* As much of an attribute as there is; the rest is 0. */
static void attribute_copy(const struct rtattr *attribute, void *to, size_t size)
{
	size_t len = RTA_PAYLOAD(attribute);
	memcpy(to, RTA_DATA(attribute), len < size ? len : size);
}

static void statistics_read(const struct rtattr *nest, struct qdisc *qdisc)
{
	struct gnet_stats_basic basic = {.bytes = 0};
	struct gnet_stats_queue queue = {.qlen = 0};
	uint64_t packets = 0;
	size_t len = RTA_PAYLOAD(nest);
	for (const struct rtattr *at = RTA_DATA(nest); RTA_OK(at, len); at = RTA_NEXT(at, len)) {
		int type = at->rta_type & NLA_TYPE_MASK;
		if (type == TCA_STATS_BASIC)
			attribute_copy(at, &basic, sizeof(basic));
		else if (type == TCA_STATS_QUEUE)
			attribute_copy(at, &queue, sizeof(queue));
		else if (type == TCA_STATS_PKT64)
			attribute_copy(at, &packets, sizeof(packets));
	}
	qdisc->bytes = basic.bytes;
	qdisc->packets = packets ? packets : basic.packets; /* the latter has 32 bits */
	qdisc->drops = queue.drops;
	qdisc->requeues = queue.requeues;
	qdisc->overlimits = queue.overlimits;
	qdisc->queue_length = queue.qlen;
	qdisc->backlog = queue.backlog;
}

static void message_sample(struct host *host, const struct nlmsghdr *message, void *context)
{
	const struct rtattr *attributes[TCA_STATS2 + 1];
	const struct tcmsg *header = NLMSG_DATA(message);
	struct qdisc qdisc = {.device = ""};
	(void)context;
	if (message->nlmsg_type != RTM_NEWQDISC || message->nlmsg_len < NLMSG_LENGTH(sizeof(*header)))
		return;
	if (header->tcm_parent != TC_H_ROOT && header->tcm_parent != 0)
		return;
	host_netlink_attributes(message, sizeof(*header), attributes, HOST_COUNT_OF(attributes));
	if (!attributes[TCA_KIND] || !attributes[TCA_STATS2] ||
	    !if_indextoname((unsigned)header->tcm_ifindex, qdisc.device)) {
		host_skip(host); /* the device may be gone by now */
		return;
	}
	attribute_copy(attributes[TCA_KIND], qdisc.kind, sizeof(qdisc.kind) - 1);
	statistics_read(attributes[TCA_STATS2], &qdisc);
	qdisc_sample(host, &qdisc);
}

/* ---- fixtures --------------------------------------------------------------------------------------------------- */

static void result_sample(struct host *host, const json_t *result)
{
	struct qdisc qdisc = {.device = ""};
	const char *device = json_string_value(json_object_get(result, "IfaceName"));
	const char *kind = json_string_value(json_object_get(result, "Kind"));
	if (!device || !kind) {
		host_skip(host);
		return;
	}
	host_format(qdisc.device, "%s", device);
	host_format(qdisc.kind, "%s", kind);
	for (size_t i = 0; i < HOST_COUNT_OF(fields); i++)
		*field_at(&qdisc, i) = (uint64_t)json_integer_value(json_object_get(result, fields[i].key));
	qdisc_sample(host, &qdisc);
}

static int fixtures_sample(struct host *host, const char *directory)
{
	char path[HOST_PATH_MAX];
	json_t *results = json_load_file(host_format(path, "%s/results.json", directory), 0, NULL);
	if (!json_is_array(results)) {
		json_decref(results);
		return -EINVAL;
	}
	for (size_t i = 0; i < json_array_size(results); i++)
		result_sample(host, json_array_get(results, i));
	json_decref(results);
	return 0;
}

static int qdisc_open(struct host *host)
{
	struct host_filter *filter = calloc(1, sizeof(*filter));
	if (!filter)
		return -ENOMEM;
	int r = host_filter_init(filter, host->options->qdisc_device_include, host->options->qdisc_device_exclude);
	if (r)
		free(filter);
	else
		host->state = filter;
	return r;
}

static void qdisc_close(struct host *host)
{
	host_filter_fini(host->state);
	free(host->state);
}

static int qdisc_collect(struct host *host)
{
	const struct tcmsg request = {.tcm_family = AF_UNSPEC};
	const char *fixtures = host->options->qdisc_fixtures;
	if (*fixtures)
		return fixtures_sample(host, fixtures);
	return host_netlink_dump(host, NETLINK_ROUTE, RTM_GETQDISC, &request, sizeof(request), message_sample, NULL);
}

const struct host_ops host_qdisc = {.collect = qdisc_collect, .open = qdisc_open, .close = qdisc_close};
