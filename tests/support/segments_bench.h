/* SPDX-License-Identifier: MIT */
/* The collector of segments on a directory of its own, with a clock that tests move. */
#ifndef TESTS_SEGMENTS_BENCH_H
#define TESTS_SEGMENTS_BENCH_H

#include "collect/segments.h"
#include "daemon.h"
#include "snapshot/snapshot.h"

struct segments_bench {
	struct scratch *scratch;
	struct segments *segments;
	struct catalog *catalog;
	struct builder *builder;
	struct snapshot *snapshot; /* of the last collection */
	char *directories[1];
	struct segments_options options; /* folding at once when swept; bench_reopen() applies changes */
};

/* cmocka's set-up and tear-down: *state is a struct segments_bench with the collector open. Workers that still run are
 * killed. */
int bench_setup(void **state);
int bench_teardown(void **state);

/* Closes the collector and opens it again, as a restart of the agent does; the catalog is a new one. */
void bench_reopen(struct segments_bench *bench);

/* Lets both clocks of the collector go on. */
void bench_sleep(double seconds);

/* One collection. */
void bench_collect(struct segments_bench *bench);

/* The sample "NAME{LABELS}" of the last collection; false if it is not there. */
bool bench_find(const struct segments_bench *bench, const char *text, struct snapshot_sample *sample);

/* A new collection and the number of a sample: -1 if it is not there. */
int64_t bench_value(struct segments_bench *bench, const char *text);
/* The same of the last collection. */
int64_t bench_now(const struct segments_bench *bench, const char *text);
/* Of the last collection: the count and the quantile with this index of a summary. Fails if there is none. */
uint64_t bench_count(const struct segments_bench *bench, const char *text);
double bench_quantile(const struct segments_bench *bench, const char *text, uint32_t index);

/* How many samples of the last collection have a text that begins so. */
unsigned int bench_samples(const struct segments_bench *bench, const char *beginning);

#endif
