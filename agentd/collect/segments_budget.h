/* SPDX-License-Identifier: MIT */
/* What the segments of one user may cost for as long as the agent lives: shapes, which are never forgotten.
 *
 * A user whose programs come up with ever new buckets, quantiles or states uses up his own share of the catalog's
 * limits and not that of the others.
 */
#ifndef AGENTD_COLLECT_SEGMENTS_BUDGET_H
#define AGENTD_COLLECT_SEGMENTS_BUDGET_H

#include <sys/types.h>

#include "hash_set.h"
#include "segments_shapes.h"

#define BUDGET_SHAPES_MAX 16384u            /* of the catalog's 65,536 */
#define BUDGET_BYTES_MAX ((size_t)16 << 20) /* of the catalog's 64 MiB */

struct budget_user {
	uid_t uid;
	uint32_t shapes;
	size_t bytes;
};

/* Zeros are a budget that nobody has used. */
struct shape_budget {
	struct budget_user *users;
	size_t user_count;
	struct hash_set charged; /* users with what was charged to them */
	uint64_t seed;
};

void shape_budget_fini(struct shape_budget *budget);

/* family_shape_init() within the budget of a user: CATALOG_LIMIT beyond it. What a user has had stays free for him. */
enum catalog_conflict shape_budget_init(struct shape_budget *budget, uid_t uid, struct family_shape *fitted,
					struct catalog *catalog, const struct segment_family *family, int schema_max);

#endif
