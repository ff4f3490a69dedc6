/* SPDX-License-Identifier: MIT */
/* From the cells of a family in a segment to the parts of a value in a snapshot. */
#ifndef AGENTD_COLLECT_SEGMENTS_SHAPES_H
#define AGENTD_COLLECT_SEGMENTS_SHAPES_H

#include "segment/reader.h"
#include "snapshot/builder.h"

/* Zero for kinds whose value is a number. */
struct family_shape {
	const struct shape *shape;
	uint32_t bucket_count; /* cells of the partition */
	/* Part that the counts of a cell belong to; two of them where a family has both kinds of buckets. */
	uint16_t *classic_of;
	uint16_t *native_of;
	uint64_t *parts; /* scratch, part_count */
};

/* The type by which a kind is exposed. */
enum metric_type metric_type_of(const struct segment_family *family);

/* Makes the shape of a family's values, summaries' with their quantiles. `schema_max` lowers the resolution of
 * exponential buckets: each step merges two and two. CATALOG_OK, or the conflict; then *fitted is zero. */
enum catalog_conflict family_shape_init(struct family_shape *fitted, struct catalog *catalog,
					const struct segment_family *family, int schema_max);
void family_shape_fini(struct family_shape *fitted);

/* Adds a value of the family to a series (HISTOGRAM and GAUGE_HISTOGRAM). */
void family_shape_merge(const struct family_shape *fitted, struct builder *builder, series_ref series,
			const struct segment_family *family, const struct segment_distribution *value);

/* The part that an exemplar in a cell of the partition belongs to. */
uint32_t family_shape_exemplar_part(const struct family_shape *fitted, uint32_t bucket);

#endif
