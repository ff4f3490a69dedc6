/* SPDX-License-Identifier: MIT */
/* State backends of the stream: memory, redis, postgres and sled, each a bounded table of keys with sizes, and a small
 * cache before it. Contents and limits are real; how long a remote one takes, and when it fails, is drawn.
 *
 * An operation is what a caller asks for; an attempt is what a backend sees. A failed attempt is made once more, so
 * state_operations_total counts operations and state_backend_operations_total attempts.
 */
#ifndef DEMO_STATE_H
#define DEMO_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "labels.h"

/* Makes the handles. Call once in the stream process; none of this is thread-safe. */
void state_init(void);

/* Each returns false if the second attempt failed, too. A key that is not there is no failure. */
bool state_get(enum backend backend, enum state_namespace space, uint64_t key, uint64_t *random);
bool state_put(enum backend backend, enum state_namespace space, uint64_t key, uint32_t bytes, uint64_t *random);
bool state_delete(enum backend backend, enum state_namespace space, uint64_t key, uint64_t *random);
bool state_scan(enum backend backend, enum state_namespace space, uint64_t *random);

/* Bytes of keys and values in a backend. */
uint64_t state_bytes(enum backend backend);

#endif
