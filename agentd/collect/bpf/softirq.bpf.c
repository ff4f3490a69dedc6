/* SPDX-License-Identifier: MIT */
/* Softirqs: how long they wait from being raised to being served, and how long they are served. */
#include "bpf_program.h"
#include "softirq.h"

const volatile struct bpf_partition latency_partition;
REGION(waits, bpf_cells);
REGION(services, bpf_cells);

/* A softirq is raised and served on the same CPU. */
struct progress {
	__u64 raised_ns; /* 0: it is not pending */
	__u64 started_ns;
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SOFTIRQ_VECTORS);
	__type(key, __u32);
	__type(value, struct progress);
} progress SEC(".maps");

SEC("tp_btf/softirq_raise")
int BPF_PROG(raise, unsigned int vector)
{
	struct progress *own = bpf_map_lookup_elem(&progress, &vector);
	if (own && !own->raised_ns)
		own->raised_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/softirq_entry")
int BPF_PROG(enter, unsigned int vector)
{
	struct progress *own = bpf_map_lookup_elem(&progress, &vector);
	if (!own)
		return 0;
	const __u64 now_ns = bpf_ktime_get_ns(), raised_ns = own->raised_ns;
	own->raised_ns = 0;
	own->started_ns = now_ns;
	if (raised_ns && raised_ns < now_ns)
		histogram_add(&waits, vector, SOFTIRQ_VECTORS, &latency_partition, now_ns - raised_ns);
	return 0;
}

SEC("tp_btf/softirq_exit")
int BPF_PROG(leave, unsigned int vector)
{
	struct progress *own = bpf_map_lookup_elem(&progress, &vector);
	if (!own || !own->started_ns)
		return 0;
	histogram_add(&services, vector, SOFTIRQ_VECTORS, &latency_partition, bpf_ktime_get_ns() - own->started_ns);
	own->started_ns = 0;
	return 0;
}
