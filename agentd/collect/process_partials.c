/* SPDX-License-Identifier: MIT */
/* What threads did that have ended before their process. */
#include "process_partials.h"

#include <stdlib.h>

#define PROCESSES_MAX 16384u
#define AGE_MAX 1024u

struct process_partial {
	uint32_t pid;
	uint32_t age; /* collections without another thread's end */
	struct process_counters counters;
};

void process_partials_fini(struct process_partials *partials)
{
	free(partials->items);
	*partials = (struct process_partials){.items = NULL};
}

/* Few processes have threads that come and go, and those that do so do it again: a walk from the end will do. */
static struct process_partial *partial_find(const struct process_partials *partials, uint32_t pid)
{
	for (size_t i = partials->count; i-- > 0;)
		if (partials->items[i].pid == pid)
			return &partials->items[i];
	return NULL;
}

static struct process_partial *partial_new(struct process_partials *partials, uint32_t pid)
{
	if (partials->count == partials->capacity) {
		const size_t capacity = partials->capacity ? 2 * partials->capacity : 64;
		struct process_partial *items =
			capacity > PROCESSES_MAX ? NULL : reallocarray(partials->items, capacity, sizeof(*items));
		if (!items)
			return NULL;
		partials->items = items;
		partials->capacity = capacity;
	}
	struct process_partial *partial = &partials->items[partials->count++];
	*partial = (struct process_partial){.pid = pid};
	return partial;
}

bool process_partials_add(struct process_partials *partials, uint32_t pid, const struct process_counters *counters)
{
	struct process_partial *partial = partial_find(partials, pid);
	if (!partial)
		partial = partial_new(partials, pid);
	if (!partial)
		return false;
	partial->age = 0;
	process_counters_add(&partial->counters, counters);
	return true;
}

static void partial_remove(struct process_partials *partials, struct process_partial *partial)
{
	*partial = partials->items[--partials->count];
}

struct process_counters process_partials_take(struct process_partials *partials, uint32_t pid)
{
	struct process_counters counters = {.user_ns = 0};
	struct process_partial *partial = partial_find(partials, pid);
	if (!partial)
		return counters;
	counters = partial->counters;
	partial_remove(partials, partial);
	return counters;
}

void process_partials_age(struct process_partials *partials)
{
	for (size_t i = partials->count; i-- > 0;)
		if (++partials->items[i].age > AGE_MAX)
			partial_remove(partials, &partials->items[i]);
}
