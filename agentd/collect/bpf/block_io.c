/* SPDX-License-Identifier: MIT */
/* Block I/O, told. */
#include "block_io.h"

#include <stdio.h>

#include "bpf_feature.h"

#include "block_io.skel.h"

enum { LATENCY, QUEUED, SIZE, ERRORS };

static const struct bpf_histogram_spec latency_spec = {
	.name = "node_bpf_block_io_latency_seconds",
	.help = "Time from the start of a request by the driver to its completion.",
	.scale = BPF_SCALE_LATENCY,
	.labels = {"device", "operation"},
};
static const struct bpf_histogram_spec queued_spec = {
	.name = "node_bpf_block_io_queued_seconds",
	.help = "Time from the making of a request to its start by the driver.",
	.scale = BPF_SCALE_LATENCY,
	.labels = {"device", "operation"},
};
static const struct bpf_histogram_spec size_spec = {
	.name = "node_bpf_block_io_size_bytes",
	.help = "Size of requests.",
	.scale = BPF_SCALE_SIZE,
	.labels = {"device", "operation"},
};
static const struct host_family errors_family =
	HOST_COUNTER("node_bpf_block_io_errors_total", "Requests that failed.", "device", "operation");

/* By the kernel's numbers (enum req_op). */
static const char *const operations[] = {
	[0] = "read",        [1] = "write",        [2] = "flush",       [3] = "discard",     [5] = "secure_erase",
	[7] = "zone_append", [9] = "write_zeroes", [10] = "zone_open",  [11] = "zone_close", [12] = "zone_finish",
	[13] = "zone_reset", [34] = "driver_in",   [35] = "driver_out",
};

static void constants_fill(struct block_io_bpf *skeleton)
{
	bpf_partition_fill(BPF_SCALE_LATENCY, &skeleton->rodata->latency_partition);
	bpf_partition_fill(BPF_SCALE_SIZE, &skeleton->rodata->size_partition);
}
BPF_FEATURE_SKELETON(block_io, constants_fill)

static void slot_sample(struct bpf_feature *feature, const struct bpf_sink *sink, uint32_t slot)
{
	const struct bpf_slot_view *view = &feature->slots.views[slot];
	const unsigned operation = BLOCK_IO_OPERATION(view->key);
	char number[16];
	const char *values[] = {view->text, host_format(number, "%u", operation)};
	if (operation < HOST_COUNT_OF(operations) && operations[operation])
		values[1] = operations[operation];
	for (size_t i = LATENCY; i <= SIZE; i++)
		bpf_histogram_sample(&feature->histograms[i], sink->builder, &feature->regions[i], slot, values);
	host_u64(sink->host, &errors_family, bpf_region_sum(&feature->regions[ERRORS], slot, BLOCK_IO_ERRORS),
		 values[0], values[1]);
}

static void block_io_sample(struct bpf_feature *feature, const struct bpf_sink *sink)
{
	for (uint32_t i = 0; i < feature->slots.count; i++)
		if (feature->slots.views[i].state != BPF_SLOT_FREE)
			slot_sample(feature, sink, i);
}

const struct bpf_feature_ops bpf_feature_block_io = {
	BPF_FEATURE_SKELETON_OPS,
	.name = "block_io",
	.regions = (const struct bpf_region_spec[]){[LATENCY] = {"latency", BLOCK_IO_SLOTS, BPF_ROWS_FEW},
						    [QUEUED] = {"queued", BLOCK_IO_SLOTS, BPF_ROWS_FEW},
						    [SIZE] = {"size", BLOCK_IO_SLOTS, BPF_ROWS_FEW},
						    [ERRORS] = {"errors", BLOCK_IO_SLOTS, BPF_ROWS_FEW},
						    {NULL, 0, BPF_ROWS_CPU}},
	.histograms = {[LATENCY] = &latency_spec, [QUEUED] = &queued_spec, [SIZE] = &size_spec},
	.histogram_keys = BLOCK_IO_SLOTS,
	.slot_count = BLOCK_IO_SLOTS,
	.sample = block_io_sample,
};
