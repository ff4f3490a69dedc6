/* SPDX-License-Identifier: MIT */
/* Paths of control groups by their number, which is the inode of their directory. */
#ifndef AGENTD_COLLECT_BPF_CGROUPS_H
#define AGENTD_COLLECT_BPF_CGROUPS_H

#include "bpf_slots.h"
#include "collect/host.h"

/* The groups that have slots. */
struct bpf_cgroups {
	uint32_t count;
	struct bpf_cgroup {
		uint64_t taken; /* of the slot, for which the path is; 0: none */
		char *path; /* "/system.slice/x.service"; "?/x.service" where only the name is known; NULL: no memory */
	} * groups;
};

enum bpf_cgroups_hierarchy {
	BPF_CGROUPS_UNIFIED, /* the one of version 2 */
	BPF_CGROUPS_MEMORY,  /* the one that the memory controller is in */
};

int bpf_cgroups_init(struct bpf_cgroups *cgroups, uint32_t slots); /* 0 or -ENOMEM */
void bpf_cgroups_fini(struct bpf_cgroups *cgroups);                /* zeroed is fine */

/* Looks up the groups whose slots are new: one walk through the hierarchy for all of them, if there are any. A group
 * that is gone already has its name only. Cost of a walk: some 3 us a group of the machine. */
void bpf_cgroups_refresh(struct bpf_cgroups *cgroups, const struct bpf_slots *slots, const struct host *host,
			 enum bpf_cgroups_hierarchy hierarchy);

/* The path for a slot that is in use, never NULL. */
const char *bpf_cgroups_path(const struct bpf_cgroups *cgroups, uint32_t slot);

#endif
