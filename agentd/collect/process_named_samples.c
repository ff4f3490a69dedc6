/* SPDX-License-Identifier: MIT */
/* What the namedprocess collector exposes. */
#include <stdio.h>

#include "process_named.h"

#define NAMED_FAMILY(id, name, type, help, ...)                                                                        \
	static const struct host_family id##_family = HOST_FAMILY(name, type, help, "groupname", ##__VA_ARGS__);
#define THREAD_FAMILY(id, name, type, help, ...)                                                                       \
	static const struct host_family id##_family =                                                                  \
		HOST_FAMILY(name, type, help, "groupname", "threadname", ##__VA_ARGS__);
#include "process_named.def"

static const struct host_family oldest_family =
	HOST_GAUGE("namedprocess_namegroup_oldest_start_time_seconds",
		   "When the oldest process of this group started, in seconds since 1970.", "groupname");
static const struct host_family wchan_family =
	HOST_GAUGE("namedprocess_namegroup_threads_wchan",
		   "Threads of this group that wait in this place of the kernel.", "groupname", "wchan");
/* process-exporter's counters, under its names, which lack the suffix of a counter. */
static const struct host_family scrape_errors_family =
	HOST_UNTYPED("namedprocess_scrape_errors", "Collections in which no process could be looked at.");
static const struct host_family read_errors_family =
	HOST_UNTYPED("namedprocess_scrape_procread_errors", "Processes that could not be read.");
static const struct host_family partial_errors_family =
	HOST_UNTYPED("namedprocess_scrape_partial_errors",
		     "Processes that could be read in part only: their io or their descriptors.");
static const struct host_family source_family =
	HOST_GAUGE("mstat_namedprocess_exits_source",
		   "Whether the ends of processes are learnt from this source. With none, what a process did after it "
		   "was last seen is not counted, and one that lived between two collections not at all.",
		   "source");
static const struct host_family lost_family = HOST_COUNTER(
	"mstat_namedprocess_exits_lost_total", "How often the kernel had no room to tell of ends of processes.");
static const struct host_family dropped_family =
	HOST_COUNTER("mstat_namedprocess_exits_dropped_total", "Ends of processes and arguments that were not kept.");
static const struct host_family refused_family = HOST_COUNTER("mstat_namedprocess_groups_refused_total",
							      "Groups that were not made because there are too many.");
static const struct host_family top_cpu_family =
	HOST_COUNTER("mstat_top_process_cpu_seconds_total",
		     "CPU time of the processes that used the most of it since the last collection.", "pid", "comm");
static const struct host_family top_memory_family =
	HOST_GAUGE("mstat_top_process_resident_memory_bytes",
		   "Resident memory of the processes that use the most of it.", "pid", "comm");

static void group_sample(struct host *host, const struct named *named, const struct process_group *group)
{
	const struct process_sums *now = &group->now;
	const struct process_counters *counters = &group->counters;
#define NAMED_SAMPLE(id, kind, value, ...) host_##kind(host, &id##_family, value, group->name, ##__VA_ARGS__);
#include "process_named.def"
	if (now->members)
		host_f64(host, &oldest_family,
			 process_start_seconds(process_table_files(named->table), now->oldest_start_ticks),
			 group->name);
	if (!host->options->namedprocess_smaps)
		return;
	host_u64(host, &memory_family, now->proportional_bytes, group->name, "proportionalResident");
	host_u64(host, &memory_family, now->proportional_swapped_bytes, group->name, "proportionalSwapped");
}

static void threads_sample(struct host *host, const struct named *named)
{
	for (const struct process_group *group = named->thread_groups.first; group; group = group->next) {
		const struct process_sums *now = &group->now;
		const struct process_counters *counters = &group->counters;
#define THREAD_SAMPLE(id, kind, value, ...)                                                                            \
	host_##kind(host, &id##_family, value, group->name, group->part, ##__VA_ARGS__);
#include "process_named.def"
	}
	for (const struct process_group *group = named->wait_groups.first; group; group = group->next)
		if (group->now.members)
			host_u64(host, &wchan_family, group->now.members, group->name, group->part);
}

static void tops_sample(struct host *host, const struct named *named)
{
	char pid[16];
	for (size_t i = 0; i < named->top_cpu.count; i++) {
		const struct process *process = named->top_cpu.items[i].process;
		const struct process_counters *counters = &process->now.counters;
		snprintf(pid, sizeof(pid), "%u", process->pid);
		host_f64(host, &top_cpu_family, (double)(counters->user_ns + counters->system_ns) / 1e9, pid,
			 process->now.comm);
	}
	for (size_t i = 0; i < named->top_memory.count; i++) {
		const struct process *process = named->top_memory.items[i].process;
		snprintf(pid, sizeof(pid), "%u", process->pid);
		host_u64(host, &top_memory_family, process->now.resident_bytes, pid, process->now.comm);
	}
}

static void exits_sample(struct host *host, const struct named *named)
{
	struct process_exits_stats stats = {.taskstats = false};
	if (named->exits)
		stats = process_exits_stats(named->exits);
	host_u64(host, &source_family, stats.taskstats, "taskstats");
	host_u64(host, &source_family, stats.connector, "connector");
	host_u64(host, &source_family, !stats.taskstats, "none");
	host_u64(host, &lost_family, stats.lost);
	host_u64(host, &dropped_family, stats.overflow);
}

void named_sample(struct host *host, const struct named *named)
{
	struct process_table_stats stats = process_table_stats(named->table);
	uint64_t refused = named->groups.refused;
	for (const struct process_group *group = named->groups.first; group; group = group->next)
		group_sample(host, named, group);
	if (named->threads) {
		threads_sample(host, named);
		refused += named->thread_groups.refused + named->wait_groups.refused;
	}
	tops_sample(host, named);
	exits_sample(host, named);
	host_u64(host, &refused_family, refused);
	host_u64(host, &scrape_errors_family, named->scrape_errors);
	host_u64(host, &read_errors_family, stats.read_errors);
	host_u64(host, &partial_errors_family, stats.partial_errors);
}
