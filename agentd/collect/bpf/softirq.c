/* SPDX-License-Identifier: MIT */
/* Softirqs, told. */
#include "softirq.h"

#include "bpf_feature.h"

#include "softirq.skel.h"

enum { WAITS, SERVICES };

static const struct bpf_histogram_spec waits_spec = {
	.name = "node_bpf_softirq_wait_seconds",
	.help = "Time from the raising of a softirq to its service.",
	.scale = BPF_SCALE_LATENCY,
	.labels = {"vector"},
};
static const struct bpf_histogram_spec services_spec = {
	.name = "node_bpf_softirq_service_seconds",
	.help = "Time that the service of a softirq took.",
	.scale = BPF_SCALE_LATENCY,
	.labels = {"vector"},
};
/* As node_softirqs_total has them. */
static const char *const vectors[SOFTIRQ_VECTORS] = {"hi",           "timer",   "net_tx", "net_rx",  "block",
						     "block_iopoll", "tasklet", "sched",  "hrtimer", "rcu"};

static void constants_fill(struct softirq_bpf *skeleton)
{
	bpf_partition_fill(BPF_SCALE_LATENCY, &skeleton->rodata->latency_partition);
}
BPF_FEATURE_SKELETON(softirq, constants_fill)

static void softirq_sample(struct bpf_feature *feature, const struct bpf_sink *sink)
{
	for (uint32_t i = 0; i < SOFTIRQ_VECTORS; i++)
		for (size_t j = WAITS; j <= SERVICES; j++)
			bpf_histogram_sample(&feature->histograms[j], sink->builder, &feature->regions[j], i,
					     &vectors[i]);
}

const struct bpf_feature_ops bpf_feature_softirq = {
	BPF_FEATURE_SKELETON_OPS,
	.name = "softirq",
	.regions = (const struct bpf_region_spec[]){[WAITS] = {"waits", SOFTIRQ_VECTORS, BPF_ROWS_CPU},
						    [SERVICES] = {"services", SOFTIRQ_VECTORS, BPF_ROWS_CPU},
						    {NULL, 0, BPF_ROWS_CPU}},
	.histograms = {[WAITS] = &waits_spec, [SERVICES] = &services_spec},
	.histogram_keys = SOFTIRQ_VECTORS,
	.sample = softirq_sample,
};
