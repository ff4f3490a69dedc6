/* SPDX-License-Identifier: MIT */
/* Exemplars: which of a sample's are fit to be exposed, and on which bucket. */
#ifndef AGENTD_EXPOSE_EXEMPLARS_H
#define AGENTD_EXPOSE_EXEMPLARS_H

#include "ladder.h"
#include "snapshot/snapshot.h"

#define EXEMPLAR_CODE_POINTS_MAX 128u /* of names and values together: OpenMetrics 1.0, "Exemplars" */

/* Whether an exemplar's labels are well-formed, all different and not longer than the limit. Others are left out: a
 * parser that finds one refuses the whole page. */
bool exemplar_fit(const struct exemplar *exemplar);

/* The exemplar of a counter, or NULL. */
const struct exemplar *exemplar_of_counter(const struct snapshot_sample *sample);

/* The exemplar of the ladder's bucket `index`, or NULL. Buckets are asked for in ascending order, *next starts at 0.
 * One whose value lies in another bucket is left out; where a histogram has native buckets only, the value says which
 * bucket of the ladder it is. */
const struct exemplar *exemplar_of_bucket(const struct snapshot_sample *sample, const struct ladder *ladder,
					  uint32_t index, uint32_t *next);

/* The sum of the lengths of a sample's exemplars' labels, plus `each` for each of them. */
size_t exemplars_bytes(const struct snapshot_sample *sample, size_t each);

#endif
