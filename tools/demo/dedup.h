/* SPDX-License-Identifier: MIT */
/* Deduplication: a bounded memory of the keys seen last. Transports that deliver at least once deliver some twice. */
#ifndef DEMO_DEDUP_H
#define DEMO_DEDUP_H

#include <stdbool.h>
#include <stdint.h>

/* Makes the handles. Call once in the stream process; none of this is thread-safe. */
void dedup_init(void);

/* Whether a key was seen lately; remembers it. */
bool dedup_seen(uint64_t key);

#endif
