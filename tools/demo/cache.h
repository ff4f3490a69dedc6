/* SPDX-License-Identifier: MIT */
/* Three small caches of one worker process, a layer with its own rule each:
 *     l1  lru  removes what was used longest ago
 *     l2  lfu  removes what was used least often
 *     l3  ttl  entries end with their time; removes what would end first
 * Each is limited by entries and by bytes. What a lookup did is returned, for the ledger to count; how full a cache is
 * goes to this process' gauges.
 */
#ifndef DEMO_CACHE_H
#define DEMO_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "labels.h"

#define CACHE_KEY_BYTES_MAX 128u

struct cache_result {
	bool hit;
	uint32_t evictions;
	uint32_t expirations;
};

/* Makes the handles of the caches' own families and sets the capacity gauges of this process. Call once in each
 * worker. */
void caches_init(void);
void caches_fini(void);

/* Looks a key up and stores `value_bytes` under it if it is not there. Thread-safe. */
struct cache_result cache_get_or_put(enum cache_layer layer, const char *key, uint32_t value_bytes);

#endif
