/* SPDX-License-Identifier: MIT */
/* The series_max of views: which series of a family came first.
 *
 * A series that was taken once is taken for ever, and one that was not is not, or the overflow series would go down
 * when references are resolved anew. Both end when the views change.
 */
#ifndef AGENTD_COLLECT_SEGMENTS_ADMISSION_H
#define AGENTD_COLLECT_SEGMENTS_ADMISSION_H

#include "hash_set.h"

/* The series of one family and service. */
struct admission_group {
	uint64_t hash;
	uint32_t count;
};

/* Zeros: nobody came. */
struct admission {
	struct hash_set taken;
	struct admission_group *groups; /* by hash */
	size_t group_count;
};

void admission_fini(struct admission *admission);

/* Whether a series of a group is among the first `max`. False when out of memory. Cost: some 10 ns. */
bool admission_takes(struct admission *admission, uint64_t group, uint64_t identity, uint32_t max);

#endif
