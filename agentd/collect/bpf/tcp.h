/* SPDX-License-Identifier: MIT */
/* TCP connections. */
#ifndef AGENTD_COLLECT_BPF_TCP_H
#define AGENTD_COLLECT_BPF_TCP_H

#define TCP_CONNECTS_MAX 8192

/* Keys of the array "connects". */
enum tcp_connect_result { TCP_CONNECT_ESTABLISHED, TCP_CONNECT_FAILED, TCP_CONNECT_RESULTS };

/* Words of the array "events", whose keys are enum tcp_address. */
enum tcp_address { TCP_IPV4, TCP_IPV6, TCP_ADDRESSES };
enum tcp_word {
	TCP_RETRANSMITS,
	TCP_SYNACK_RETRANSMITS,
	TCP_RESETS_RECEIVED,
	TCP_RESETS_SENT, /* all as IPv4: the kernel may have no socket for them */
	TCP_WORDS
};

/* Array "states": state / 8 is the key and state % 8 the word of how often it was entered. */
#define TCP_STATE_KEYS 2

#endif
