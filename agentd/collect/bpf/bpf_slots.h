/* SPDX-License-Identifier: MIT */
/* Slots, on the agent's side: which key has which number, and which numbers are free again. */
#ifndef AGENTD_COLLECT_BPF_SLOTS_H
#define AGENTD_COLLECT_BPF_SLOTS_H

#include <stdbool.h>

#include <linux/types.h>

#include "bpf_region.h"
#include "bpf_shared.h"

struct bpf_object;

enum bpf_slot_state {
	BPF_SLOT_FREE,
	BPF_SLOT_NEW, /* since the last refresh */
	BPF_SLOT_USED,
	BPF_SLOT_ENDED, /* its values are final; free from the next refresh on */
};

struct bpf_slots {
	struct bpf_region region;
	int free_fd; /* of the stack */
	uint32_t count;
	struct bpf_slot_view {
		enum bpf_slot_state state;
		uint64_t taken; /* as of the last refresh */
		uint64_t key;
		char text[BPF_SLOT_TEXT]; /* always ended by a NUL */
	} * views;
};

/* Before loading: makes room. 0 or -errno. */
int bpf_slots_resize(struct bpf_object *object, uint32_t count);

/* After loading: all slots are free. 0 or -errno. */
int bpf_slots_open(struct bpf_slots *slots, struct bpf_object *object, uint32_t count);
void bpf_slots_close(struct bpf_slots *slots); /* zeroed is fine */

/* Looks at all slots again; gives those that had ended back to the programs. Cost: some ns a slot, a call for each one
 * that is given back. */
void bpf_slots_refresh(struct bpf_slots *slots);

#endif
