/* SPDX-License-Identifier: MIT */
/* Accept queues, told by port: sockets that share one are told together.
 *
 * What was dropped is kept here, since it goes away with the socket: a counter must not. */
#include <linux/types.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf_feature.h"
#include "tcp_listen.h"

#include "tcp_listen.skel.h"

static const struct host_family length_family = HOST_GAUGE(
	"node_bpf_tcp_accept_queue_length", "Connections that wait to be accepted, by the port that listens.", "port");
static const struct host_family limit_family =
	HOST_GAUGE("node_bpf_tcp_accept_queue_limit", "Most connections that may wait to be accepted.", "port");
static const struct host_family drops_family = HOST_COUNTER(
	"node_bpf_tcp_accept_queue_drops_total",
	"Connections that were refused by a port that listens, because its accept queue was full or for other reasons.",
	"port");

#define PORTS 65536u
#define PORTS_TOLD_MAX 256u

struct queue {
	uint32_t port;
	uint32_t pass; /* in which it was seen last */
	uint64_t length, limit, drops;
	uint64_t drops_last; /* of the sockets that were there */
	uint64_t drops_total;
};

struct tcp_listen {
	struct queue queues[PORTS_TOLD_MAX]; /* in the order in which they were seen first */
	size_t count;
	uint32_t pass;
	struct tcp_listener records[TCP_LISTEN_READ_BYTES / sizeof(struct tcp_listener)];
};

BPF_FEATURE_SKELETON(tcp_listen, (void))

static int tcp_listen_start(struct bpf_feature *feature)
{
	feature->own = calloc(1, sizeof(struct tcp_listen));
	return feature->own ? 0 : -ENOMEM;
}

static void tcp_listen_stop(struct bpf_feature *feature)
{
	free(feature->own);
}

/* The queue of a port, which takes the place of one that is no more; NULL when there are too many. */
static struct queue *queue_get(struct tcp_listen *own, uint32_t port)
{
	struct queue *queue = NULL;
	for (size_t i = 0; i < own->count; i++) {
		if (own->queues[i].port == port)
			return &own->queues[i];
		if (own->queues[i].pass + 1 < own->pass)
			queue = &own->queues[i];
	}
	if (!queue && own->count < PORTS_TOLD_MAX)
		queue = &own->queues[own->count++];
	if (queue)
		*queue = (struct queue){.port = port};
	return queue;
}

static void listener_take(struct tcp_listen *own, const struct tcp_listener *listener)
{
	struct queue *queue = queue_get(own, listener->port);
	if (!queue)
		return;
	if (queue->pass != own->pass) {
		queue->length = queue->limit = queue->drops = 0;
		queue->pass = own->pass;
	}
	queue->length += listener->length;
	queue->limit += listener->limit;
	queue->drops += listener->drops;
}

/* A reading ends with an error where the sockets that do not listen begin. */
static void listeners_read(struct tcp_listen *own, int fd)
{
	ssize_t bytes;
	while ((bytes = read(fd, own->records, sizeof(own->records))) > 0) {
		const size_t count = (size_t)bytes / sizeof(*own->records);
		for (size_t i = 0; i < count; i++) {
			if (!own->records[i].port)
				return;
			listener_take(own, &own->records[i]);
		}
	}
}

static void queue_sample(struct queue *queue, const struct bpf_sink *sink)
{
	char port[8];
	/* Fewer than before: a socket is gone, with what it had counted. */
	if (queue->drops > queue->drops_last)
		queue->drops_total += queue->drops - queue->drops_last;
	queue->drops_last = queue->drops;
	host_format(port, "%u", queue->port % PORTS);
	host_u64(sink->host, &length_family, queue->length, port);
	host_u64(sink->host, &limit_family, queue->limit, port);
	host_u64(sink->host, &drops_family, queue->drops_total, port);
}

static void tcp_listen_sample(struct bpf_feature *feature, const struct bpf_sink *sink)
{
	struct tcp_listen *own = feature->own;
	const int fd = bpf_iter_create(bpf_link__fd(feature->links[0]));
	if (fd < 0)
		return;
	own->pass++;
	listeners_read(own, fd);
	close(fd);
	for (size_t i = 0; i < own->count; i++)
		if (own->queues[i].pass == own->pass)
			queue_sample(&own->queues[i], sink);
}

const struct bpf_feature_ops bpf_feature_tcp_listen = {
	BPF_FEATURE_SKELETON_OPS,
	.name = "tcp_listen",
	.regions = (const struct bpf_region_spec[]){{NULL, 0, BPF_ROWS_CPU}},
	.start = tcp_listen_start,
	.stop = tcp_listen_stop,
	.sample = tcp_listen_sample,
};
