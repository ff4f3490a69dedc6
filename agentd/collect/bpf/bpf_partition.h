/* SPDX-License-Identifier: MIT */
/* How a value finds its cell in a histogram. For both sides: programs and tests.
 *
 * Cells hold (uppers[i-1], uppers[i]], the last used one what is greater; together they are the native and the classic
 * buckets of a family (mstat_partition()). Between a power of two and the next are eight strips of equal width, each
 * narrower than a bucket, so that at most one bound of either kind of buckets lies in a strip: the cell is the strip's
 * first one or one of the two behind it. */
#ifndef AGENTD_COLLECT_BPF_PARTITION_H
#define AGENTD_COLLECT_BPF_PARTITION_H

#define BPF_STRIPS_LOG 3
struct bpf_partition {
	__u64 uppers[256 + 2]; /* UINT64_MAX behind the last one */
	__u8 firsts[64 << BPF_STRIPS_LOG];
	__u8 logs[64]; /* by the highest bits of a product: see bpf_partition_log() */
};
#define BPF_LOG_FACTOR 0x03f6eaf2cd271461ull

/* The place of the highest bit set, without a branch: the verifier follows each branch through all that comes after.
 * All lower bits are set too, then a multiplication tells the 64 outcomes apart (de Bruijn). 0 is like 1. */
static inline __attribute__((always_inline)) __u32 bpf_partition_log(const volatile struct bpf_partition *partition,
								     __u64 value)
{
	value |= value >> 1 | 1;
	value |= value >> 2;
	value |= value >> 4;
	value |= value >> 8;
	value |= value >> 16;
	value |= value >> 32;
	return partition->logs[value * BPF_LOG_FACTOR >> 58];
}

/* Cost: some ns, two to four lines of the cache. */
static inline __attribute__((always_inline)) __u32 bpf_partition_cell(const volatile struct bpf_partition *partition,
								      __u64 value)
{
	const __u32 log = bpf_partition_log(partition, value) & 63;
	const __u32 strip = value << (63 - log) << 1 >> (64 - BPF_STRIPS_LOG);
	__u32 cell = partition->firsts[log << BPF_STRIPS_LOG | strip];
	if (value > partition->uppers[cell])
		cell++;
	if (value > partition->uppers[cell])
		cell++;
	return cell;
}

#endif
