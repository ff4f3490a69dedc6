/* SPDX-License-Identifier: MIT */
/* What is asked of one collection: which collectors run, and how long it may take. */
#ifndef AGENTD_COLLECT_SELECTION_H
#define AGENTD_COLLECT_SELECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One bit for each collector: enum collector_index first, then enum host_index. The host as a whole has no bit that
 * counts: it runs if one of its collectors does. */
#define SELECTION_COLLECTORS_MAX 256u
struct selection {
	uint64_t bits[SELECTION_COLLECTORS_MAX / 64];
};

struct collect_request {
	const struct selection *selection; /* NULL: all */
	int64_t deadline_ns;               /* from now; 0: as configured, which is also the most */
};

static inline bool selection_has(const struct selection *selection, size_t index)
{
	return !selection || (selection->bits[index / 64] >> index % 64 & 1);
}

struct collect;

/* Adds the collector of this name, as the flags name it ("cpu"), or a whole group ("segments", "host", "self"). False,
 * and nothing added, if no collector that runs has it. Thread-safe. */
bool selection_add(struct selection *selection, const struct collect *collect, const char *name);

#endif
