/* SPDX-License-Identifier: MIT */
/* Sockets that listen, and their accept queues. */
#ifndef AGENTD_COLLECT_BPF_TCP_LISTEN_H
#define AGENTD_COLLECT_BPF_TCP_LISTEN_H

#define TCP_LISTEN_READ_BYTES 32768

/* What the iterator writes for each; behind the last one nothing, or zeros. */
struct tcp_listener {
	__u32 port;
	__u32 length; /* connections that wait to be accepted */
	__u32 limit;
	__u32 drops; /* connections that found the queue full, and others that were refused; wraps */
};

#endif
