/* SPDX-License-Identifier: MIT */
/* The caches: fixed tables searched from end to end, which a few hundred entries bear and a demo should be read for. */
#include "cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "families.h"

#define CACHE_ENTRIES_MAX 512u
#define RATIO_LOOKUPS 64 /* that the hit ratio is about */

static const struct mstat_buckets durations = {MSTAT_BOUNDS(1e-7, 2.5e-7, 5e-7, 1e-6, 2.5e-6, 5e-6, 1e-5, 1e-4, 1e-3)};

MSTAT_HISTOGRAM_AS(get_seconds, &durations, "cache_get_duration_seconds", "seconds", "Time to look up a key.",
		   "cache_layer");
MSTAT_HISTOGRAM_AS(put_seconds, &durations, "cache_put_duration_seconds", "seconds", "Time to store a value.",
		   "cache_layer");
MSTAT_GAUGE_F64_AS(hit_ratio, MSTAT_MIN | MSTAT_LIVE, "cache_hit_ratio", "ratio",
		   "Share of the latest lookups that found their key; the lowest of the processes.", "cache_layer");

struct entry {
	char *key; /* NULL: free; the value follows the key's NUL */
	uint32_t key_hash;
	uint32_t bytes;
	uint64_t used; /* lru: clock of the last use; lfu: uses; ttl: end in ns */
};

struct cache {
	enum cache_type type;
	uint32_t entries_max;
	uint64_t bytes_max;
	uint64_t lifetime_ns; /* ttl */
	pthread_mutex_t lock;
	uint64_t clock;
	uint32_t entries;
	uint64_t bytes;
	struct entry table[CACHE_ENTRIES_MAX];
	double hit_ratio;
	mstat_histogram *get_seconds;
	mstat_histogram *put_seconds;
	mstat_gauge_f64 *hit_ratio_gauge;
};

static struct cache caches[LAYER_COUNT] = {
	[LAYER_L1] = {.type = CACHE_TYPE_LRU, .entries_max = 64, .bytes_max = 32 << 10},
	[LAYER_L2] = {.type = CACHE_TYPE_LFU, .entries_max = 192, .bytes_max = 96 << 10},
	[LAYER_L3] = {.type = CACHE_TYPE_TTL,
		      .entries_max = CACHE_ENTRIES_MAX,
		      .bytes_max = 256 << 10,
		      .lifetime_ns = 2000000000},
};

static uint64_t clock_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint32_t key_hash(const char *key)
{
	uint32_t hash = 2166136261u; /* FNV-1a */
	for (; *key; key++)
		hash = (hash ^ (unsigned char)*key) * 16777619u;
	return hash;
}

static void entry_remove(struct cache *cache, struct entry *entry)
{
	cache->entries--;
	cache->bytes -= entry->bytes;
	free(entry->key);
	*entry = (struct entry){0};
}

static struct entry *cache_get(struct cache *cache, const char *key)
{
	MSTAT_TIME(cache->get_seconds);
	uint32_t hash = key_hash(key);
	for (uint32_t i = 0; i < cache->entries_max; i++) {
		struct entry *entry = &cache->table[i];
		if (entry->key && entry->key_hash == hash && strcmp(entry->key, key) == 0)
			return entry;
	}
	return NULL;
}

/* In each of the three rules the next one to go has the smallest `used`. */
static struct entry *entry_victim(struct cache *cache)
{
	struct entry *victim = NULL;
	for (uint32_t i = 0; i < cache->entries_max; i++) {
		struct entry *entry = &cache->table[i];
		if (entry->key && (!victim || entry->used < victim->used))
			victim = entry;
	}
	return victim;
}

static uint32_t cache_expire(struct cache *cache, uint64_t now_ns)
{
	uint32_t expirations = 0;
	for (uint32_t i = 0; cache->type == CACHE_TYPE_TTL && i < cache->entries_max; i++) {
		if (cache->table[i].key && cache->table[i].used <= now_ns) {
			entry_remove(cache, &cache->table[i]);
			expirations++;
		}
	}
	return expirations;
}

static void entry_touch(struct cache *cache, struct entry *entry)
{
	if (cache->type == CACHE_TYPE_LRU)
		entry->used = ++cache->clock;
	else if (cache->type == CACHE_TYPE_LFU)
		entry->used++;
}

static uint32_t cache_put(struct cache *cache, const char *key, uint32_t value_bytes, uint64_t now_ns)
{
	size_t key_len = strlen(key);
	uint32_t bytes = (uint32_t)key_len + 1 + value_bytes;
	uint32_t evictions = 0;
	MSTAT_TIME(cache->put_seconds);
	if (bytes > cache->bytes_max)
		return 0;
	for (; cache->entries == cache->entries_max || cache->bytes + bytes > cache->bytes_max; evictions++)
		entry_remove(cache, entry_victim(cache));
	struct entry *entry = cache->table;
	while (entry->key)
		entry++;
	char *memory = malloc(bytes);
	if (!memory)
		return evictions;
	memcpy(memory, key, key_len + 1);
	memset(memory + key_len + 1, 'v', value_bytes);
	*entry = (struct entry){memory, key_hash(key), bytes, 0};
	if (cache->type == CACHE_TYPE_TTL)
		entry->used = now_ns + cache->lifetime_ns;
	entry_touch(cache, entry);
	cache->entries++;
	cache->bytes += bytes;
	return evictions;
}

void caches_init(void)
{
	for (unsigned layer = 0; layer < LAYER_COUNT; layer++) {
		const char *name = label_text(DOMAIN_LAYER, layer);
		mstat_gauge_set(process_metrics.cache_capacity[layer], (int64_t)caches[layer].bytes_max);
		mstat_gauge_set(process_metrics.cache_entries[layer], 0);
		mstat_gauge_set(process_metrics.cache_size[layer], 0);
		caches[layer].get_seconds = mstat_histogram_with(&get_seconds, name);
		caches[layer].put_seconds = mstat_histogram_with(&put_seconds, name);
		caches[layer].hit_ratio_gauge = mstat_gauge_f64_with(&hit_ratio, name);
		pthread_mutex_init(&caches[layer].lock, NULL);
	}
}

void caches_fini(void)
{
	for (unsigned layer = 0; layer < LAYER_COUNT; layer++)
		for (uint32_t i = 0; i < CACHE_ENTRIES_MAX; i++)
			free(caches[layer].table[i].key);
}

struct cache_result cache_get_or_put(enum cache_layer layer, const char *key, uint32_t value_bytes)
{
	struct cache *cache = &caches[layer];
	struct cache_result result = {0};
	uint64_t now_ns = clock_ns();
	pthread_mutex_lock(&cache->lock);
	result.expirations = cache_expire(cache, now_ns);
	struct entry *entry = cache_get(cache, key);
	result.hit = entry != NULL;
	if (entry)
		entry_touch(cache, entry);
	else
		result.evictions = cache_put(cache, key, value_bytes, now_ns);
	cache->hit_ratio += (result.hit - cache->hit_ratio) / RATIO_LOOKUPS;
	mstat_gauge_f64_set(cache->hit_ratio_gauge, cache->hit_ratio);
	mstat_gauge_set(process_metrics.cache_entries[layer], cache->entries);
	mstat_gauge_set(process_metrics.cache_size[layer], (int64_t)cache->bytes);
	pthread_mutex_unlock(&cache->lock);
	return result;
}
