/* SPDX-License-Identifier: MIT */
/* What does a page cost the agent, per series: its rendering, the collection before it, and the memory behind it? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expose/text.h"
#include "snapshot/builder.h"
#include "snapshot/snapshot.h"

#include "bench_prometheus_cpp.h"
#include "child.h"
#include "harness.h"

#define FAMILIES 10u

/* A synthetic page: FAMILIES counter families with the same label sets in each. */
struct page_source {
	size_t series_count; /* of all families */
	const struct label_set *sets;
	struct catalog *catalog;
	struct builder *builder;
	struct snapshot *snapshot;
	series_ref *series;
	char *body; /* of the last rendering */
	size_t len;
};

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
	size_t count = source->series_count / FAMILIES;
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

/* One collection: every series gets its value. */
static void collect(struct page_source *source, uint64_t salt)
{
	builder_begin(source->builder);
	for (size_t i = 0; i < source->series_count; i++)
		builder_merge(source->builder, source->series[i], MERGE_SUM,
			      (struct number){.type = NUMBER_U64, .u64 = i * 977 + salt}, 0);
	snapshot_unref(source->snapshot);
	source->snapshot = or_fail(builder_freeze(source->builder));
}

static void render(struct page_source *source)
{
	free(source->body);
	source->body = NULL;
	if (text_render(source->snapshot, &source->body, &source->len))
		bench_fail("out of memory for a page of %zu series", source->series_count);
}

static void page_source_init(struct page_source *source, size_t series_count, const struct label_set *sets)
{
	*source = (struct page_source){.series_count = series_count, .sets = sets};
	source->series = or_fail(calloc(series_count, sizeof(*source->series)));
	source->catalog = or_fail(catalog_new((uint32_t)series_count + 16));
	source->builder = or_fail(builder_new(source->catalog));
	for (size_t i = 0; i < FAMILIES; i++)
		family_fill(source, i);
	collect(source, 0);
}

static void page_source_fini(struct page_source *source)
{
	free(source->body);
	snapshot_unref(source->snapshot);
	builder_free(source->builder);
	catalog_free(source->catalog);
	free(source->series);
}

/* ---- time ---- */

static void copy_loop(void *context, unsigned thread, uint64_t operations)
{
	(void)thread;
	const struct page_source *source = context;
	for (uint64_t i = 0; i < operations; i++) {
		char *copy = or_fail(malloc(source->len));
		memcpy(copy, source->body, source->len);
		__asm__ volatile("" : : "r"(copy) : "memory");
		free(copy);
	}
}

static void render_loop(void *context, unsigned thread, uint64_t operations)
{
	(void)thread;
	const struct page_source *source = context;
	for (uint64_t i = 0; i < operations; i++) {
		char *body;
		size_t len;
		if (text_render(source->snapshot, &body, &len))
			bench_fail("out of memory for a page of %zu series", source->series_count);
		free(body);
	}
}

static void collect_render_loop(void *context, unsigned thread, uint64_t operations)
{
	(void)thread;
	struct page_source *source = context;
	for (uint64_t i = 0; i < operations; i++) {
		collect(source, i);
		render(source);
	}
}

static void time_run(size_t series_count, const struct label_set *sets)
{
	struct page_source still, moving;
	page_source_init(&still, series_count, sets);
	page_source_init(&moving, series_count, sets);
	render(&still);
	void *peer = PROMETHEUS_CPP(prometheus_cpp_page_new(sets, FAMILIES, series_count / FAMILIES));
	const struct bench_case cases[] = {
		{.name = "copying the finished page", .loop = copy_loop, .context = &still, .items = series_count},
		{.name = "text_render", .loop = render_loop, .context = &still, .items = series_count},
		{.name = "merge, freeze, text_render",
		 .loop = collect_render_loop,
		 .context = &moving,
		 .items = series_count},
		{.name = "prometheus-cpp Serialize",
		 .loop = PROMETHEUS_CPP(prometheus_cpp_page_serialize),
		 .context = peer,
		 .items = series_count},
		{.name = "prometheus-cpp Collect, Serialize",
		 .loop = PROMETHEUS_CPP(prometheus_cpp_page_collect_serialize),
		 .context = peer,
		 .items = series_count},
	};
	char name[64];
	snprintf(name, sizeof(name), "%zu series", series_count);
	bench_group(name, "ns/series", 1, cases, sizeof(cases) / sizeof(*cases));
	prometheus_cpp_free(peer);
	page_source_fini(&moving);
	page_source_fini(&still);
}

/* ---- memory ---- */

static double resident_bytes(void)
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

struct memory_case {
	size_t series_count;
	const struct label_set *sets;
	unsigned collections; /* 0: no page is rendered either */
};

/* Growth of the process from nothing to a catalog, its snapshots and, after `collections`, its page. */
static double memory_growth(void *context)
{
	const struct memory_case *memory = context;
	struct page_source source;
	double before = resident_bytes();
	page_source_init(&source, memory->series_count, memory->sets);
	for (unsigned i = 0; i < memory->collections; i++) {
		collect(&source, i);
		render(&source);
	}
	double after = resident_bytes();
	page_source_fini(&source);
	return (after - before) / (double)memory->series_count;
}

static double text_bytes(void *context)
{
	const struct memory_case *memory = context;
	struct page_source source;
	page_source_init(&source, memory->series_count, memory->sets);
	render(&source);
	double bytes = (double)source.len / (double)memory->series_count;
	page_source_fini(&source);
	return bytes;
}

static double text_in_child(void *context)
{
	return child_measure(text_bytes, context);
}

static double growth_in_child(void *context)
{
	return child_measure(memory_growth, context);
}

#ifdef BENCH_HAVE_PROMETHEUS_CPP
static double peer_growth(void *context)
{
	const struct memory_case *memory = context;
	double before = resident_bytes();
	void *peer = prometheus_cpp_page_new(memory->sets, FAMILIES, memory->series_count / FAMILIES);
	prometheus_cpp_page_collect_serialize(peer, 0, 1);
	double after = resident_bytes();
	prometheus_cpp_free(peer);
	return (after - before) / (double)memory->series_count;
}

static double peer_growth_in_child(void *context)
{
	return child_measure(peer_growth, context);
}
#endif

static void memory_run(size_t series_count, const struct label_set *sets)
{
	struct memory_case first = {series_count, sets, 0}, steady = {series_count, sets, 5};
	const struct bench_case cases[] = {
		{.name = "the text of the page", .measure = text_in_child, .context = &first},
		{.name = "catalog, builder, one snapshot", .measure = growth_in_child, .context = &first},
		{.name = "the same after 5 collections, with page", .measure = growth_in_child, .context = &steady},
		{.name = "prometheus-cpp registry, last collection",
		 .measure = PROMETHEUS_CPP(peer_growth_in_child),
		 .context = &first},
	};
	char name[64];
	snprintf(name, sizeof(name), "resident memory, %zu series", series_count);
	bench_group(name, "bytes/series", 1, cases, sizeof(cases) / sizeof(*cases));
}

int main(int argc, char **argv)
{
	static const size_t counts[] = {1000, 10000, 100000};
	size_t sizes = 0;
	bench_begin("what does a page cost the agent, per series?", argc, argv);
	while (sizes < sizeof(counts) / sizeof(*counts) && !(bench_quick() && counts[sizes] > 10000))
		sizes++;
	struct label_set *sets = label_sets_new(counts[sizes - 1] / FAMILIES);
	/* Memory first: the children must begin with a heap that nothing was freed in. */
	for (size_t i = 0; i < sizes; i++)
		memory_run(counts[i], sets);
	for (size_t i = 0; i < sizes; i++)
		time_run(counts[i], sets);
	label_sets_free(sets);
	return bench_end();
}
