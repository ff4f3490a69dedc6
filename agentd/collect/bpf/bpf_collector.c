/* SPDX-License-Identifier: MIT */
/* The bpf collector: its features, how they fare, what they cost.
 *
 * It is off unless asked for (--collector.bpf): its programs are paid for by everybody who makes events, and need
 * privileges. They are loaded and attached when the collector is opened, which is before the agent reads anything and
 * drops its capabilities; nothing of what comes later needs one. A reload loads nothing, for want of them: the options
 * are among those that need a restart.
 *
 * Memory: that of maps and programs is accounted to the agent's control group (before Linux 5.11 to RLIMIT_MEMLOCK,
 * which libbpf raises if it may). Regions count as the agent's own, too: 0.7 MB, and 80 KB for each possible CPU with
 * the default features. */
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "bpf_cost.h"
#include "bpf_state.h"
#include "collect/host_private.h"

#define BPF_FEATURE(name, ...) extern const struct bpf_feature_ops bpf_feature_##name;
#include "bpf_features.def"

static const struct bpf_feature_ops *const ops_of[BPF_FEATURE_COUNT] = {
#define BPF_FEATURE(name, ...) &bpf_feature_##name,
#include "bpf_features.def"
};

static const struct host_family dropped_family = HOST_COUNTER(
	"mstat_bpf_dropped_total",
	"Events that a BPF feature could not count as asked: \"memory\" is the kernel's, \"full\" a bounded "
	"table.",
	"feature", "reason");
static const char *const drop_words[BPF_DROP_COUNT] = {[BPF_DROP_MEMORY] = "memory", [BPF_DROP_FULL] = "full"};

struct bpf_set {
	struct bpf_feature features[BPF_FEATURE_COUNT];
	struct bpf_states states;
	struct bpf_cost cost;
};

/* What libbpf prints goes to standard error, past the agent's log; the state and the errno tell the same. */
static int print_nothing(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

static int bpf_open(struct host *host)
{
	const bool enabled[BPF_FEATURE_COUNT] = {
#define BPF_FEATURE(name, ...) host->options->bpf_##name,
#include "bpf_features.def"
	};
	struct bpf_set *set = calloc(1, sizeof(*set));
	if (!set)
		return -ENOMEM;
	libbpf_set_print(print_nothing);
	bpf_cost_open(&set->cost, host->options->bpf_cost);
	for (size_t i = 0; i < BPF_FEATURE_COUNT; i++) {
		if (enabled[i])
			bpf_feature_open(&set->features[i], ops_of[i]);
		bpf_states_set(&set->states, i, set->features[i].state, set->features[i].error);
	}
	host->state = set;
	return 0;
}

static void bpf_close(struct host *host)
{
	struct bpf_set *set = host->state;
	for (size_t i = 0; i < BPF_FEATURE_COUNT; i++)
		bpf_feature_close(&set->features[i]);
	bpf_cost_close(&set->cost);
	free(set);
}

static void drops_sample(const struct bpf_feature *feature, const struct bpf_sink *sink)
{
	if (feature->state != BPF_FEATURE_RUNNING)
		return;
	for (uint32_t i = 0; i < BPF_DROP_COUNT; i++)
		host_u64(sink->host, &dropped_family, bpf_region_sum(&feature->drops, 0, i), feature->ops->name,
			 drop_words[i]);
}

static int bpf_collect(struct host *host)
{
	struct bpf_set *set = host->state;
	/* A fast collector's samples go straight into the builder. */
	const struct bpf_sink sink = {.host = host, .builder = host->own->sink.builder};
	bpf_states_sample(&set->states, &sink);
	for (size_t i = 0; i < BPF_FEATURE_COUNT; i++) {
		bpf_feature_sample(&set->features[i], &sink);
		drops_sample(&set->features[i], &sink);
		bpf_cost_sample(&set->cost, &set->features[i], &sink);
	}
	return 0;
}

const struct host_ops host_bpf = {.open = bpf_open, .close = bpf_close, .collect = bpf_collect};
