/* SPDX-License-Identifier: MIT */
/* Filters of a page: families by name (name[]=), samples by their service (/metrics/service/NAME). */
#ifndef AGENTD_EXPOSE_FILTER_H
#define AGENTD_EXPOSE_FILTER_H

#include <stdbool.h>

#include "format.h"

#define FILTER_NAMES_MAX 256u

/* Belongs to one thread at a time. */
struct filter;

/* Passes everything. NULL when out of memory. */
struct filter *filter_new(void);
void filter_free(struct filter *filter); /* NULL is fine */

/* Lets pass the family of this name, and no other that was not added too. The name is that of the family or the one
 * that is exposed ("x_total", "x_info"). 0, -E2BIG beyond FILTER_NAMES_MAX, -ENOMEM. */
int filter_add_name(struct filter *filter, const char *name);

/* Lets pass only samples with the label service="NAME"; once. 0 or -ENOMEM. */
int filter_set_service(struct filter *filter, const char *name);

/* What a page question takes. Lives as long as the filter. Cost: a search in the names for each family; for services a
 * search in the text of each sample, some 30 ns. */
const struct format_filter *filter_format(const struct filter *filter);

/* Whether any sample has passed the service's filter so far. */
bool filter_matched(const struct filter *filter);

/* The value of a sample's label `service` as it stands in its text, escaped; NULL without one. */
const char *filter_sample_service(const struct snapshot_sample *sample, size_t *len);

#endif
