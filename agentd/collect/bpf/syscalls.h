/* SPDX-License-Identifier: MIT */
/* System calls by number. */
#ifndef AGENTD_COLLECT_BPF_SYSCALLS_H
#define AGENTD_COLLECT_BPF_SYSCALLS_H

/* Numbers below it have a place of their own; the last one is for the others and for calls of the 32-bit interface,
 * whose numbers mean something else. */
#define SYSCALLS_MAX 512u
#define SYSCALL_OTHER (SYSCALLS_MAX - 1)

/* Calls that have a histogram of their own, in the order in which they come; number 0 is for all others. */
#define SYSCALL_HISTOGRAMS 48

/* Words of the array "calls". */
enum syscall_word { SYSCALL_CALLS, SYSCALL_ERRORS, SYSCALL_WORDS };

/* Words of the array "histogram_of": 1 + the histogram's number, or 0. */
enum { SYSCALL_HISTOGRAM };

#endif
