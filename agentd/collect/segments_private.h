/* SPDX-License-Identifier: MIT */
/* What the files of the segments collector share.
 *
 * A source is something that has families and series to expose: a segment, or the totals of a service's dead trees.
 * What the collector keeps of a source (tracked) hangs on it and goes with it.
 */
#ifndef AGENTD_COLLECT_SEGMENTS_PRIVATE_H
#define AGENTD_COLLECT_SEGMENTS_PRIVATE_H

#include "segment/discover.h"
#include "segment/fold.h"
#include "segments.h"
#include "segments_admission.h"
#include "segments_budget.h"
#include "segments_merged.h"
#include "segments_shapes.h"
#include "segments_windows.h"
#include "views.h"

/* A family of a source that was refused has no reference. */
#define FAMILY_NONE UINT32_MAX
/* A series gets its reference with its first value: the catalog holds nothing that is not exposed. */
#define SERIES_LATER (SERIES_NONE - 1)

/* Whether the series of a family are exposed for all of a service together, or for each segment or process. */
enum family_instances { INSTANCES_MERGED, INSTANCES_SEGMENTS, INSTANCES_PROCESSES };

struct tracked_family {
	family_ref reference;
	enum family_instances instances;
	uint32_t ttl_s; /* of the family as it is exposed, see segments_ttl.h */
	struct family_shape shape;
	struct window_layout *layout; /* summaries */
	const struct view *view;      /* NULL: exposed as it is declared */
	uint64_t name_hash;           /* of the name under which it is exposed */
};

struct tracked {
	struct segments *owner;
	ino_t inode;               /* of the segment these references are of */
	uint64_t generation;       /* of the catalog these references are of */
	uint64_t views_generation; /* of the views that they were made by */
	uint64_t record_changes;   /* of the segment, when they were made */
	struct tracked_family *families;
	uint32_t family_count;
	uint32_t shape_count; /* families that have one */
	series_ref *series;
	uint32_t series_count, series_capacity;
	uint32_t later_count; /* of these series, those that have had no value yet and hence no reference */
	char *service;        /* value of the service label */
	/* By series, of sources that have summaries or times to live: the place of the merged series + 1; 0: none. */
	uint32_t *merged;
	uint32_t merged_count;

	/* segments */
	int64_t dead_since_ns; /* CLOCK_MONOTONIC; 0: alive when last asked */
	enum segment_refusal refusal;
	uint64_t bytes_read;
	bool folded; /* its drops are in the totals */
	uint64_t drops[MSTAT_SHM_REASON_MAX];
};

struct source {
	struct tracked *tracked;
	struct segment *segment; /* one of these two */
	int directory_fd;        /* of the segment */
	struct totals *totals;
	const struct segment_family *families;
	uint32_t family_count;
	uint32_t series_count;
	uint64_t created_ns;
	const char *service;
	uid_t uid;
	bool lost; /* it was read again and is not what it was: no part of this collection any more */
};

/* Who may call itself by a service name: the user that had it first. */
struct service_owner {
	char *service;
	uid_t uid;
	bool seen; /* in this collection */
};

struct place {
	struct segment_directory directory;
	struct fold fold;
	dev_t device; /* of the directory that the fold belongs to */
	ino_t inode;
	bool fold_open;
};

/* The youngest declaration of a family. */
struct declaration {
	uint64_t created_ns;
	uint32_t ttl_s;
};

struct segments {
	struct segments_options options;
	int64_t now_ns; /* CLOCK_MONOTONIC of this collection */
	uint64_t seed;  /* of hashes */
	struct views *views;
	uint64_t views_generation;
	struct admission admission;
	struct shape_budget budget;
	struct merged_set merged;
	struct windows windows;
	bool has_ttl;                     /* some family has a time to live */
	struct declaration *declarations; /* by family_ref; where has_ttl */
	uint32_t declaration_count;
	struct place *places;
	struct source *sources; /* of this collection */
	size_t source_count, source_capacity;
	struct service_owner *owners;
	size_t owner_count, owner_capacity;
	struct segments_stats stats;
	uint64_t drops_gone[MSTAT_SHM_REASON_MAX]; /* of segments that vanished without being folded */
	uint64_t folded_before;                    /* by folds that were closed since */
	uint64_t refused_before;
};

/* segments_sources.c: lists all sources that can be exposed, oldest first, each with its tracked. 0 or -ENOMEM. */
int sources_list(struct segments *segments, const struct catalog *catalog);

/* segments_resolve.c: gives every new family and series of the sources its reference. 0 or -ENOMEM. */
int sources_resolve(struct segments *segments, struct builder *builder);
/* The reference of a series that is exposed by process (`pid`) or not (NULL); SERIES_NONE if it was refused. */
series_ref series_resolve(struct segments *segments, struct builder *builder, const struct source *source,
			  uint32_t series, const char *pid);
/* Voids the references of a source. */
void tracked_reset(struct tracked *tracked);

/* segments_merge.c: adds all values. */
void sources_merge(struct segments *segments, struct builder *builder);

/* The tracked of a segment; NULL when out of memory. */
struct tracked *tracked_of_segment(struct segments *segments, struct segment *segment);

#endif
