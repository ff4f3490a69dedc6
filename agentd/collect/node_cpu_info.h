/* SPDX-License-Identifier: MIT */
/* What the CPUs are: the optional part of the cpu collector. */
#ifndef AGENTD_COLLECT_NODE_CPU_INFO_H
#define AGENTD_COLLECT_NODE_CPU_INFO_H

#include "host.h"

struct cpu_info {
	struct host_pattern *flags; /* NULL: none are told */
	struct host_pattern *bugs;
};

/* 0, or -errno. */
int cpu_info_init(struct cpu_info *info, const struct host_options *options);
void cpu_info_fini(struct cpu_info *info);

/* Nothing if the options do not ask for it. */
void cpu_info_sample(struct host *host, const struct cpu_info *info);

#endif
