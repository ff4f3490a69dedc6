/* SPDX-License-Identifier: MIT */
/* The builder: the values of one collection while collectors fill them in.
 *
 *     builder_begin(builder);
 *     builder_merge(builder, series, MERGE_SUM, number, 0);      // any number of times, from any collector
 *     struct snapshot *snapshot = builder_freeze(builder);
 *
 * One thread at a time. A series that gets no value in a collection is not part of its snapshot.
 */
#ifndef AGENTD_SNAPSHOT_BUILDER_H
#define AGENTD_SNAPSHOT_BUILDER_H

#include "catalog.h"

struct builder;
struct snapshot;

#define BUILDER_RETIRE_AFTER_DEFAULT 64u
#define BUILDER_RETIRE_AFTER_MAX 200u

/* NULL when out of memory. The catalog stays the caller's and must outlive the builder. */
struct builder *builder_new(struct catalog *catalog);
void builder_free(struct builder *builder);

/* After how many collections without a value a series leaves the catalog (and how long a family may be empty); at most
 * BUILDER_RETIRE_AFTER_MAX, 0: never. Series leave in batches, up to a quarter of that later. */
void builder_set_retire_after(struct builder *builder, uint32_t collections);
struct catalog *builder_catalog(struct builder *builder);

/* Whether collections from now on are of some collectors only: no series ages by them, and they do not disturb what is
 * kept from one whole collection to the next. */
void builder_set_partial(struct builder *builder, bool partial);

/* Starts a collection: no series has a value. After a begin without a freeze it starts anew. */
void builder_begin(struct builder *builder);

/* Gives a series a value, or merges it into the one it has. Numbers of different types merge as doubles; integer sums
 * wrap; sums of doubles do not depend on the order of the addends (precise_sum.h says how far), so that a counter does
 * not go down when its sources come in another order. MIN and MAX pass over NaN. time_ns orders values under
 * MERGE_LAST; of equal times the later call wins. Cost: a few ns. Without memory the value is dropped and counted as
 * CATALOG_NO_MEMORY. Asserts that values of the series' type are numbers. */
void builder_merge(struct builder *builder, series_ref series, enum merge_rule rule, struct number number,
		   uint64_t time_ns);

/* The same for the value of a histogram, gauge histogram, summary or state set; the parts are copied.
 * Counts and sums of equal shapes add up, states are or-ed. Quantiles do not merge: those in which two values differ
 * become NaN. A value of another shape than the series has already is dropped and counted: CATALOG_CONFLICT_SHAPE.
 * `count` is for QUANTILES only: of BUCKETS the snapshot has the sum of the parts (of one kind), of STATES 0. `sum`
 * with has_sum only (a histogram of a text file may have none); a merged value has one only if all had. Asserts that
 * shape and type of the series fit. Cost: some 5 ns and 1 ns a part. */
struct composite {
	const struct shape *shape;
	const uint64_t *parts;
	uint64_t count;
	struct number sum; /* before shape->sum_scale */
	bool has_sum;
};
void builder_merge_composite(struct builder *builder, series_ref series, const struct composite *value);

/* An exemplar of a counter (part 0) or of a bucket: part is the index of the classic bucket; 0 where a histogram has
 * only native ones. `labels` is the text between the braces, label="value",... escaped, without the braces. Of several
 * for one part the latest is kept, of equal times the later call's. The text is copied. Exemplars of a series without a
 * value are not exposed. Those that the formats forbid are dropped and counted: a part that the value has not, a value
 * outside of its bucket (CATALOG_CONFLICT_SHAPE), text of more than 4096 bytes (CATALOG_LIMIT). */
void builder_exemplar(struct builder *builder, series_ref series, uint32_t part, const char *labels, size_t labels_len,
		      double value, int64_t time_ns);

/* Convenience for collectors: family and series by name in one call, value merged by MERGE_SUM. Returns the conflict,
 * after counting it (builder_conflicts); with CATALOG_CONFLICT_HELP, as with CATALOG_OK, the value was taken. */
enum catalog_conflict builder_sample(struct builder *builder, const struct family_request *family,
				     const struct label *labels, size_t label_count, struct number number);

/* Counts a refused family or series, by reason; and what was counted since the builder was made. */
void builder_count_conflict(struct builder *builder, enum catalog_conflict conflict);
uint64_t builder_conflicts(const struct builder *builder, enum catalog_conflict conflict);

/* Makes the immutable snapshot of the collection, with one reference; retires series of the catalog that had no value
 * for `retire_after` collections. NULL when out of memory. Ends the collection either way. Cost: some 1 ns a series; if
 * series came or went, some 100 ns for each new one and some 10 ns a series. */
struct snapshot *builder_freeze(struct builder *builder);

#endif
