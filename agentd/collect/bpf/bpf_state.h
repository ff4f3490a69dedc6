/* SPDX-License-Identifier: MIT */
/* mstat_bpf_feature_state: which features run, and why the others do not. */
#ifndef AGENTD_COLLECT_BPF_STATE_H
#define AGENTD_COLLECT_BPF_STATE_H

#include "collect/host.h"
#include "snapshot/builder.h"

enum bpf_feature_state {
	BPF_FEATURE_DISABLED, /* by configuration */
	BPF_FEATURE_RUNNING,
	BPF_FEATURE_UNSUPPORTED, /* this kernel (or build) lacks something: BTF, a tracepoint, a type of maps */
	BPF_FEATURE_REFUSED,     /* no permission: CAP_BPF, CAP_PERFMON, a policy */
	BPF_FEATURE_FAILED,      /* anything else, such as no memory */
	BPF_FEATURE_STATE_COUNT
};

enum bpf_feature_index {
#define BPF_FEATURE(name, ...) BPF_FEATURE_AT_##name,
#include "bpf_features.def"
	BPF_FEATURE_COUNT
};

/* Where samples go. */
struct bpf_sink {
	struct host *host; /* for host_u64() and the like */
	struct builder *builder;
};

struct bpf_states {
	enum bpf_feature_state states[BPF_FEATURE_COUNT];
	int errors[BPF_FEATURE_COUNT]; /* -errno */
	series_ref series[BPF_FEATURE_COUNT];
	const struct catalog *catalog; /* in which the series are, as of its generation; NULL: not asked for yet */
	uint64_t generation;
	const struct shape *shape;
};

/* The state that an -errno of loading or attaching leads to; 0: RUNNING. */
enum bpf_feature_state bpf_feature_state_of(int error);

void bpf_states_set(struct bpf_states *states, size_t feature, enum bpf_feature_state state, int error);

/* A state set for each feature, with the errno's name as a label where there is one. */
void bpf_states_sample(struct bpf_states *states, const struct bpf_sink *sink);

#endif
