/* SPDX-License-Identifier: MIT */
/* Idle times of merged series. */
#include "segments_ttl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host_hash.h"
#include "segments_source.h"

/* ---- families ---- */

static bool any_declared(const struct segments *segments)
{
	for (size_t i = 0; i < segments->source_count; i++)
		for (uint32_t family = 0; family < segments->sources[i].family_count; family++)
			if (segments->sources[i].families[family].ttl_s)
				return true;
	return false;
}

static int declarations_reserve(struct segments *segments, uint32_t count)
{
	if (count > segments->declaration_count) {
		struct declaration *grown = reallocarray(segments->declarations, count, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		segments->declarations = grown;
		segments->declaration_count = count;
	}
	memset(segments->declarations, 0, segments->declaration_count * sizeof(*segments->declarations));
	return 0;
}

static uint32_t references_end(const struct segments *segments)
{
	uint32_t end = 0;
	for (size_t i = 0; i < segments->source_count; i++) {
		const struct tracked *tracked = segments->sources[i].tracked;
		for (uint32_t family = 0; family < tracked->family_count; family++) {
			family_ref reference = tracked->families[family].reference;
			if (reference != FAMILY_NONE && reference >= end)
				end = reference + 1;
		}
	}
	return end;
}

static void declarations_fill(struct segments *segments)
{
	for (size_t i = 0; i < segments->source_count; i++) {
		const struct source *source = &segments->sources[i];
		for (uint32_t family = 0; family < source->tracked->family_count; family++) {
			family_ref reference = source->tracked->families[family].reference;
			const struct segment_family *declared = &source->families[family];
			if (reference != FAMILY_NONE &&
			    declared->created_ns >= segments->declarations[reference].created_ns)
				segments->declarations[reference] =
					(struct declaration){declared->created_ns, declared->ttl_s};
		}
	}
}

int ttl_of_families(struct segments *segments)
{
	bool declared = any_declared(segments);
	if (!declared && !segments->has_ttl)
		return 0;
	int r = declarations_reserve(segments, references_end(segments));
	if (r)
		return r;
	segments->has_ttl = declared;
	declarations_fill(segments);
	for (size_t i = 0; i < segments->source_count; i++) {
		struct tracked *tracked = segments->sources[i].tracked;
		for (uint32_t family = 0; family < tracked->family_count; family++) {
			struct tracked_family *known = &tracked->families[family];
			if (known->reference != FAMILY_NONE)
				known->ttl_s = segments->declarations[known->reference].ttl_s;
		}
	}
	return 0;
}

/* ---- values ---- */

/* Any observation changes it, and it adds up over sources as the cells do. */
static uint64_t distribution_digest(const struct segment_distribution *value)
{
	uint64_t digest = 0;
	for (uint32_t i = 0; value->present && i < value->bucket_count; i++)
		digest += value->buckets[i] * (i * UINT64_C(0x9e3779b97f4a7c15) | 1);
	return digest;
}

static uint64_t processes_digest(const struct source *source, uint32_t series)
{
	uint64_t digest = 0;
	for (uint32_t i = 0; source->segment && i < source->segment->process_count; i++) {
		struct segment_value value = segment_value_of_process(source->segment, series, i);
		if (value.present)
			digest += host_hash_mix(source->segment->processes[i].slot + 1, value.bits);
	}
	return digest;
}

static uint64_t series_digest(const struct source *source, uint32_t series)
{
	const uint32_t number = source_series_family(source, series);
	const struct segment_family *family = &source->families[number];
	if (family->buckets) {
		struct segment_distribution value = source_distribution(source, series);
		return distribution_digest(&value);
	}
	if (source->tracked->families[number].instances == INSTANCES_PROCESSES)
		return processes_digest(source, series);
	struct segment_value value = source_value(source, series);
	if (!value.present)
		return 0;
	/* Counters add up as they are; that a gauge was set to 0 is a change. */
	return family->kind == MSTAT_SHM_COUNTER ? value.bits : value.bits + 0x9e3779b97f4a7c15;
}

/* The merged series of a series that has a time to live, or NULL. */
static struct merged *merged_of(const struct segments *segments, const struct source *source, uint32_t series)
{
	const struct tracked *tracked = source->tracked;
	if (!tracked->merged || series >= tracked->merged_count || !tracked->merged[series] ||
	    !tracked->families[source_series_family(source, series)].ttl_s)
		return NULL;
	return &segments->merged.all[tracked->merged[series] - 1];
}

void ttl_update(struct segments *segments)
{
	if (!segments->has_ttl)
		return;
	for (uint32_t i = 0; i < segments->merged.limit; i++)
		segments->merged.all[i].digest = 0;
	for (size_t i = 0; i < segments->source_count; i++) {
		const struct source *source = &segments->sources[i];
		for (uint32_t series = 0; source->tracked->merged && series < source->tracked->series_count; series++) {
			struct merged *merged = merged_of(segments, source, series);
			if (merged)
				merged->digest += series_digest(source, series);
		}
	}
	for (uint32_t i = 0; i < segments->merged.limit; i++) {
		struct merged *merged = &segments->merged.all[i];
		if (!merged->changed_ns || merged->digest != merged->digest_last)
			merged->changed_ns = segments->now_ns;
		merged->digest_last = merged->digest;
	}
}

bool ttl_shows(const struct segments *segments, const struct source *source, uint32_t series)
{
	const struct merged *merged = merged_of(segments, source, series);
	if (!merged)
		return true;
	int64_t ttl_ns = (int64_t)source->tracked->families[source_series_family(source, series)].ttl_s * 1000000000;
	return segments->now_ns - merged->changed_ns < ttl_ns;
}
