/* SPDX-License-Identifier: MIT */
/* The collector of segments: finds them, reads them, merges the processes of a service, folds the dead.
 *
 * One thread at a time may use a struct segments: the agent's lock sees to that.
 */
#ifndef AGENTD_COLLECT_SEGMENTS_H
#define AGENTD_COLLECT_SEGMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <mstat/segment.h>

#include "segment/reader.h"
#include "snapshot/builder.h"

struct segments_options {
	char **directories; /* copied */
	size_t directory_count;
	int64_t fold_after_ns;        /* how long a dead segment waits for adoption */
	int64_t keep_dead_ns;         /* how long totals of a service without a live process stay */
	uint32_t services_max;        /* totals kept; beyond it those that died first go */
	struct segment_limits limits; /* of one segment */
	size_t entries_max;           /* segments of one directory */
	bool folding;                 /* false for the inspector: it reads only and owns nothing; its summaries show the
					 quantiles of all they have when they are seen first */
	int64_t (*clock_ns)(clockid_t clock); /* NULL: the real clocks; tests have their own */
};

/* Figures for the agent's own metrics. What counts events since segments_open() never goes down. */
struct segments_stats {
	uint64_t by_state[SEGMENT_STATE_COUNT];  /* now */
	uint64_t refused[SEGMENT_REFUSAL_COUNT]; /* since the start: segments, families and series */
	uint64_t folded;                         /* since the start */
	uint64_t fold_refused;                   /* since the start: series and files that the fold could not add */
	uint64_t services_expired;               /* since the start: totals forgotten by age or number */
	uint64_t bytes_read;                     /* since the start */
	uint64_t services;                       /* now: with live processes or kept totals */
	/* Summed over segments, folded ones included, so that it never goes down while the agent runs. */
	uint64_t drops[MSTAT_SHM_REASON_MAX];
};

struct segments;
struct views;

/* Prepares; with `folding` it takes the directories over. 0, -ENOMEM, -EBUSY (another agent owns a directory) or
 * -errno; *error is then a malloc'ed message that names the directory and the remedy. Directories need not exist. */
int segments_open(const struct segments_options *options, struct segments **segments, char **error);
/* Lets go of the directories; totals are on disk already. NULL is fine. */
void segments_close(struct segments *segments);

/* What the configuration changes about families (views.h); takes `views` over, NULL: nothing. References are resolved
 * anew with the next collection, unless the views are equal to those that are there. */
void segments_set_views(struct segments *segments, struct views *views);

/* Looks at the directories and folds what is dead for long enough. 0, or -errno of the first directory that exists and
 * could not be listed; -EBUSY when another agent owns a directory that has appeared since. Cost: a directory listing,
 * and an F_OFD_GETLK a segment. */
int segments_sweep(struct segments *segments);

/* Reads all segments and adds their series to the collection. 0 or -errno; bad segments are no failure. */
int segments_collect(struct segments *segments, struct builder *builder);

/* Lives as long as `segments`; changes with the next call of the others. */
const struct segments_stats *segments_stats(struct segments *segments);

#endif
