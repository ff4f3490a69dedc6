/* SPDX-License-Identifier: MIT */
/* System calls: how many, how many failed, how long they took. */
#include "bpf_program.h"
#include "syscalls.h"

#define TS_COMPAT 2u /* x86: of thread_info.status */
#define ERRNO_MAX 4095

const volatile struct bpf_partition latency_partition;
REGION(calls, bpf_words);
REGION(latency, bpf_cells);
REGION(histogram_of, bpf_words);

struct call {
	__u64 start_ns;
	__u32 number;
};
TASK_STORAGE(current_calls, struct call);

__u32 histograms_taken;

/* Which histogram a call belongs to: the first ones that come get one, the others share one. */
static __always_inline __u32 histogram_find(__u32 number)
{
	struct bpf_words *words = bpf_map_lookup_elem(&histogram_of, &number);
	if (!words)
		return 0;
	if (words->words[SYSCALL_HISTOGRAM])
		return (__u32)words->words[SYSCALL_HISTOGRAM] - 1;
	if (histograms_taken >= SYSCALL_HISTOGRAMS - 1)
		return 0;
	/* Two CPUs at once leave one histogram unused. */
	const __u64 histogram = 1 + (__u64)__sync_fetch_and_add(&histograms_taken, 1);
	if (histogram >= SYSCALL_HISTOGRAMS)
		return 0;
	const __u64 before = __sync_val_compare_and_swap(&words->words[SYSCALL_HISTOGRAM], 0, histogram + 1);
	return (__u32)(before ? before - 1 : histogram);
}

SEC("tp_btf/sys_enter")
int BPF_PROG(enter, struct pt_regs *registers, long number)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = task_value(&current_calls, task);
	if (!call)
		return 0;
	const bool compat = bpf_core_field_exists(task->thread_info.status) && task->thread_info.status & TS_COMPAT;
	call->number = compat || number < 0 || number >= SYSCALLS_MAX ? SYSCALL_OTHER : (__u32)number;
	call->start_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(leave, struct pt_regs *registers, long result)
{
	const __u64 now_ns = bpf_ktime_get_ns();
	struct call *call = bpf_task_storage_get(&current_calls, bpf_get_current_task_btf(), 0, 0);
	if (!call || !call->start_ns)
		return 0;
	struct bpf_words *words = region_value(&calls, call->number, SYSCALLS_MAX);
	if (words) {
		words->words[SYSCALL_CALLS]++;
		if (result < 0 && result >= -ERRNO_MAX)
			words->words[SYSCALL_ERRORS]++;
	}
	if (call->start_ns < now_ns)
		histogram_add(&latency, histogram_find(call->number), SYSCALL_HISTOGRAMS, &latency_partition,
			      now_ns - call->start_ns);
	call->start_ns = 0;
	return 0;
}
