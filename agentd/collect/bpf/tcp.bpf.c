/* SPDX-License-Identifier: MIT */
/* TCP: how long connecting takes, round-trip times, retransmissions, resets, states. */
#include "bpf_program.h"
#include "tcp.h"

#define AF_INET6 10
#define IPPROTO_TCP 6
enum { TCP_ESTABLISHED = 1, TCP_SYN_SENT = 2 };

const volatile struct bpf_partition latency_partition;
REGION(connects, bpf_cells);
REGION(round_trips, bpf_cells);
REGION(events, bpf_words);
REGION(states, bpf_words);

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TCP_CONNECTS_MAX);
	__type(key, __u64);   /* address of the socket */
	__type(value, __u64); /* since when it connects, ns */
} connecting SEC(".maps");

static __always_inline void connect_begin(__u64 key)
{
	const __u64 now_ns = bpf_ktime_get_ns();
	if (bpf_map_update_elem(&connecting, &key, &now_ns, BPF_ANY))
		drop_count(BPF_DROP_FULL);
}

static __always_inline void connect_end(__u64 key, enum tcp_connect_result result)
{
	const __u64 now_ns = bpf_ktime_get_ns();
	__u64 *since_ns = bpf_map_lookup_elem(&connecting, &key);
	if (!since_ns)
		return;
	if (*since_ns < now_ns)
		histogram_add(&connects, result, TCP_CONNECT_RESULTS, &latency_partition, now_ns - *since_ns);
	bpf_map_delete_elem(&connecting, &key);
}

static __always_inline void round_trip_note(const struct sock *sock)
{
	const __u64 round_trip_ns = (__u64)BPF_CORE_READ((const struct tcp_sock *)sock, srtt_us) * 1000 / 8;
	if (round_trip_ns)
		histogram_add(&round_trips, 0, 1, &latency_partition, round_trip_ns);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(set_state, const struct sock *sock, int from, int to)
{
	if (sock->sk_protocol != IPPROTO_TCP)
		return 0;
	struct bpf_words *words = region_value(&states, (__u32)to / 8 % TCP_STATE_KEYS, TCP_STATE_KEYS);
	if (words)
		words->words[to & 7]++;
	if (to == TCP_SYN_SENT)
		connect_begin((__u64)sock);
	else if (from == TCP_SYN_SENT)
		connect_end((__u64)sock, to == TCP_ESTABLISHED ? TCP_CONNECT_ESTABLISHED : TCP_CONNECT_FAILED);
	else if (from == TCP_ESTABLISHED)
		round_trip_note(sock);
	return 0;
}

static __always_inline void event_count(const struct sock *sock, enum tcp_word word)
{
	const bool ipv6 = sock && sock->__sk_common.skc_family == AF_INET6;
	struct bpf_words *words = region_value(&events, ipv6 ? TCP_IPV6 : TCP_IPV4, TCP_ADDRESSES);
	if (words)
		words->words[word]++;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(retransmit, const struct sock *sock)
{
	event_count(sock, TCP_RETRANSMITS);
	return 0;
}

SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(retransmit_synack, const struct sock *sock)
{
	event_count(sock, TCP_SYNACK_RETRANSMITS);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(receive_reset, struct sock *sock)
{
	event_count(sock, TCP_RESETS_RECEIVED);
	return 0;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(send_reset)
{
	event_count(NULL, TCP_RESETS_SENT);
	return 0;
}
