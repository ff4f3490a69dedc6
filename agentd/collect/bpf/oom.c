/* SPDX-License-Identifier: MIT */
/* Kills for want of memory, told. A group keeps its slot for ever: kills are few, and one that ends its container shall
 * be seen in the scrapes after it. */
#include "oom.h"

#include <stdlib.h>

#include "bpf_cgroups.h"
#include "bpf_feature.h"

#include "oom.skel.h"

static const struct host_family kills_family =
	HOST_COUNTER("node_bpf_oom_kills_total",
		     "Processes that were killed for want of memory, by the control group whose memory they used. "
		     "\"?/NAME\" had ended "
		     "before its path could be looked up; \"?\" is not known, as in kernels before 6.8.",
		     "cgroup");

BPF_FEATURE_SKELETON(oom, (void))

static int oom_start(struct bpf_feature *feature)
{
	struct bpf_cgroups *cgroups = feature->own = calloc(1, sizeof(*cgroups));
	return cgroups ? bpf_cgroups_init(cgroups, OOM_SLOTS) : -ENOMEM;
}

static void oom_stop(struct bpf_feature *feature)
{
	if (feature->own)
		bpf_cgroups_fini(feature->own);
	free(feature->own);
}

static void oom_sample(struct bpf_feature *feature, const struct bpf_sink *sink)
{
	bpf_cgroups_refresh(feature->own, &feature->slots, sink->host, BPF_CGROUPS_MEMORY);
	for (uint32_t i = 0; i < feature->slots.count; i++)
		if (feature->slots.views[i].state != BPF_SLOT_FREE)
			host_u64(sink->host, &kills_family, bpf_region_sum(&feature->regions[0], i, OOM_KILLS),
				 bpf_cgroups_path(feature->own, i));
}

const struct bpf_feature_ops bpf_feature_oom = {
	BPF_FEATURE_SKELETON_OPS,
	.name = "oom",
	.regions = (const struct bpf_region_spec[]){{"kills", OOM_SLOTS, BPF_ROWS_FEW}, {NULL, 0, BPF_ROWS_CPU}},
	.slot_count = OOM_SLOTS,
	.start = oom_start,
	.stop = oom_stop,
	.sample = oom_sample,
};
