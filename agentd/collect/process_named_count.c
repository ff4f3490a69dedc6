/* SPDX-License-Identifier: MIT */
/* Gives every process its group and adds up. */
#include "process_named.h"

#include <time.h>

/* How deep parents are asked for their group. */
#define PARENTS_MAX 64u
/* What reading smaps may take of a collection: what is left over comes first in the next one. */
#define MEMORY_NS INT64_C(10000000)
#define MEMORY_FIRST_NS INT64_C(500000000)
/* A process that has done nothing shares its memory as before, but with others that may have gone. */
#define MEMORY_REST_PASSES 64u

static int64_t monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* ---- groups ----------------------------------------------------------------------------------------------------- */

static struct process_group *group_by_name(struct host *host, struct named *named, const char *name)
{
	struct process_group *group = process_groups_get(&named->groups, name, "");
	if (!group)
		host_skip(host);
	return group;
}

static bool is_decided(const struct named *named, const struct process *process)
{
	return process->named && (!process->fresh || process->claim_pass == process_table_pass(named->table));
}

/* By a rule, or else by the parent, whose group may have to be decided first. */
static void group_decide(struct host *host, struct named *named, struct process *process, unsigned depth)
{
	char name[PROCESS_NAME_BYTES];
	const struct process_files *files = process_table_files(named->table);
	if (is_decided(named, process))
		return;
	process->named = true;
	process->claim_pass = process_table_pass(named->table);
	process->group = NULL;
	if (process_naming_name(&named->naming, files, process, name, sizeof(name))) {
		process->group = group_by_name(host, named, name);
		return;
	}
	struct process *parent = host->options->namedprocess_children && depth < PARENTS_MAX
					 ? process_table_find(named->table, process->now.parent)
					 : NULL;
	if (!parent || process_gone(named->table, parent))
		return;
	group_decide(host, named, parent, depth + 1);
	process->group = parent->group;
}

struct process_group *named_parent_group(struct host *host, struct named *named, uint32_t parent)
{
	const struct process *process =
		host->options->namedprocess_children ? process_table_find(named->table, parent) : NULL;
	return process ? process->group : NULL;
}

/* ---- sums ------------------------------------------------------------------------------------------------------- */

static void tops_offer(struct named *named, const struct process *process)
{
	const struct process_counters *now = &process->now.counters, *before = &process->counted;
	const uint64_t cpu_ns = now->user_ns + now->system_ns, before_ns = before->user_ns + before->system_ns;
	named_tops_offer(&named->top_cpu, process, cpu_ns > before_ns ? cpu_ns - before_ns : 0);
	named_tops_offer(&named->top_memory, process, process->now.resident_bytes);
}

/* A process that is seen first when it has ended already: its end was or will be told of by taskstats. */
static bool is_told_of(const struct named *named, const struct process *process)
{
	return named->exits && !process->known && process->now.state == 'Z' && process->now.threads <= 1 &&
	       process_table_pass(named->table) > 1 && process_exits_stats(named->exits).taskstats;
}

static void process_count(struct named *named, struct process *process)
{
	struct process_group *group = process->group;
	if (!process->ended)
		tops_offer(named, process);
	if (is_told_of(named, process))
		process->counted = process->now.counters;
	if (!group)
		return;
	process_group_add(group, &process->now);
	if (!process->ended) {
		process_counters_add_growth(&group->counters, &process->now.counters, &process->counted);
		process->counted = process->now.counters;
	}
}

static void memory_count(struct named *named)
{
	for (const struct process *process = process_table_next(named->table, NULL); process;
	     process = process_table_next(named->table, process)) {
		struct process_group *group = process->group;
		if (!group || process_gone(named->table, process))
			continue;
		group->now.proportional_bytes += process->proportional_bytes;
		group->now.proportional_swapped_bytes += process->proportional_swapped_bytes;
	}
}

static bool memory_due(const struct named *named, const struct process *process)
{
	const uint32_t pass = process_table_pass(named->table);
	if (!process->group || process_gone(named->table, process) || !process->now.virtual_bytes)
		return false;
	if (!process->memory_pass || (pass + process->pid) % MEMORY_REST_PASSES == 0)
		return true;
	return process->read_pass == pass && process->memory_faults != process->now.counters.minor_faults;
}

/* In the order of the table, from where the last collection ran out of time. */
static void memory_read(struct named *named)
{
	const int64_t budget_ns = process_table_pass(named->table) == 1 ? MEMORY_FIRST_NS : MEMORY_NS;
	const int64_t end_ns = monotonic_ns() + budget_ns;
	struct process *process = process_table_find(named->table, named->memory_next);
	named->memory_next = 0;
	for (size_t left = process_table_count(named->table); left; left--) {
		if (!process)
			process = process_table_next(named->table, NULL);
		if (memory_due(named, process)) {
			if (monotonic_ns() > end_ns) {
				named->memory_next = process->pid;
				return;
			}
			process->memory_faults = process->now.counters.minor_faults;
			process_table_memory(named->table, process);
		}
		process = process_table_next(named->table, process);
	}
}

void named_count(struct host *host, struct named *named)
{
	process_groups_begin(&named->groups);
	named->top_cpu.count = named->top_memory.count = 0;
	for (struct process *process = process_table_next(named->table, NULL); process;
	     process = process_table_next(named->table, process)) {
		if (process_gone(named->table, process))
			continue;
		group_decide(host, named, process, 0);
		process_count(named, process);
	}
	if (!host->options->namedprocess_smaps)
		return;
	memory_read(named);
	memory_count(named);
}
