/* SPDX-License-Identifier: MIT */
/* TCP connections by state: sock_diag netlink. Slow: one message for each socket of the machine. */
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "host_netlink.h"

static const struct host_family family =
	HOST_GAUGE("node_tcp_connection_states", "Number of connection states.", "state");

static const char *const states[] = {
	[TCP_ESTABLISHED] = "established",
	[TCP_SYN_SENT] = "syn_sent",
	[TCP_SYN_RECV] = "syn_recv",
	[TCP_FIN_WAIT1] = "fin_wait1",
	[TCP_FIN_WAIT2] = "fin_wait2",
	[TCP_TIME_WAIT] = "time_wait",
	[TCP_CLOSE] = "close",
	[TCP_CLOSE_WAIT] = "close_wait",
	[TCP_LAST_ACK] = "last_ack",
	[TCP_LISTEN] = "listen",
	[TCP_CLOSING] = "closing",
};
#define STATES_ALL 0xfffu

struct counts {
	uint64_t sockets;
	uint64_t states[HOST_COUNT_OF(states)];
	uint64_t received_bytes; /* waiting to be read */
	uint64_t sent_bytes;     /* waiting for an acknowledgement */
};

static void socket_count(struct host *host, const struct nlmsghdr *message, void *context)
{
	struct counts *counts = context;
	const struct inet_diag_msg *socket = NLMSG_DATA(message);
	if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY || message->nlmsg_len < NLMSG_LENGTH(sizeof(*socket)) ||
	    socket->idiag_state >= HOST_COUNT_OF(states)) {
		host_skip(host);
		return;
	}
	counts->sockets++;
	counts->states[socket->idiag_state]++;
	counts->received_bytes += socket->idiag_rqueue;
	counts->sent_bytes += socket->idiag_wqueue;
}

static int sockets_count(struct host *host, uint8_t address_family, struct counts *counts)
{
	const struct inet_diag_req_v2 request = {
		.sdiag_family = address_family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = STATES_ALL};
	return host_netlink_dump(host, NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, &request, sizeof(request), socket_count,
				 counts);
}

static int tcpstat_collect(struct host *host)
{
	struct counts counts = {.sockets = 0};
	int r = sockets_count(host, AF_INET, &counts);
	if (r)
		return r;
	sockets_count(host, AF_INET6, &counts); /* not there where IPv6 is disabled */
	for (size_t i = 0; i < HOST_COUNT_OF(states); i++)
		if (states[i] && counts.states[i])
			host_u64(host, &family, counts.states[i], states[i]);
	if (counts.sockets) {
		host_u64(host, &family, counts.sent_bytes, "tx_queued_bytes");
		host_u64(host, &family, counts.received_bytes, "rx_queued_bytes");
	}
	return 0;
}

const struct host_ops host_tcpstat = {.collect = tcpstat_collect};
