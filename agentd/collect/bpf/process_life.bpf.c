/* SPDX-License-Identifier: MIT */
/* Processes: forks, execs, exits, how long they lived and which signals ended them. */
#include "bpf_process.h"
#include "process_life.h"

const volatile struct bpf_partition life_partition;
REGION(events, bpf_words);
REGION(signals, bpf_words);
REGION(lives, bpf_cells);

static __always_inline void event_count(enum process_life_word word)
{
	struct bpf_words *words = region_value(&events, 0, 1);
	if (words)
		words->words[word]++;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(begin, struct task_struct *parent, struct task_struct *child)
{
	event_count(child->pid == child->tgid ? PROCESS_FORKS : PROCESS_THREADS);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(execute)
{
	event_count(PROCESS_EXECS);
	return 0;
}

static __always_inline void signal_count(__u32 number)
{
	struct bpf_words *words = region_value(&signals, number / 8, PROCESS_SIGNAL_KEYS);
	if (words)
		words->words[number % 8]++;
	event_count(PROCESS_SIGNALS);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(end, struct task_struct *task)
{
	if (!process_ends(task))
		return 0;
	const int code = process_exit_code(task);
	if (code & 0x7f)
		signal_count(code & 0x7f);
	else
		event_count(code ? PROCESS_ERRORS : PROCESS_SUCCESSES);
	histogram_add(&lives, 0, 1, &life_partition, bpf_ktime_get_ns() - task->group_leader->start_time);
	return 0;
}
