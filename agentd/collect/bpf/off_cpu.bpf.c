/* SPDX-License-Identifier: MIT */
/* Off-CPU time: how long tasks were away from the CPU, by what they were when they left it. */
#include "bpf_program.h"
#include "off_cpu.h"

#define TASK_INTERRUPTIBLE 1u
#define TASK_UNINTERRUPTIBLE 2u
#define TASK_NOLOAD 0x400u /* what waits for work rather than for an end of something: kernel threads */

const volatile struct bpf_partition time_partition;
REGION(off_cpu, bpf_cells);

struct absence {
	__u64 since_ns;
	__u32 state; /* enum off_cpu_state */
};
TASK_STORAGE(absences, struct absence);

static __always_inline enum off_cpu_state absence_state(unsigned int state)
{
	if (!state)
		return OFF_CPU_RUNNABLE;
	if (state & TASK_INTERRUPTIBLE)
		return OFF_CPU_INTERRUPTIBLE;
	if (!(state & TASK_UNINTERRUPTIBLE))
		return OFF_CPU_OTHER;
	return state & TASK_NOLOAD ? OFF_CPU_IDLE : OFF_CPU_UNINTERRUPTIBLE;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(off_cpu_switch, bool preempted, struct task_struct *previous, struct task_struct *next)
{
	const __u64 now_ns = bpf_ktime_get_ns();
	if (previous->pid) {
		struct absence *left = task_value(&absences, previous);
		if (left) {
			left->since_ns = now_ns;
			left->state = preempted ? OFF_CPU_RUNNABLE : absence_state(task_state(previous));
		}
	}
	struct absence *back = next->pid ? bpf_task_storage_get(&absences, next, 0, 0) : NULL;
	if (back && back->since_ns && back->since_ns < now_ns)
		histogram_add(&off_cpu, back->state, OFF_CPU_STATES, &time_partition, now_ns - back->since_ns);
	return 0;
}
