/* SPDX-License-Identifier: MIT */
/* Containers: control groups with cAdvisor's families. Slow: to read memory.stat the kernel first gathers what each CPU
 * has counted, for the group and all beneath it. */
#include "container.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Hierarchies may be mounted later: in every so many'th collection they are looked for again. */
#define MOUNTS_EVERY 64u

static const struct host_family left_out_family =
	HOST_GAUGE("mstat_containers_left_out",
		   "Control groups that are not told: deeper than --collector.container.max-depth, more than "
		   "--collector.container.max-groups, or by --collector.container.include and -exclude.",
		   "reason");

static void container_close(struct host *host)
{
	struct container_state *state = host->state;
	container_groups_fini(state);
	container_hierarchies_fini(&state->hierarchies);
	host_filter_fini(&state->paths);
	free(state->devices);
	free(state->buffer);
	free(state);
}

static int container_open(struct host *host)
{
	const struct host_options *options = host->options;
	struct container_state *state = calloc(1, sizeof(*state));
	if (!state)
		return -ENOMEM;
	host->state = state;
	state->clock_ticks = sysconf(_SC_CLK_TCK);
	state->buffer = malloc(CONTAINER_BUFFER_BYTES + 1);
	int r = state->buffer ? 0 : -ENOMEM;
	if (!r)
		r = host_filter_init(&state->paths, options->container_include, options->container_exclude);
	if (r)
		container_close(host);
	return r;
}

static int container_collect(struct host *host)
{
	struct container_state *state = host->state;
	int error = 0;
	size_t walked = 0;
	state->collection++;
	state->taken = 0;
	memset(&state->left_out, 0, sizeof(state->left_out));
	if (!state->hierarchies.count || state->collection % MOUNTS_EVERY == 0)
		error = container_hierarchies_find(host, &state->hierarchies);
	for (size_t i = 0; i < state->hierarchies.count; i++) {
		if (!state->hierarchies.list[i].sections)
			continue;
		const int r = container_walk(host, &state->hierarchies.list[i]);
		walked += !r;
		error = r ? r : error;
	}
	container_groups_sweep(state);
	if (!walked) {
		container_hierarchies_fini(&state->hierarchies);
		return error ? error : -ENODATA;
	}
	host_u64(host, &left_out_family, state->left_out.depth, "depth");
	host_u64(host, &left_out_family, state->left_out.count, "count");
	host_u64(host, &left_out_family, state->left_out.pattern, "pattern");
	return 0;
}

const struct host_ops host_container = {.collect = container_collect, .open = container_open, .close = container_close};
