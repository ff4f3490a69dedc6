/* SPDX-License-Identifier: MIT */
/* The synthetic page, made as the agent's collectors make theirs. */
#include "page_source.h"

#include <stdio.h>
#include <stdlib.h>

#include "harness.h"

static void *or_fail(void *pointer)
{
	if (!pointer)
		bench_fail("out of memory");
	return pointer;
}

static void conflict_check(enum catalog_conflict conflict)
{
	if (conflict != CATALOG_OK)
		bench_fail("the catalog refused a series: %s", catalog_conflict_label(conflict));
}

static void family_fill(struct page_source *source, size_t index)
{
	size_t count = source->series_count / PAGE_FAMILIES;
	char name[48];
	snprintf(name, sizeof(name), "bench_requests_%zu", index);
	struct family_request request = {.name = name,
					 .help = "A counter.",
					 .unit = "",
					 .type = METRIC_COUNTER,
					 .label_names = label_names,
					 .label_count = LABEL_COUNT};
	family_ref family;
	conflict_check(catalog_family(source->catalog, &request, &family));
	for (size_t i = 0; i < count; i++) {
		struct label labels[LABEL_COUNT];
		for (size_t j = 0; j < LABEL_COUNT; j++)
			labels[j] = (struct label){label_names[j], source->sets[i].values[j]};
		conflict_check(catalog_series(source->catalog, family, labels, LABEL_COUNT,
					      &source->series[index * count + i]));
	}
}

void page_source_collect(struct page_source *source, uint64_t salt)
{
	builder_begin(source->builder);
	for (size_t i = 0; i < source->series_count; i++)
		builder_merge(source->builder, source->series[i], MERGE_SUM,
			      (struct number){.type = NUMBER_U64, .u64 = i * 977 + salt}, 0);
	snapshot_unref(source->snapshot);
	source->snapshot = or_fail(builder_freeze(source->builder));
}

void page_source_render(struct page_source *source)
{
	free(source->body);
	source->body = NULL;
	const struct format_options options = {.format = source->format};
	if (format_render(source->snapshot, &options, &source->body, &source->len))
		bench_fail("out of memory for a page of %zu series", source->series_count);
}

void page_source_init(struct page_source *source, size_t series_count, const struct label_set *sets)
{
	*source = (struct page_source){.series_count = series_count, .sets = sets};
	source->series = or_fail(calloc(series_count, sizeof(*source->series)));
	source->catalog = or_fail(catalog_new((uint32_t)series_count + 16));
	source->builder = or_fail(builder_new(source->catalog));
	for (size_t i = 0; i < PAGE_FAMILIES; i++)
		family_fill(source, i);
	page_source_collect(source, 0);
}

void page_source_fini(struct page_source *source)
{
	free(source->body);
	snapshot_unref(source->snapshot);
	builder_free(source->builder);
	catalog_free(source->catalog);
	free(source->series);
}

double resident_bytes(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "re");
	char line[256];
	double kib = -1;
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Rss: %lf", &kib) == 1)
			break;
	if (kib < 0)
		bench_fail("no Rss in /proc/self/smaps_rollup: the kernel is older than 4.14, or /proc is not mounted");
	fclose(file);
	return kib * 1024;
}
