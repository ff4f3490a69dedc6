/* SPDX-License-Identifier: MIT */
/* Page faults, told. */
#include "page_faults.h"

#include "bpf_feature.h"

#include "page_faults.skel.h"

static const struct host_family faults_family =
	HOST_COUNTER("node_bpf_page_faults_total",
		     "Page faults: in which mode, for which access, and whether the page was absent or protected.",
		     "mode", "access", "cause");
static const char *const modes[] = {[PAGE_FAULT_USER] = "user", [PAGE_FAULT_KERNEL] = "kernel"};
static const char *const accesses[] = {
	[PAGE_FAULT_READ] = "read", [PAGE_FAULT_WRITE] = "write", [PAGE_FAULT_EXECUTE] = "execute"};
static const char *const causes[] = {[PAGE_FAULT_ABSENT] = "absent", [PAGE_FAULT_PROTECTED] = "protected"};

BPF_FEATURE_SKELETON(page_faults, (void))

static void page_faults_sample(struct bpf_feature *feature, const struct bpf_sink *sink)
{
	for (uint32_t mode = 0; mode < PAGE_FAULT_MODES; mode++) {
		uint64_t words[PAGE_FAULT_ACCESSES * PAGE_FAULT_CAUSES];
		bpf_region_sums(&feature->regions[0], mode, HOST_COUNT_OF(words), words);
		for (uint32_t i = 0; i < HOST_COUNT_OF(words); i++)
			host_u64(sink->host, &faults_family, words[i], modes[mode], accesses[i % PAGE_FAULT_ACCESSES],
				 causes[i / PAGE_FAULT_ACCESSES]);
	}
}

const struct bpf_feature_ops bpf_feature_page_faults = {
	BPF_FEATURE_SKELETON_OPS,
	.name = "page_faults",
	.regions =
		(const struct bpf_region_spec[]){{"faults", PAGE_FAULT_MODES, BPF_ROWS_CPU}, {NULL, 0, BPF_ROWS_CPU}},
	.sample = page_faults_sample,
};
