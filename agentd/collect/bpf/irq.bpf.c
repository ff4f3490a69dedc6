/* SPDX-License-Identifier: MIT */
/* Interrupts: how long their handlers run. Those that share a line are told together, under the name of the first. */
#include "bpf_slots_program.h"
#include "irq.h"

const volatile struct bpf_partition latency_partition;
REGION(services, bpf_cells);

/* Handlers do not nest: interrupts are off while one runs. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} started_ns SEC(".maps");

SEC("tp_btf/irq_handler_entry")
int BPF_PROG(enter, int line, struct irqaction *action)
{
	const __u32 zero = 0;
	__u64 *own_ns = bpf_map_lookup_elem(&started_ns, &zero);
	if (own_ns)
		*own_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/irq_handler_exit")
int BPF_PROG(leave, int line, struct irqaction *action)
{
	const __u32 zero = 0;
	const __u64 now_ns = bpf_ktime_get_ns();
	__u64 *own_ns = bpf_map_lookup_elem(&started_ns, &zero);
	if (!own_ns || !*own_ns)
		return 0;
	__u32 slot = slot_find((__u64)line);
	if (slot == SLOT_NONE)
		slot = slot_take((__u64)line, action->name);
	if (slot < IRQ_SLOTS)
		few_histogram_add(&services, slot, IRQ_SLOTS, &latency_partition, now_ns - *own_ns);
	*own_ns = 0;
	return 0;
}
