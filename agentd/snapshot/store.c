/* SPDX-License-Identifier: MIT */
/* The series store: pages of entries that never move, graves, and the list of those who may still look. */
#include "store.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <mstat/atomic.h>

#include "text_arena.h"

struct grave {
	uint64_t epoch; /* users of this epoch and older ones may have seen the series */
	series_ref series;
};

struct store {
	struct store_pages first; /* must be: store_entry() takes a store for it */
	uint32_t series_max;
	uint32_t limit;       /* references given out at least once */
	series_ref free_head; /* references to give out again, linked through `family` */
	struct text_arena arena;
	size_t large_bytes; /* texts beyond the arena's limit */
	struct shape_table shapes;

	struct grave *graves; /* [grave_first, grave_end), in order of epoch */
	size_t grave_first;
	size_t grave_end;
	size_t grave_capacity;

	pthread_mutex_t lock; /* of all below; users leave from any thread */
	uint64_t epoch;       /* of the next user */
	struct store_user users;
	bool closed;
};
_Static_assert(offsetof(struct store, first) == 0, "store_entry() reads the pages through the first member");

struct store *store_new(uint32_t series_max)
{
	struct store *store = calloc(1, sizeof(*store));
	if (!store)
		return NULL;
	store->series_max = series_max < STORE_SERIES_MAX ? series_max : STORE_SERIES_MAX;
	store->first.pages = calloc(store->series_max / STORE_PAGE_SERIES + 1, sizeof(*store->first.pages));
	if (!store->first.pages) {
		free(store);
		return NULL;
	}
	store->free_head = SERIES_NONE;
	store->users.next = store->users.previous = &store->users;
	pthread_mutex_init(&store->lock, NULL);
	return store;
}

static struct store_entry *entry_of(struct store *store, series_ref series)
{
	return &store->first.pages[series / STORE_PAGE_SERIES][series % STORE_PAGE_SERIES];
}

static void text_free(struct store *store, struct store_entry *entry)
{
	if (entry->text_len > TEXT_ARENA_BYTES_MAX)
		store->large_bytes -= entry->text_len;
	text_arena_free(&store->arena, entry->text, entry->text_len);
	entry->text = NULL;
}

static void store_free(struct store *store)
{
	for (series_ref series = 0; series < store->limit; series++) {
		struct store_entry *entry = entry_of(store, series);
		if (entry->text && entry->text_len > TEXT_ARENA_BYTES_MAX)
			text_free(store, entry);
	}
	text_arena_fini(&store->arena);
	shape_table_fini(&store->shapes);
	for (uint32_t page = 0; page <= store->series_max / STORE_PAGE_SERIES; page++)
		free(store->first.pages[page]);
	free(store->first.pages);
	free(store->graves);
	pthread_mutex_destroy(&store->lock);
	free(store);
}

static bool store_idle(const struct store *store)
{
	return store->closed && store->users.next == &store->users;
}

void store_close(struct store *store)
{
	pthread_mutex_lock(&store->lock);
	store->closed = true;
	bool idle = store_idle(store);
	pthread_mutex_unlock(&store->lock);
	if (idle)
		store_free(store);
}

uint32_t store_limit(const struct store *store)
{
	return store->limit;
}

/* The reference that the next series gets; taken by the caller once nothing can fail any more. */
static enum catalog_conflict next_reference(struct store *store, series_ref *series)
{
	if (store->free_head != SERIES_NONE) {
		*series = store->free_head;
		return CATALOG_OK;
	}
	if (store->limit >= store->series_max)
		return CATALOG_LIMIT;
	struct store_entry **page = &store->first.pages[store->limit / STORE_PAGE_SERIES];
	if (!*page)
		*page = calloc(STORE_PAGE_SERIES, sizeof(**page));
	if (!*page)
		return CATALOG_NO_MEMORY;
	*series = store->limit;
	return CATALOG_OK;
}

enum catalog_conflict store_add(struct store *store, const char *text, uint32_t text_len, family_ref family,
				series_ref *series)
{
	series_ref fresh;
	enum catalog_conflict conflict = next_reference(store, &fresh);
	if (conflict)
		return conflict;
	char *copy = text_arena_alloc(&store->arena, text_len);
	if (!copy)
		return CATALOG_NO_MEMORY;
	struct store_entry *entry = entry_of(store, fresh);
	if (fresh == store->limit)
		store->limit++;
	else
		store->free_head = entry->family;
	memcpy(copy, text, text_len);
	if (text_len > TEXT_ARENA_BYTES_MAX)
		store->large_bytes += text_len;
	*entry = (struct store_entry){.text = copy, .text_len = text_len, .family = family};
	*series = fresh;
	return CATALOG_OK;
}

void store_created(struct store *store, series_ref series, uint64_t created_ns)
{
	assert(series < store->limit && store_entry(store, series)->text);
	struct store_entry *entry = entry_of(store, series);
	if (created_ns && (!entry->created_ns || created_ns < entry->created_ns))
		mstat_store_relaxed(&entry->created_ns, created_ns);
}

struct shape_table *store_shapes(struct store *store)
{
	return &store->shapes;
}

/* Makes room for one more grave: moves them to the front of the array, or makes the array larger. */
static bool graves_reserve(struct store *store)
{
	if (store->grave_end < store->grave_capacity)
		return true;
	size_t count = store->grave_end - store->grave_first;
	if (store->grave_first >= store->grave_capacity / 2 && store->grave_first) {
		memmove(store->graves, store->graves + store->grave_first, count * sizeof(*store->graves));
		store->grave_first = 0;
		store->grave_end = count;
		return true;
	}
	size_t capacity = store->grave_capacity ? 2 * store->grave_capacity : 64;
	struct grave *graves = realloc(store->graves, capacity * sizeof(*graves));
	if (!graves)
		return false;
	store->graves = graves;
	store->grave_capacity = capacity;
	return true;
}

bool store_remove(struct store *store, series_ref series)
{
	assert(series < store->limit && store_entry(store, series)->text);
	if (!graves_reserve(store))
		return false;
	pthread_mutex_lock(&store->lock);
	uint64_t epoch = store->epoch;
	pthread_mutex_unlock(&store->lock);
	store->graves[store->grave_end++] = (struct grave){.epoch = epoch, .series = series};
	return true;
}

/* Everybody who joined before this call belongs to an older epoch than those who join after it. Returns the oldest
 * epoch that somebody still belongs to. */
static uint64_t epoch_advance(struct store *store)
{
	pthread_mutex_lock(&store->lock);
	uint64_t oldest = store->users.next == &store->users ? UINT64_MAX : store->users.next->epoch;
	store->epoch++;
	pthread_mutex_unlock(&store->lock);
	return oldest;
}

void store_reclaim(struct store *store)
{
	if (store->grave_first == store->grave_end)
		return;
	uint64_t oldest = epoch_advance(store);
	while (store->grave_first < store->grave_end && store->graves[store->grave_first].epoch < oldest) {
		series_ref series = store->graves[store->grave_first++].series;
		struct store_entry *entry = entry_of(store, series);
		text_free(store, entry);
		entry->family = store->free_head;
		store->free_head = series;
	}
	if (store->grave_first == store->grave_end) {
		free(store->graves);
		store->graves = NULL;
		store->grave_first = store->grave_end = store->grave_capacity = 0;
	}
	text_arena_trim(&store->arena);
}

void store_join(struct store *store, struct store_user *user)
{
	pthread_mutex_lock(&store->lock);
	user->epoch = store->epoch;
	user->next = &store->users;
	user->previous = store->users.previous;
	user->previous->next = user;
	store->users.previous = user;
	pthread_mutex_unlock(&store->lock);
}

void store_leave(struct store *store, struct store_user *user)
{
	pthread_mutex_lock(&store->lock);
	user->previous->next = user->next;
	user->next->previous = user->previous;
	bool idle = store_idle(store);
	pthread_mutex_unlock(&store->lock);
	if (idle)
		store_free(store);
}

size_t store_bytes(const struct store *store)
{
	size_t pages = (store->limit + STORE_PAGE_SERIES - 1) / STORE_PAGE_SERIES;
	return pages * STORE_PAGE_SERIES * sizeof(struct store_entry) + text_arena_bytes(&store->arena) +
	       store->large_bytes + store->grave_capacity * sizeof(struct grave) + store->shapes.bytes;
}
