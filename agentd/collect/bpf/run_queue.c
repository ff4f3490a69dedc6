/* SPDX-License-Identifier: MIT */
/* Run-queue latency, told. */
#include "bpf_feature.h"

#include "run_queue.skel.h"

static const struct bpf_histogram_spec latency_spec = {
	.name = "node_bpf_run_queue_latency_seconds",
	.help = "Time that tasks that could run waited for a CPU.",
	.scale = BPF_SCALE_LATENCY,
};

static void constants_fill(struct run_queue_bpf *skeleton)
{
	bpf_partition_fill(BPF_SCALE_LATENCY, &skeleton->rodata->latency_partition);
}
BPF_FEATURE_SKELETON(run_queue, constants_fill)

static void run_queue_sample(struct bpf_feature *feature, const struct bpf_sink *sink)
{
	bpf_histogram_sample(&feature->histograms[0], sink->builder, &feature->regions[0], 0, NULL);
}

const struct bpf_feature_ops bpf_feature_run_queue = {
	BPF_FEATURE_SKELETON_OPS,
	.name = "run_queue",
	.regions = (const struct bpf_region_spec[]){{"latency", 1, BPF_ROWS_CPU}, {NULL, 0, BPF_ROWS_CPU}},
	.histograms = {&latency_spec},
	.histogram_keys = 1,
	.sample = run_queue_sample,
};
