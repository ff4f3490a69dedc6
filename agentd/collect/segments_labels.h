/* SPDX-License-Identifier: MIT */
/* The labels by which a series of a source is exposed: the agent's own (service, pid, segment) in front, then the
 * program's, all as a view wants them.
 *
 * A label of a program that has the name of one of the agent's own is exposed as exported_NAME.
 */
#ifndef AGENTD_COLLECT_SEGMENTS_LABELS_H
#define AGENTD_COLLECT_SEGMENTS_LABELS_H

#include "segments_private.h"

#define LABELS_OWN_MAX 2 /* service, and pid or segment */
#define LABELS_MAX (TOTALS_LABELS_MAX + LABELS_OWN_MAX + VIEW_ADDED_MAX)

struct series_labels {
	struct label items[LABELS_MAX];
	size_t count;
};

/* The names of a family's labels, for catalog_family(); returns how many. */
size_t family_label_names(const struct tracked_family *tracked, const struct segment_family *family,
			  const char *names[LABELS_MAX]);

/* `pid` for families that are exposed by process, else NULL. Beyond the series_max of the family's view the labels are
 * those of the overflow series. False when the label values are not at hand. */
bool series_labels_make(struct series_labels *labels, struct segments *segments, const struct source *source,
			uint32_t series, const char *pid);

/* A hash of the family and the labels, in any order: the same for all series that are merged into one. */
uint64_t series_labels_identity(const struct series_labels *labels, const struct segments *segments,
				const struct source *source, uint32_t series);

#endif
