/* SPDX-License-Identifier: MIT */
/* Exemplars: drafts in the order in which a collection brings them; then a sorted set, one for each part of a series,
 * in one block of memory that a snapshot takes over.
 */
#ifndef AGENTD_SNAPSHOT_EXEMPLAR_SET_H
#define AGENTD_SNAPSHOT_EXEMPLAR_SET_H

#include "snapshot.h"

#define EXEMPLAR_DRAFTS_MAX (UINT32_C(1) << 20)
#define EXEMPLAR_LABELS_BYTES_MAX 4096u /* 128 characters and their quotes, escaped, are less */
#define EXEMPLAR_DRAFT_TEXT_BYTES_MAX ((size_t)64 << 20)

struct exemplar_draft {
	series_ref series;
	uint32_t part;
	uint32_t text_at; /* ascends from draft to draft */
	uint32_t labels_len;
	double value;
	int64_t time_ns;
};

/* Lives as long as the builder: in a steady state nothing is allocated here. */
struct exemplar_drafts {
	struct exemplar_draft *drafts;
	uint32_t count;
	uint32_t capacity;
	char *text;
	size_t text_used;
	size_t text_capacity;
};

struct exemplar_set {
	struct exemplar *exemplars; /* in order of series, then of part; the block's beginning */
	series_ref *series;         /* of each exemplar */
	uint32_t count;
	size_t line_bytes; /* see snapshot_composite_bytes() */
};

/* CATALOG_OK, CATALOG_LIMIT or CATALOG_NO_MEMORY. The text is copied. */
enum catalog_conflict exemplar_drafts_add(struct exemplar_drafts *drafts, const struct exemplar_draft *draft,
					  const char *labels);
/* Sorts them by series and part and keeps the newest of each part; of equal times the later call wins. */
void exemplar_drafts_sort(struct exemplar_drafts *drafts);
void exemplar_drafts_clear(struct exemplar_drafts *drafts);
void exemplar_drafts_fini(struct exemplar_drafts *drafts);

/* Makes the set of sorted drafts: CATALOG_OK or CATALOG_NO_MEMORY. `*set` must be empty. */
enum catalog_conflict exemplar_set_init(struct exemplar_set *set, const struct exemplar_drafts *drafts);
void exemplar_set_fini(struct exemplar_set *set);

/* The exemplars of a series, and their number. */
const struct exemplar *exemplar_set_find(const struct exemplar_set *set, series_ref series, uint32_t *count);

#endif
