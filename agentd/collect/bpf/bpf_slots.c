/* SPDX-License-Identifier: MIT */
/* Slots, on the agent's side. */
#include "bpf_slots.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <mstat/atomic.h>

_Static_assert(sizeof(struct bpf_slot) % sizeof(uint64_t) == 0, "slots are read as words");

static struct bpf_map *map_of(struct bpf_object *object, const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, name);
	assert(map);
	return map;
}

int bpf_slots_resize(struct bpf_object *object, uint32_t count)
{
	int r = bpf_region_resize(map_of(object, "slots"), count, 1);
	if (!r)
		r = bpf_map__set_max_entries(map_of(object, "slot_of"), count);
	return r ? r : bpf_map__set_max_entries(map_of(object, "slots_free"), count);
}

int bpf_slots_open(struct bpf_slots *slots, struct bpf_object *object, uint32_t count)
{
	int r = bpf_region_open(map_of(object, "slots"), count, 1, &slots->region);
	if (r)
		return r;
	slots->free_fd = bpf_map__fd(map_of(object, "slots_free"));
	slots->count = count;
	slots->views = calloc(count, sizeof(*slots->views));
	if (!slots->views)
		return -ENOMEM;
	/* The lowest numbers come out of the stack first. */
	for (uint32_t i = count; i--;)
		if (bpf_map_update_elem(slots->free_fd, NULL, &i, BPF_ANY))
			return -errno;
	return 0;
}

void bpf_slots_close(struct bpf_slots *slots)
{
	bpf_region_close(&slots->region);
	free(slots->views);
	*slots = (struct bpf_slots){.views = NULL};
}

static void view_fill(struct bpf_slot_view *view, const struct bpf_slot *slot, uint64_t taken)
{
	*view = (struct bpf_slot_view){.state = BPF_SLOT_NEW, .taken = taken, .key = mstat_load_relaxed(&slot->key)};
	memcpy(view->text, slot->text, sizeof(view->text));
	view->text[sizeof(view->text) - 1] = '\0';
}

static void slot_refresh(struct bpf_slots *slots, uint32_t number)
{
	const struct bpf_slot *slot = (const struct bpf_slot *)bpf_region_value(&slots->region, 0, number);
	struct bpf_slot_view *view = &slots->views[number];
	/* Pairs with the atomic add in slot_take(): the key is there before. */
	const uint64_t taken = mstat_load_acquire(&slot->taken);
	const bool retired = mstat_load_relaxed(&slot->retired) == taken;
	if (view->state == BPF_SLOT_ENDED) {
		/* Without room in the stack, which cannot be, the slot stays as it is. */
		if (!bpf_map_update_elem(slots->free_fd, NULL, &number, BPF_ANY))
			view->state = BPF_SLOT_FREE;
		return;
	}
	if (taken != view->taken)
		view_fill(view, slot, taken);
	else if (view->state == BPF_SLOT_NEW)
		view->state = BPF_SLOT_USED;
	if (view->state != BPF_SLOT_FREE && retired)
		view->state = BPF_SLOT_ENDED;
}

void bpf_slots_refresh(struct bpf_slots *slots)
{
	for (uint32_t i = 0; i < slots->count; i++)
		slot_refresh(slots, i);
}
