/* SPDX-License-Identifier: MIT */
/* Packets that the kernel dropped, by reason. */
#ifndef AGENTD_COLLECT_BPF_PACKET_DROPS_H
#define AGENTD_COLLECT_BPF_PACKET_DROPS_H

/* Array "reasons": reason / 8 is the key and reason % 8 the word. The last one is for reasons beyond, those of
 * subsystems with an enumeration of their own among them. */
#define PACKET_DROP_KEYS 32
#define PACKET_DROP_REASONS (PACKET_DROP_KEYS * 8)

#endif
