/* SPDX-License-Identifier: MIT */
/* ext4, told. */
#include "ext4.h"

#include "bpf_feature.h"

#include "ext4.skel.h"

static const struct bpf_histogram_spec latency_spec = {
	.name = "node_bpf_ext4_latency_seconds",
	.help = "Time that operations of ext4 file systems took.",
	.scale = BPF_SCALE_LATENCY,
	.labels = {"operation"},
};
static const char *const operations[EXT4_OPERATIONS] = {
	[EXT4_SYNC] = "sync",
	[EXT4_UNLINK] = "unlink",
	[EXT4_TRUNCATE] = "truncate",
	[EXT4_FALLOCATE] = "fallocate",
};

static void constants_fill(struct ext4_bpf *skeleton)
{
	bpf_partition_fill(BPF_SCALE_LATENCY, &skeleton->rodata->latency_partition);
}
BPF_FEATURE_SKELETON(ext4, constants_fill)

static void ext4_sample(struct bpf_feature *feature, const struct bpf_sink *sink)
{
	for (uint32_t i = 0; i < EXT4_OPERATIONS; i++)
		bpf_histogram_sample(&feature->histograms[0], sink->builder, &feature->regions[0], i, &operations[i]);
}

const struct bpf_feature_ops bpf_feature_ext4 = {
	BPF_FEATURE_SKELETON_OPS,
	.name = "ext4",
	.regions =
		(const struct bpf_region_spec[]){{"latency", EXT4_OPERATIONS, BPF_ROWS_CPU}, {NULL, 0, BPF_ROWS_CPU}},
	.histograms = {&latency_spec},
	.histogram_keys = EXT4_OPERATIONS,
	.sample = ext4_sample,
};
