/* SPDX-License-Identifier: MIT */
/* Which features run. Also of an agent that was built without BPF. */
#include "bpf_state.h"

#include <string.h>

#include "collect/host_private.h"

#define FAMILY "mstat_bpf_feature_state"

static const char *const names[BPF_FEATURE_COUNT] = {
#define BPF_FEATURE(name, ...) #name,
#include "bpf_features.def"
};
static const char *const words[BPF_FEATURE_STATE_COUNT] = {
	[BPF_FEATURE_DISABLED] = "disabled",       [BPF_FEATURE_RUNNING] = "running",
	[BPF_FEATURE_UNSUPPORTED] = "unsupported", [BPF_FEATURE_REFUSED] = "refused",
	[BPF_FEATURE_FAILED] = "failed",
};
static const struct family_request family = {
	.name = FAMILY,
	.help = "Which features of the bpf collector run. \"refused\" needs CAP_BPF and CAP_PERFMON, \"unsupported\" a "
		"kernel "
		"with BTF and the feature's tracepoints, and an agent built with BPF=1; errno is the kernel's word.",
	.type = METRIC_STATE_SET,
};

/* What kernels answer, and what it means: the kernel's BTF or a tracepoint is missing (ESRCH, ENOENT), the verifier or
 * a map does not know what a program uses (EINVAL), there is no bpf(2) or not this part of it (ENOSYS, ENOTSUP). */
enum bpf_feature_state bpf_feature_state_of(int error)
{
	switch (-error) {
	case 0:
		return BPF_FEATURE_RUNNING;
	case EPERM:
	case EACCES:
		return BPF_FEATURE_REFUSED;
	case ESRCH:
	case ENOENT:
	case EINVAL:
	case ENOTSUP:
	case ENOSYS:
		return BPF_FEATURE_UNSUPPORTED;
	default:
		return BPF_FEATURE_FAILED;
	}
}

void bpf_states_set(struct bpf_states *states, size_t feature, enum bpf_feature_state state, int error)
{
	states->states[feature] = state;
	states->errors[feature] = error;
	states->catalog = NULL;
}

static enum catalog_conflict series_find(struct bpf_states *states, struct catalog *catalog)
{
	static const struct shape_request request = {
		.kind = SHAPE_STATES, .states = words, .bound_count = BPF_FEATURE_STATE_COUNT};
	family_ref ref;
	enum catalog_conflict conflict = catalog_shape(catalog, &request, &states->shape);
	if (!conflict)
		conflict = catalog_family(catalog, &family, &ref);
	for (size_t i = 0; !conflict && i < BPF_FEATURE_COUNT; i++) {
		const char *error = states->errors[i] ? strerrorname_np(-states->errors[i]) : NULL;
		/* A label without a value is left out. */
		const struct label labels[] = {{"feature", names[i]}, {"errno", error ? error : ""}};
		conflict = catalog_series(catalog, ref, labels, 2, &states->series[i]);
	}
	if (conflict)
		return conflict;
	states->catalog = catalog;
	states->generation = catalog_generation(catalog);
	return CATALOG_OK;
}

void bpf_states_sample(struct bpf_states *states, const struct bpf_sink *sink)
{
	struct catalog *catalog = builder_catalog(sink->builder);
	enum catalog_conflict conflict = CATALOG_OK;
	if (states->catalog != catalog || states->generation != catalog_generation(catalog))
		conflict = series_find(states, catalog);
	if (conflict) {
		builder_count_conflict(sink->builder, conflict);
		return;
	}
	/* What goes past host_sample() is a sample all the same: the source is not absent. */
	sink->host->own->sink.taken++;
	for (size_t i = 0; i < BPF_FEATURE_COUNT; i++) {
		const uint64_t bit = UINT64_C(1) << states->states[i];
		builder_merge_composite(sink->builder, states->series[i],
					&(const struct composite){.shape = states->shape, .parts = &bit});
	}
}
