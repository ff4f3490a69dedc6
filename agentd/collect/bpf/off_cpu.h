/* SPDX-License-Identifier: MIT */
/* Off-CPU time: what a task was when it left the CPU, in the words of the proc file system. */
#ifndef AGENTD_COLLECT_BPF_OFF_CPU_H
#define AGENTD_COLLECT_BPF_OFF_CPU_H

enum off_cpu_state {
	OFF_CPU_RUNNABLE, /* it had to make room for another one */
	OFF_CPU_INTERRUPTIBLE,
	OFF_CPU_UNINTERRUPTIBLE,
	OFF_CPU_IDLE,
	OFF_CPU_OTHER, /* stopped, traced, dead */
	OFF_CPU_STATES
};

#endif
