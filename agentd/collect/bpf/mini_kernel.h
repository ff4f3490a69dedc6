/* SPDX-License-Identifier: MIT */
/* The kernel as our programs see it: only what they touch, with relocations by name (CO-RE), so that neither the order
 * of the fields nor what else is in a structure matters, and the build needs no kernel, no BTF and no generated header.
 * For BPF programs only; the facts are the kernel's interface to user space (linux/bpf.h) and its tracepoints. */
#ifndef AGENTD_COLLECT_BPF_MINI_KERNEL_H
#define AGENTD_COLLECT_BPF_MINI_KERNEL_H

typedef _Bool bool;
typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
#define true 1
#define false 0

enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_STACK = 23,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
};
enum { BPF_ANY = 0, BPF_NOEXIST = 1 };
enum { BPF_F_NO_PREALLOC = 1, BPF_F_MMAPABLE = 1 << 10 };
enum { BPF_LOCAL_STORAGE_GET_F_CREATE = 1 };
enum { BPF_RB_NO_WAKEUP = 1 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

/* ---- tasks ---- */

struct kernfs_node {
	__u64 id;
	const char *name;
};
struct cgroup {
	struct kernfs_node *kn;
};
struct cgroup_subsys_state {
	struct cgroup *cgroup;
};
enum cgroup_subsys_id { memory_cgrp_id = 4 };
struct css_set {
	struct cgroup_subsys_state *subsys[8]; /* by controller; as many as the kernel has */
	struct cgroup *dfl_cgrp;               /* of the v2 hierarchy */
};
struct task_io_accounting {
	__u64 rchar, wchar, read_bytes, write_bytes;
};
struct thread_info {
	__u32 status; /* x86: TS_COMPAT in a call of the 32-bit interface */
};
struct signal_struct {
	atomic_t live; /* threads that have not begun to end */
	__u64 sum_sched_runtime;
	__u64 utime, stime;
	unsigned long min_flt, maj_flt, nvcsw, nivcsw;
	struct task_io_accounting ioac;
	int group_exit_code;
};
struct kuid {
	__u32 val;
};
struct cred {
	struct kuid uid;
};
struct sched_entity {
	__u64 sum_exec_runtime;
};
struct task_struct {
	struct thread_info thread_info;
	struct sched_entity se;
	unsigned int __state;
	unsigned int flags;
	int pid, tgid;
	int exit_code;
	struct task_struct *real_parent, *group_leader;
	const struct cred *real_cred;
	__u64 utime, stime;
	unsigned long nvcsw, nivcsw, min_flt, maj_flt;
	__u64 start_time, start_boottime;
	char comm[16];
	struct signal_struct *signal;
	struct task_io_accounting ioac;
	struct css_set *cgroups;
};
/* Before Linux 5.14. */
struct task_struct___signed_state {
	long state;
};

/* ---- block devices ---- */

struct gendisk {
	int major, first_minor;
	char disk_name[32];
};
struct request_queue {
	struct gendisk *disk;
};
struct request {
	struct request_queue *q;
	unsigned int cmd_flags;
	unsigned int __data_len;
	__u64 start_time_ns;
};
/* Before Linux 5.17. */
struct request___disk {
	struct gendisk *rq_disk;
};

/* ---- sockets ---- */

struct sock_common {
	__u16 skc_num; /* the port, as this machine writes numbers */
	unsigned short skc_family;
	volatile unsigned char skc_state;
};
struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
	__u32 sk_ack_backlog, sk_max_ack_backlog;
	atomic_t sk_drops;
};
struct seq_file;
struct bpf_iter_meta {
	struct seq_file *seq;
};
struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common; /* NULL at the end */
};
struct request_sock;
struct sk_buff;
struct tcp_sock {
	__u32 srtt_us; /* eight times the smoothed round-trip time */
};

/* ---- interrupts ---- */

struct irqaction {
	const char *name;
};
struct pt_regs;
struct inode;
struct file;
struct dentry;
struct linux_binprm;

#pragma clang attribute pop

#endif
