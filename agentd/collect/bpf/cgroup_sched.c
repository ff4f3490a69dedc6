/* SPDX-License-Identifier: MIT */
/* Context switches and migrations by control group, told.
 *
 * A group that has ended is told once more, with its last values. Its slot goes to another group then, whose values
 * begin where the last ones were: that is taken off. */
#include "cgroup_sched.h"

#include <stdlib.h>
#include <string.h>

#include "bpf_cgroups.h"
#include "bpf_feature.h"

#include "cgroup_sched.skel.h"

static const struct host_family switches_family = HOST_COUNTER(
	"node_bpf_cgroup_context_switches_total",
	"Context switches away from tasks of a control group (of version 2): \"voluntary\" ones had to wait, "
	"\"involuntary\" ones had to make room. A group \"?/NAME\" had ended before its path could be looked up.",
	"cgroup", "type");
static const struct host_family migrations_family =
	HOST_COUNTER("node_bpf_cgroup_migrations_total",
		     "Tasks of a control group (of version 2) that were moved to another CPU.", "cgroup");

struct cgroup_sched {
	struct bpf_cgroups cgroups;
	uint64_t bases[CGROUP_SCHED_SLOTS][CGROUP_SCHED_WORDS]; /* what earlier groups left in a slot */
};

BPF_FEATURE_SKELETON(cgroup_sched, (void))

static int cgroup_sched_start(struct bpf_feature *feature)
{
	struct cgroup_sched *own = feature->own = calloc(1, sizeof(*own));
	return own ? bpf_cgroups_init(&own->cgroups, CGROUP_SCHED_SLOTS) : -ENOMEM;
}

static void cgroup_sched_stop(struct bpf_feature *feature)
{
	struct cgroup_sched *own = feature->own;
	if (own)
		bpf_cgroups_fini(&own->cgroups);
	free(own);
}

static void slot_sample(struct bpf_feature *feature, const struct bpf_sink *sink, uint32_t slot)
{
	struct cgroup_sched *own = feature->own;
	const char *path = bpf_cgroups_path(&own->cgroups, slot);
	const uint64_t *base = own->bases[slot];
	uint64_t words[CGROUP_SCHED_WORDS];
	bpf_region_sums(&feature->regions[0], slot, CGROUP_SCHED_WORDS, words);
	host_u64(sink->host, &switches_family, words[CGROUP_SCHED_VOLUNTARY] - base[CGROUP_SCHED_VOLUNTARY], path,
		 "voluntary");
	host_u64(sink->host, &switches_family, words[CGROUP_SCHED_INVOLUNTARY] - base[CGROUP_SCHED_INVOLUNTARY], path,
		 "involuntary");
	host_u64(sink->host, &migrations_family, words[CGROUP_SCHED_MIGRATIONS] - base[CGROUP_SCHED_MIGRATIONS], path);
	if (feature->slots.views[slot].state == BPF_SLOT_ENDED)
		memcpy(own->bases[slot], words, sizeof(words));
}

static void cgroup_sched_sample(struct bpf_feature *feature, const struct bpf_sink *sink)
{
	struct cgroup_sched *own = feature->own;
	bpf_cgroups_refresh(&own->cgroups, &feature->slots, sink->host, BPF_CGROUPS_UNIFIED);
	for (uint32_t i = 0; i < feature->slots.count; i++)
		if (feature->slots.views[i].state != BPF_SLOT_FREE)
			slot_sample(feature, sink, i);
}

const struct bpf_feature_ops bpf_feature_cgroup_sched = {
	BPF_FEATURE_SKELETON_OPS,
	.name = "cgroup_sched",
	.regions = (const struct bpf_region_spec[]){{"switches", CGROUP_SCHED_SLOTS, BPF_ROWS_CPU},
						    {NULL, 0, BPF_ROWS_CPU}},
	.slot_count = CGROUP_SCHED_SLOTS,
	.start = cgroup_sched_start,
	.stop = cgroup_sched_stop,
	.sample = cgroup_sched_sample,
};
