/* SPDX-License-Identifier: MIT */
/* System calls, told. */
#include "syscalls.h"

#include <stdio.h>
#include <sys/syscall.h>

#include "bpf_feature.h"

#include "syscalls.skel.h"

enum { CALLS, LATENCY, HISTOGRAM_OF };

static const struct bpf_histogram_spec latency_spec = {
	.name = "node_bpf_syscall_seconds",
	.help = "Time in a system call. The first 47 that are called are told one by one, the rest as \"other\".",
	.scale = BPF_SCALE_LATENCY,
	.labels = {"syscall"},
};
static const struct host_family calls_family = HOST_COUNTER(
	"node_bpf_syscalls_total",
	"System calls that have returned; \"other\" are those of the 32-bit interface and numbers from 511 on.",
	"syscall");
static const struct host_family errors_family =
	HOST_COUNTER("node_bpf_syscall_errors_total", "System calls that returned an error.", "syscall");

/* The names that the C library's headers know; made by the build. */
static const char *const names[SYSCALLS_MAX] = {
#define SYSCALL_NAME(name) [__NR_##name < SYSCALL_OTHER ? __NR_##name : SYSCALL_OTHER] = #name,
#include "syscall_names.h"
};

static void constants_fill(struct syscalls_bpf *skeleton)
{
	bpf_partition_fill(BPF_SCALE_LATENCY, &skeleton->rodata->latency_partition);
}
BPF_FEATURE_SKELETON(syscalls, constants_fill)

/* In `number` where the call has no name here. */
static const char *call_name(uint32_t call, char number[16])
{
	if (call == SYSCALL_OTHER)
		return "other";
	if (names[call])
		return names[call];
	snprintf(number, 16, "%u", call);
	return number;
}

static void call_sample(struct bpf_feature *feature, const struct bpf_sink *sink, uint32_t call)
{
	uint64_t words[SYSCALL_WORDS];
	char number[16];
	bpf_region_sums(&feature->regions[CALLS], call, SYSCALL_WORDS, words);
	if (!words[SYSCALL_CALLS])
		return;
	const char *name = call_name(call, number);
	const uint32_t histogram = (uint32_t)bpf_region_sum(&feature->regions[HISTOGRAM_OF], call, SYSCALL_HISTOGRAM);
	host_u64(sink->host, &calls_family, words[SYSCALL_CALLS], name);
	host_u64(sink->host, &errors_family, words[SYSCALL_ERRORS], name);
	if (histogram > 1 && histogram <= SYSCALL_HISTOGRAMS)
		bpf_histogram_sample(&feature->histograms[0], sink->builder, &feature->regions[LATENCY], histogram - 1,
				     &name);
}

static void syscalls_sample(struct bpf_feature *feature, const struct bpf_sink *sink)
{
	static const char *const other = "other";
	for (uint32_t i = 0; i < SYSCALLS_MAX; i++)
		call_sample(feature, sink, i);
	bpf_histogram_sample(&feature->histograms[0], sink->builder, &feature->regions[LATENCY], 0, &other);
}

const struct bpf_feature_ops bpf_feature_syscalls = {
	BPF_FEATURE_SKELETON_OPS,
	.name = "syscalls",
	.regions = (const struct bpf_region_spec[]){[CALLS] = {"calls", SYSCALLS_MAX, BPF_ROWS_CPU},
						    [LATENCY] = {"latency", SYSCALL_HISTOGRAMS, BPF_ROWS_CPU},
						    [HISTOGRAM_OF] = {"histogram_of", SYSCALLS_MAX, BPF_ROWS_ONE},
						    {NULL, 0, BPF_ROWS_CPU}},
	.histograms = {&latency_spec},
	.histogram_keys = SYSCALL_HISTOGRAMS,
	.sample = syscalls_sample,
};
