/* SPDX-License-Identifier: MIT */
/* What our BPF programs have in common: arrays that the agent maps, histograms, slots for keys. BPF C only.
 *
 * Programs run with preemption off, on the CPU where the event is, so that the CPU's number tells whose memory to
 * write.
 */
#ifndef AGENTD_COLLECT_BPF_PROGRAM_H
#define AGENTD_COLLECT_BPF_PROGRAM_H

#include "mini_kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf_partition.h"
#include "bpf_shared.h"

/* The kernel gives most helpers to programs under the GPL only. */
char program_license[] SEC("license") = "Dual MIT/GPL";

/* An array of values of one type, `keys` of them for each CPU; the agent sets max_entries before it loads. */
#define REGION(name, value_type)                                                                                       \
	struct {                                                                                                       \
		__uint(type, BPF_MAP_TYPE_ARRAY);                                                                      \
		__uint(max_entries, 1);                                                                                \
		__uint(map_flags, BPF_F_MMAPABLE);                                                                     \
		__type(key, __u32);                                                                                    \
		__type(value, struct value_type);                                                                      \
	} name SEC(".maps")

/* This CPU's value of a key; NULL beyond the array, which the agent makes large enough for all possible CPUs. */
static __always_inline void *region_value(void *region, __u32 key, __u32 keys)
{
	const __u32 index = bpf_get_smp_processor_id() * keys + key;
	return bpf_map_lookup_elem(region, &index);
}

/* The same of a region with a few rows: for atomic adds only. */
static __always_inline void *few_value(void *region, __u32 key, __u32 keys)
{
	const __u32 index = bpf_get_smp_processor_id() % BPF_FEW_ROWS * keys + key;
	return bpf_map_lookup_elem(region, &index);
}

REGION(drops, bpf_words);

static __always_inline void drop_count(enum bpf_drop reason)
{
	struct bpf_words *value = region_value(&drops, 0, 1);
	if (value)
		__sync_fetch_and_add(&value->words[reason], 1); /* several programs count here */
}

/* ---- tasks ------------------------------------------------------------------------------------------------------ */

/* What is remembered of each task: found through the task itself, without a hash, and gone with it. */
#define TASK_STORAGE(name, value_type)                                                                                 \
	struct {                                                                                                       \
		__uint(type, BPF_MAP_TYPE_TASK_STORAGE);                                                               \
		__uint(map_flags, BPF_F_NO_PREALLOC);                                                                  \
		__type(key, int);                                                                                      \
		__type(value, value_type);                                                                             \
	} name SEC(".maps")

/* The value of a task, made where there is none; NULL, counted, without memory. */
static __always_inline void *task_value(void *storage, struct task_struct *task)
{
	void *value = bpf_task_storage_get(storage, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!value)
		drop_count(BPF_DROP_MEMORY);
	return value;
}

static __always_inline unsigned int task_state(struct task_struct *task)
{
	if (bpf_core_field_exists(task->__state))
		return task->__state;
	return BPF_CORE_READ((struct task_struct___signed_state *)task, state);
}

/* ---- histograms ------------------------------------------------------------------------------------------------- */

/* Only one program may add to the cells of a region. */
static __always_inline void cells_add(struct bpf_cells *cells, const volatile struct bpf_partition *partition,
				      __u64 value)
{
	const __u32 cell = bpf_partition_cell(partition, value);
	if (cell >= BPF_CELLS)
		return;
	cells->cells[cell]++;
	cells->sum += value;
}

static __always_inline void few_histogram_add(void *region, __u32 key, __u32 keys,
					      const volatile struct bpf_partition *partition, __u64 value)
{
	struct bpf_cells *cells = few_value(region, key, keys);
	const __u32 cell = bpf_partition_cell(partition, value);
	if (!cells || cell >= BPF_CELLS)
		return;
	__sync_fetch_and_add(&cells->cells[cell], 1);
	__sync_fetch_and_add(&cells->sum, value);
}

static __always_inline void histogram_add(void *region, __u32 key, __u32 keys,
					  const volatile struct bpf_partition *partition, __u64 value)
{
	struct bpf_cells *cells = region_value(region, key, keys);
	if (cells)
		cells_add(cells, partition, value);
}

#endif
