/* SPDX-License-Identifier: MIT */
/* Names in the catalog: families by name, the names that the samples of a type have, and what clashes. */
#ifndef AGENTD_SNAPSHOT_CATALOG_NAMES_H
#define AGENTD_SNAPSHOT_CATALOG_NAMES_H

#include "catalog_private.h"

#define METRIC_SUFFIX_BYTES_MAX 15u

/* The kind of shape that a type's values have, or SHAPE_NONE. */
int metric_type_shape(enum metric_type type);
/* What follows the family's name in the text of a series: "", "_total" or "_info". */
const char *metric_type_text_suffix(enum metric_type type);

/* The place of a name in by_name; true if it is there, else it would belong there. `len` bytes of it count. */
bool catalog_name_find(const struct catalog *catalog, const char *name, size_t len, uint32_t *place);

/* Whether a family of this name and type can be added: CATALOG_OK, CATALOG_CONFLICT_NAME or _LABELS. */
enum catalog_conflict catalog_names_check(const struct catalog *catalog, const struct family_request *request);

/* Whether a series of the family may have this label. */
bool catalog_label_allowed(const struct family *family, const char *label);

/* The set of label names as one string, in the scratch buffer: sorted, each followed by a comma. */
enum catalog_conflict catalog_labels_join(struct catalog *catalog, const struct family_request *request);

#endif
