/* SPDX-License-Identifier: MIT */
/* Processes, told. */
#include "process_life.h"

#include <stdio.h>
#include <string.h>

#include "bpf_feature.h"

#include "process_life.skel.h"

enum { LIVES, EVENTS, SIGNALS };

static const struct bpf_histogram_spec lives_spec = {
	.name = "node_bpf_process_lifetime_seconds",
	.help = "How long processes that have ended lived.",
	.scale = BPF_SCALE_LATENCY,
};
static const struct host_family forks_family =
	HOST_COUNTER("node_bpf_process_forks_total", "Processes and further threads that were started.", "type");
static const struct host_family execs_family =
	HOST_COUNTER("node_bpf_process_execs_total", "Programs that processes turned into.");
static const struct host_family exits_family = HOST_COUNTER(
	"node_bpf_process_exits_total",
	"Processes that have ended: with status 0 (\"success\"), another one (\"error\") or by a signal.", "reason");
static const struct host_family signals_family =
	HOST_COUNTER("node_bpf_process_fatal_signals_total", "Processes that were ended by a signal.", "signal");

static void constants_fill(struct process_life_bpf *skeleton)
{
	bpf_partition_fill(BPF_SCALE_LATENCY, &skeleton->rodata->life_partition);
}
BPF_FEATURE_SKELETON(process_life, constants_fill)

static void signals_sample(const struct bpf_feature *feature, const struct bpf_sink *sink)
{
	for (uint32_t i = 1; i < PROCESS_SIGNAL_KEYS * BPF_WORDS; i++) {
		const uint64_t count = bpf_region_sum(&feature->regions[SIGNALS], i / BPF_WORDS, i % BPF_WORDS);
		const char *name = sigabbrev_np((int)i);
		char text[24];
		if (!count)
			continue;
		if (name)
			snprintf(text, sizeof(text), "SIG%s", name);
		else
			snprintf(text, sizeof(text), "%u", i);
		host_u64(sink->host, &signals_family, count, text);
	}
}

static void process_life_sample(struct bpf_feature *feature, const struct bpf_sink *sink)
{
	uint64_t words[PROCESS_LIFE_WORDS];
	bpf_region_sums(&feature->regions[EVENTS], 0, PROCESS_LIFE_WORDS, words);
	host_u64(sink->host, &forks_family, words[PROCESS_FORKS], "process");
	host_u64(sink->host, &forks_family, words[PROCESS_THREADS], "thread");
	host_u64(sink->host, &execs_family, words[PROCESS_EXECS]);
	host_u64(sink->host, &exits_family, words[PROCESS_SUCCESSES], "success");
	host_u64(sink->host, &exits_family, words[PROCESS_ERRORS], "error");
	host_u64(sink->host, &exits_family, words[PROCESS_SIGNALS], "signal");
	signals_sample(feature, sink);
	bpf_histogram_sample(&feature->histograms[LIVES], sink->builder, &feature->regions[LIVES], 0, NULL);
}

const struct bpf_feature_ops bpf_feature_process_life = {
	BPF_FEATURE_SKELETON_OPS,
	.name = "process_life",
	.regions = (const struct bpf_region_spec[]){[LIVES] = {"lives", 1, BPF_ROWS_CPU},
						    [EVENTS] = {"events", 1, BPF_ROWS_CPU},
						    [SIGNALS] = {"signals", PROCESS_SIGNAL_KEYS, BPF_ROWS_CPU},
						    {NULL, 0, BPF_ROWS_CPU}},
	.histograms = {[LIVES] = &lives_spec},
	.histogram_keys = 1,
	.sample = process_life_sample,
};
