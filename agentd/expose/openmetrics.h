/* SPDX-License-Identifier: MIT */
/* OpenMetrics text, 1.0.0 (and 0.0.1, which has the same body) and 2.0.0-rc0. Source: prometheus.io, "OpenMetrics".
 *
 * A parser refuses a whole page for one line that breaks a rule. So what cannot be what its family says is exposed as
 * what it may be:
 *
 *     a counter that is negative or NaN     the family is of type unknown, x_total
 *     an info that is not 1                 the family is of type unknown, x_info
 *     a summary with a negative quantile    1.0: families of type unknown, x, x_count and x_sum; 2.0: type unknown
 *     a summary's negative or NaN sum       1.0: no x_sum; 2.0: type unknown, as where it has none
 *     a histogram's, or bounds below zero   1.0: neither x_sum nor x_count, as the specification demands
 *     a histogram whose sum is not known    1.0: no x_count either; 2.0: sum:NaN
 *     a unit that does not end the name     no UNIT line
 *     an exemplar too long, not well-formed, outside of its bucket, or in 2.0 without a time: left out
 *
 * Gauges whose names end in _total and the like are fine; names that clash are refused by the catalog.
 */
#ifndef AGENTD_EXPOSE_OPENMETRICS_H
#define AGENTD_EXPOSE_OPENMETRICS_H

#include "lines.h"

/* The TYPE, UNIT and HELP lines of a family. `suffix` follows its name; `type` is a word of OpenMetrics, of which
 * "unknown" may differ from the family's type. False when out of memory. */
bool openmetrics_metadata_write(struct output *output, const struct snapshot_family *family, const char *suffix,
				const char *type);

/* The word for a type. */
const char *openmetrics_type_word(enum metric_type type);

/* Whether a number may be that of a counter, or of an info; every number may be that of other types. */
bool openmetrics_number_fit(enum metric_type type, struct number number);

/* Whether a summary has no negative quantile. NaN says that there was no observation lately. */
bool openmetrics_summary_fit(const struct composite *value);

#endif
