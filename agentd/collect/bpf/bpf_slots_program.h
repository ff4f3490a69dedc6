/* SPDX-License-Identifier: MIT */
/* Slots, on the side of the programs: numbers for keys that are not known beforehand. BPF C only.
 *
 * A key takes a free number from a stack; the agent puts all of them there in the beginning, and again those whose key
 * has ended and whose values it has taken note of. */
#ifndef AGENTD_COLLECT_BPF_SLOTS_PROGRAM_H
#define AGENTD_COLLECT_BPF_SLOTS_PROGRAM_H

#include "bpf_program.h"

#define SLOT_NONE 0xffffffffu

/* The tables of an object; the agent sets the numbers of their entries. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u32);
} slot_of SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 1);
	__type(value, __u32);
} slots_free SEC(".maps");
REGION(slots, bpf_slot);

static __always_inline __u32 slot_find(__u64 key)
{
	__u32 *slot = bpf_map_lookup_elem(&slot_of, &key);
	return slot ? *slot : SLOT_NONE;
}

/* A slot for a new key, with a name of the kernel's or NULL; SLOT_NONE, counted, when all are taken. */
static __always_inline __u32 slot_take(__u64 key, const char *text)
{
	__u32 number;
	if (bpf_map_pop_elem(&slots_free, &number)) {
		drop_count(BPF_DROP_FULL);
		return SLOT_NONE;
	}
	struct bpf_slot *slot = bpf_map_lookup_elem(&slots, &number);
	if (!slot)
		return SLOT_NONE;
	slot->key = key;
	slot->text[0] = '\0';
	if (text)
		bpf_probe_read_kernel_str(slot->text, sizeof(slot->text), text);
	/* With all of it in front: pairs with the acquire in bpf_slots_refresh(). */
	__sync_fetch_and_add(&slot->taken, 1);
	if (!bpf_map_update_elem(&slot_of, &key, &number, BPF_NOEXIST))
		return number;
	/* Another CPU was faster. */
	slot->retired = slot->taken;
	return slot_find(key);
}

/* The key will not come again: its last values stay until the agent has seen them. */
static __always_inline void slot_retire(__u64 key)
{
	const __u32 number = slot_find(key);
	struct bpf_slot *slot = number == SLOT_NONE ? NULL : bpf_map_lookup_elem(&slots, &number);
	if (!slot || bpf_map_delete_elem(&slot_of, &key))
		return;
	slot->retired = slot->taken;
}

#endif
