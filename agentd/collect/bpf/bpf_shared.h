/* SPDX-License-Identifier: MIT */
/* What a BPF program and the agent both know: the layout of the values that the one writes and the other reads.
 *
 * Values lie in arrays that the agent maps into its memory (BPF_F_MMAPABLE, frozen for writers of user space): entry
 * `row * keys + key`, and a reading is a sum over the rows, without a system call. Each CPU has a row of its own. A
 * program never nests on its CPU, so a plain add is exact there wherever one program alone writes a word. Only large
 * arrays of seldom events have a few rows for all CPUs, and take atomic adds: they would be the agent's largest memory
 * by far on a machine with many.
 *
 * Included by both sides; the types __u32 and __u64 come from mini_kernel.h or linux/types.h. */
#ifndef AGENTD_COLLECT_BPF_SHARED_H
#define AGENTD_COLLECT_BPF_SHARED_H

#define BPF_FEW_ROWS 2u

/* ---- histograms ---- */

#define BPF_CELLS 143u

/* How values fall into cells: bpf_partition.h. 18 cache lines. */
struct bpf_cells {
	__u64 sum; /* of the values as they were measured: nanoseconds, bytes */
	__u64 cells[BPF_CELLS];
};

/* ---- counters ---- */

/* A cache line of counters of one key on one CPU; what each means, the feature says. */
#define BPF_WORDS 8u
struct bpf_words {
	__u64 words[BPF_WORDS];
};

/* Events that a feature could not count as asked, by reason: the words of its array "drops". */
enum bpf_drop {
	BPF_DROP_MEMORY, /* no memory for what has to be remembered of a task */
	BPF_DROP_FULL,   /* a bounded table is full */
	BPF_DROP_COUNT
};

/* ---- keyed values ---- */

/* Keys that are not known beforehand (control groups, devices) get a number, their slot, which is then the key of the
 * feature's arrays. Array "slots" tells the agent who has which. */
#define BPF_SLOT_TEXT 96u
struct bpf_slot {
	__u64 taken;   /* how often it was: grows when a new key has moved in */
	__u64 retired; /* how often the key has ended: equal to `taken` when the slot waits to be freed */
	__u64 key;
	char text[BPF_SLOT_TEXT]; /* a name, where the kernel had one at hand */
	__u64 spare;
};

#endif
