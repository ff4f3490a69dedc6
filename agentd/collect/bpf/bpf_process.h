/* SPDX-License-Identifier: MIT */
/* The end of a process, as programs see it. BPF C only. */
#ifndef AGENTD_COLLECT_BPF_PROCESS_H
#define AGENTD_COLLECT_BPF_PROCESS_H

#include "bpf_program.h"

/* Whether this is the last thread of its process. */
static __always_inline bool process_ends(struct task_struct *task)
{
	return task->signal->live.counter == 0;
}

/* As wait(2) tells it: 256 times the status, or a signal's number, 128 more with a core. */
static __always_inline int process_exit_code(struct task_struct *task)
{
	const int group_code = task->signal->group_exit_code;
	return group_code ? group_code : task->group_leader->exit_code;
}

#endif
