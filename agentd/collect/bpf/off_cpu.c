/* SPDX-License-Identifier: MIT */
/* Off-CPU time, told. */
#include "bpf_feature.h"
#include "off_cpu.h"

#include "off_cpu.skel.h"

static const struct bpf_histogram_spec time_spec = {
	.name = "node_bpf_off_cpu_seconds",
	.help = "Time that tasks were away from the CPU, by their state when they left it.",
	.scale = BPF_SCALE_LATENCY,
	.labels = {"state"},
};
static const char *const words[OFF_CPU_STATES] = {
	[OFF_CPU_RUNNABLE] = "runnable",
	[OFF_CPU_INTERRUPTIBLE] = "interruptible",
	[OFF_CPU_UNINTERRUPTIBLE] = "uninterruptible",
	[OFF_CPU_IDLE] = "idle",
	[OFF_CPU_OTHER] = "other",
};

static void constants_fill(struct off_cpu_bpf *skeleton)
{
	bpf_partition_fill(BPF_SCALE_LATENCY, &skeleton->rodata->time_partition);
}
BPF_FEATURE_SKELETON(off_cpu, constants_fill)

static void off_cpu_sample(struct bpf_feature *feature, const struct bpf_sink *sink)
{
	for (uint32_t i = 0; i < OFF_CPU_STATES; i++)
		bpf_histogram_sample(&feature->histograms[0], sink->builder, &feature->regions[0], i, &words[i]);
}

const struct bpf_feature_ops bpf_feature_off_cpu = {
	BPF_FEATURE_SKELETON_OPS,
	.name = "off_cpu",
	.regions = (const struct bpf_region_spec[]){{"off_cpu", OFF_CPU_STATES, BPF_ROWS_CPU}, {NULL, 0, BPF_ROWS_CPU}},
	.histograms = {&time_spec},
	.histogram_keys = OFF_CPU_STATES,
	.sample = off_cpu_sample,
};
