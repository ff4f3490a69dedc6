/* SPDX-License-Identifier: MIT */
/* ext4: how long syncing, unlinking, truncating and allocating take. Writing is left out: it would be an event for each
 * page, and goes to memory. */
#include "bpf_program.h"
#include "ext4.h"

const volatile struct bpf_partition latency_partition;
REGION(latency, bpf_cells);

/* One operation may be part of another one. */
struct operations {
	__u64 since_ns[EXT4_OPERATIONS];
};
TASK_STORAGE(operations, struct operations);

static __always_inline void operation_begin(enum ext4_operation operation)
{
	struct operations *own = task_value(&operations, bpf_get_current_task_btf());
	if (own)
		own->since_ns[operation] = bpf_ktime_get_ns();
}

/* Programs of different operations write to keys of their own. */
static __always_inline void operation_end(enum ext4_operation operation)
{
	const __u64 now_ns = bpf_ktime_get_ns();
	struct operations *own = bpf_task_storage_get(&operations, bpf_get_current_task_btf(), 0, 0);
	if (!own || !own->since_ns[operation])
		return;
	if (own->since_ns[operation] < now_ns)
		histogram_add(&latency, operation, EXT4_OPERATIONS, &latency_partition,
			      now_ns - own->since_ns[operation]);
	own->since_ns[operation] = 0;
}

#define OPERATION(name, operation)                                                                                     \
	SEC("tp_btf/ext4_" #name "_enter")                                                                             \
	int BPF_PROG(name##_enter)                                                                                     \
	{                                                                                                              \
		operation_begin(operation);                                                                            \
		return 0;                                                                                              \
	}                                                                                                              \
	SEC("tp_btf/ext4_" #name "_exit")                                                                              \
	int BPF_PROG(name##_exit)                                                                                      \
	{                                                                                                              \
		operation_end(operation);                                                                              \
		return 0;                                                                                              \
	}

OPERATION(sync_file, EXT4_SYNC)
OPERATION(unlink, EXT4_UNLINK)
OPERATION(truncate, EXT4_TRUNCATE)
OPERATION(fallocate, EXT4_FALLOCATE)
