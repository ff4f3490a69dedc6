/* SPDX-License-Identifier: MIT */
/* The ladder: the classic buckets by which the text formats show a histogram.
 *
 * Where a histogram has classic buckets, these are they. One with native buckets only gets a ladder of powers of two
 * (or of 4, 16, ... 65536, where those would be more than LADDER_NATIVE_BOUNDS_MAX of one sign): every bound of its
 * range, empty or not, so that the series of a histogram are the same in every scrape. Each bound is also one of the
 * native buckets, so that all counts are exact.
 */
#ifndef AGENTD_EXPOSE_LADDER_H
#define AGENTD_EXPOSE_LADDER_H

#include <stdbool.h>

#include "snapshot/builder.h"
#include "snapshot/number.h"

#define LADDER_NATIVE_BOUNDS_MAX 32u /* of one sign, unless even factors of 65536 need more */
#define LADDER_OWN_MAX 272u          /* 2098 octaves in steps of 16, of both signs, and the zero bucket */

struct ladder {
	bool canonical;            /* texts as OpenMetrics wants them */
	const struct shape *shape; /* whose ladder it is; NULL: none yet */
	uint32_t bound_count;      /* without +Inf */
	const double *bounds;
	const char *const *texts; /* bound_count + 1 */
	/* Of native buckets: how many parts, in ascending order of their values, lie below a bound. */
	uint32_t part_ends[LADDER_OWN_MAX];
	double own_bounds[LADDER_OWN_MAX];
	const char *own_texts[LADDER_OWN_MAX + 1];
	char own_bytes[LADDER_OWN_MAX][NUMBER_TEXT_MAX];
};

/* A ladder of no shape yet. */
void ladder_init(struct ladder *ladder, bool canonical);

/* Makes it the ladder of a shape of buckets. Cost: nothing if it is already; some 50 ns a bound of native buckets. */
void ladder_set(struct ladder *ladder, const struct shape *shape);

/* The sum of a value's parts in [*part, those below bound `index`), in ascending order; moves *part, which starts at 0.
 * `index` goes from 0 to bound_count (+Inf). */
uint64_t ladder_count(const struct ladder *ladder, const uint64_t *parts, uint32_t index, uint32_t *part);

/* Whether a value lies in bucket `index`: above the bound before and not above its own. */
static inline bool ladder_bucket_has(const struct ladder *ladder, uint32_t index, double value)
{
	return (!index || value > ladder->bounds[index - 1]) &&
	       (index < ladder->bound_count ? value <= ladder->bounds[index] : value == value);
}

static inline bool ladder_negative(const struct ladder *ladder)
{
	return ladder->bound_count && ladder->bounds[0] < 0;
}

#endif
