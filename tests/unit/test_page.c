/* SPDX-License-Identifier: MIT */
/* Pages: one collection for many callers and formats, bodies that live as long as anybody holds them. */
#include <libdeflate.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <zstd.h>

#include "expose/page.h"
#include "snapshot/builder.h"

#define HOUR_NS (INT64_C(3600) * 1000000000)
#define CALLERS 8

/* A source of snapshots that counts, can be held up and can fail. */
struct source {
	struct catalog *catalog;
	struct builder *builder;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned collections;
	unsigned padding;             /* series beside the counter, to make the page long */
	struct page_collection asked; /* of the last collection */
	struct page_collectors asked_collectors;
	bool held;
	bool failing;
};

static void padding_add(struct source *source)
{
	for (unsigned i = 0; i < source->padding; i++) {
		char value[16];
		snprintf(value, sizeof(value), "%u", i);
		const struct label label = {"number", value};
		builder_sample(source->builder, &(const struct family_request){.name = "padding", .type = METRIC_GAUGE},
			       &label, 1, (struct number){.type = NUMBER_U64, .u64 = i});
	}
}

static struct snapshot *source_collect(void *context, const struct page_collection *collection)
{
	struct source *source = context;
	pthread_mutex_lock(&source->lock);
	source->collections++;
	source->asked = *collection;
	if (collection->collectors)
		source->asked_collectors = *collection->collectors;
	pthread_cond_broadcast(&source->changed);
	while (source->held)
		pthread_cond_wait(&source->changed, &source->lock);
	struct snapshot *snapshot = NULL;
	if (!source->failing) {
		struct family_request request = {.name = "collections", .type = METRIC_COUNTER};
		builder_begin(source->builder);
		builder_sample(source->builder, &request, NULL, 0,
			       (struct number){.type = NUMBER_U64, .u64 = source->collections});
		padding_add(source);
		snapshot = builder_freeze(source->builder);
	}
	pthread_mutex_unlock(&source->lock);
	return snapshot;
}

static int source_setup(void **state)
{
	struct source *source = calloc(1, sizeof(*source));
	source->catalog = catalog_new(1000);
	source->builder = builder_new(source->catalog);
	pthread_mutex_init(&source->lock, NULL);
	pthread_cond_init(&source->changed, NULL);
	*state = source;
	return 0;
}

static int source_teardown(void **state)
{
	struct source *source = *state;
	builder_free(source->builder);
	catalog_free(source->catalog);
	pthread_cond_destroy(&source->changed);
	pthread_mutex_destroy(&source->lock);
	free(source);
	return 0;
}

static void assert_body(const struct page *page, const char *expected)
{
	assert_non_null(page);
	assert_int_equal(page->len, strlen(expected));
	assert_memory_equal(page->body, expected, page->len);
	assert_string_equal(page->content_type, "text/plain; version=0.0.4; charset=utf-8");
}

static struct page_cache *cache_new(struct source *source, int64_t fresh_ns)
{
	return page_cache_new(
		&(const struct page_options){.collect = source_collect, .context = source, .fresh_ns = fresh_ns});
}

static const struct page_question plain = {.format = FORMAT_TEXT};
static const struct page_question gzip = {.format = FORMAT_TEXT, .encoding = ENCODING_GZIP};
static const struct page_question zstd = {.format = FORMAT_TEXT, .encoding = ENCODING_ZSTD};
static const struct page_question openmetrics = {.format = FORMAT_OPENMETRICS_1_0};

#define BODY(number) "# TYPE collections_total counter\ncollections_total " number "\n"

static void test_page_is_shared_while_fresh(void **state)
{
	struct source *source = *state;
	struct page_cache *cache = cache_new(source, HOUR_NS);
	const struct page *first = page_get(cache, &plain), *second = page_get(cache, &plain);
	assert_body(first, BODY("1"));
	assert_ptr_equal(first, second);
	struct page_cache_stats stats = page_cache_stats(cache);
	assert_int_equal(stats.renders, 1);
	assert_int_equal(stats.shared, 1);
	assert_int_equal(stats.body_bytes, first->len);
	page_put(first);
	page_put(second);
	page_cache_free(cache);
}

static void test_page_is_made_anew_when_stale(void **state)
{
	struct source *source = *state;
	struct page_cache *cache = cache_new(source, 0);
	const struct page *first = page_get(cache, &plain), *second = page_get(cache, &plain);
	assert_body(first, BODY("1"));
	assert_body(second, BODY("2"));
	assert_int_equal(page_cache_stats(cache).renders, 2);
	page_put(first);
	page_put(second);
	page_cache_free(cache);
}

static void test_page_outlives_its_cache(void **state)
{
	struct source *source = *state;
	struct page_cache *cache = cache_new(source, HOUR_NS);
	const struct page *page = page_get(cache, &plain);
	page_cache_free(cache);
	assert_body(page, BODY("1"));
	page_put(page);
}

static void *caller_run(void *cache)
{
	return (void *)page_get(cache, &plain);
}

/* Starts callers while a collection is held up; returns when one collects and the others wait. */
static void callers_start_as(struct source *source, struct page_cache *cache, pthread_t *callers,
			     void *(*run)(void *cache))
{
	source->held = true;
	for (size_t i = 0; i < CALLERS; i++)
		assert_int_equal(pthread_create(&callers[i], NULL, run, cache), 0);
	while (page_cache_stats(cache).waiting < CALLERS - 1)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void callers_start(struct source *source, struct page_cache *cache, pthread_t *callers)
{
	callers_start_as(source, cache, callers, caller_run);
}

static void source_release(struct source *source)
{
	pthread_mutex_lock(&source->lock);
	source->held = false;
	pthread_cond_broadcast(&source->changed);
	pthread_mutex_unlock(&source->lock);
}

static void test_page_callers_at_once_wait_for_one_collection(void **state)
{
	struct source *source = *state;
	struct page_cache *cache = cache_new(source, HOUR_NS);
	pthread_t callers[CALLERS];
	callers_start(source, cache, callers);
	source_release(source);
	for (size_t i = 0; i < CALLERS; i++) {
		void *page;
		pthread_join(callers[i], &page);
		assert_body(page, BODY("1"));
		page_put(page);
	}
	assert_int_equal(source->collections, 1);
	assert_int_equal(page_cache_stats(cache).shared, CALLERS - 1);
	page_cache_free(cache);
}

static void test_page_is_not_older_than_asked_for_though_a_collection_took_long(void **state)
{
	struct source *source = *state;
	/* Nothing that began before the question is fresh: one gets the collection in the air, the others the next. */
	struct page_cache *cache = cache_new(source, 0);
	pthread_t callers[CALLERS];
	unsigned first = 0, second = 0;
	callers_start(source, cache, callers);
	source_release(source);
	for (size_t i = 0; i < CALLERS; i++) {
		void *page;
		pthread_join(callers[i], &page);
		assert_non_null(page);
		first += !strncmp(((const struct page *)page)->body, BODY("1"), strlen(BODY("1")));
		second += !strncmp(((const struct page *)page)->body, BODY("2"), strlen(BODY("2")));
		page_put(page);
	}
	assert_int_equal(first, 1);
	assert_int_equal(second, CALLERS - 1);
	assert_int_equal(source->collections, 2);
	page_cache_free(cache);
}

static void test_page_failure_is_shared_by_those_who_waited_and_does_not_last(void **state)
{
	struct source *source = *state;
	struct page_cache *cache = cache_new(source, HOUR_NS);
	source->failing = true;
	assert_null(page_get(cache, &plain));
	assert_null(page_get(cache, &plain));
	assert_int_equal(source->collections, 2);
	source->collections = 0;
	pthread_t callers[CALLERS];
	callers_start(source, cache, callers);
	source_release(source);
	for (size_t i = 0; i < CALLERS; i++) {
		void *page;
		pthread_join(callers[i], &page);
		assert_null(page);
	}
	assert_int_equal(source->collections, 1);
	source->failing = false;
	source->collections = 0;
	const struct page *page = page_get(cache, &plain);
	assert_body(page, BODY("1"));
	page_put(page);
	page_cache_free(cache);
}

static void test_page_trim_drops_a_body_that_nobody_wants(void **state)
{
	struct source *source = *state;
	struct page_cache *cache = cache_new(source, HOUR_NS);
	const struct page *held = page_get(cache, &plain);
	nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 50000000}, NULL);
	page_cache_trim(cache);
	page_cache_trim(cache);
	const struct page *page = page_get(cache, &plain);
	assert_body(page, BODY("2"));
	assert_body(held, BODY("1"));
	page_put(page);
	page_put(held);
	page_cache_free(cache);
}

static void test_page_trim_during_a_collection_does_no_harm(void **state)
{
	struct source *source = *state;
	struct page_cache *cache = cache_new(source, HOUR_NS / 3600 / 2);
	pthread_t callers[CALLERS];
	page_put(page_get(cache, &plain));
	nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 50000000}, NULL);
	callers_start(source, cache, callers);
	page_cache_trim(cache);
	source_release(source);
	for (size_t i = 0; i < CALLERS; i++) {
		void *page;
		pthread_join(callers[i], &page);
		assert_body(page, BODY("2"));
		page_put(page);
	}
	page_cache_free(cache);
}

/* ---- variants ------------------------------------------------------------------------------------------------- */

static void test_page_formats_and_encodings_are_of_one_collection(void **state)
{
	struct source *source = *state;
	source->padding = 100;
	struct page_cache *cache = cache_new(source, HOUR_NS);
	const struct page *first = page_get(cache, &gzip), *second = page_get(cache, &openmetrics),
			  *third = page_get(cache, &zstd), *fourth = page_get(cache, &plain);
	assert_int_equal(source->collections, 1);
	assert_non_null(strstr(second->content_type, "application/openmetrics-text"));
	assert_memory_equal(second->body + second->len - 6, "# EOF\n", 6);
	assert_int_equal(first->encoding, ENCODING_GZIP);
	assert_int_equal(third->encoding, ENCODING_ZSTD);
	assert_string_equal(first->content_type, fourth->content_type);
	struct page_cache_stats stats = page_cache_stats(cache);
	/* The compressed ones are made from the plain one, and that is made once. */
	assert_int_equal(stats.renders, 2);
	assert_int_equal(stats.compressions, 2);
	assert_int_equal(stats.shared, 1);
	page_put(first);
	page_put(second);
	page_put(third);
	page_put(fourth);
	page_cache_free(cache);
}

static void test_page_compressed_bodies_hold_the_plain_one(void **state)
{
	struct source *source = *state;
	source->padding = 300;
	struct page_cache *cache = cache_new(source, HOUR_NS);
	const struct page *whole = page_get(cache, &plain), *zipped = page_get(cache, &gzip),
			  *squeezed = page_get(cache, &zstd);
	char *out = calloc(1, whole->len + 1);
	size_t len = 0;
	struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
	assert_int_equal(libdeflate_gzip_decompress(decompressor, zipped->body, zipped->len, out, whole->len, &len),
			 LIBDEFLATE_SUCCESS);
	assert_int_equal(len, whole->len);
	assert_memory_equal(out, whole->body, len);
	assert_true(zipped->len < whole->len / 2);
	memset(out, 0, whole->len);
	assert_int_equal(ZSTD_decompress(out, whole->len, squeezed->body, squeezed->len), whole->len);
	assert_memory_equal(out, whole->body, len);
	assert_true(squeezed->len < whole->len / 2);
	libdeflate_free_decompressor(decompressor);
	free(out);
	page_put(whole);
	page_put(zipped);
	page_put(squeezed);
	page_cache_free(cache);
}

static void test_page_small_bodies_stay_plain(void **state)
{
	struct source *source = *state;
	struct page_cache *cache = cache_new(source, HOUR_NS);
	const struct page *first = page_get(cache, &gzip), *second = page_get(cache, &plain);
	assert_body(first, BODY("1"));
	assert_ptr_equal(first, second);
	assert_int_equal(first->encoding, ENCODING_IDENTITY);
	assert_int_equal(page_cache_stats(cache).compressions, 0);
	page_put(first);
	page_put(second);
	page_cache_free(cache);
}

static void *gzip_caller_run(void *cache)
{
	return (void *)page_get(cache, &gzip);
}

static void test_page_callers_at_once_compress_once(void **state)
{
	struct source *source = *state;
	source->padding = 100;
	struct page_cache *cache = cache_new(source, HOUR_NS);
	pthread_t callers[CALLERS];
	callers_start_as(source, cache, callers, gzip_caller_run);
	source_release(source);
	void *pages[CALLERS];
	for (size_t i = 0; i < CALLERS; i++)
		pthread_join(callers[i], &pages[i]);
	for (size_t i = 0; i < CALLERS; i++) {
		assert_ptr_equal(pages[i], pages[0]);
		page_put(pages[i]);
	}
	struct page_cache_stats stats = page_cache_stats(cache);
	assert_int_equal(stats.renders, 1);
	assert_int_equal(stats.compressions, 1);
	assert_int_equal(source->collections, 1);
	page_cache_free(cache);
}

static void test_page_created_timestamps_make_no_second_body_where_they_change_nothing(void **state)
{
	struct source *source = *state;
	struct page_cache *cache = cache_new(source, HOUR_NS);
	const struct page_question created = {.format = FORMAT_TEXT, .created = true};
	const struct page_question told = {.format = FORMAT_OPENMETRICS_1_0, .created = true};
	const struct page *first = page_get(cache, &plain), *second = page_get(cache, &created),
			  *third = page_get(cache, &openmetrics), *fourth = page_get(cache, &told);
	assert_ptr_equal(first, second);
	assert_ptr_not_equal(third, fourth);
	page_put(first);
	page_put(second);
	page_put(third);
	page_put(fourth);
	page_cache_free(cache);
}

static void test_page_is_ready_only_when_it_is_there_and_fresh(void **state)
{
	struct source *source = *state;
	struct page_cache *cache = cache_new(source, HOUR_NS), *hasty = cache_new(source, 0);
	assert_null(page_get_ready(cache, &plain));
	assert_int_equal(source->collections, 0);
	const struct page *first = page_get(cache, &plain), *second = page_get_ready(cache, &plain);
	assert_ptr_equal(first, second);
	assert_null(page_get_ready(cache, &gzip));
	page_put(page_get(hasty, &plain));
	assert_null(page_get_ready(hasty, &plain));
	page_put(first);
	page_put(second);
	page_cache_free(cache);
	page_cache_free(hasty);
}

/* ---- less than everything ------------------------------------------------------------------------------------- */

static bool family_wanted(void *context, const struct snapshot_family *family)
{
	return !strcmp(family->name, context);
}

static void test_page_filtered_is_of_the_shared_values_and_the_callers_own(void **state)
{
	struct source *source = *state;
	source->padding = 2;
	struct page_cache *cache = cache_new(source, HOUR_NS);
	const struct format_filter filter = {.family = family_wanted, .context = (void *)"collections"};
	const struct page_question some = {.format = FORMAT_TEXT, .filter = &filter};
	const struct page *whole = page_get(cache, &plain);
	const struct page *first = page_get(cache, &some), *second = page_get(cache, &some);
	assert_int_equal(source->collections, 1);
	assert_body(first, BODY("1"));
	assert_body(second, BODY("1"));
	assert_ptr_not_equal(first, second);
	assert_null(page_get_ready(cache, &some));
	assert_non_null(strstr(whole->body, "padding"));
	page_put(whole);
	page_put(first);
	page_put(second);
	page_cache_free(cache);
}

static void test_page_of_some_collectors_has_a_collection_of_its_own_and_shares_it(void **state)
{
	struct source *source = *state;
	struct page_cache *cache = cache_new(source, HOUR_NS);
	struct page_collectors collectors = {{0}};
	page_collectors_add(&collectors, 70);
	const struct page_question some = {.format = FORMAT_TEXT, .collection = {.collectors = &collectors}};
	const struct page *whole = page_get(cache, &plain);
	assert_null(source->asked.collectors);
	const struct page *first = page_get(cache, &some), *second = page_get(cache, &some);
	assert_body(whole, BODY("1"));
	assert_body(first, BODY("2"));
	assert_body(second, BODY("2"));
	assert_true(page_collectors_have(&source->asked_collectors, 70));
	assert_false(page_collectors_have(&source->asked_collectors, 69));
	const struct page *again = page_get(cache, &plain);
	assert_ptr_equal(again, whole);
	page_put(whole);
	page_put(again);
	page_put(first);
	page_put(second);
	page_cache_free(cache);
}

static void test_page_of_many_selections_keeps_the_last_few(void **state)
{
	struct source *source = *state;
	struct page_cache *cache = cache_new(source, HOUR_NS);
	const unsigned counts[] = {3, 3, 5, 5}; /* three are kept, five are too many for it */
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned i = 0; i < counts[round]; i++) {
			struct page_collectors collectors = {{0}};
			page_collectors_add(&collectors, i);
			const struct page_question some = {.format = FORMAT_TEXT,
							   .collection = {.collectors = &collectors}};
			page_put(page_get(cache, &some));
			page_put(page_get(cache, &some));
		}
	}
	assert_int_equal(source->collections, 3 + 0 + 2 + 5);
	page_cache_free(cache);
}

static void test_page_deadline_of_the_question_reaches_the_collection(void **state)
{
	struct source *source = *state;
	struct page_cache *cache = cache_new(source, 0);
	const struct page_question hurried = {.format = FORMAT_TEXT, .collection = {.deadline_ns = 12345}};
	page_put(page_get(cache, &hurried));
	assert_int_equal(source->asked.deadline_ns, 12345);
	page_put(page_get(cache, &plain));
	assert_int_equal(source->asked.deadline_ns, 0);
	page_cache_free(cache);
}

static void test_page_snapshot_is_that_of_the_pages(void **state)
{
	struct source *source = *state;
	struct page_cache *cache = cache_new(source, HOUR_NS);
	page_put(page_get(cache, &plain));
	struct snapshot *snapshot = page_snapshot_get(cache, &plain.collection);
	assert_int_equal(snapshot_sample(snapshot, 0).number.u64, 1);
	assert_int_equal(source->collections, 1);
	page_cache_free(cache);
	snapshot_unref(snapshot);
}

/* ---- carriers ------------------------------------------------------------------------------------------------- */

static int carriers;
static bool carriers_fail;

static void *carrier_make(const struct page *page)
{
	if (carriers_fail) {
		free((char *)page->body);
		return NULL;
	}
	carriers++;
	return (char *)page->body;
}

static void carrier_end(void *carrier)
{
	carriers--;
	free(carrier);
}

static void test_page_carrier_is_made_once_and_lives_as_long_as_the_page(void **state)
{
	struct source *source = *state;
	carriers_fail = false;
	struct page_cache *cache = page_cache_new(&(const struct page_options){.collect = source_collect,
									       .context = source,
									       .fresh_ns = HOUR_NS,
									       .carrier_new = carrier_make,
									       .carrier_free = carrier_end});
	const struct page *first = page_get(cache, &plain), *second = page_get(cache, &plain);
	assert_ptr_equal(first->carrier, first->body);
	assert_int_equal(carriers, 1);
	page_put(second);
	page_cache_free(cache);
	assert_int_equal(carriers, 1);
	page_put(first);
	assert_int_equal(carriers, 0);
}

static void test_page_without_a_carrier_is_none_and_does_not_stop_the_next(void **state)
{
	struct source *source = *state;
	carriers_fail = true;
	struct page_cache *cache = page_cache_new(&(const struct page_options){.collect = source_collect,
									       .context = source,
									       .fresh_ns = HOUR_NS,
									       .carrier_new = carrier_make,
									       .carrier_free = carrier_end});
	assert_null(page_get(cache, &plain));
	assert_null(page_get(cache, &gzip));
	carriers_fail = false;
	const struct page *page = page_get(cache, &plain);
	assert_non_null(page);
	page_put(page);
	page_cache_free(cache);
}

static void *hammer_run(void *cache)
{
	for (int i = 0; i < 2000; i++) {
		const struct page_question *const questions[] = {&plain, &gzip, &openmetrics, &plain};
		const struct page *page = page_get(cache, questions[i % 4]);
		if (!page || page->len < strlen(BODY("1")) ||
		    (page->encoding == ENCODING_IDENTITY && page->body[page->len - 1] != '\n'))
			return cache;
		page_put(page);
		if (i % 100 == 0)
			page_cache_trim(cache);
	}
	return NULL;
}

static void test_page_survives_many_threads_with_little_freshness(void **state)
{
	struct source *source = *state;
	struct page_cache *cache = cache_new(source, 20000);
	source->padding = 50;
	pthread_t callers[CALLERS];
	for (size_t i = 0; i < CALLERS; i++)
		assert_int_equal(pthread_create(&callers[i], NULL, hammer_run, cache), 0);
	for (size_t i = 0; i < CALLERS; i++) {
		void *wrong;
		pthread_join(callers[i], &wrong);
		assert_null(wrong);
	}
	struct page_cache_stats stats = page_cache_stats(cache);
	assert_true(stats.renders >= source->collections);
	assert_int_equal(stats.waiting, 0);
	page_cache_free(cache);
}

#define PAGE_TEST(name) cmocka_unit_test_setup_teardown(name, source_setup, source_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PAGE_TEST(test_page_is_shared_while_fresh),
		PAGE_TEST(test_page_is_made_anew_when_stale),
		PAGE_TEST(test_page_outlives_its_cache),
		PAGE_TEST(test_page_callers_at_once_wait_for_one_collection),
		PAGE_TEST(test_page_is_not_older_than_asked_for_though_a_collection_took_long),
		PAGE_TEST(test_page_failure_is_shared_by_those_who_waited_and_does_not_last),
		PAGE_TEST(test_page_trim_drops_a_body_that_nobody_wants),
		PAGE_TEST(test_page_trim_during_a_collection_does_no_harm),
		PAGE_TEST(test_page_formats_and_encodings_are_of_one_collection),
		PAGE_TEST(test_page_compressed_bodies_hold_the_plain_one),
		PAGE_TEST(test_page_small_bodies_stay_plain),
		PAGE_TEST(test_page_callers_at_once_compress_once),
		PAGE_TEST(test_page_created_timestamps_make_no_second_body_where_they_change_nothing),
		PAGE_TEST(test_page_is_ready_only_when_it_is_there_and_fresh),
		PAGE_TEST(test_page_filtered_is_of_the_shared_values_and_the_callers_own),
		PAGE_TEST(test_page_of_some_collectors_has_a_collection_of_its_own_and_shares_it),
		PAGE_TEST(test_page_of_many_selections_keeps_the_last_few),
		PAGE_TEST(test_page_deadline_of_the_question_reaches_the_collection),
		PAGE_TEST(test_page_snapshot_is_that_of_the_pages),
		PAGE_TEST(test_page_carrier_is_made_once_and_lives_as_long_as_the_page),
		PAGE_TEST(test_page_without_a_carrier_is_none_and_does_not_stop_the_next),
		PAGE_TEST(test_page_survives_many_threads_with_little_freshness),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
