/* SPDX-License-Identifier: MIT */
/* What the scheduler does with the tasks of a control group. */
#ifndef AGENTD_COLLECT_BPF_CGROUP_SCHED_H
#define AGENTD_COLLECT_BPF_CGROUP_SCHED_H

#define CGROUP_SCHED_SLOTS 512

/* Words of the array "switches". */
enum cgroup_sched_word {
	CGROUP_SCHED_VOLUNTARY,   /* the task had to wait for something */
	CGROUP_SCHED_INVOLUNTARY, /* it had to make room */
	CGROUP_SCHED_MIGRATIONS,
	CGROUP_SCHED_WORDS
};

#endif
