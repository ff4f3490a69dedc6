/* SPDX-License-Identifier: MIT */
/* The collector of segments: what it exposes of living, dead and folded programs, and that folding changes no value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mstat/mstat.h>

#include "collect/segments.h"
#include "daemon.h"
#include "segment_image.h"
#include "snapshot/snapshot.h"

#define HOUR_NS (3600 * INT64_C(1000000000))

MSTAT_COUNTER(jobs, "jobs_total", "Jobs done.", "kind");
MSTAT_COUNTER(limited, "limited_total", "Limited.", "number");

static void add_jobs(void *context)
{
	(void)context;
	mstat_add(mstat_counter_with(&jobs, "a"), 5);
	mstat_inc(mstat_counter_with(&jobs, "\xff")); /* not UTF-8: refused, and counted in the overflow series */
}

static void add_and_stay(void *context)
{
	add_jobs(context);
	pause();
}

/* ---- the collector under test ---- */

struct bench {
	struct scratch scratch;
	struct segments *segments;
	struct catalog *catalog;
	struct builder *builder;
	char *directories[2];
	struct segments_options options;
};

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	if (!bench)
		return -1;
	scratch_make(&bench->scratch);
	bench->directories[0] = bench->scratch.segments;
	bench->options = (struct segments_options){.directories = bench->directories,
						   .directory_count = 1,
						   .keep_dead_ns = HOUR_NS,
						   .services_max = 100,
						   .limits = segment_limits_default,
						   .entries_max = 1000,
						   .folding = true};
	bench->catalog = catalog_new(10000);
	bench->builder = builder_new(bench->catalog);
	*state = bench;
	return bench->builder ? 0 : -1;
}

static int teardown(void **state)
{
	struct bench *bench = *state;
	segments_close(bench->segments);
	builder_free(bench->builder);
	catalog_free(bench->catalog);
	scratch_remove(&bench->scratch);
	free(bench);
	return 0;
}

static void bench_open(struct bench *bench)
{
	char *error = NULL;
	if (segments_open(&bench->options, &bench->segments, &error))
		fail_msg("%s", error);
}

static void bench_close(struct bench *bench)
{
	segments_close(bench->segments);
	bench->segments = NULL;
}

/* One collection; the value of one sample, UINT64_MAX if it is not there. */
static uint64_t collected(struct bench *bench, const char *text)
{
	uint64_t value = UINT64_MAX;
	builder_begin(bench->builder);
	assert_int_equal(segments_collect(bench->segments, bench->builder), 0);
	struct snapshot *snapshot = builder_freeze(bench->builder);
	assert_non_null(snapshot);
	for (size_t i = 0; i < snapshot_sample_count(snapshot); i++) {
		const struct snapshot_sample sample = snapshot_sample(snapshot, i);
		if (sample.text_len == strlen(text) && !memcmp(sample.text, text, sample.text_len))
			value = sample.number.u64;
	}
	snapshot_unref(snapshot);
	return value;
}

#define JOBS "jobs_total{kind=\"a\",service=\"shop\"}"
#define OVERFLOW "jobs_total{otel_metric_overflow=\"true\",service=\"shop\"}"

/* ---- tests ---- */

static void test_collector_waits_for_adoption_before_it_folds(void **state)
{
	struct bench *bench = *state;
	bench->options.fold_after_ns = HOUR_NS;
	bench_open(bench);
	worker_run(&bench->scratch, "shop", add_jobs, NULL);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(segments_sweep(bench->segments), 0);
		assert_int_equal(collected(bench, JOBS), 5);
	}
	assert_int_equal(segments_stats(bench->segments)->folded, 0);
	assert_int_equal(segments_stats(bench->segments)->by_state[SEGMENT_DEAD], 1);
	worker_run(&bench->scratch, "shop", add_jobs, NULL);
	assert_int_equal(collected(bench, JOBS), 10);
	assert_int_equal(segments_stats(bench->segments)->by_state[SEGMENT_DEAD], 1);
}

static void test_collector_shows_the_same_values_before_and_after_the_fold(void **state)
{
	struct bench *bench = *state;
	bench_open(bench);
	const pid_t living = worker_fork(&bench->scratch, "shop", add_and_stay, NULL);
	for (const int64_t end_ms = clock_ms() + WAIT_MS; collected(bench, OVERFLOW) != 1; usleep(1000))
		assert_true(clock_ms() < end_ms);
	worker_run(&bench->scratch, "shop", add_jobs, NULL);
	assert_int_equal(collected(bench, JOBS), 10);
	assert_int_equal(collected(bench, OVERFLOW), 2);
	assert_int_equal(segments_sweep(bench->segments), 0);
	assert_int_equal(collected(bench, JOBS), 10);
	assert_int_equal(segments_stats(bench->segments)->folded, 1);
	kill(living, SIGKILL);
	process_wait(living);
	assert_int_equal(collected(bench, JOBS), 10);
	assert_int_equal(segments_sweep(bench->segments), 0);
	assert_int_equal(collected(bench, JOBS), 10);
	assert_int_equal(collected(bench, OVERFLOW), 2);
	assert_int_equal(segments_stats(bench->segments)->folded, 2);
	bench_close(bench);
	bench_open(bench);
	assert_int_equal(collected(bench, JOBS), 10);
	assert_int_equal(collected(bench, OVERFLOW), 2);
}

static void test_refusals_of_clients_stay_counted_when_their_segment_is_folded(void **state)
{
	struct bench *bench = *state;
	bench_open(bench);
	worker_run(&bench->scratch, "shop", add_jobs, NULL);
	for (int i = 0; i < 3; i++) {
		collected(bench, JOBS);
		assert_int_equal(segments_stats(bench->segments)->drops[MSTAT_REASON_LABEL_VALUE], 1);
		assert_int_equal(segments_sweep(bench->segments), 0);
	}
	assert_int_equal(segments_stats(bench->segments)->folded, 1);
}

static void test_inspector_collects_without_owning_anything(void **state)
{
	struct bench *bench = *state;
	char folding[96];
	bench->options.folding = false;
	bench_open(bench);
	worker_run(&bench->scratch, "shop", add_jobs, NULL);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(segments_sweep(bench->segments), 0);
		assert_int_equal(collected(bench, JOBS), 5);
	}
	snprintf(folding, sizeof(folding), "%s/folding", bench->scratch.segments);
	assert_int_equal(access(folding, F_OK), -1);
	assert_int_equal(segments_stats(bench->segments)->folded, 0);
}

/* More dead segments than this process may open at once: the fold holds a descriptor for each that it has taken. */
static void test_collector_folds_more_segments_than_it_has_descriptors(void **state)
{
	enum { SEGMENTS = 300, DESCRIPTORS = 128 };
	struct bench *bench = *state;
	struct segment_image image;
	struct rlimit before, few;
	char name[64];
	const int directory = open(bench->scratch.segments, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	image_init(&image, &image_limits_tiny);
	const uint32_t family = image_family(&image, &(struct image_family){.name = "jobs",
									    .kind = MSTAT_SHM_COUNTER,
									    .value = MSTAT_SHM_U64,
									    .merge = MSTAT_SHM_MERGE_SUM});
	*image_series_cell(&image, 0, image_series(&image, family, (const char *const[]){NULL})) = 2;
	for (unsigned int i = 0; i < SEGMENTS; i++) {
		snprintf(name, sizeof(name), "shop.%u.%u", (unsigned)geteuid(), i);
		image_write(&image, directory, name);
	}
	image_fini(&image);
	close(directory);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = DESCRIPTORS;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	bench_open(bench);
	const int r = segments_sweep(bench->segments);
	const uint64_t count = r ? 0 : collected(bench, "jobs_total{service=\"shop\"}");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(r, 0);
	assert_int_equal(count, 2 * SEGMENTS);
	assert_int_equal(segments_stats(bench->segments)->folded, SEGMENTS);
}

static void test_collector_reads_what_is_there_when_a_directory_is_missing(void **state)
{
	struct bench *bench = *state;
	char missing[96];
	snprintf(missing, sizeof(missing), "%s/missing", bench->scratch.path);
	bench->directories[1] = missing;
	bench->options.directory_count = 2;
	bench_open(bench);
	worker_run(&bench->scratch, "shop", add_jobs, NULL);
	assert_int_equal(segments_sweep(bench->segments), 0);
	assert_int_equal(collected(bench, JOBS), 5);
	/* It appears, with a segment of the same service: one number of both. */
	assert_int_equal(mkdir(missing, 0700), 0);
	struct scratch second = bench->scratch;
	strcpy(second.segments, missing);
	worker_run(&second, "shop", add_jobs, NULL);
	assert_int_equal(collected(bench, JOBS), 10);
	assert_int_equal(segments_sweep(bench->segments), 0);
	assert_int_equal(collected(bench, JOBS), 10);
}

static void test_second_collector_of_a_directory_is_told_which_and_what_to_do(void **state)
{
	struct bench *bench = *state;
	struct segments *second = NULL;
	char *error = NULL;
	bench_open(bench);
	assert_int_equal(segments_open(&bench->options, &second, &error), -EBUSY);
	assert_null(second);
	assert_non_null(strstr(error, bench->scratch.segments));
	assert_non_null(strstr(error, "--segment.dir"));
	free(error);
}

static void add_many(void *context)
{
	char text[16];
	for (unsigned int i = 0; i < *(unsigned int *)context; i++) {
		snprintf(text, sizeof(text), "%u", i);
		mstat_inc(mstat_counter_with(&limited, text));
	}
}

/* Series that come later, after the strings of the first ones were dropped, get their labels all the same. */
static void test_collector_follows_a_segment_that_grows(void **state)
{
	struct bench *bench = *state;
	unsigned int count = 1;
	bench->options.fold_after_ns = HOUR_NS;
	bench_open(bench);
	for (; count <= 300; count = count * 3 + 1) {
		char text[64];
		worker_run(&bench->scratch, "shop", add_many, &count);
		snprintf(text, sizeof(text), "limited_total{number=\"%u\",service=\"shop\"}", count - 1);
		assert_int_equal(collected(bench, text), 1);
	}
	assert_int_equal(collected(bench, "limited_total{number=\"0\",service=\"shop\"}"), 5);
}

/* ---- segments that lie ---- */

/* A segment with these families, which have one series each, whose cells hold 3. */
static void image_of(struct segment_image *image, const char *const *families, size_t count)
{
	image_init(image, &image_limits_tiny);
	for (size_t i = 0; i < count; i++) {
		const uint32_t family = image_family(image, &(struct image_family){.name = families[i],
										   .kind = MSTAT_SHM_COUNTER,
										   .value = MSTAT_SHM_U64,
										   .merge = MSTAT_SHM_MERGE_SUM});
		*image_series_cell(image, 0, image_series(image, family, (const char *const[]){NULL})) = 3;
	}
}

/* As the file shop.UID.0. */
static void image_place(const struct bench *bench, const struct segment_image *image)
{
	char name[64];
	const int directory = open(bench->scratch.segments, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(directory >= 0);
	snprintf(name, sizeof(name), "shop.%u.0", (unsigned)geteuid());
	image_write(image, directory, name);
	close(directory);
}

/* No honest program does it: what was known of the series by its number belongs to another one now. */
static void test_series_that_becomes_another_one_is_exposed_as_that(void **state)
{
	struct bench *bench = *state;
	struct segment_image image;
	bench->options.fold_after_ns = HOUR_NS;
	image_of(&image, (const char *const[]){"before", "after"}, 2);
	image.header->series_published = 1;
	image_place(bench, &image);
	bench_open(bench);
	assert_int_equal(collected(bench, "before_total{service=\"shop\"}"), 3);
	assert_int_equal(collected(bench, "after_total{service=\"shop\"}"), UINT64_MAX);
	image_series_record(&image, 1)->index = 0;
	image_entry(&image, 0)->record = image_entry(&image, 1)->record;
	image_string(&image, "so that the arena is read again");
	image_place(bench, &image);
	image_fini(&image);
	assert_int_equal(collected(bench, "after_total{service=\"shop\"}"), 3);
	assert_int_equal(collected(bench, "before_total{service=\"shop\"}"), UINT64_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_collector_waits_for_adoption_before_it_folds),
		TEST(test_collector_shows_the_same_values_before_and_after_the_fold),
		TEST(test_refusals_of_clients_stay_counted_when_their_segment_is_folded),
		TEST(test_inspector_collects_without_owning_anything),
		TEST(test_collector_folds_more_segments_than_it_has_descriptors),
		TEST(test_collector_reads_what_is_there_when_a_directory_is_missing),
		TEST(test_second_collector_of_a_directory_is_told_which_and_what_to_do),
		TEST(test_collector_follows_a_segment_that_grows),
		TEST(test_series_that_becomes_another_one_is_exposed_as_that),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
