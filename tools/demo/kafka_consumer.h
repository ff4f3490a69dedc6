/* SPDX-License-Identifier: MIT */
/* Consumer groups of the broker: each reads all partitions, at its own pace, and pauses when it rebalances. */
#ifndef DEMO_KAFKA_CONSUMER_H
#define DEMO_KAFKA_CONSUMER_H

#include <stdint.h>

#include "labels.h"

#define KAFKA_PARTITIONS 2u
extern const char *const kafka_partition_texts[KAFKA_PARTITIONS];

/* Makes the handles. Call once in the stream process; none of this is thread-safe. */
void kafka_consumer_init(void);

/* The broker has `messages` more in a partition. */
void kafka_consumer_append(enum pipeline topic, unsigned partition, uint32_t messages);

/* Lets every group read what it can since the last call. */
void kafka_consumer_tick(int64_t now_ns, uint64_t *random);

#endif
