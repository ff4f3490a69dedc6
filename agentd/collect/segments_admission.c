/* SPDX-License-Identifier: MIT */
/* Who came first. */
#include "segments_admission.h"

#include <stdlib.h>
#include <string.h>

void admission_fini(struct admission *admission)
{
	hash_set_fini(&admission->taken);
	free(admission->groups);
	*admission = (struct admission){0};
}

static size_t group_place(const struct admission *admission, uint64_t hash)
{
	size_t from = 0, to = admission->group_count;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		if (admission->groups[middle].hash < hash)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* Finds or makes; NULL when out of memory. */
static struct admission_group *group_get(struct admission *admission, uint64_t hash)
{
	size_t at = group_place(admission, hash);
	if (at < admission->group_count && admission->groups[at].hash == hash)
		return &admission->groups[at];
	struct admission_group *groups = reallocarray(admission->groups, admission->group_count + 1, sizeof(*groups));
	if (!groups)
		return NULL;
	admission->groups = groups;
	memmove(groups + at + 1, groups + at, (admission->group_count - at) * sizeof(*groups));
	admission->group_count++;
	groups[at] = (struct admission_group){.hash = hash};
	return &groups[at];
}

bool admission_takes(struct admission *admission, uint64_t group_hash, uint64_t identity, uint32_t max)
{
	if (hash_set_has(&admission->taken, identity))
		return true;
	struct admission_group *group = group_get(admission, group_hash);
	if (!group || group->count >= max || !hash_set_add(&admission->taken, identity))
		return false;
	group->count++;
	return true;
}
