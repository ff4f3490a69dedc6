/* SPDX-License-Identifier: MIT */
/* Packets that the kernel dropped, by the reason that it gives (since Linux 5.17). */
#include "bpf_program.h"
#include "packet_drops.h"

REGION(reasons, bpf_words);

SEC("tp_btf/kfree_skb")
int BPF_PROG(drop, struct sk_buff *packet, void *location, unsigned int reason)
{
	if (reason >= PACKET_DROP_REASONS)
		reason = PACKET_DROP_REASONS - 1;
	struct bpf_words *words = region_value(&reasons, reason / 8, PACKET_DROP_KEYS);
	if (words)
		words->words[reason % 8]++;
	return 0;
}
