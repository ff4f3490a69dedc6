/* SPDX-License-Identifier: MIT */
/* The producer of the broker; its consumers are in kafka_consumer.c. */
#include "kafka.h"

#include <mstat/mstat.h>

#include "kafka_consumer.h"
#include "random.h"

#define BATCH_MESSAGES 16u
#define LINGER_NS 200000000
#define MEDIAN_NS 3000000
#define FAILS_PERCENT 2

static const struct mstat_buckets sizes = {.scale = 1, MSTAT_BOUNDS(256, 1024, 4096, 16384, 65536)};

MSTAT_COUNTER(sent_total, "kafka_producer_messages_sent_total", "Messages that the broker has.", "topic", "partition");
MSTAT_COUNTER(errors_total, "kafka_producer_errors_total", "Batches that could not be sent; they are sent again.",
	      "topic", "partition", "error_type");
MSTAT_HISTOGRAM_AS(latency_seconds, MSTAT_BOTH, "kafka_producer_latency_seconds", "seconds",
		   "Time until the broker has a batch.", "topic", "partition");
MSTAT_HISTOGRAM_AS(batch_bytes, &sizes, "kafka_producer_batch_size_bytes", "bytes", "Size of the batches.", "topic",
		   "partition");

enum error { ERROR_TIMEOUT, ERROR_CONNECTION, ERROR_COUNT };
static const char *const error_texts[ERROR_COUNT] = {"timeout", "connection"};

static struct partition {
	mstat_counter *sent, *errors[ERROR_COUNT];
	mstat_histogram *latency, *batch_bytes;
	uint32_t messages; /* of the batch that is being filled */
	uint32_t bytes;
	int64_t since_ns;
} partitions[PIPELINE_COUNT][KAFKA_PARTITIONS];

void kafka_init(void)
{
	for (unsigned topic = 0; topic < PIPELINE_COUNT; topic++) {
		const char *name = label_text(DOMAIN_PIPELINE, topic);
		for (unsigned i = 0; i < KAFKA_PARTITIONS; i++) {
			struct partition *partition = &partitions[topic][i];
			const char *number = kafka_partition_texts[i];
			partition->sent = mstat_counter_with(&sent_total, name, number);
			for (unsigned error = 0; error < ERROR_COUNT; error++)
				partition->errors[error] =
					mstat_counter_with(&errors_total, name, number, error_texts[error]);
			partition->latency = mstat_histogram_with(&latency_seconds, name, number);
			partition->batch_bytes = mstat_histogram_with(&batch_bytes, name, number);
		}
	}
	kafka_consumer_init();
}

static void batch_send(enum pipeline topic, unsigned number, uint64_t *random)
{
	struct partition *partition = &partitions[topic][number];
	mstat_observe_ns(partition->latency, random_duration_ns(random, MEDIAN_NS));
	if (random_percent(random, FAILS_PERCENT)) {
		mstat_inc(partition->errors[random_below(random, ERROR_COUNT)]);
		return; /* the batch stays, and grows until the next attempt */
	}
	mstat_observe(partition->batch_bytes, partition->bytes);
	mstat_add(partition->sent, partition->messages);
	kafka_consumer_append(topic, number, partition->messages);
	partition->messages = 0;
	partition->bytes = 0;
}

void kafka_produce(enum pipeline topic, uint64_t key, uint32_t bytes, uint64_t *random)
{
	unsigned number = (unsigned)(key % KAFKA_PARTITIONS);
	struct partition *partition = &partitions[topic][number];
	partition->messages++;
	partition->bytes += bytes;
	if (partition->messages >= BATCH_MESSAGES)
		batch_send(topic, number, random);
}

void kafka_tick(int64_t now_ns, uint64_t *random)
{
	for (unsigned topic = 0; topic < PIPELINE_COUNT; topic++) {
		for (unsigned i = 0; i < KAFKA_PARTITIONS; i++) {
			struct partition *partition = &partitions[topic][i];
			if (!partition->messages)
				partition->since_ns = now_ns;
			else if (now_ns - partition->since_ns >= LINGER_NS)
				batch_send((enum pipeline)topic, i, random);
		}
	}
	kafka_consumer_tick(now_ns, random);
}
