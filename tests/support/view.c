/* SPDX-License-Identifier: MIT */
/* What readers see of the segments in a directory. */
#include "view.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "child.h"

#define SEGMENTS_MAX 100000

static void view_open(struct segment_directory *directory, const char *path)
{
	struct segment_limits limits = segment_limits_default;
	check(!segment_directory_init(directory, path));
	check(!segment_directory_scan(directory, SEGMENTS_MAX));
	for (size_t i = 0; i < directory->count; i++)
		segment_want_strings(directory->segments[i]);
	segment_directory_read(directory, &limits);
	for (size_t i = 0; i < directory->count; i++) {
		const struct segment *segment = directory->segments[i];
		if (segment->state != SEGMENT_LIVE && segment->state != SEGMENT_DEAD) {
			fprintf(stderr, "%s: %s: %s\n", segment->name, segment_state_word(segment->state),
				segment_refusal_text(segment->refusal));
			check(!"a segment that the reader refuses");
		}
	}
}

static bool labels_equal(struct segment *segment, uint32_t index, const char *labels)
{
	const struct segment_series *series = &segment->series[index];
	if (series->overflow)
		return !strcmp(labels, VIEW_OVERFLOW);
	char text[4096] = "";
	const char *const *values = segment_labels(segment, index);
	for (unsigned int i = 0; i < segment->families[series->family].label_count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? "," : "", values[i]);
	return !strcmp(text, labels);
}

static void value_add(const struct segment_family *family, struct segment_value *sum, struct segment_value value)
{
	double a, b;
	if (!value.present)
		return;
	if (!sum->present || !mstat_shm_kind_in_rows(family->kind)) {
		*sum = value;
	} else if (family->value == MSTAT_SHM_F64) {
		memcpy(&a, &sum->bits, sizeof(a));
		memcpy(&b, &value.bits, sizeof(b));
		a += b;
		memcpy(&sum->bits, &a, sizeof(a));
	} else {
		sum->bits += value.bits;
	}
}

/* Sum over the series of a family with these labels, or with any (NULL). */
static struct segment_value view_find(const char *path, const char *name, const char *labels, unsigned int *count)
{
	struct segment_directory directory;
	struct segment_value sum = {0};
	view_open(&directory, path);
	for (size_t i = 0; i < directory.count; i++) {
		struct segment *segment = directory.segments[i];
		for (uint32_t index = 0; index < segment->series_count; index++) {
			const struct segment_series *series = &segment->series[index];
			const struct segment_family *family = &segment->families[series->family];
			if (!series->readable || strcmp(family->name, name) ||
			    (labels && !labels_equal(segment, index, labels)))
				continue;
			*count += !series->overflow;
			value_add(family, &sum, segment_value(segment, index));
		}
	}
	segment_directory_fini(&directory);
	return sum;
}

struct segment_value view_value(const char *path, const char *family, const char *labels)
{
	unsigned int count = 0;
	return view_find(path, family, labels, &count);
}

uint64_t view_u64(const char *path, const char *family, const char *labels)
{
	return view_value(path, family, labels).bits;
}

int64_t view_i64(const char *path, const char *family, const char *labels)
{
	return (int64_t)view_value(path, family, labels).bits;
}

static double to_double(struct segment_value value)
{
	double number;
	memcpy(&number, &value.bits, sizeof(number));
	return number;
}

double view_f64(const char *path, const char *family, const char *labels)
{
	return to_double(view_value(path, family, labels));
}

uint64_t view_sum_u64(const char *path, const char *family)
{
	unsigned int count = 0;
	return view_find(path, family, NULL, &count).bits;
}

double view_sum_f64(const char *path, const char *family)
{
	unsigned int count = 0;
	return to_double(view_find(path, family, NULL, &count));
}

unsigned int view_series(const char *path, const char *family)
{
	unsigned int count = 0;
	view_find(path, family, NULL, &count);
	return count;
}

/* ---- distributions and exemplars ---- */

static void distribution_add(struct view_distribution *sum, const struct segment_family *family,
			     const struct segment_distribution *value)
{
	double number;
	check(value->bucket_count <= VIEW_BUCKETS_MAX);
	memcpy(&number, &value->sum, sizeof(number));
	sum->present = true;
	sum->bucket_count = value->bucket_count;
	if (family->value == MSTAT_SHM_F64)
		sum->sum_f64 += number;
	else
		sum->sum_u64 += value->sum;
	for (uint32_t i = 0; i < value->bucket_count; i++) {
		sum->buckets[i] += value->buckets[i];
		sum->count += value->buckets[i];
	}
}

static bool series_is(struct segment *segment, uint32_t index, const char *name, const char *labels)
{
	return segment->series[index].readable &&
	       !strcmp(segment->families[segment->series[index].family].name, name) &&
	       (!labels || labels_equal(segment, index, labels));
}

const struct view_distribution *view_distribution(const char *path, const char *family, const char *labels)
{
	static struct view_distribution sum;
	struct segment_directory directory;
	memset(&sum, 0, sizeof(sum));
	view_open(&directory, path);
	for (size_t i = 0; i < directory.count; i++) {
		struct segment *segment = directory.segments[i];
		for (uint32_t index = 0; index < segment->series_count; index++) {
			if (!series_is(segment, index, family, labels))
				continue;
			struct segment_distribution value = segment_distribution(segment, index);
			if (value.present)
				distribution_add(&sum, &segment->families[segment->series[index].family], &value);
		}
	}
	segment_directory_fini(&directory);
	return &sum;
}

struct view_exemplar view_exemplar(const char *path, const char *family, const char *labels, uint32_t bucket)
{
	struct view_exemplar found = {0};
	struct segment_directory directory;
	view_open(&directory, path);
	for (size_t i = 0; i < directory.count; i++) {
		const struct segment_exemplar *exemplars;
		size_t count = segment_exemplars(directory.segments[i], &exemplars);
		for (size_t k = 0; k < count; k++) {
			if (exemplars[k].bucket != bucket ||
			    !series_is(directory.segments[i], exemplars[k].series, family, labels))
				continue;
			check(!found.time_ns); /* one a bucket */
			found.value = exemplars[k].value;
			found.time_ns = exemplars[k].time_ns;
			snprintf(found.labels, sizeof(found.labels), "%.*s", (int)exemplars[k].labels_len,
				 exemplars[k].labels);
		}
	}
	segment_directory_fini(&directory);
	return found;
}

unsigned int view_exemplars(const char *path)
{
	size_t sum = 0;
	struct segment_directory directory;
	view_open(&directory, path);
	for (size_t i = 0; i < directory.count; i++) {
		const struct segment_exemplar *exemplars;
		sum += segment_exemplars(directory.segments[i], &exemplars);
	}
	segment_directory_fini(&directory);
	return (unsigned int)sum;
}

unsigned int view_segments(const char *path)
{
	struct segment_directory directory;
	view_open(&directory, path);
	unsigned int count = (unsigned int)directory.count;
	segment_directory_fini(&directory);
	return count;
}

void view_first(const char *path, void (*function)(const struct segment *segment, void *context), void *context)
{
	struct segment_directory directory;
	view_open(&directory, path);
	check(directory.count > 0);
	function(directory.segments[0], context);
	segment_directory_fini(&directory);
}

struct rows_reading {
	const char *path;
	struct view_rows rows;
};

static void rows_read(const struct segment *segment, void *context)
{
	struct rows_reading *reading = context;
	const struct mstat_shm_header *header = &segment->header;
	const struct mstat_shm_region *region = NULL;
	char path[512];
	for (uint32_t i = 0; i < header->region_count; i++)
		if (header->regions[i].kind == MSTAT_SHM_REGION_ROWS)
			region = &header->regions[i];
	check(region != NULL);
	snprintf(path, sizeof(path), "%s/%s", reading->path, segment->name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	check(fd >= 0);
	for (uint32_t row = 0; row < header->cpu_count + header->shared_row_count; row++)
		for (uint32_t cell = 0; cell < header->cells_published; cell++) {
			uint64_t value = 0, at = region->offset + (uint64_t)row * region->stride + cell * 8ull;
			check(pread(fd, &value, sizeof(value), (off_t)at) == sizeof(value));
			if (cell < MSTAT_SHM_CELL_FIRST)
				reading->rows.sinks += value;
			else if (row < header->cpu_count)
				reading->rows.cpu_rows += value;
			else
				reading->rows.shared_rows += value;
		}
	close(fd);
}

struct view_rows view_rows(const char *path)
{
	struct rows_reading reading = {.path = path};
	view_first(path, rows_read, &reading);
	return reading.rows;
}
