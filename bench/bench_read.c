/* SPDX-License-Identifier: MIT */
/* What does reading a segment cost the agent, per series: the first time, and every time after? */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mstat/mstat.h>

#include "segment/discover.h"
#include "segment/reader.h"

#include "child.h"
#include "harness.h"
#include "label_sets.h"
#include "scratch.h"

MSTAT_COUNTER(requests, "bench_requests_total", "Requests of the benchmark.", "method", "status", "route");

/* ---- the writer: a child that keeps a segment ---- */

struct writer {
	const char *directory;
	size_t series_count;
};

static void segment_write(void *context)
{
	const struct writer *writer = context;
	struct label_set *sets = label_sets_new(writer->series_count);
	scratch_segment_open(writer->directory, (unsigned)writer->series_count + 16);
	for (size_t i = 0; i < writer->series_count; i++)
		mstat_add(mstat_counter_find(&requests, sets[i].values, LABEL_COUNT), i * 977);
	scratch_segment_check();
	label_sets_free(sets);
}

/* ---- the readers ---- */

struct reading {
	int directory_fd;
	struct segment *segment;
	int fd; /* for the baseline */
	char *copy;
	size_t copy_bytes;
};

static void read_or_fail(struct segment *segment, int directory_fd)
{
	enum segment_state state = segment_read(segment, directory_fd, &segment_limits_default);
	if (state != SEGMENT_LIVE)
		bench_fail("%s is %s: %s", segment->name, segment_state_word(state),
			   segment_refusal_text(segment->refusal));
}

static void steady_loop(void *context, unsigned thread, uint64_t operations)
{
	(void)thread;
	struct reading *reading = context;
	for (uint64_t i = 0; i < operations; i++)
		read_or_fail(reading->segment, reading->directory_fd);
}

/* What a collection does: read, then ask for every value. */
static void values_loop(void *context, unsigned thread, uint64_t operations)
{
	(void)thread;
	struct reading *reading = context;
	for (uint64_t i = 0; i < operations; i++) {
		uint64_t sum = 0;
		read_or_fail(reading->segment, reading->directory_fd);
		for (uint32_t series = 0; series < reading->segment->series_count; series++)
			sum += segment_value(reading->segment, series).bits;
		__asm__ volatile("" : : "r"(sum));
	}
}

static void first_loop(void *context, unsigned thread, uint64_t operations)
{
	(void)thread;
	struct reading *reading = context;
	for (uint64_t i = 0; i < operations; i++) {
		struct segment *segment = segment_new(reading->segment->name);
		if (!segment)
			bench_fail("out of memory");
		read_or_fail(segment, reading->directory_fd);
		segment_free(segment);
	}
}

static void pread_or_fail(int fd, void *buffer, size_t bytes, uint64_t offset)
{
	ssize_t got = pread(fd, buffer, bytes, (off_t)offset);
	if (got != (ssize_t)bytes)
		bench_fail("pread of a segment: %s", got < 0 ? strerror(errno) : "it is shorter than its header says");
}

/* The floor: the bytes that a steady read needs (entries, rows, header), copied without looking at them. */
static void copy_loop(void *context, unsigned thread, uint64_t operations)
{
	(void)thread;
	struct reading *reading = context;
	for (uint64_t i = 0; i < operations; i++)
		pread_or_fail(reading->fd, reading->copy, reading->copy_bytes, 0);
}

static struct mstat_shm_region region_find(const struct mstat_shm_header *header, uint32_t kind)
{
	for (uint32_t i = 0; i < header->region_count && i < MSTAT_SHM_REGION_MAX; i++)
		if (header->regions[i].kind == kind)
			return header->regions[i];
	bench_fail("the segment has no region of kind %u", kind);
}

/* Cells that exist in the rows that some CPU has written; the other rows need no reading. */
static size_t cells_count(int fd, const struct mstat_shm_header *header)
{
	struct mstat_shm_region states = region_find(header, MSTAT_SHM_REGION_ROW_STATES);
	size_t count = 0;
	for (uint32_t row = 0; row < header->cpu_count + header->shared_row_count; row++) {
		uint64_t cells;
		pread_or_fail(fd, &cells, sizeof(cells), states.offset + (uint64_t)row * states.stride);
		count += cells < header->cells_published ? cells : header->cells_published;
	}
	return count;
}

/* Bytes that one steady read must see. */
static size_t steady_bytes(int fd, const struct mstat_shm_header *header)
{
	size_t bytes = sizeof(*header) + header->series_published * sizeof(struct mstat_shm_entry) +
		       cells_count(fd, header) * sizeof(uint64_t);
	return bytes < header->file_bytes ? bytes : header->file_bytes;
}

static void reading_init(struct reading *reading, struct segment_directory *directory)
{
	int error = segment_directory_scan(directory, 16);
	if (error || directory->count != 1)
		bench_fail("%s: %zu segments instead of 1 (%s)", directory->path, directory->count, strerror(-error));
	*reading = (struct reading){.directory_fd = directory->fd, .segment = directory->segments[0]};
	read_or_fail(reading->segment, reading->directory_fd);
	reading->fd = openat(directory->fd, reading->segment->name, O_RDONLY | O_CLOEXEC);
	if (reading->fd < 0)
		bench_fail("%s: %s", reading->segment->name, strerror(errno));
	reading->copy_bytes = steady_bytes(reading->fd, &reading->segment->header);
	reading->copy = malloc(reading->copy_bytes);
	if (!reading->copy)
		bench_fail("out of memory");
}

static void reading_fini(struct reading *reading)
{
	close(reading->fd);
	free(reading->copy);
}

static void size_run(const char *path, size_t series_count)
{
	struct writer writer = {path, series_count};
	struct child child = child_start(segment_write, &writer);
	struct segment_directory directory;
	int error = segment_directory_init(&directory, path);
	if (error)
		bench_fail("%s: %s", path, strerror(-error));
	struct reading reading;
	reading_init(&reading, &directory);
	const struct bench_case cases[] = {
		{.name = "pread of as many bytes", .loop = copy_loop, .context = &reading, .items = series_count},
		{.name = "segment_read, steady", .loop = steady_loop, .context = &reading, .items = series_count},
		{.name = "the same and segment_value of each",
		 .loop = values_loop,
		 .context = &reading,
		 .items = series_count},
		{.name = "segment_read, first", .loop = first_loop, .context = &reading, .items = series_count},
	};
	char name[48];
	snprintf(name, sizeof(name), "%zu series", series_count);
	bench_group(name, "ns/series", 1, cases, sizeof(cases) / sizeof(*cases));
	reading_fini(&reading);
	segment_directory_fini(&directory);
	child_stop(&child);
	scratch_clear(path);
}

int main(int argc, char **argv)
{
	static const size_t counts[] = {1000, 10000, 100000};
	bench_begin("what does reading a segment cost the agent, per series?", argc, argv);
	const char *path = scratch_directory();
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		if (!bench_quick() || counts[i] <= 10000)
			size_run(path, counts[i]);
	return bench_end();
}
