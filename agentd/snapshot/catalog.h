/* SPDX-License-Identifier: MIT */
/* The catalog: every family and every series that is exposed, with the bytes of its `name{labels}` rendered once.
 *
 * It outlives collections, so that a steady collection allocates nothing and a series' bytes never change. Families are
 * unique by name, series by family and label set. Series that no collection has mentioned for a while are retired:
 * their references become invalid (catalog_generation changes for them), their text is freed when no snapshot can use
 * it.
 *
 * One thread at a time may call these; readers of snapshots need nothing of it (texts live as long as their snapshot).
 */
#ifndef AGENTD_SNAPSHOT_CATALOG_H
#define AGENTD_SNAPSHOT_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shape.h"

enum metric_type {
	METRIC_UNKNOWN,
	METRIC_GAUGE,
	METRIC_COUNTER,
	METRIC_HISTOGRAM,
	METRIC_GAUGE_HISTOGRAM,
	METRIC_SUMMARY,
	METRIC_INFO,      /* a number, 1 */
	METRIC_STATE_SET, /* a composite of shape STATES; its series have no label of the family's name */
};

/* How two values of one series become one. */
enum merge_rule { MERGE_SUM, MERGE_MIN, MERGE_MAX, MERGE_LAST };

/* A number as it was measured: integers stay integers. */
enum number_type { NUMBER_U64, NUMBER_I64, NUMBER_F64 };
struct number {
	enum number_type type;
	union {
		uint64_t u64;
		int64_t i64;
		double f64;
	};
};

struct label {
	const char *name;
	const char *value;
};

/* What is asked of catalog_family(). A counter's name is without "_total", an info's without "_info"; the exposition
 * adds them. */
struct family_request {
	const char *name;
	const char *help;
	const char *unit; /* "" or NULL: none */
	enum metric_type type;
	const char *const *label_names; /* NULL: families whose series may differ in their label names (host metrics) */
	size_t label_count;
	bool keep_empty_labels; /* decided by whoever makes the family; else labels with "" are left out */
};

/* CATALOG_OK and the reasons of refusals: see conflicts.def. */
enum catalog_conflict {
#define CATALOG_CONFLICT(name, label, text) name,
#include "conflicts.def"
#undef CATALOG_CONFLICT
	CATALOG_CONFLICT_COUNT
};
const char *catalog_conflict_label(enum catalog_conflict conflict); /* "type", "help", ... for a reason label */

struct catalog;
typedef uint32_t family_ref;
typedef uint32_t series_ref;
#define SERIES_NONE UINT32_MAX

/* An empty catalog of at most series_max (and 2^24 - 2) series; NULL when out of memory. */
struct catalog *catalog_new(uint32_t series_max);
/* Snapshots that are still in use keep what they need. */
void catalog_free(struct catalog *catalog);

/* Finds or makes a family. A family that exists with another type, unit or set of label names is a conflict: the first
 * wins, *family is untouched. Label names are compared only if both sides named theirs. A name is refused if it breaks
 * Prometheus' rules, or if one of the names of its samples ("x_total", "x_bucket", "x_count", "x_created", ...) is that
 * of another family or of its samples (metric_types.def has them all; a state set's name may have no colon, since a
 * label is named like it); label names "le" (histograms), "quantile" (summaries) and the family's own name (state sets)
 * are refused as CATALOG_CONFLICT_LABELS, here and where a series brings them.
 *
 * Another help text refuses only the text: *family is set and usable, and CATALOG_CONFLICT_HELP is returned so that it
 * can be counted. Every other conflict leaves *family untouched. Cost: some 50 ns for a family that exists. */
enum catalog_conflict catalog_family(struct catalog *catalog, const struct family_request *request, family_ref *family);

/* Finds or makes a series. Labels may come in any order and are exposed in ascending order of their names; of labels
 * with the same name the first given counts, so labels of the agent's own go in front. Empty values are left out
 * unless the family keeps them.
 * Values are escaped here and must be UTF-8. CATALOG_CONFLICT_LABELS for a label name that breaks Prometheus' rules or
 * that the family's type keeps for itself, CATALOG_LIMIT beyond series_max, 128 labels or 16 MiB of text. Cost: some
 * 100 ns for a series that exists. */
enum catalog_conflict catalog_series(struct catalog *catalog, family_ref family, const struct label *labels,
				     size_t count, series_ref *series);

/* When the series began to count from zero (CLOCK_REALTIME): of several times the earliest stays, until the series
 * retires. 0: unknown, changes nothing. Snapshots of the series, also those made before, tell it from now on. */
void catalog_series_created(struct catalog *catalog, series_ref series, uint64_t created_ns);

/* Finds or makes a shape. CATALOG_CONFLICT_SHAPE for bounds, quantiles or states that are none (see shape.h),
 * CATALOG_LIMIT for too many parts, 64 KiB of states' names, or more than 65,536 shapes or 64 MiB of them;
 * CATALOG_NO_MEMORY. The request's arrays are copied. Cost: a hash of the request, some 20 ns and 2 ns a bound; more
 * for a new shape. */
enum catalog_conflict catalog_shape(struct catalog *catalog, const struct shape_request *request,
				    const struct shape **shape);

/* Memory of entries, texts and tables. */
size_t catalog_bytes(const struct catalog *catalog);

uint32_t catalog_series_count(const struct catalog *catalog);
uint32_t catalog_family_count(const struct catalog *catalog);

/* Grows whenever references (of families and series) may have become invalid by retirement, which happens at the end of
 * a collection: users that keep references resolve them again. */
uint64_t catalog_generation(const struct catalog *catalog);

#endif
