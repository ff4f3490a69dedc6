/* SPDX-License-Identifier: MIT */
/* Accept queues: an iterator over the sockets of TCP, which runs when it is read. Those that listen come first. */
#include "bpf_program.h"
#include "tcp_listen.h"

#define TCP_LISTEN 10

/* In pieces, more than the agent reads at once. */
static char filler[4096];
#define FILLERS (TCP_LISTEN_READ_BYTES / 4096 + 1)

/* A reading that is full ends there: none of the many other sockets is looked at. */
static __always_inline void reading_end(struct seq_file *out)
{
	for (int i = 0; i < FILLERS; i++)
		bpf_seq_write(out, filler, sizeof(filler));
}

SEC("iter/tcp")
int listeners(struct bpf_iter__tcp *context)
{
	struct sock_common *common = context->sk_common;
	struct seq_file *out = context->meta->seq;
	if (!common)
		return 0;
	if (common->skc_state != TCP_LISTEN) {
		reading_end(out);
		return 0;
	}
	const struct sock *sock = (const struct sock *)common;
	const struct tcp_listener listener = {
		.port = common->skc_num,
		.length = BPF_CORE_READ(sock, sk_ack_backlog),
		.limit = BPF_CORE_READ(sock, sk_max_ack_backlog),
		.drops = (__u32)BPF_CORE_READ(sock, sk_drops.counter),
	};
	bpf_seq_write(out, &listener, sizeof(listener));
	return 0;
}
