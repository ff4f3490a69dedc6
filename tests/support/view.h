/* SPDX-License-Identifier: MIT */
/* What readers see of the segments in a directory, by the distrustful reader: the judge of the client library's tests.
 *
 * Every function reads the directory anew. Values are summed over all its segments, live and dead. A segment that the
 * reader refuses fails the test (check()).
 */
#ifndef TESTS_VIEW_H
#define TESTS_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "segment/discover.h"

/* Label values as text: "GET,200" in ascending order of the label names; "" for a series without labels. */
#define VIEW_OVERFLOW "\1overflow"

/* Value of one series; the present values of several segments are added (counters) or the last one is taken. */
struct segment_value view_value(const char *path, const char *family, const char *labels);
uint64_t view_u64(const char *path, const char *family, const char *labels);
int64_t view_i64(const char *path, const char *family, const char *labels);
double view_f64(const char *path, const char *family, const char *labels);

/* Sum of a counter over all its series, the overflow series too. */
uint64_t view_sum_u64(const char *path, const char *family);
double view_sum_f64(const char *path, const char *family);

/* A histogram, summary or gauge histogram, added up over the segments, and in base units. */
#define VIEW_BUCKETS_MAX 4100
struct view_distribution {
	bool present;
	uint64_t count;
	uint64_t sum_u64; /* recorded units: i64 of gauge histograms */
	double sum_f64;
	uint32_t bucket_count;
	uint64_t buckets[VIEW_BUCKETS_MAX];
};
/* Of one series, or with NULL for labels of all series of the family. */
const struct view_distribution *view_distribution(const char *path, const char *family, const char *labels);

/* The exemplar of a counter (bucket 0) or of a bucket; its labels are empty and its time 0 where there is none. */
struct view_exemplar {
	char labels[512];
	double value;
	uint64_t time_ns;
};
struct view_exemplar view_exemplar(const char *path, const char *family, const char *labels, uint32_t bucket);
unsigned int view_exemplars(const char *path);

/* How many series of a family are readable, without the overflow series. */
unsigned int view_series(const char *path, const char *family);
unsigned int view_segments(const char *path);

/* What the counter cells of the first segment hold, by kind of row (plain u64 sums, sink cells left out). */
struct view_rows {
	uint64_t cpu_rows;
	uint64_t shared_rows;
	uint64_t sinks;
};
struct view_rows view_rows(const char *path);

/* Calls `function` with the first segment of the directory. */
void view_first(const char *path, void (*function)(const struct segment *segment, void *context), void *context);

#endif
