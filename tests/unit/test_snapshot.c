/* SPDX-License-Identifier: MIT */
/* The snapshot: who holds it may rely on it; readers and publisher run at once. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <urcu/urcu-memb.h>

#include <mstat/atomic.h>

#include "snapshot/builder.h"
#include "snapshot/snapshot.h"

#define READERS 4
#define SERIES 40

static const struct family_request gauge = {.name = "x", .help = "Help.", .type = METRIC_GAUGE};

static struct number u64(uint64_t value)
{
	return (struct number){.type = NUMBER_U64, .u64 = value};
}

static struct snapshot *collect_one(struct builder *builder, const struct label *labels, size_t count, uint64_t value)
{
	builder_begin(builder);
	assert_int_equal(builder_sample(builder, &gauge, labels, count, u64(value)), CATALOG_OK);
	return builder_freeze(builder);
}

static void test_snapshot_walks_the_labels_of_a_sample_unescaped(void **state)
{
	(void)state;
	struct catalog *catalog = catalog_new(10);
	struct builder *builder = builder_new(catalog);
	struct label labels[] = {{"b", "say \"{a,b=}\" \\n"}, {"a", "line\nfeed"}, {"c", "long value"}};
	struct snapshot *snapshot = collect_one(builder, labels, 3, 1);
	struct snapshot_sample sample = snapshot_sample(snapshot, 0);
	size_t cursor = 0;
	char name[8], value[32], small[5];
	assert_int_equal(sample.name_len, 1);
	assert_true(snapshot_label_next(&sample, &cursor, name, sizeof(name), value, sizeof(value)));
	assert_string_equal(name, "a");
	assert_string_equal(value, "line\nfeed");
	assert_true(snapshot_label_next(&sample, &cursor, name, sizeof(name), value, sizeof(value)));
	assert_string_equal(name, "b");
	assert_string_equal(value, "say \"{a,b=}\" \\n");
	assert_true(snapshot_label_next(&sample, &cursor, name, 1, small, sizeof(small)));
	assert_string_equal(name, "");
	assert_string_equal(small, "long");
	assert_false(snapshot_label_next(&sample, &cursor, name, sizeof(name), value, sizeof(value)));
	snapshot_unref(snapshot);

	snapshot = collect_one(builder, NULL, 0, 1);
	sample = snapshot_sample(snapshot, 0);
	cursor = 0;
	assert_false(snapshot_label_next(&sample, &cursor, name, sizeof(name), value, sizeof(value)));
	snapshot_unref(snapshot);
	builder_free(builder);
	catalog_free(catalog);
}

static void test_snapshot_outlives_its_builder_and_catalog(void **state)
{
	(void)state;
	struct catalog *catalog = catalog_new(10);
	struct builder *builder = builder_new(catalog);
	struct snapshot *snapshot = collect_one(builder, &(struct label){"a", "1"}, 1, 7);
	struct snapshot *second = collect_one(builder, &(struct label){"a", "1"}, 1, 8);
	builder_free(builder);
	catalog_free(catalog);
	snapshot_unref(second);
	struct snapshot_sample sample = snapshot_sample(snapshot, 0);
	assert_memory_equal(sample.text, "x{a=\"1\"}", sample.text_len);
	assert_int_equal(sample.number.u64, 7);
	assert_string_equal(snapshot_family(snapshot, 0)->help, "Help.");
	snapshot_unref(snapshot);
}

static void test_snapshot_has_no_current_one_before_the_first_and_after_the_last(void **state)
{
	(void)state;
	struct snapshot_slot slot = {0};
	struct catalog *catalog = catalog_new(10);
	struct builder *builder = builder_new(catalog);
	assert_null(snapshot_get(&slot));
	struct snapshot *snapshot = collect_one(builder, NULL, 0, 1);
	snapshot_publish(&slot, snapshot);
	struct snapshot *got = snapshot_get(&slot);
	assert_ptr_equal(got, snapshot);
	snapshot_publish(&slot, NULL);
	assert_null(snapshot_get(&slot));
	assert_int_equal(snapshot_sample(got, 0).number.u64, 1);
	assert_true(snapshot_time_ns(got) > 0 && snapshot_monotonic_ns(got) > 0);
	snapshot_unref(got);
	builder_free(builder);
	catalog_free(catalog);
}

struct publication {
	struct snapshot_slot slot;
	struct snapshot *next;
	int done;
};

static void *publisher_run(void *argument)
{
	struct publication *publication = argument;
	snapshot_publish(&publication->slot, publication->next);
	mstat_store_relaxed(&publication->done, 1);
	return NULL;
}

static void test_snapshot_publish_waits_for_readers_that_may_have_seen_the_old_one(void **state)
{
	(void)state;
	struct catalog *catalog = catalog_new(10);
	struct builder *builder = builder_new(catalog);
	struct publication publication = {0};
	pthread_t publisher;
	snapshot_publish(&publication.slot, collect_one(builder, NULL, 0, 1));
	publication.next = collect_one(builder, NULL, 0, 2);
	snapshot_unref(snapshot_get(&publication.slot)); /* registers this thread */
	urcu_memb_read_lock();
	assert_int_equal(pthread_create(&publisher, NULL, publisher_run, &publication), 0);
	while (mstat_load_relaxed(&publication.slot.current) != publication.next)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	/* However long this takes: the publisher cannot be done. */
	nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	assert_int_equal(mstat_load_relaxed(&publication.done), 0);
	urcu_memb_read_unlock();
	pthread_join(publisher, NULL);
	assert_int_equal(publication.done, 1);
	snapshot_publish(&publication.slot, NULL);
	builder_free(builder);
	catalog_free(catalog);
}

struct race {
	struct snapshot_slot slot;
	int stop;
};

/* In every snapshot all values are the same, and each text tells its round's generation of series. */
static void *reader_run(void *argument)
{
	struct race *race = argument;
	uint64_t wrong = 0, last = 0;
	while (!mstat_load_relaxed(&race->stop)) {
		struct snapshot *snapshot = snapshot_get(&race->slot);
		if (!snapshot)
			continue;
		struct snapshot_sample samples[SERIES];
		if (snapshot_sample_count(snapshot) != SERIES) {
			wrong++;
		} else {
			snapshot_samples(snapshot, 0, SERIES, samples);
			uint64_t round = samples[0].number.u64;
			char expected[64];
			int len = snprintf(expected, sizeof(expected), "x{generation=\"%u\",", (unsigned)(round / 3));
			for (size_t i = 0; i < SERIES; i++)
				wrong += samples[i].number.u64 != round ||
					 memcmp(samples[i].text, expected, (size_t)len);
			wrong += round < last;
			last = round;
		}
		snapshot_unref(snapshot);
	}
	return (void *)(uintptr_t)wrong;
}

static struct snapshot *collect_round(struct builder *builder, unsigned round)
{
	char generation[16], number[16];
	snprintf(generation, sizeof(generation), "%u", round / 3);
	builder_begin(builder);
	for (unsigned i = 0; i < SERIES; i++) {
		snprintf(number, sizeof(number), "%u", i);
		struct label labels[] = {{"generation", generation}, {"number", number}};
		assert_int_equal(builder_sample(builder, &gauge, labels, 2, u64(round)), CATALOG_OK);
	}
	return builder_freeze(builder);
}

static void test_snapshot_readers_see_whole_snapshots_while_series_come_and_go(void **state)
{
	(void)state;
	struct race race = {0};
	struct catalog *catalog = catalog_new(10000);
	struct builder *builder = builder_new(catalog);
	pthread_t readers[READERS];
	builder_set_retire_after(builder, 1);
	for (size_t i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, reader_run, &race), 0);
	for (unsigned round = 0; round < 2000; round++)
		snapshot_publish(&race.slot, collect_round(builder, round));
	mstat_store_relaxed(&race.stop, 1);
	for (size_t i = 0; i < READERS; i++) {
		void *wrong;
		pthread_join(readers[i], &wrong);
		assert_null(wrong);
	}
	/* References were given out again, or the limit of the catalog's store would have been hit. */
	assert_true(catalog_series_count(catalog) <= 4 * SERIES);
	snapshot_publish(&race.slot, NULL);
	builder_free(builder);
	catalog_free(catalog);
}

/* A catalog with a series of each type in families "a" to "h", whose values a snapshot has. */
static struct snapshot *collect_each_type(struct catalog *catalog, struct builder *builder)
{
	static const double bounds[] = {0.5};
	static const char *const states[] = {"on"};
	static const uint64_t parts[] = {3, 4};
	builder_begin(builder);
	for (int type = METRIC_UNKNOWN; type <= METRIC_STATE_SET; type++) {
		const char name[] = {(char)('a' + type), '\0'};
		struct family_request request = {.name = name, .type = (enum metric_type)type};
		struct shape_request asked = {
			.classic = true, .bounds = bounds, .bound_count = 1, .states = states, .sum_scale = 1};
		family_ref family;
		series_ref series;
		assert_int_equal(catalog_family(catalog, &request, &family), CATALOG_OK);
		assert_int_equal(catalog_series(catalog, family, NULL, 0, &series), CATALOG_OK);
		catalog_series_created(catalog, series, 1000 + (uint64_t)type);
		switch (request.type) {
		case METRIC_HISTOGRAM:
		case METRIC_GAUGE_HISTOGRAM:
			asked.kind = SHAPE_BUCKETS;
			break;
		case METRIC_SUMMARY:
			asked.kind = SHAPE_QUANTILES;
			break;
		case METRIC_STATE_SET:
			asked.kind = SHAPE_STATES;
			break;
		default:
			builder_merge(builder, series, MERGE_SUM, u64((uint64_t)type), 0);
			continue;
		}
		struct composite value = {.parts = parts, .count = 9};
		assert_int_equal(catalog_shape(catalog, &asked, &value.shape), CATALOG_OK);
		builder_merge_composite(builder, series, &value);
	}
	return builder_freeze(builder);
}

static void test_snapshot_tells_numbers_or_composites_by_the_type_of_the_family(void **state)
{
	static const char *const texts[] = {"a", "b", "c_total", "d", "e", "f", "g_info", "h"};
	(void)state;
	struct catalog *catalog = catalog_new(10);
	struct builder *builder = builder_new(catalog);
	struct snapshot *snapshot = collect_each_type(catalog, builder);
	assert_int_equal(snapshot_family_count(snapshot), 8);
	for (size_t i = 0; i < 8; i++) {
		const struct snapshot_family *family = snapshot_family(snapshot, i);
		struct snapshot_sample sample = snapshot_sample(snapshot, family->first);
		bool composite = family->type == METRIC_HISTOGRAM || family->type == METRIC_GAUGE_HISTOGRAM ||
				 family->type == METRIC_SUMMARY || family->type == METRIC_STATE_SET;
		assert_int_equal(family->type, i);
		assert_int_equal(strlen(family->name), 1);
		assert_int_equal(sample.text_len, strlen(texts[i]));
		assert_memory_equal(sample.text, texts[i], sample.text_len);
		assert_int_equal(sample.name_len, sample.text_len);
		assert_int_equal(sample.created_ns, 1000 + i);
		assert_int_equal(sample.exemplar_count, 0);
		assert_int_equal(sample.composite != NULL, composite);
		if (composite)
			assert_int_equal(sample.composite->parts[0], 3);
		else
			assert_int_equal(sample.number.u64, i);
	}
	snapshot_unref(snapshot);
	builder_free(builder);
	catalog_free(catalog);
}

static void test_snapshot_keeps_composites_and_exemplars_when_its_builder_and_catalog_go(void **state)
{
	(void)state;
	static const double bounds[] = {0.5};
	struct catalog *catalog = catalog_new(10);
	struct builder *builder = builder_new(catalog);
	struct snapshot *first = collect_each_type(catalog, builder);
	struct snapshot *second = collect_each_type(catalog, builder);
	builder_begin(builder);
	family_ref family;
	series_ref series;
	struct composite value = {.parts = (const uint64_t[]){1, 2}};
	struct shape_request asked = {
		.kind = SHAPE_BUCKETS, .classic = true, .bounds = bounds, .bound_count = 1, .sum_scale = 1};
	struct family_request request = {.name = "d", .type = METRIC_HISTOGRAM};
	assert_int_equal(catalog_family(catalog, &request, &family), CATALOG_OK);
	assert_int_equal(catalog_series(catalog, family, NULL, 0, &series), CATALOG_OK);
	assert_int_equal(catalog_shape(catalog, &asked, &value.shape), CATALOG_OK);
	builder_merge_composite(builder, series, &value);
	builder_exemplar(builder, series, 1, "t=\"1\"", 5, 2, 3);
	struct snapshot *third = builder_freeze(builder);
	builder_begin(builder); /* a collection that is never frozen */
	builder_merge_composite(builder, series, &value);
	builder_exemplar(builder, series, 1, "t=\"2\"", 5, 2, 3);
	builder_free(builder);
	catalog_free(catalog);
	snapshot_unref(second);
	struct snapshot_sample sample = snapshot_sample(third, 0);
	assert_int_equal(sample.exemplar_count, 1);
	assert_memory_equal(sample.exemplars[0].labels, "t=\"1\"", 5);
	assert_int_equal(sample.composite->count, 3);
	assert_string_equal(sample.composite->shape->bound_text[0], "0.5");
	snapshot_unref(third);
	assert_int_equal(snapshot_sample(first, 3).composite->count, 7);
	assert_int_equal(snapshot_sample(first, 5).composite->count, 9); /* a summary brings its own */
	snapshot_unref(first);
}

static void *created_reader_run(void *argument)
{
	struct race *race = argument;
	uint64_t wrong = 0, last = UINT64_MAX;
	struct snapshot *snapshot = snapshot_get(&race->slot);
	while (!mstat_load_relaxed(&race->stop)) {
		uint64_t created_ns = snapshot_sample(snapshot, 0).created_ns;
		wrong += created_ns > last || !created_ns;
		last = created_ns;
	}
	snapshot_unref(snapshot);
	return (void *)(uintptr_t)wrong;
}

static void test_snapshot_readers_see_times_of_creation_only_become_earlier(void **state)
{
	(void)state;
	struct race race = {0};
	struct catalog *catalog = catalog_new(10);
	struct builder *builder = builder_new(catalog);
	struct snapshot *snapshot = collect_one(builder, NULL, 0, 1);
	family_ref family;
	series_ref series;
	pthread_t reader;
	void *wrong;
	assert_int_equal(catalog_family(catalog, &gauge, &family), CATALOG_OK);
	assert_int_equal(catalog_series(catalog, family, NULL, 0, &series), CATALOG_OK);
	catalog_series_created(catalog, series, UINT64_MAX);
	snapshot_publish(&race.slot, snapshot);
	assert_int_equal(pthread_create(&reader, NULL, created_reader_run, &race), 0);
	for (uint64_t i = 0; i < 200000; i++)
		catalog_series_created(catalog, series, UINT64_MAX - (i % 1000) * 1000 - i);
	mstat_store_relaxed(&race.stop, 1);
	pthread_join(reader, &wrong);
	assert_null(wrong);
	snapshot_publish(&race.slot, NULL);
	builder_free(builder);
	catalog_free(catalog);
}

static void *getter_run(void *slot)
{
	snapshot_unref(snapshot_get(slot));
	return NULL;
}

static void test_snapshot_threads_may_end_after_they_looked(void **state)
{
	(void)state;
	struct snapshot_slot slot = {0};
	struct catalog *catalog = catalog_new(10);
	struct builder *builder = builder_new(catalog);
	for (unsigned i = 0; i < 200; i++) {
		pthread_t thread;
		snapshot_publish(&slot, collect_one(builder, NULL, 0, i));
		assert_int_equal(pthread_create(&thread, NULL, getter_run, &slot), 0);
		pthread_join(thread, NULL);
	}
	snapshot_publish(&slot, NULL);
	builder_free(builder);
	catalog_free(catalog);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_snapshot_walks_the_labels_of_a_sample_unescaped),
		cmocka_unit_test(test_snapshot_outlives_its_builder_and_catalog),
		cmocka_unit_test(test_snapshot_has_no_current_one_before_the_first_and_after_the_last),
		cmocka_unit_test(test_snapshot_publish_waits_for_readers_that_may_have_seen_the_old_one),
		cmocka_unit_test(test_snapshot_readers_see_whole_snapshots_while_series_come_and_go),
		cmocka_unit_test(test_snapshot_threads_may_end_after_they_looked),
		cmocka_unit_test(test_snapshot_tells_numbers_or_composites_by_the_type_of_the_family),
		cmocka_unit_test(test_snapshot_keeps_composites_and_exemplars_when_its_builder_and_catalog_go),
		cmocka_unit_test(test_snapshot_readers_see_times_of_creation_only_become_earlier),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
