/* SPDX-License-Identifier: MIT */
/* A log broker in miniature: topics of two partitions, a producer that sends batches, and consumer groups that read
 * behind it. Offsets, batches and lags are real; how long a batch takes, and when one fails, is drawn. */
#ifndef DEMO_KAFKA_H
#define DEMO_KAFKA_H

#include <stdint.h>

#include "labels.h"

/* Makes the handles. Call once in the stream process; none of this is thread-safe. */
void kafka_init(void);

/* Puts a message into the batch of its partition; the topic is the pipeline's. */
void kafka_produce(enum pipeline topic, uint64_t key, uint32_t bytes, uint64_t *random);

/* Sends what has waited long enough, and lets the consumers read. */
void kafka_tick(int64_t now_ns, uint64_t *random);

#endif
