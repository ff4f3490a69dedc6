/* SPDX-License-Identifier: MIT */
/* Sums by name over many processes. */
#include "process_groups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host_hash.h"

#define BUCKETS_FIRST 64u

int process_groups_init(struct process_groups *groups, size_t max)
{
	struct process_group **buckets = calloc(BUCKETS_FIRST, sizeof(struct process_group *));
	if (!buckets)
		return -ENOMEM;
	*groups = (struct process_groups){
		.buckets = buckets, .bucket_count = BUCKETS_FIRST, .max = max, .seed = host_hash_seed()};
	groups->last = &groups->first;
	return 0;
}

static void group_free(struct process_group *group)
{
	free(group->name);
	free(group->part);
	free(group);
}

void process_groups_fini(struct process_groups *groups)
{
	for (struct process_group *group = groups->first, *next; group; group = next) {
		next = group->next;
		group_free(group);
	}
	free(groups->buckets);
	*groups = (struct process_groups){.first = NULL};
}

static struct process_group **bucket_of(const struct process_groups *groups, const char *name, const char *part)
{
	const uint64_t hash = host_hash_add(host_hash_add(groups->seed, name), part);
	return &groups->buckets[(hash ^ hash >> 32) & (groups->bucket_count - 1)];
}

static void groups_grow(struct process_groups *groups)
{
	struct process_group **buckets = calloc(2 * groups->bucket_count, sizeof(struct process_group *));
	if (!buckets)
		return; /* without memory it gets slower */
	free(groups->buckets);
	groups->buckets = buckets;
	groups->bucket_count *= 2;
	for (struct process_group *group = groups->first; group; group = group->next) {
		struct process_group **bucket = bucket_of(groups, group->name, group->part);
		group->bucket = *bucket;
		*bucket = group;
	}
}

static struct process_group *group_new(const char *name, const char *part)
{
	struct process_group *group = calloc(1, sizeof(*group));
	if (!group)
		return NULL;
	group->name = strdup(name);
	group->part = strdup(part);
	if (group->name && group->part)
		return group;
	group_free(group);
	return NULL;
}

struct process_group *process_groups_get(struct process_groups *groups, const char *name, const char *part)
{
	struct process_group **bucket = bucket_of(groups, name, part);
	for (struct process_group *group = *bucket; group; group = group->bucket)
		if (!strcmp(group->name, name) && !strcmp(group->part, part))
			return group;
	struct process_group *group = groups->count < groups->max ? group_new(name, part) : NULL;
	if (!group) {
		groups->refused++;
		return NULL;
	}
	group->bucket = *bucket;
	*bucket = group;
	*groups->last = group;
	groups->last = &group->next;
	if (++groups->count > 2 * groups->bucket_count)
		groups_grow(groups);
	return group;
}

void process_groups_begin(struct process_groups *groups)
{
	for (struct process_group *group = groups->first; group; group = group->next)
		group->now = (struct process_sums){.oldest_start_ticks = UINT64_MAX};
}

static enum process_state state_of(char letter)
{
	switch (letter) {
	case 'R':
		return PROCESS_RUNNING;
	case 'S':
		return PROCESS_SLEEPING;
	case 'D':
		return PROCESS_WAITING;
	case 'Z':
		return PROCESS_ZOMBIE;
	default:
		return PROCESS_OTHER;
	}
}

void process_group_add(struct process_group *group, const struct process_reading *reading)
{
	struct process_sums *now = &group->now;
	now->members++;
	now->threads += reading->threads;
	now->resident_bytes += reading->resident_bytes;
	now->virtual_bytes += reading->virtual_bytes;
	now->swapped_bytes += reading->swapped_bytes;
	now->open_fds += reading->open_fds;
	now->states[state_of(reading->state)]++;
	if (reading->max_fds && (double)reading->open_fds / (double)reading->max_fds > now->worst_fd_ratio)
		now->worst_fd_ratio = (double)reading->open_fds / (double)reading->max_fds;
	/* A group may be made in the middle of a pass. */
	if (now->members == 1 || reading->start_ticks < now->oldest_start_ticks)
		now->oldest_start_ticks = reading->start_ticks;
}

static void group_remove(struct process_groups *groups, struct process_group **place)
{
	struct process_group *group = *place;
	struct process_group **bucket = bucket_of(groups, group->name, group->part);
	while (*bucket != group)
		bucket = &(*bucket)->bucket;
	*bucket = group->bucket;
	*place = group->next;
	if (groups->last == &group->next)
		groups->last = place;
	groups->count--;
	group_free(group);
}

void process_groups_end(struct process_groups *groups, int64_t now_ns, int64_t after_ns)
{
	for (struct process_group **place = &groups->first; *place;) {
		struct process_group *group = *place;
		if (group->now.members)
			group->empty_since_ns = 0;
		else if (!group->empty_since_ns)
			group->empty_since_ns = now_ns;
		if (group->empty_since_ns && after_ns && now_ns - group->empty_since_ns >= after_ns)
			group_remove(groups, place);
		else
			place = &group->next;
	}
}
