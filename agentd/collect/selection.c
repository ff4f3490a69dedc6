/* SPDX-License-Identifier: MIT */
/* Collectors by name. */
#include "selection.h"

#include <string.h>

#include "collect.h"
#include "host_set.h"

_Static_assert(COLLECTOR_COUNT + HOST_INDEX_COUNT <= SELECTION_COLLECTORS_MAX, "a bit for each collector");

static const char *const host_names[HOST_INDEX_COUNT] = {
#define HOST_COLLECTOR(name, ...) #name,
#include "collectors.def"
};

static void bit_add(struct selection *selection, size_t index)
{
	selection->bits[index / 64] |= UINT64_C(1) << index % 64;
}

static bool hosts_add(struct selection *selection, const struct host_set *set, const char *name)
{
	bool found = false;
	for (size_t i = 0; set && i < HOST_INDEX_COUNT; i++) {
		if ((name && strcmp(name, host_names[i])) || !host_set_runs(set, i))
			continue;
		bit_add(selection, COLLECTOR_COUNT + i);
		found = true;
	}
	return found;
}

bool selection_add(struct selection *selection, const struct collect *collect, const char *name)
{
	const struct host_set *set = collect->collectors[COLLECTOR_HOST].state;
	for (size_t i = 0; i < COLLECTOR_COUNT; i++) {
		if (strcmp(name, collect->collectors[i].ops->name))
			continue;
		if (i == COLLECTOR_HOST)
			return hosts_add(selection, set, NULL);
		bit_add(selection, i);
		return true;
	}
	return hosts_add(selection, set, name);
}
