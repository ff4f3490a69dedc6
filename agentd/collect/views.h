/* SPDX-License-Identifier: MIT */
/* Views: what the configuration changes about the families of instrumented programs before they are exposed.
 *
 *     views:
 *       - match: {name: http_requests_total, service: shop}   # both, if both are given
 *         rename: shop_requests_total
 *       - match: {name: 'http_.*'}
 *         labels:
 *           drop: [path]                  # or keep: [method]
 *           rename: {method: http_method}
 *           add: {team: payments}
 *         series_max: 1000
 *       - match: {service: 'test-.*'}
 *         drop: true
 *
 * Of several views that match a family the first one counts. A name or service with one of * + ? ( ) [ ] { } | ^ $ \
 * is a PCRE2 expression that must match the whole of it, another one is compared as it stands; names with and without
 * the "_total" of a counter or the "_info" of an info are the same. A service is what the service label says.
 *
 *     rename       exposes the family under another name; `match` must name just one. A unit that the new name does
 *                  not end in is left out.
 *     labels       keep: the program's labels that stay, drop: labels that go (also "service"), rename, add: constant
 *                  ones. Series that become equal are merged by the family's rule: counters, histograms and summaries
 *                  add up, gauges as they are declared. Of two labels with one name the first counts: added ones, then
 *                  those of the agent, then the program's.
 *     drop         true: the family is not exposed
 *     schema_max   resolution of exponential histograms, -4 to 8: finer buckets are merged
 *     buckets_max  the same until there are no more buckets than this, within schema -4
 *     each         true: not merged over processes, only of those that live: gauges get a label "pid", all others one
 *                  "segment", the name of the segment
 *     series_max   series of a family that are exposed for a service; what comes later is added to the series with
 *                  otel_metric_overflow="true". Which came first is known until the views change or the agent restarts.
 *
 * One thread at a time.
 */
#ifndef AGENTD_COLLECT_VIEWS_H
#define AGENTD_COLLECT_VIEWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mstat/segment.h>

#include "host_pattern.h"
#include "snapshot/catalog.h"

#define VIEWS_MAX 1024u
#define VIEW_ADDED_MAX 16u

/* A name or service: either text or pattern, or neither where all match. */
struct view_match {
	char *text;
	struct host_pattern *pattern;
};

struct view_names {
	char **items;
	size_t count;
};

/* Pairs: of a renamed label the old and the new name, of an added one name and value. */
struct view_pairs {
	struct label *items;
	size_t count;
};

struct view {
	struct view_match name;
	struct view_match service;
	char *rename;
	struct view_names keep, drop;
	struct view_pairs labels_renamed, labels_added;
	bool drops_family;
	bool each;
	int schema_max;       /* SHAPE_SCHEMA_MAX: as declared */
	uint32_t buckets_max; /* 0: as declared */
	uint32_t series_max;  /* 0: no limit */
};

struct views {
	struct view *views;
	size_t count;
	uint64_t digest; /* of what was read: equal views have the same */
};

void views_free(struct views *views); /* NULL is fine */
bool views_equal(const struct views *one, const struct views *other);

/* The first view that matches a family, or NULL; `views` may be NULL. Cost: two comparisons a view; microseconds for
 * patterns. */
const struct view *views_find(const struct views *views, const char *name, enum metric_type type, const char *service);

/* The name under which a family is exposed, without the suffix of its type. */
const char *view_family_name(const struct view *view, const char *name, enum metric_type type, char *buffer,
			     size_t buffer_size);

/* Whether series get other label names than the family declares. */
bool view_changes_labels(const struct view *view);
/* The name under which a label is exposed, or NULL if it goes. `own`: it is the agent's. */
const char *view_label_name(const struct view *view, const char *name, bool own);

/* The schema to which exponential buckets are lowered, at most. */
int view_schema_max(const struct view *view, const struct mstat_shm_buckets *buckets);

/* ---- for the reader of the file: views_file.h ------------------------------------------------------------------- */

struct views *views_new(void);
/* An empty view at the end; NULL when out of memory. */
struct view *views_append(struct views *views);
/* 0, -ENOMEM, or -EINVAL with a sentence in `why`. */
int view_match_set(struct view_match *match, const char *text, char *why, size_t why_size);
int view_names_add(struct view_names *names, const char *name);
int view_pairs_add(struct view_pairs *pairs, const char *name, const char *value);

#endif
