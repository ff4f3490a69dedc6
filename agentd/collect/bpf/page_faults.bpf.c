/* SPDX-License-Identifier: MIT */
/* Page faults, as the processor reports them (x86: only there are these tracepoints). */
#include "bpf_program.h"
#include "page_faults.h"

/* Bits of the error code. */
#define PRESENT 1u
#define WRITE 2u
#define FETCH 16u

REGION(faults, bpf_words);

static __always_inline void fault_count(enum page_fault_mode mode, unsigned long code)
{
	const enum page_fault_access access = code & FETCH   ? PAGE_FAULT_EXECUTE
					      : code & WRITE ? PAGE_FAULT_WRITE
							     : PAGE_FAULT_READ;
	const enum page_fault_cause cause = code & PRESENT ? PAGE_FAULT_PROTECTED : PAGE_FAULT_ABSENT;
	struct bpf_words *words = region_value(&faults, mode, PAGE_FAULT_MODES);
	if (words)
		words->words[PAGE_FAULT_WORD(access, cause)]++;
}

SEC("tp_btf/page_fault_user")
int BPF_PROG(fault_user, unsigned long address, struct pt_regs *registers, unsigned long code)
{
	fault_count(PAGE_FAULT_USER, code);
	return 0;
}

SEC("tp_btf/page_fault_kernel")
int BPF_PROG(fault_kernel, unsigned long address, struct pt_regs *registers, unsigned long code)
{
	fault_count(PAGE_FAULT_KERNEL, code);
	return 0;
}
