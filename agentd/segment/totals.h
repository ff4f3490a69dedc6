/* SPDX-License-Identifier: MIT */
/* Totals: what the dead process trees of one service have counted, added up.
 *
 * Counters, histograms and summaries add up, gauges whose family keeps them merge by its rule, live gauges are not
 * kept. A segment is added exactly once: it leaves a mark here that goes to disk together with the values it added
 * (totals_file.c), before its file goes.
 *
 * Not thread-safe.
 */
#ifndef AGENTD_SEGMENT_TOTALS_H
#define AGENTD_SEGMENT_TOTALS_H

#include "reader.h"

struct totals_series {
	uint32_t family;
	uint32_t values_bytes;
	char *values; /* the label values, each with its NUL, in the order of the family's label_names */
	bool overflow;
	uint64_t created_ns; /* the oldest */
	struct segment_value value;
	/* Kinds with buckets: the sum (bits by the family's value) and the counts; value.present says whether they mean
	 * something. */
	uint64_t *cells;
};

/* A segment that has been added and whose file may still be there. */
struct totals_mark {
	uint8_t uuid[16];
	uint64_t inode;
};

struct totals {
	char *service;
	uid_t uid;
	uint64_t died_ns; /* CLOCK_REALTIME of the last addition */
	bool dirty;       /* differs from its file */
	uint64_t drops[MSTAT_SHM_REASON_MAX];

	struct segment_family *families; /* strings are this object's own */
	uint32_t family_count, family_capacity;
	struct totals_series *series;
	uint32_t series_count, series_capacity;
	struct totals_mark *marks;
	uint32_t mark_count, mark_capacity;

	uint32_t *table; /* open-addressed: index in series + 1 */
	uint32_t table_mask;

	/* What the owner of the totals keeps with them; freed with them. */
	void *user;
	void (*user_free)(void *user);
};

/* Empty totals; NULL when out of memory. */
struct totals *totals_new(const char *service, uid_t uid);
void totals_free(struct totals *totals);

#define TOTALS_LABELS_MAX 48 /* libmstat makes at most MSTAT_LABELS_MAX */

/* Finds or makes; 0, -ENOMEM, or -EEXIST for a family of the same name and another shape, or with too many labels. */
int totals_family(struct totals *totals, const struct segment_family *like, uint32_t *family);
int totals_series(struct totals *totals, uint32_t family, bool overflow, const char *const *values, uint32_t *series);

/* Adding a segment, in two steps so that it cannot fail half-way: totals_prepare() makes room (0 or -ENOMEM; nothing is
 * counted), totals_add() adds the values and the mark. *refused grows by the series of families of another shape, and
 * by those of a segment that has changed what it said. */
int totals_prepare(struct totals *totals, struct segment *segment, uint64_t *refused);
void totals_add(struct totals *totals, struct segment *segment, const struct totals_mark *mark, uint64_t died_ns);

/* The value of a series of a kind with buckets. */
struct segment_distribution totals_distribution(const struct totals *totals, uint32_t series);

/* Merges one value into another by the family's rule. */
void totals_merge(const struct segment_family *family, struct segment_value *into, struct segment_value value);

bool totals_marked(const struct totals *totals, const struct totals_mark *mark);
void totals_unmark(struct totals *totals, const struct totals_mark *mark);

/* The file of a service's totals within the agent's directory. */
#define TOTALS_NAME_MAX 64
void totals_name(const char *service, uid_t uid, char name[TOTALS_NAME_MAX]);
bool totals_name_valid(const char *name);

/* Writes a new file and renames it over the old one: 0 or -errno, the old one is untouched then. */
int totals_save(struct totals *totals, int directory_fd);

/* Reads a file; 0, -errno, or -EBADMSG with the line in *line: the file is damaged, which an error of reading it, or a
 * lack of memory, does not say. */
int totals_load(int directory_fd, const char *name, struct totals **totals, unsigned int *line);

#endif
