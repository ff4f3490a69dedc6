/* SPDX-License-Identifier: MIT */
/* Processes that were killed for want of memory, by the control group whose memory they used. */
#include "bpf_slots_program.h"
#include "oom.h"

REGION(kills, bpf_words);

/* The group of the memory controller, whichever hierarchy it is in; NULL: not known. */
static __always_inline struct kernfs_node *memory_group(struct task_struct *victim)
{
	struct css_set *groups = BPF_CORE_READ(victim, cgroups);
	struct cgroup_subsys_state *state = NULL;
	const __u32 index = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);
	if (groups && index < 64)
		bpf_core_read(&state, sizeof(state), &groups->subsys[0] + index);
	return state ? BPF_CORE_READ(state, cgroup, kn) : NULL;
}

/* Until Linux 6.8 the argument is a PID: it is no address that could be read, and the group is unknown. Read by helper
 * functions, both pass the verifier. */
SEC("tp_btf/mark_victim")
int victim(__u64 *arguments)
{
	struct kernfs_node *node = memory_group((struct task_struct *)arguments[0]);
	const __u64 id = node ? BPF_CORE_READ(node, id) : 0;
	__u32 slot = slot_find(id);
	if (slot == SLOT_NONE)
		slot = slot_take(id, node ? BPF_CORE_READ(node, name) : NULL);
	struct bpf_words *words = slot < OOM_SLOTS ? few_value(&kills, slot, OOM_SLOTS) : NULL;
	if (words)
		__sync_fetch_and_add(&words->words[OOM_KILLS], 1);
	return 0;
}
