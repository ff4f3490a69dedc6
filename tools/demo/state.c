/* SPDX-License-Identifier: MIT */
/* The tables behind the backends, and what an operation costs on them. */
#include "state.h"

#include <mstat/mstat.h>

#include "disk.h"
#include "random.h"
#include "state_metrics.h"

#define ENTRIES 512u /* a power of two */
#define CACHED 128u  /* likewise */
#define KEY_BYTES 16u
#define ATTEMPTS_MAX 2

static const struct {
	int64_t cached_ns; /* a get that the cache answers */
	int64_t medians_ns[STATE_COUNT];
	uint32_t failures; /* in 1000 */
	bool on_disk;
} backends[BACKEND_COUNT] = {
	[BACKEND_MEMORY] = {800, {2000, 3000, 2500, 40000}, 0, false},
	[BACKEND_REDIS] = {1500, {600000, 700000, 650000, 9000000}, 30, false},
	[BACKEND_POSTGRES] = {1500, {4000000, 6000000, 5000000, 60000000}, 40, true},
	[BACKEND_SLED] = {1500, {60000, 150000, 120000, 5000000}, 10, true},
};

struct entry {
	uint64_t key; /* 0: free */
	uint32_t bytes;
	enum state_namespace space;
};

static struct table {
	struct entry entries[ENTRIES]; /* a key has one place; who comes later takes it */
	uint64_t cached[CACHED];
	uint64_t bytes[NAMESPACE_COUNT];
	uint32_t count[NAMESPACE_COUNT];
} tables[BACKEND_COUNT];

static uint64_t key_of(enum state_namespace space, uint64_t key)
{
	uint64_t mixed = (key + 1) * 0x9e3779b97f4a7c15u + (uint64_t)space * 0xbf58476d1ce4e5b9u;
	return (mixed ^ (mixed >> 29)) | 1; /* 0 means free */
}

static struct entry *entry_of(enum backend backend, uint64_t key)
{
	return &tables[backend].entries[(key >> 8) & (ENTRIES - 1)];
}

/* Looks into the cache, and has the key there from now on. */
static bool cache_hit(enum backend backend, uint64_t key)
{
	uint64_t *place = &tables[backend].cached[(key >> 40) & (CACHED - 1)];
	bool hit = *place == key;
	*place = key;
	return hit;
}

static void entry_clear(enum backend backend, struct entry *entry)
{
	struct table *table = &tables[backend];
	if (!entry->key)
		return;
	table->bytes[entry->space] -= entry->bytes;
	table->count[entry->space]--;
	*entry = (struct entry){0};
}

static void sizes_show(enum backend backend)
{
	for (unsigned space = 0; space < NAMESPACE_COUNT; space++)
		state_metrics_size(backend, (enum state_namespace)space, tables[backend].bytes[space],
				   tables[backend].count[space]);
	state_metrics_total(backend, state_bytes(backend));
}

/* Tries, and once more if that failed. */
static bool operation_run(enum backend backend, enum state_operation operation, bool hit, uint64_t *random)
{
	int64_t total_ns = 0;
	bool done = false;
	int attempts = 0;
	for (; attempts < ATTEMPTS_MAX && !done; attempts++) {
		bool cheap = hit && operation == STATE_GET;
		int64_t ns = random_duration_ns(random, cheap ? backends[backend].cached_ns
							      : backends[backend].medians_ns[operation]);
		done = cheap || random_below(random, 1000) >= backends[backend].failures;
		enum state_error error = STATE_ERROR_NONE;
		if (!done)
			error = (enum state_error)(1 + random_below(random, STATE_ERROR_COUNT - 1));
		total_ns += ns;
		state_metrics_attempt(backend, operation, error, hit, ns);
	}
	state_metrics_operation(backend, operation, attempts, total_ns);
	return done;
}

bool state_get(enum backend backend, enum state_namespace space, uint64_t key, uint64_t *random)
{
	uint64_t mixed = key_of(space, key);
	const struct entry *entry = entry_of(backend, mixed);
	bool hit = cache_hit(backend, mixed);
	if (!hit && backends[backend].on_disk && entry->key == mixed)
		disk_read(entry->bytes);
	return operation_run(backend, STATE_GET, hit, random);
}

bool state_put(enum backend backend, enum state_namespace space, uint64_t key, uint32_t bytes, uint64_t *random)
{
	uint64_t mixed = key_of(space, key);
	struct table *table = &tables[backend];
	struct entry *entry = entry_of(backend, mixed);
	if (!operation_run(backend, STATE_PUT, cache_hit(backend, mixed), random))
		return false;
	entry_clear(backend, entry);
	*entry = (struct entry){mixed, bytes + KEY_BYTES, space};
	table->bytes[space] += entry->bytes;
	table->count[space]++;
	if (backends[backend].on_disk)
		disk_write(entry->bytes, state_bytes(backend));
	sizes_show(backend);
	return true;
}

bool state_delete(enum backend backend, enum state_namespace space, uint64_t key, uint64_t *random)
{
	uint64_t mixed = key_of(space, key);
	struct entry *entry = entry_of(backend, mixed);
	if (!operation_run(backend, STATE_DELETE, cache_hit(backend, mixed), random))
		return false;
	if (entry->key == mixed)
		entry_clear(backend, entry);
	sizes_show(backend);
	return true;
}

bool state_scan(enum backend backend, enum state_namespace space, uint64_t *random)
{
	if (backends[backend].on_disk)
		disk_read(tables[backend].bytes[space]);
	return operation_run(backend, STATE_SCAN, false, random);
}

uint64_t state_bytes(enum backend backend)
{
	uint64_t sum = 0;
	for (unsigned space = 0; space < NAMESPACE_COUNT; space++)
		sum += tables[backend].bytes[space];
	return sum;
}

void state_init(void)
{
	state_metrics_init();
	for (unsigned backend = 0; backend < BACKEND_COUNT; backend++)
		sizes_show((enum backend)backend);
}
