/* SPDX-License-Identifier: MIT */
/* A synthetic page of the agent: PAGE_FAMILIES counter families with the same label sets in each, as catalog, builder,
 * snapshot and rendered body. A benchmark's small program: what fails ends it. */
#ifndef BENCH_PAGE_SOURCE_H
#define BENCH_PAGE_SOURCE_H

#include "expose/format.h"
#include "snapshot/builder.h"
#include "snapshot/snapshot.h"

#include "label_sets.h"

#define PAGE_FAMILIES 10u

struct page_source {
	size_t series_count; /* of all families */
	const struct label_set *sets;
	struct catalog *catalog;
	struct builder *builder;
	struct snapshot *snapshot;
	series_ref *series;
	enum format format; /* of the bodies; text at first */
	char *body;         /* of the last rendering */
	size_t len;
};

/* Makes the series and collects once. `sets` has series_count / PAGE_FAMILIES label sets. */
void page_source_init(struct page_source *source, size_t series_count, const struct label_set *sets);
void page_source_fini(struct page_source *source);

/* One collection: every series gets its value. */
void page_source_collect(struct page_source *source, uint64_t salt);

/* Renders a fresh body in the source's format. */
void page_source_render(struct page_source *source);

/* Resident memory of this process. */
double resident_bytes(void);

#endif
