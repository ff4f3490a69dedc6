/* SPDX-License-Identifier: MIT */
/* Where two declarations of one family disagree. The agent keeps the older one and refuses the other. */
#ifndef MSTAT_TOOL_CONFLICT_H
#define MSTAT_TOOL_CONFLICT_H

#include "segment/reader.h"

enum {
	CONFLICT_TYPE = 1 << 0,
	CONFLICT_UNIT = 1 << 1,
	CONFLICT_LABELS = 1 << 2,
	CONFLICT_MERGE = 1 << 3,
	CONFLICT_HELP = 1 << 4,
	CONFLICT_BUCKETS = 1 << 5,
	CONFLICT_STATES = 1 << 6,
};

/* CONFLICT_* bits; 0: they agree. */
unsigned family_conflicts(const struct segment_family *one, const struct segment_family *other);

/* "type, labels"; malloc'ed, "" for 0. */
char *conflicts_text(unsigned conflicts);

/* "counter (u64)"; "method, status"; "sum over live processes"; malloc'ed. */
char *family_type_text(const struct segment_family *family);
char *family_labels_text(const struct segment_family *family);
char *family_merge_text(const struct segment_family *family);

/* The quantiles of a summary, "0.5, 0.99"; the states of a state set, "up, down"; malloc'ed. */
char *family_items_text(const struct segment_family *family);

#endif
