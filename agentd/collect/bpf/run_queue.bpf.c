/* SPDX-License-Identifier: MIT */
/* Run-queue latency: how long tasks that could run waited for a CPU. */
#include "bpf_program.h"

#define TASK_RUNNING 0

const volatile struct bpf_partition latency_partition;
REGION(latency, bpf_cells);
TASK_STORAGE(runnable_since_ns, __u64);

static __always_inline void runnable_note(struct task_struct *task, __u64 now_ns)
{
	__u64 *since_ns = task_value(&runnable_since_ns, task);
	if (since_ns)
		*since_ns = now_ns;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(wakeup, struct task_struct *task)
{
	runnable_note(task, bpf_ktime_get_ns());
	return 0;
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(wakeup_new, struct task_struct *task)
{
	runnable_note(task, bpf_ktime_get_ns());
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(run, bool preempted, struct task_struct *previous, struct task_struct *next)
{
	const __u64 now_ns = bpf_ktime_get_ns();
	/* The idle tasks wait for nothing. */
	if (previous->pid && (preempted || task_state(previous) == TASK_RUNNING))
		runnable_note(previous, now_ns);
	if (!next->pid)
		return 0;
	__u64 *since_ns = bpf_task_storage_get(&runnable_since_ns, next, 0, 0);
	/* Clocks of two CPUs may differ by a few ns. */
	if (since_ns && *since_ns) {
		if (*since_ns < now_ns)
			histogram_add(&latency, 0, 1, &latency_partition, now_ns - *since_ns);
		*since_ns = 0;
	}
	return 0;
}
