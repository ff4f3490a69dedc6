/* SPDX-License-Identifier: MIT */
/* Totals of processes that end, one by one: for who wants to lose none that lived between two looks at /proc. */
#include "bpf_process.h"

#include "bpf_exits_shared.h"

/* Read by the agent without a call; what comes while it is full is counted. The agent sets its size. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} exits SEC(".maps");

/* What is known at the end of the last thread and not any more when the process is gone. */
struct ending {
	__u64 end_ns;
	__u32 parent;
};
TASK_STORAGE(endings, struct ending);

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_end, struct task_struct *task)
{
	if (!process_ends(task))
		return 0;
	struct task_struct *first = task->group_leader;
	struct ending *ending = task_value(&endings, first);
	if (!ending)
		return 0;
	ending->end_ns = bpf_ktime_get_boot_ns();
	ending->parent = (__u32)first->real_parent->tgid;
	return 0;
}

/* By now the kernel has added up all threads: at the end of the last one its last slice of time is still missing, which
 * is all there is of a short life. */
static __always_inline void process_fill(struct bpf_exit *exit, struct task_struct *task)
{
	struct signal_struct *process = task->signal;
	exit->pid = (__u32)task->tgid;
	exit->uid = task->real_cred->uid.val;
	exit->code = process_exit_code(task);
	exit->start_ns = task->start_boottime;
	exit->runtime_ns = process->sum_sched_runtime;
	exit->user_ns = process->utime;
	exit->system_ns = process->stime;
	exit->minor_faults = process->min_flt;
	exit->major_faults = process->maj_flt;
	exit->voluntary_switches = process->nvcsw;
	exit->involuntary_switches = process->nivcsw;
	exit->read_bytes = 0;
	exit->write_bytes = 0;
	if (bpf_core_field_exists(process->ioac.read_bytes)) {
		exit->read_bytes = process->ioac.read_bytes;
		exit->write_bytes = process->ioac.write_bytes;
	}
	bpf_probe_read_kernel(exit->comm, sizeof(exit->comm), task->comm);
	exit->comm[BPF_EXIT_COMM - 1] = '\0';
}

SEC("tp_btf/sched_process_free")
int BPF_PROG(process_free, struct task_struct *task)
{
	if (task->pid != task->tgid)
		return 0;
	const struct ending *ending = bpf_task_storage_get(&endings, task, 0, 0);
	struct bpf_exit *exit = bpf_ringbuf_reserve(&exits, sizeof(*exit), 0);
	if (!exit) {
		drop_count(BPF_DROP_FULL);
		return 0;
	}
	process_fill(exit, task);
	exit->end_ns = ending ? ending->end_ns : bpf_ktime_get_boot_ns();
	exit->parent = ending ? ending->parent : 0;
	bpf_ringbuf_submit(exit, BPF_RB_NO_WAKEUP);
	return 0;
}
