/* SPDX-License-Identifier: MIT */
/* What does a page cost the agent, per series: its rendering, the collection before it, and the memory behind it? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_prometheus_cpp.h"
#include "child.h"
#include "harness.h"
#include "page_source.h"

/* ---- time ---- */

static void copy_loop(void *context, unsigned thread, uint64_t operations)
{
	(void)thread;
	const struct page_source *source = context;
	for (uint64_t i = 0; i < operations; i++) {
		char *copy = malloc(source->len);
		if (!copy)
			bench_fail("out of memory for a page of %zu series", source->series_count);
		memcpy(copy, source->body, source->len);
		__asm__ volatile("" : : "r"(copy) : "memory");
		free(copy);
	}
}

static void format_loop(const struct page_source *source, enum format format, uint64_t operations)
{
	const struct format_options options = {.format = format};
	for (uint64_t i = 0; i < operations; i++) {
		char *body;
		size_t len;
		if (format_render(source->snapshot, &options, &body, &len))
			bench_fail("out of memory for a page of %zu series", source->series_count);
		free(body);
	}
}

static void text_loop(void *context, unsigned thread, uint64_t operations)
{
	(void)thread;
	format_loop(context, FORMAT_TEXT, operations);
}

static void openmetrics_loop(void *context, unsigned thread, uint64_t operations)
{
	(void)thread;
	format_loop(context, FORMAT_OPENMETRICS_1_0, operations);
}

static void protobuf_loop(void *context, unsigned thread, uint64_t operations)
{
	(void)thread;
	format_loop(context, FORMAT_PROTOBUF, operations);
}

static void collect_render_loop(void *context, unsigned thread, uint64_t operations)
{
	(void)thread;
	struct page_source *source = context;
	for (uint64_t i = 0; i < operations; i++) {
		page_source_collect(source, i);
		page_source_render(source);
	}
}

static void time_run(size_t series_count, const struct label_set *sets)
{
	struct page_source still, moving;
	page_source_init(&still, series_count, sets);
	page_source_init(&moving, series_count, sets);
	page_source_render(&still);
	void *peer = PROMETHEUS_CPP(prometheus_cpp_page_new(sets, PAGE_FAMILIES, series_count / PAGE_FAMILIES));
	const struct bench_case cases[] = {
		{.name = "copying the finished page", .loop = copy_loop, .context = &still, .items = series_count},
		{.name = "text 0.0.4", .loop = text_loop, .context = &still, .items = series_count},
		{.name = "OpenMetrics 1.0.0", .loop = openmetrics_loop, .context = &still, .items = series_count},
		{.name = "protobuf", .loop = protobuf_loop, .context = &still, .items = series_count},
		{.name = "merge, freeze, text 0.0.4",
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
		page_source_collect(&source, i);
		page_source_render(&source);
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
	page_source_render(&source);
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
	void *peer = prometheus_cpp_page_new(memory->sets, PAGE_FAMILIES, memory->series_count / PAGE_FAMILIES);
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
	static const size_t counts[] = {1000, 10000, 100000, 1000000};
	size_t sizes = 0;
	bench_begin("what does a page cost the agent, per series?", argc, argv);
	while (sizes < sizeof(counts) / sizeof(*counts) && !(bench_quick() && counts[sizes] > 10000))
		sizes++;
	struct label_set *sets = label_sets_new(counts[sizes - 1] / PAGE_FAMILIES);
	/* Memory first: the children must begin with a heap that nothing was freed in. */
	for (size_t i = 0; i < sizes; i++)
		memory_run(counts[i], sets);
	for (size_t i = 0; i < sizes; i++)
		time_run(counts[i], sets);
	label_sets_free(sets);
	return bench_end();
}
