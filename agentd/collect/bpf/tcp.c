/* SPDX-License-Identifier: MIT */
/* TCP, told. */
#include "tcp.h"

#include "bpf_feature.h"

#include "tcp.skel.h"

enum { CONNECTS, ROUND_TRIPS, EVENTS, STATES };

static const struct bpf_histogram_spec connects_spec = {
	.name = "node_bpf_tcp_connect_seconds",
	.help = "Time that connecting took, by how it ended.",
	.scale = BPF_SCALE_LATENCY,
	.labels = {"result"},
};
static const struct bpf_histogram_spec round_trips_spec = {
	.name = "node_bpf_tcp_round_trip_seconds",
	.help = "Smoothed round-trip time of a connection when it leaves the state established.",
	.scale = BPF_SCALE_LATENCY,
};
static const struct host_family retransmits_family =
	HOST_COUNTER("node_bpf_tcp_retransmits_total",
		     "Segments that were sent again; \"synack\" is the answer to who connects, sent again because the "
		     "third segment of the "
		     "handshake did not come, or found the accept queue full.",
		     "family", "type");
static const struct host_family resets_family =
	HOST_COUNTER("node_bpf_tcp_resets_total", "Segments with the flag RST.", "direction");
static const struct host_family states_family =
	HOST_COUNTER("node_bpf_tcp_state_transitions_total", "Connections that came into a state.", "state");

static const char *const addresses[TCP_ADDRESSES] = {[TCP_IPV4] = "ipv4", [TCP_IPV6] = "ipv6"};
static const char *const results[TCP_CONNECT_RESULTS] = {
	[TCP_CONNECT_ESTABLISHED] = "established",
	[TCP_CONNECT_FAILED] = "failed",
};
/* By the kernel's numbers. */
static const char *const states[TCP_STATE_KEYS * BPF_WORDS] = {
	[1] = "established", [2] = "syn_sent",  [3] = "syn_recv", [4] = "fin_wait1",
	[5] = "fin_wait2",   [6] = "time_wait", [7] = "close",    [8] = "close_wait",
	[9] = "last_ack",    [10] = "listen",   [11] = "closing", [12] = "new_syn_recv",
};

static void constants_fill(struct tcp_bpf *skeleton)
{
	bpf_partition_fill(BPF_SCALE_LATENCY, &skeleton->rodata->latency_partition);
}
BPF_FEATURE_SKELETON(tcp, constants_fill)

static void events_sample(const struct bpf_feature *feature, const struct bpf_sink *sink)
{
	uint64_t sent = 0, received = 0;
	for (uint32_t i = 0; i < TCP_ADDRESSES; i++) {
		uint64_t words[TCP_WORDS];
		bpf_region_sums(&feature->regions[EVENTS], i, TCP_WORDS, words);
		host_u64(sink->host, &retransmits_family, words[TCP_RETRANSMITS], addresses[i], "segment");
		host_u64(sink->host, &retransmits_family, words[TCP_SYNACK_RETRANSMITS], addresses[i], "synack");
		sent += words[TCP_RESETS_SENT];
		received += words[TCP_RESETS_RECEIVED];
	}
	host_u64(sink->host, &resets_family, sent, "sent");
	host_u64(sink->host, &resets_family, received, "received");
}

static void tcp_sample(struct bpf_feature *feature, const struct bpf_sink *sink)
{
	for (uint32_t i = 0; i < TCP_CONNECT_RESULTS; i++)
		bpf_histogram_sample(&feature->histograms[CONNECTS], sink->builder, &feature->regions[CONNECTS], i,
				     &results[i]);
	bpf_histogram_sample(&feature->histograms[ROUND_TRIPS], sink->builder, &feature->regions[ROUND_TRIPS], 0, NULL);
	events_sample(feature, sink);
	for (uint32_t i = 0; i < HOST_COUNT_OF(states); i++)
		if (states[i])
			host_u64(sink->host, &states_family,
				 bpf_region_sum(&feature->regions[STATES], i / BPF_WORDS, i % BPF_WORDS), states[i]);
}

const struct bpf_feature_ops bpf_feature_tcp = {
	BPF_FEATURE_SKELETON_OPS,
	.name = "tcp",
	.regions = (const struct bpf_region_spec[]){[CONNECTS] = {"connects", TCP_CONNECT_RESULTS, BPF_ROWS_CPU},
						    [ROUND_TRIPS] = {"round_trips", 1, BPF_ROWS_CPU},
						    [EVENTS] = {"events", TCP_ADDRESSES, BPF_ROWS_CPU},
						    [STATES] = {"states", TCP_STATE_KEYS, BPF_ROWS_CPU},
						    {NULL, 0, BPF_ROWS_CPU}},
	.histograms = {[CONNECTS] = &connects_spec, [ROUND_TRIPS] = &round_trips_spec},
	.histogram_keys = TCP_CONNECT_RESULTS,
	.sample = tcp_sample,
};
