/* SPDX-License-Identifier: MIT */
/* The processes that use the most: a short list in order. */
#include <stdlib.h>

#include "process_named.h"

int named_tops_init(struct named_tops *tops, size_t max)
{
	struct named_top *items = max ? calloc(max, sizeof(*items)) : NULL;
	if (max && !items)
		return -ENOMEM;
	*tops = (struct named_tops){.items = items, .max = max};
	return 0;
}

void named_tops_fini(struct named_tops *tops)
{
	free(tops->items);
	*tops = (struct named_tops){.items = NULL};
}

void named_tops_offer(struct named_tops *tops, const struct process *process, uint64_t amount)
{
	size_t at = tops->count;
	if (!tops->max || (at == tops->max && tops->items[at - 1].amount >= amount))
		return;
	if (at == tops->max)
		at--;
	else
		tops->count++;
	for (; at && tops->items[at - 1].amount < amount; at--)
		tops->items[at] = tops->items[at - 1];
	tops->items[at] = (struct named_top){process, amount};
}
