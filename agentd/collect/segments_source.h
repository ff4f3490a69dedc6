/* SPDX-License-Identifier: MIT */
/* One series of a source: a segment's, or that of totals. */
#ifndef AGENTD_COLLECT_SEGMENTS_SOURCE_H
#define AGENTD_COLLECT_SEGMENTS_SOURCE_H

#include "segments_private.h"

static inline uint32_t source_series_family(const struct source *source, uint32_t series)
{
	return source->segment ? source->segment->series[series].family : source->totals->series[series].family;
}

static inline bool source_series_overflow(const struct source *source, uint32_t series)
{
	return source->segment ? source->segment->series[series].overflow : source->totals->series[series].overflow;
}

static inline uint64_t source_created_ns(const struct source *source, uint32_t series)
{
	return source->segment ? source->segment->series[series].created_ns : source->totals->series[series].created_ns;
}

static inline struct segment_value source_value(const struct source *source, uint32_t series)
{
	return source->segment ? segment_value(source->segment, series) : source->totals->series[series].value;
}

static inline struct segment_distribution source_distribution(const struct source *source, uint32_t series)
{
	return source->segment ? segment_distribution(source->segment, series)
			       : totals_distribution(source->totals, series);
}

static inline bool source_present(const struct source *source, uint32_t series)
{
	if (source->families[source_series_family(source, series)].buckets)
		return source_distribution(source, series).present;
	return source_value(source, series).present;
}

/* Whether what the source has of a family is exposed: by segment only of those that live. */
static inline bool source_has_instance(const struct source *source, const struct tracked_family *family)
{
	return family->instances != INSTANCES_SEGMENTS || (source->segment && source->segment->state == SEGMENT_LIVE);
}

#endif
