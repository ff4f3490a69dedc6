/* SPDX-License-Identifier: MIT */
/* Selectors: which series a user means.
 *
 *     http_*                                              a glob of metric names
 *     http_requests_total{method="GET",status=~"5.."}     a name (or glob, or none) and matchers of labels
 *     service=shop                                        a bare matcher; quotes are optional
 *
 * The operators are PromQL's: = != =~ !~. Regular expressions are POSIX extended ones and match the whole value; a
 * label that a series has not counts as an empty one. A series is selected when at least one of the names or braces
 * fits (or there is none), and all bare matchers do. The label __name__ is the name.
 */
#ifndef MSTAT_TOOL_MATCH_H
#define MSTAT_TOOL_MATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "snapshot/catalog.h"

struct query;

/* Understands selectors. Returns 0 with *query (which keeps nothing of the arguments), or -EINVAL with *error, a
 * malloc'ed sentence that names the place. No selectors: everything is selected. */
int query_parse(char *const *selectors, size_t count, struct query **query, char **error);
void query_free(struct query *query);

/* Whether a series is selected. `name` is the exposed one; `family` may be NULL, or another name by which globs find
 * the series (a counter's without "_total"). */
bool query_matches(const struct query *query, const char *name, const char *family, const struct label *labels,
		   size_t count);

#endif
