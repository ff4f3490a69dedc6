/* SPDX-License-Identifier: MIT */
/* The keys seen last: sets of four places, the oldest of a set goes first. */
#include "dedup.h"

#include <mstat/mstat.h>

#define SETS 256u /* a power of two */
#define PLACES 4u

MSTAT_COUNTER(checked, "dedup_events_checked_total", "Events whose key was looked up.");
MSTAT_COUNTER(duplicates, "dedup_duplicates_found_total", "Events whose key had been seen.");
MSTAT_GAUGE(entries, "dedup_cache_entries", "Keys that are remembered.");
MSTAT_COUNTER(evictions, "dedup_cache_evictions_total", "Keys forgotten to make room.");

static struct {
	mstat_counter *checked;
	mstat_counter *duplicates;
	mstat_gauge *entries;
	mstat_counter *evictions;
} metrics;

static struct {
	uint64_t key[PLACES]; /* 0: free */
	uint32_t next;
} sets[SETS];

void dedup_init(void)
{
	metrics.checked = mstat_counter_with(&checked);
	metrics.duplicates = mstat_counter_with(&duplicates);
	metrics.entries = mstat_gauge_with(&entries);
	metrics.evictions = mstat_counter_with(&evictions);
	mstat_gauge_set(metrics.entries, 0);
}

bool dedup_seen(uint64_t key)
{
	key |= 1; /* 0 means free */
	uint64_t set = (key * 0x9e3779b97f4a7c15u >> 32) & (SETS - 1);
	mstat_inc(metrics.checked);
	for (unsigned i = 0; i < PLACES; i++) {
		if (sets[set].key[i] == key) {
			mstat_inc(metrics.duplicates);
			return true;
		}
	}
	uint64_t *place = &sets[set].key[sets[set].next++ % PLACES];
	if (*place)
		mstat_inc(metrics.evictions);
	else
		mstat_gauge_inc(metrics.entries);
	*place = key;
	return false;
}
