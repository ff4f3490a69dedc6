/* SPDX-License-Identifier: MIT */
/* The snapshot: the frozen result of one collection. Immutable, reference-counted, published by RCU (the urcu-memb
 * flavour of liburcu).
 *
 * Families come in ascending order of name, the samples of a family in ascending order of their text. What a snapshot
 * hands out lives as long as the snapshot. All functions on a snapshot are thread-safe.
 */
#ifndef AGENTD_SNAPSHOT_SNAPSHOT_H
#define AGENTD_SNAPSHOT_SNAPSHOT_H

#include "builder.h"

struct snapshot_family {
	const char *name; /* a counter's without "_total", an info's without "_info" */
	const char *help; /* unescaped */
	const char *unit;
	enum metric_type type;
	uint32_t first; /* its samples: [first, first + count) */
	uint32_t count;
};

struct exemplar {
	uint32_t part;
	uint32_t labels_len;
	const char *labels; /* label="value",... without braces */
	double value;
	int64_t time_ns; /* CLOCK_REALTIME */
};

/* One series: a sample of a counter, gauge, info or unknown; all samples of the other types. */
struct snapshot_sample {
	/* `name{label="value",...}`, not terminated by NUL. The name as exposed for types of one sample ("_total",
	 * "_info" included), the family's name for the others. */
	const char *text;
	uint32_t text_len;
	uint32_t name_len;    /* text[0, name_len) is the name; the braces follow */
	struct number number; /* of types of one sample */
	uint32_t exemplar_count;
	const struct exemplar *exemplars;  /* in ascending order of their parts */
	const struct composite *composite; /* of the other types; NULL for types of one sample */
	uint64_t created_ns;               /* CLOCK_REALTIME; 0: unknown */
};

struct snapshot;

int64_t snapshot_time_ns(const struct snapshot *snapshot);      /* CLOCK_REALTIME of the freeze */
int64_t snapshot_monotonic_ns(const struct snapshot *snapshot); /* CLOCK_MONOTONIC of the freeze */
size_t snapshot_family_count(const struct snapshot *snapshot);
size_t snapshot_sample_count(const struct snapshot *snapshot);
const struct snapshot_family *snapshot_family(const struct snapshot *snapshot, size_t index);
struct snapshot_sample snapshot_sample(const struct snapshot *snapshot, size_t index);

/* The same for [first, first + count) at once; fetches the texts into the cache. For whoever walks them all. */
void snapshot_samples(const struct snapshot *snapshot, size_t first, size_t count, struct snapshot_sample *samples);

/* The sum of text_len over all samples: what an encoder needs to size its buffer. Cost: constant. */
size_t snapshot_text_bytes(const struct snapshot *snapshot);

/* What a text encoder needs on top, at most: the sum over all composite samples of (text_len + 64) times the lines that
 * they make, and of the lengths of all exemplars' labels + 96. Lines are: a bucket, quantile or state, sum, count and
 * created; of histograms without classic buckets, one for each part. States count with the lengths of their name and of
 * the family's; native buckets beside classic ones with 40 bytes each. Cost: constant. */
size_t snapshot_composite_bytes(const struct snapshot *snapshot);

/* Walks the labels in a sample's text: pass a cursor of 0 first; returns false at the end. name and value are written
 * into the caller's buffers, unescaped, truncated to their sizes. */
bool snapshot_label_next(const struct snapshot_sample *sample, size_t *cursor, char *name, size_t name_size,
			 char *value, size_t value_size);

void snapshot_ref(struct snapshot *snapshot);
void snapshot_unref(struct snapshot *snapshot); /* NULL is fine */

/* The place where the current snapshot is published. */
struct snapshot_slot {
	struct snapshot *current;
};

/* Publishes a snapshot (the slot takes over the caller's reference; NULL empties the slot) and drops the old one after
 * a grace period. One publisher at a time. Cost: a grace period, microseconds where the kernel has membarrier(2); do
 * not call it while holding a lock that a caller of snapshot_get() may wait for inside a read-side section of its own.
 */
void snapshot_publish(struct snapshot_slot *slot, struct snapshot *snapshot);

/* The current snapshot with a reference of the caller's own, or NULL before the first. Any thread: it is registered
 * with liburcu on its first call and unregistered when it ends, so callers must not do either themselves. */
struct snapshot *snapshot_get(struct snapshot_slot *slot);

#endif
