/* SPDX-License-Identifier: MIT */
/* What is told of a process when it is gone. Both sides. */
#ifndef AGENTD_COLLECT_BPF_EXITS_SHARED_H
#define AGENTD_COLLECT_BPF_EXITS_SHARED_H

#define BPF_EXIT_COMM 16u

/* Totals of all threads. user_ns and system_ns are what the kernel's ticks saw and may be 0 for a short life;
 * runtime_ns is exact: divide it in their proportion. */
struct bpf_exit {
	__u32 pid;    /* in the machine's own namespace, like all that follow */
	__u32 parent; /* when the last thread ended; 0: not known */
	__u32 uid;
	__s32 code;     /* as wait(2) tells it */
	__u64 start_ns; /* CLOCK_BOOTTIME: start_ticks of /proc/PID/stat is this / 10^7, for 100 ticks a second */
	__u64 end_ns;   /* of the last thread */
	__u64 runtime_ns;
	__u64 user_ns;
	__u64 system_ns;
	__u64 minor_faults;
	__u64 major_faults;
	__u64 voluntary_switches;
	__u64 involuntary_switches;
	__u64 read_bytes; /* 0 where the kernel keeps no account of I/O */
	__u64 write_bytes;
	char comm[BPF_EXIT_COMM]; /* of the first thread; ended by a NUL */
};

#endif
