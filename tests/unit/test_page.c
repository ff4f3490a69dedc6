/* SPDX-License-Identifier: MIT */
/* Pages: one collection for many callers, bodies that live as long as anybody holds them. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "expose/page.h"
#include "expose/text.h"
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
	bool held;
	bool failing;
};

static struct snapshot *source_collect(void *context)
{
	struct source *source = context;
	pthread_mutex_lock(&source->lock);
	source->collections++;
	pthread_cond_broadcast(&source->changed);
	while (source->held)
		pthread_cond_wait(&source->changed, &source->lock);
	struct snapshot *snapshot = NULL;
	if (!source->failing) {
		struct family_request request = {.name = "collections", .type = METRIC_COUNTER};
		builder_begin(source->builder);
		builder_sample(source->builder, &request, NULL, 0,
			       (struct number){.type = NUMBER_U64, .u64 = source->collections});
		snapshot = builder_freeze(source->builder);
	}
	pthread_mutex_unlock(&source->lock);
	return snapshot;
}

static int source_setup(void **state)
{
	struct source *source = calloc(1, sizeof(*source));
	source->catalog = catalog_new(10);
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
	assert_string_equal(page->content_type, TEXT_CONTENT_TYPE);
}

#define BODY(number) "# TYPE collections_total counter\ncollections_total " number "\n"

static void test_page_is_shared_while_fresh(void **state)
{
	struct source *source = *state;
	struct page_cache *cache = page_cache_new(source_collect, source, HOUR_NS);
	const struct page *first = page_get(cache), *second = page_get(cache);
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
	struct page_cache *cache = page_cache_new(source_collect, source, 0);
	const struct page *first = page_get(cache), *second = page_get(cache);
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
	struct page_cache *cache = page_cache_new(source_collect, source, HOUR_NS);
	const struct page *page = page_get(cache);
	page_cache_free(cache);
	assert_body(page, BODY("1"));
	page_put(page);
}

static void *caller_run(void *cache)
{
	return (void *)page_get(cache);
}

/* Starts callers while a collection is held up; returns when one collects and the others wait. */
static void callers_start(struct source *source, struct page_cache *cache, pthread_t *callers)
{
	source->held = true;
	for (size_t i = 0; i < CALLERS; i++)
		assert_int_equal(pthread_create(&callers[i], NULL, caller_run, cache), 0);
	while (page_cache_stats(cache).waiting < CALLERS - 1)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
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
	struct page_cache *cache = page_cache_new(source_collect, source, HOUR_NS);
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
	struct page_cache *cache = page_cache_new(source_collect, source, 0);
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
	struct page_cache *cache = page_cache_new(source_collect, source, HOUR_NS);
	source->failing = true;
	assert_null(page_get(cache));
	assert_null(page_get(cache));
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
	const struct page *page = page_get(cache);
	assert_body(page, BODY("1"));
	page_put(page);
	page_cache_free(cache);
}

static void test_page_trim_drops_a_body_that_nobody_wants(void **state)
{
	struct source *source = *state;
	struct page_cache *cache = page_cache_new(source_collect, source, HOUR_NS);
	const struct page *held = page_get(cache);
	nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 50000000}, NULL);
	page_cache_trim(cache);
	page_cache_trim(cache);
	const struct page *page = page_get(cache);
	assert_body(page, BODY("2"));
	assert_body(held, BODY("1"));
	page_put(page);
	page_put(held);
	page_cache_free(cache);
}

static void test_page_trim_during_a_collection_does_no_harm(void **state)
{
	struct source *source = *state;
	struct page_cache *cache = page_cache_new(source_collect, source, HOUR_NS / 3600 / 2);
	pthread_t callers[CALLERS];
	page_put(page_get(cache));
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

static void *hammer_run(void *cache)
{
	for (int i = 0; i < 2000; i++) {
		const struct page *page = page_get(cache);
		if (!page || page->len < strlen(BODY("1")) || page->body[page->len - 1] != '\n')
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
	struct page_cache *cache = page_cache_new(source_collect, source, 20000);
	pthread_t callers[CALLERS];
	for (size_t i = 0; i < CALLERS; i++)
		assert_int_equal(pthread_create(&callers[i], NULL, hammer_run, cache), 0);
	for (size_t i = 0; i < CALLERS; i++) {
		void *wrong;
		pthread_join(callers[i], &wrong);
		assert_null(wrong);
	}
	struct page_cache_stats stats = page_cache_stats(cache);
	assert_int_equal(stats.renders, source->collections);
	assert_int_equal(stats.renders + stats.shared, CALLERS * 2000);
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
		PAGE_TEST(test_page_survives_many_threads_with_little_freshness),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
