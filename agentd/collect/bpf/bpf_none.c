/* SPDX-License-Identifier: MIT */
/* What there is in an agent that was built with BPF=0: a bpf collector that says so. */
#include <errno.h>
#include <stdlib.h>

#include "bpf_exits.h"
#include "bpf_state.h"
#include "collect/host_private.h"

static int none_open(struct host *host)
{
	struct bpf_states *states = calloc(1, sizeof(*states));
	if (!states)
		return -ENOMEM;
	for (size_t i = 0; i < BPF_FEATURE_COUNT; i++)
		bpf_states_set(states, i, bpf_feature_state_of(-ENOSYS), -ENOSYS);
	host->state = states;
	return 0;
}

static void none_close(struct host *host)
{
	free(host->state);
}

static int none_collect(struct host *host)
{
	bpf_states_sample(host->state, &(const struct bpf_sink){.host = host, .builder = host->own->sink.builder});
	return 0;
}

const struct host_ops host_bpf = {.open = none_open, .close = none_close, .collect = none_collect};

int bpf_exits_open(struct bpf_exits **exits)
{
	(void)exits;
	return -ENOSYS;
}

void bpf_exits_close(struct bpf_exits *exits)
{
	(void)exits;
}

uint64_t bpf_exits_take(struct bpf_exits *exits, bpf_exits_each *each, void *context)
{
	(void)exits;
	(void)each;
	(void)context;
	return 0;
}

uint64_t bpf_exits_lost(const struct bpf_exits *exits)
{
	(void)exits;
	return 0;
}
