/* SPDX-License-Identifier: MIT */
/* Threads of named processes, by group and name, and by what they wait for. */
#include <string.h>

#include "process_named.h"

/* What the thread waits for in the kernel: "" where it does not wait or we may not know. */
static void wait_channel_read(const struct named *named, const struct process *thread, char *channel, size_t size)
{
	const struct process_place place = process_place_of(thread->pid, thread->thread_of);
	const ssize_t len = process_file_read(process_table_files(named->threads), &place, "wchan", channel, size);
	if (len <= 0 || !strcmp(channel, "0"))
		*channel = '\0';
	channel[strcspn(channel, "\n")] = '\0';
}

static void wait_count(struct named *named, struct process *thread, const char *group_name)
{
	char channel[128];
	if (thread->read_pass == process_table_pass(named->threads) || thread->fresh) {
		wait_channel_read(named, thread, channel, sizeof(channel));
		thread->wait_group = *channel ? process_groups_get(&named->wait_groups, group_name, channel) : NULL;
	}
	struct process_group *wait_group = thread->wait_group;
	if (wait_group)
		wait_group->now.members++;
}

static void thread_count(struct host *host, struct named *named, struct process *thread,
			 const struct process_group *group)
{
	struct process_group *own = thread->group;
	if (!own || thread->fresh || strcmp(own->name, group->name) != 0) {
		own = process_groups_get(&named->thread_groups, group->name, thread->now.comm);
		if (!own)
			host_skip(host);
		thread->group = own;
		/* What it waits for is of its group, too. */
		thread->read_pass = process_table_pass(named->threads);
	}
	wait_count(named, thread, group->name);
	if (!own)
		return;
	process_group_add(own, &thread->now);
	process_counters_add_growth(&own->counters, &thread->now.counters, &thread->counted);
	thread->counted = thread->now.counters;
}

/* Threads of processes without a group were not looked at in this pass, and are forgotten. */
void named_count_threads(struct host *host, struct named *named)
{
	process_groups_begin(&named->thread_groups);
	process_groups_begin(&named->wait_groups);
	for (struct process *process = process_table_next(named->table, NULL); process;
	     process = process_table_next(named->table, process))
		if (process->group && !process_gone(named->table, process))
			process_table_scan_threads(named->threads, process->pid, process->rested);
	for (struct process *thread = process_table_next(named->threads, NULL); thread;
	     thread = process_table_next(named->threads, thread)) {
		const struct process *process = process_table_find(named->table, thread->thread_of);
		if (process && process->group && !process_gone(named->threads, thread))
			thread_count(host, named, thread, process->group);
	}
}
