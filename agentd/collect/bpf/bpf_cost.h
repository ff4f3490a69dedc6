/* SPDX-License-Identifier: MIT */
/* What the programs cost: the kernel's own count of their runs and its clock around each. */
#ifndef AGENTD_COLLECT_BPF_COST_H
#define AGENTD_COLLECT_BPF_COST_H

#include "bpf_feature.h"

struct bpf_cost {
	bool told;
	int fd; /* while it is open the kernel counts, for the programs of everybody; -1: it does not */
};

/* Asks the kernel to count; that it does not permit this (CAP_SYS_ADMIN) leaves those figures out. Not `told`: nothing
 * is asked or told. */
void bpf_cost_open(struct bpf_cost *cost, bool told);
void bpf_cost_close(struct bpf_cost *cost);

/* Adds mstat_bpf_program_run_seconds_total, _runs_total and _missed_total of a feature. Cost: a call and some 1.5 us
 * for each program. */
void bpf_cost_sample(const struct bpf_cost *cost, const struct bpf_feature *feature, const struct bpf_sink *sink);

#endif
