/* SPDX-License-Identifier: MIT */
/* Exits from the kernel's ring. */
#include "bpf_exits.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <bpf/libbpf.h>

#include "bpf_region.h"
#include "bpf_shared.h"

#include "exits.skel.h"

#define RING_BYTES (1u << 20)

struct bpf_exits {
	struct exits_bpf *skeleton;
	struct ring_buffer *ring;
	struct bpf_region drops;
	bpf_exits_each *each; /* during a take */
	void *context;
};

static int on_record(void *context, void *data, size_t size)
{
	struct bpf_exits *exits = context;
	assert(size >= sizeof(struct bpf_exit));
	exits->each(exits->context, data);
	return 0;
}

static int exits_start(struct bpf_exits *exits)
{
	const uint32_t cpus = bpf_cpu_count();
	exits->skeleton = exits_bpf__open();
	if (!exits->skeleton)
		return -errno;
	int r = bpf_region_resize(exits->skeleton->maps.drops, 1, cpus);
	if (!r)
		r = bpf_map__set_max_entries(exits->skeleton->maps.exits, RING_BYTES);
	if (!r)
		r = exits_bpf__load(exits->skeleton);
	if (!r)
		r = bpf_region_open(exits->skeleton->maps.drops, 1, cpus, &exits->drops);
	if (r)
		return r;
	exits->ring = ring_buffer__new(bpf_map__fd(exits->skeleton->maps.exits), on_record, exits, NULL);
	if (!exits->ring)
		return -errno;
	return exits_bpf__attach(exits->skeleton);
}

int bpf_exits_open(struct bpf_exits **exits)
{
	struct bpf_exits *opened = calloc(1, sizeof(*opened));
	if (!opened)
		return -ENOMEM;
	const int r = exits_start(opened);
	if (r) {
		bpf_exits_close(opened);
		return r;
	}
	*exits = opened;
	return 0;
}

void bpf_exits_close(struct bpf_exits *exits)
{
	if (!exits)
		return;
	exits_bpf__detach(exits->skeleton);
	ring_buffer__free(exits->ring);
	bpf_region_close(&exits->drops);
	exits_bpf__destroy(exits->skeleton);
	free(exits);
}

uint64_t bpf_exits_take(struct bpf_exits *exits, bpf_exits_each *each, void *context)
{
	exits->each = each;
	exits->context = context;
	const int taken = ring_buffer__consume(exits->ring);
	return taken > 0 ? (uint64_t)taken : 0;
}

uint64_t bpf_exits_lost(const struct bpf_exits *exits)
{
	return bpf_region_sum(&exits->drops, 0, BPF_DROP_FULL);
}
