/* SPDX-License-Identifier: MIT */
/* Adds what processes did between the last look at them and their end, and all that those did that nobody saw. */
#include "process_named.h"

#include <string.h>

/* A process that was seen: what it did more than was counted. */
static void seen_count(struct process *process, const struct process_exit *exit)
{
	struct process_counters last = process->now.counters;
	struct process_counters end = exit->counters;
	struct process_group *group = process->group;
	/* Of several threads, files tell the switches of the main one only. */
	if (process->now.threads > 1)
		end.voluntary_switches = end.nonvoluntary_switches = 0;
	process_counters_max(&last, &end);
	process->ended = true;
	if (!group)
		return;
	process_counters_add_growth(&group->counters, &last, &process->counted);
	process->counted = last;
}

static struct process_group *unseen_group(struct host *host, struct named *named, const struct process_exit *exit)
{
	char name[PROCESS_NAME_BYTES];
	const struct process *parent = process_table_find(named->table, exit->parent);
	struct process_group *by_parent = named_parent_group(host, named, exit->parent);
	/* Forked and never executed: it is what its parent is. */
	if (!exit->arguments && parent && parent->group && !strcmp(parent->now.comm, exit->comm))
		return parent->group;
	if (!process_naming_name_exit(&named->naming, exit, name, sizeof(name)))
		return by_parent;
	struct process_group *group = process_groups_get(&named->groups, name, "");
	if (!group)
		host_skip(host);
	return group;
}

static void unseen_count(struct host *host, struct named *named, const struct process_exit *exit)
{
	struct process_group *group = unseen_group(host, named, exit);
	if (group)
		process_counters_add(&group->counters, &exit->counters);
}

/* Whether its end was counted when nobody had seen it: it is found as a zombie now. */
static bool is_counted_zombie(const struct process *process)
{
	return !process->known && process->now.state == 'Z';
}

void named_count_exits(struct host *host, struct named *named)
{
	size_t count;
	const struct process_exit *exits = process_exits_take(named->exits, &count);
	for (size_t i = 0; i < count; i++) {
		const struct process_exit *exit = &exits[i];
		struct process *process = exit->since_collection ? NULL : process_table_find(named->table, exit->pid);
		if (!process || process->ended) {
			unseen_count(host, named, exit);
		} else if (is_counted_zombie(process) && process_table_pass(named->table) > 1) {
			process->ended = true;
			unseen_count(host, named, exit);
		} else {
			seen_count(process, exit);
		}
	}
}
