/* SPDX-License-Identifier: MIT */
/* What the programs cost. */
#include "bpf_cost.h"

#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

static const struct host_family seconds_family = HOST_COUNTER(
	"mstat_bpf_program_run_seconds_total", "Time that the kernel spent in a BPF program.", "feature", "program");
static const struct host_family runs_family =
	HOST_COUNTER("mstat_bpf_program_runs_total", "How often a BPF program ran.", "feature", "program");
static const struct host_family missed_family = HOST_COUNTER(
	"mstat_bpf_program_missed_total",
	"Events that a BPF program did not see, since it was running on the same CPU already.", "feature", "program");

void bpf_cost_open(struct bpf_cost *cost, bool told)
{
	const int fd = told ? bpf_enable_stats(BPF_STATS_RUN_TIME) : -1;
	*cost = (struct bpf_cost){.told = told, .fd = fd < 0 ? -1 : fd};
}

void bpf_cost_close(struct bpf_cost *cost)
{
	if (cost->fd >= 0)
		close(cost->fd);
	cost->fd = -1;
}

void bpf_cost_sample(const struct bpf_cost *cost, const struct bpf_feature *feature, const struct bpf_sink *sink)
{
	struct bpf_program *program;
	if (!cost->told || feature->state != BPF_FEATURE_RUNNING)
		return;
	bpf_object__for_each_program(program, feature->object)
	{
		struct bpf_prog_info info = {.type = 0};
		__u32 len = sizeof(info);
		const int fd = bpf_program__fd(program);
		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
			continue;
		const char *names[] = {feature->ops->name, bpf_program__name(program)};
		host_u64(sink->host, &missed_family, info.recursion_misses, names[0], names[1]);
		if (cost->fd < 0)
			continue;
		host_f64(sink->host, &seconds_family, (double)info.run_time_ns / 1e9, names[0], names[1]);
		host_u64(sink->host, &runs_family, info.run_cnt, names[0], names[1]);
	}
}
