/* SPDX-License-Identifier: MIT */
/* Merging of equal memory pages: /sys/kernel/mm/ksm. */
#include "host_numbers.h"

#define KSM_GAUGE(name, file) HOST_GAUGE("node_ksmd_" name, "ksmd '" file "' file.")
static const struct host_number files[] = {
	{"full_scans", HOST_COUNTER("node_ksmd_full_scans_total", "ksmd 'full_scans' file."), 0},
	{"merge_across_nodes", KSM_GAUGE("merge_across_nodes", "merge_across_nodes"), 0},
	{"pages_shared", KSM_GAUGE("pages_shared", "pages_shared"), 0},
	{"pages_sharing", KSM_GAUGE("pages_sharing", "pages_sharing"), 0},
	{"pages_to_scan", KSM_GAUGE("pages_to_scan", "pages_to_scan"), 0},
	{"pages_unshared", KSM_GAUGE("pages_unshared", "pages_unshared"), 0},
	{"pages_volatile", KSM_GAUGE("pages_volatile", "pages_volatile"), 0},
	{"run", KSM_GAUGE("run", "run"), 0},
	{"sleep_millisecs", KSM_GAUGE("sleep_seconds", "sleep_millisecs"), 1000},
};

static int ksmd_collect(struct host *host)
{
	return host_numbers_sample(host, HOST_SYS, "kernel/mm/ksm", files, HOST_COUNT_OF(files), NULL) ? 0 : -ENOENT;
}

const struct host_ops host_ksmd = {.collect = ksmd_collect};
