/* SPDX-License-Identifier: MIT */
/* Page faults by who, how and why. */
#ifndef AGENTD_COLLECT_BPF_PAGE_FAULTS_H
#define AGENTD_COLLECT_BPF_PAGE_FAULTS_H

/* Array "faults": the key is the mode, the word is access + 3 * cause. */
enum page_fault_mode { PAGE_FAULT_USER, PAGE_FAULT_KERNEL, PAGE_FAULT_MODES };
enum page_fault_access { PAGE_FAULT_READ, PAGE_FAULT_WRITE, PAGE_FAULT_EXECUTE, PAGE_FAULT_ACCESSES };
enum page_fault_cause { PAGE_FAULT_ABSENT, PAGE_FAULT_PROTECTED, PAGE_FAULT_CAUSES };
#define PAGE_FAULT_WORD(access, cause) ((access) + PAGE_FAULT_ACCESSES * (cause))

#endif
