/* SPDX-License-Identifier: MIT */
/* Interrupts, told. */
#include "irq.h"

#include <inttypes.h>
#include <stdio.h>

#include "bpf_feature.h"

#include "irq.skel.h"

static const struct bpf_histogram_spec services_spec = {
	.name = "node_bpf_irq_service_seconds",
	.help = "Time that a handler of an interrupt took, by line and name.",
	.scale = BPF_SCALE_LATENCY,
	.labels = {"irq", "name"},
};

static void constants_fill(struct irq_bpf *skeleton)
{
	bpf_partition_fill(BPF_SCALE_LATENCY, &skeleton->rodata->latency_partition);
}
BPF_FEATURE_SKELETON(irq, constants_fill)

static void irq_sample(struct bpf_feature *feature, const struct bpf_sink *sink)
{
	for (uint32_t i = 0; i < feature->slots.count; i++) {
		const struct bpf_slot_view *view = &feature->slots.views[i];
		char line[24];
		if (view->state == BPF_SLOT_FREE)
			continue;
		const char *values[] = {host_format(line, "%" PRIu64, view->key), view->text};
		bpf_histogram_sample(&feature->histograms[0], sink->builder, &feature->regions[0], i, values);
	}
}

const struct bpf_feature_ops bpf_feature_irq = {
	BPF_FEATURE_SKELETON_OPS,
	.name = "irq",
	.regions = (const struct bpf_region_spec[]){{"services", IRQ_SLOTS, BPF_ROWS_FEW}, {NULL, 0, BPF_ROWS_CPU}},
	.histograms = {&services_spec},
	.histogram_keys = IRQ_SLOTS,
	.slot_count = IRQ_SLOTS,
	.sample = irq_sample,
};
