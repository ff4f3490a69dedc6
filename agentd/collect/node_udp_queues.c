/* SPDX-License-Identifier: MIT */
/* Memory in the queues of UDP sockets: /proc/net/udp and udp6. */
#include "host.h"

static const struct host_family family = HOST_GAUGE(
	"node_udp_queues", "Number of allocated memory in the kernel for UDP datagrams in bytes.", "queue", "ip");

static int queues_sample(struct host *host, const char *path, const char *ip)
{
	struct text text, line;
	uint64_t sent = 0, received = 0, tx, rx;
	int r = host_read(host, HOST_PROC, path, &text);
	if (r)
		return r;
	text_line(&text, &line); /* headings */
	while (text_line(&text, &line)) {
		/* "0: LOCAL REMOTE STATE TX:RX ..." */
		if (!text_skip_words(&line, 4) || !text_hex(&line, &tx) || !text_take(&line, ":") ||
		    !text_hex(&line, &rx)) {
			host_skip(host);
			continue;
		}
		sent += tx;
		received += rx;
	}
	host_u64(host, &family, sent, "tx", ip);
	host_u64(host, &family, received, "rx", ip);
	return 0;
}

/* Either may be missing, where the kernel is without that protocol. */
static int udp_queues_collect(struct host *host)
{
	int r = queues_sample(host, "net/udp", "v4"), r6 = queues_sample(host, "net/udp6", "v6");
	if (r && r != -ENOENT)
		return r;
	if (r6 && r6 != -ENOENT)
		return r6;
	return r && r6 ? -ENODATA : 0;
}

const struct host_ops host_udp_queues = {.collect = udp_queues_collect};
