/* SPDX-License-Identifier: MIT */
/* What does compressing a page cost, per series and by its speed; and when can the first byte of a page of 100 MB go
 * out, with how much memory behind it?
 *
 * Bodies are made whole before their first byte is sent, so that all requests share them: rendering and compressing are
 * the time to the first byte.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expose/compress.h"

#include "child.h"
#include "harness.h"
#include "page_source.h"

#define LARGE_BYTES 100e6

static struct compressor *compressor;

static size_t compress_once(const struct page_source *source, enum encoding encoding)
{
	char *out;
	size_t len;
	if (compress_body(compressor, encoding, source->body, source->len, &out, &len))
		bench_fail("out of memory to compress %zu bytes", source->len);
	free(out);
	return len;
}

/* ---- time ---- */

static void copy_loop(void *context, unsigned thread, uint64_t operations)
{
	(void)thread;
	const struct page_source *source = context;
	for (uint64_t i = 0; i < operations; i++) {
		char *copy = malloc(source->len);
		if (!copy)
			bench_fail("out of memory to copy %zu bytes", source->len);
		memcpy(copy, source->body, source->len);
		__asm__ volatile("" : : "r"(copy) : "memory");
		free(copy);
	}
}

static void gzip_loop(void *context, unsigned thread, uint64_t operations)
{
	(void)thread;
	for (uint64_t i = 0; i < operations; i++)
		compress_once(context, ENCODING_GZIP);
}

static void zstd_loop(void *context, unsigned thread, uint64_t operations)
{
	(void)thread;
	for (uint64_t i = 0; i < operations; i++)
		compress_once(context, ENCODING_ZSTD);
}

static void series_run(const struct page_source *source, const char *format)
{
	void *context = (void *)(uintptr_t)source;
	const struct bench_case cases[] = {
		{.name = "copying the page", .loop = copy_loop, .context = context, .items = source->series_count},
		{.name = "gzip", .loop = gzip_loop, .context = context, .items = source->series_count},
		{.name = "zstd", .loop = zstd_loop, .context = context, .items = source->series_count},
	};
	char name[64];
	snprintf(name, sizeof(name), "%zu series, %s", source->series_count, format);
	bench_group(name, "ns/series", 1, cases, sizeof(cases) / sizeof(*cases));
}

/* ---- speed and size ---- */

static double speed(void (*loop)(void *context, unsigned thread, uint64_t operations), void *context)
{
	const struct page_source *source = context;
	/* At least 20 MB of input: one page of a few kilobytes is too short to be timed. */
	uint64_t operations = 1 + (uint64_t)(20e6 / (double)source->len);
	int64_t begin_ns = bench_now_ns();
	loop(context, 0, operations);
	return (double)source->len * (double)operations * 1e3 / (double)(bench_now_ns() - begin_ns);
}

static double copy_speed(void *context)
{
	return speed(copy_loop, context);
}

static double gzip_speed(void *context)
{
	return speed(gzip_loop, context);
}

static double zstd_speed(void *context)
{
	return speed(zstd_loop, context);
}

static void speed_run(const struct page_source *source, const char *format)
{
	void *context = (void *)(uintptr_t)source;
	const struct bench_case cases[] = {
		{.name = "copying the page", .measure = copy_speed, .context = context},
		{.name = "gzip", .measure = gzip_speed, .context = context},
		{.name = "zstd", .measure = zstd_speed, .context = context},
	};
	char name[64];
	snprintf(name, sizeof(name), "%zu series, %s, speed", source->series_count, format);
	bench_group(name, "MB/s", 1, cases, sizeof(cases) / sizeof(*cases));
}

static double plain_size(void *context)
{
	const struct page_source *source = context;
	return (double)source->len / (double)source->series_count;
}

static double gzip_size(void *context)
{
	const struct page_source *source = context;
	return (double)compress_once(source, ENCODING_GZIP) / (double)source->series_count;
}

static double zstd_size(void *context)
{
	const struct page_source *source = context;
	return (double)compress_once(source, ENCODING_ZSTD) / (double)source->series_count;
}

static void size_run(const struct page_source *source, const char *format)
{
	void *context = (void *)(uintptr_t)source;
	const struct bench_case cases[] = {
		{.name = "the page", .measure = plain_size, .context = context},
		{.name = "gzip", .measure = gzip_size, .context = context},
		{.name = "zstd", .measure = zstd_size, .context = context},
	};
	char name[64];
	snprintf(name, sizeof(name), "%zu series, %s, size", source->series_count, format);
	bench_group(name, "bytes/series", 1, cases, sizeof(cases) / sizeof(*cases));
}

static void page_run(size_t series_count, const struct label_set *sets)
{
	static const struct {
		const char *name;
		enum format format;
	} formats[] = {{"text", FORMAT_TEXT}, {"protobuf", FORMAT_PROTOBUF}};
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct page_source source;
		page_source_init(&source, series_count, sets);
		source.format = formats[i].format;
		page_source_render(&source);
		series_run(&source, formats[i].name);
		speed_run(&source, formats[i].name);
		size_run(&source, formats[i].name);
		page_source_fini(&source);
	}
}

/* ---- a large page ---- */

struct large_case {
	size_t series_count;
	const struct label_set *sets;
	enum encoding encoding;
};

/* Milliseconds from a finished collection to a body that can be sent. */
static double first_byte(void *context)
{
	const struct large_case *large = context;
	struct page_source source;
	page_source_init(&source, large->series_count, large->sets);
	int64_t begin_ns = bench_now_ns();
	page_source_render(&source);
	if (large->encoding != ENCODING_IDENTITY)
		compress_once(&source, large->encoding);
	double ms = (double)(bench_now_ns() - begin_ns) / 1e6;
	page_source_fini(&source);
	return ms;
}

/* Megabytes that the process grows by: series, snapshot, page, and what is sent of it. */
static double growth(void *context)
{
	const struct large_case *large = context;
	double before = resident_bytes();
	struct page_source source;
	page_source_init(&source, large->series_count, large->sets);
	page_source_render(&source);
	char *out = NULL;
	size_t len;
	if (large->encoding != ENCODING_IDENTITY &&
	    compress_body(compressor, large->encoding, source.body, source.len, &out, &len))
		bench_fail("out of memory to compress %zu bytes", source.len);
	double after = resident_bytes();
	free(out);
	page_source_fini(&source);
	return (after - before) / 1e6;
}

static double first_byte_in_child(void *context)
{
	return child_measure(first_byte, context);
}

static double growth_in_child(void *context)
{
	return child_measure(growth, context);
}

static void large_run(const char *name, const char *unit, double (*measure)(void *context),
		      const struct large_case *large)
{
	struct large_case encoded[ENCODING_COUNT];
	struct bench_case cases[ENCODING_COUNT];
	for (unsigned i = 0; i < ENCODING_COUNT; i++) {
		encoded[i] = *large;
		encoded[i].encoding = (enum encoding)i;
		cases[i] = (struct bench_case){
			.name = encoding_token((enum encoding)i), .measure = measure, .context = &encoded[i]};
	}
	bench_group(name, unit, 1, cases, ENCODING_COUNT);
}

/* How many series make a text page of so many bytes. */
static size_t series_of_bytes(double bytes, const struct label_set *sets)
{
	struct page_source source;
	page_source_init(&source, 10000, sets);
	page_source_render(&source);
	double each = plain_size(&source);
	page_source_fini(&source);
	return (size_t)(bytes / each) / PAGE_FAMILIES * PAGE_FAMILIES;
}

int main(int argc, char **argv)
{
	static const size_t counts[] = {1000, 10000, 100000, 1000000};
	bench_begin("what does compressing a page cost, and what a page of 100 MB?", argc, argv);
	size_t sizes = bench_quick() ? 2 : sizeof(counts) / sizeof(*counts);
	double large_bytes = bench_quick() ? 5e6 : LARGE_BYTES;
	size_t sets_max = 200000; /* label sets of the largest page, at 50 bytes a series and more */
	struct label_set *sets = label_sets_new(sets_max);
	compressor = compressor_new();
	if (!compressor)
		bench_fail("out of memory");
	struct large_case large = {.series_count = series_of_bytes(large_bytes, sets), .sets = sets};
	if (large.series_count / PAGE_FAMILIES > sets_max)
		bench_fail("%zu series need more than %zu label sets", large.series_count, sets_max);
	char name[64];
	snprintf(name, sizeof(name), "a text page of %.0f MB, first byte", large_bytes / 1e6);
	large_run(name, "ms", first_byte_in_child, &large);
	snprintf(name, sizeof(name), "a text page of %.0f MB, resident memory", large_bytes / 1e6);
	large_run(name, "MB", growth_in_child, &large);
	for (size_t i = 0; i < sizes; i++)
		page_run(counts[i], sets);
	compressor_free(compressor);
	label_sets_free(sets);
	return bench_end();
}
