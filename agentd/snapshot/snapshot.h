/* SPDX-License-Identifier: MIT */
/* The snapshot: the frozen result of one collection. Immutable, reference-counted, published by RCU (the urcu-memb
 * flavour of liburcu).
 *
 * Families come in ascending order of name, the samples of a family in ascending order of their text. What a snapshot
 * hands out lives as long as the snapshot. All functions on a snapshot are thread-safe.
 */
#ifndef AGENTD_SNAPSHOT_SNAPSHOT_H
#define AGENTD_SNAPSHOT_SNAPSHOT_H

#include "catalog.h"

struct snapshot_family {
	const char *name; /* a counter's without "_total" */
	const char *help; /* unescaped */
	const char *unit;
	enum metric_type type;
	uint32_t first; /* its samples: [first, first + count) */
	uint32_t count;
};

struct snapshot_sample {
	const char *text; /* `name{label="value",...}` as exposed ("_total" included), not terminated by NUL */
	uint32_t text_len;
	uint32_t name_len; /* text[0, name_len) is the sample's name; the braces follow */
	struct number number;
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
