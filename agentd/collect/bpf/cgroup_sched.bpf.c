/* SPDX-License-Identifier: MIT */
/* Context switches and migrations by control group (of the v2 hierarchy). */
#include "bpf_slots_program.h"
#include "cgroup_sched.h"

REGION(switches, bpf_words);

static __always_inline struct bpf_words *words_of(struct task_struct *task)
{
	struct kernfs_node *node = task->cgroups->dfl_cgrp->kn;
	const __u64 id = node->id;
	__u32 slot = slot_find(id);
	if (slot == SLOT_NONE)
		slot = slot_take(id, node->name);
	return slot < CGROUP_SCHED_SLOTS ? region_value(&switches, slot, CGROUP_SCHED_SLOTS) : NULL;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(cgroup_switch, bool preempted, struct task_struct *previous, struct task_struct *next)
{
	(void)next;
	if (!previous->pid)
		return 0;
	struct bpf_words *words = words_of(previous);
	if (!words)
		return 0;
	if (preempted || !task_state(previous))
		words->words[CGROUP_SCHED_INVOLUNTARY]++;
	else
		words->words[CGROUP_SCHED_VOLUNTARY]++;
	return 0;
}

SEC("tp_btf/sched_migrate_task")
int BPF_PROG(cgroup_migrate, struct task_struct *task, int to_cpu)
{
	(void)to_cpu;
	struct bpf_words *words = words_of(task);
	if (words)
		words->words[CGROUP_SCHED_MIGRATIONS]++;
	return 0;
}

/* The last task and the last reference are gone. */
SEC("tp_btf/cgroup_release")
int BPF_PROG(cgroup_end, struct cgroup *cgroup, const char *path)
{
	(void)path;
	slot_retire(cgroup->kn->id);
	return 0;
}
