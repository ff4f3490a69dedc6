/* SPDX-License-Identifier: MIT */
/* Block I/O: requests from the driver's start to their completion, the time before that, their size and their errors.
 */
#include "block_io.h"
#include "bpf_slots_program.h"

const volatile struct bpf_partition latency_partition;
const volatile struct bpf_partition size_partition;
REGION(latency, bpf_cells);
REGION(queued, bpf_cells);
REGION(size, bpf_cells);
REGION(errors, bpf_words);

struct flight {
	__u64 start_ns;
	__u32 bytes;
	__u32 slot;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, BLOCK_IO_IN_FLIGHT);
	__type(key, __u64); /* address of the request */
	__type(value, struct flight);
} flights SEC(".maps");

static __always_inline __u32 slot_of_request(struct request *request)
{
	struct gendisk *disk = bpf_core_field_exists(request->q->disk)
				       ? request->q->disk
				       : BPF_CORE_READ((struct request___disk *)request, rq_disk);
	if (!disk) /* not for a disk, but for the controller itself */
		return SLOT_NONE;
	const __u64 key =
		BLOCK_IO_KEY(BPF_CORE_READ(disk, major), BPF_CORE_READ(disk, first_minor), request->cmd_flags);
	const __u32 slot = slot_find(key);
	return slot == SLOT_NONE ? slot_take(key, (const char *)&disk->disk_name) : slot;
}

SEC("tp_btf/block_rq_issue")
int BPF_PROG(issue, struct request *request)
{
	const __u64 key = (__u64)request;
	const struct flight flight = {
		.start_ns = bpf_ktime_get_ns(), .bytes = request->__data_len, .slot = slot_of_request(request)};
	const __u64 made_ns = request->start_time_ns; /* 0: the device keeps no statistics */
	if (flight.slot >= BLOCK_IO_SLOTS)
		return 0;
	if (bpf_map_update_elem(&flights, &key, &flight, BPF_ANY))
		drop_count(BPF_DROP_FULL);
	if (made_ns && made_ns < flight.start_ns)
		few_histogram_add(&queued, flight.slot, BLOCK_IO_SLOTS, &latency_partition, flight.start_ns - made_ns);
	return 0;
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(complete, struct request *request, __u32 status, unsigned int bytes)
{
	const __u64 key = (__u64)request, now_ns = bpf_ktime_get_ns();
	struct flight *found = bpf_map_lookup_elem(&flights, &key);
	if (!found)
		return 0;
	const struct flight flight = *found;
	if ((status & 0xff) == 0 && bytes < request->__data_len)
		return 0; /* a part of it, more will come */
	bpf_map_delete_elem(&flights, &key);
	if (flight.slot >= BLOCK_IO_SLOTS)
		return 0;
	if (flight.start_ns < now_ns)
		few_histogram_add(&latency, flight.slot, BLOCK_IO_SLOTS, &latency_partition, now_ns - flight.start_ns);
	few_histogram_add(&size, flight.slot, BLOCK_IO_SLOTS, &size_partition, flight.bytes);
	struct bpf_words *words = status & 0xff ? few_value(&errors, flight.slot, BLOCK_IO_SLOTS) : NULL;
	if (words)
		__sync_fetch_and_add(&words->words[BLOCK_IO_ERRORS], 1);
	return 0;
}
