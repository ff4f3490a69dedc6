/* SPDX-License-Identifier: MIT */
/* Offsets of two groups: billing keeps up, audit is slower than a busy producer. */
#include "kafka_consumer.h"

#include <mstat/mstat.h>

#include "random.h"

#define PAUSE_NS 500000000
#define REBALANCE_EVERY_TICKS 100u

MSTAT_COUNTER(consumed_total, "kafka_consumer_messages_consumed_total", "Messages that a group has read.", "topic",
	      "partition", "consumer_group");
MSTAT_GAUGE(lags, "kafka_consumer_lag", "Messages that a group has not read yet.", "topic", "partition",
	    "consumer_group");
MSTAT_GAUGE(offsets, "kafka_consumer_offset", "Number of the message that a group reads next.", "topic", "partition",
	    "consumer_group");
MSTAT_COUNTER(rebalances_total, "kafka_consumer_rebalances_total", "How often a group divided its partitions anew.",
	      "topic", "partition", "consumer_group");

const char *const kafka_partition_texts[KAFKA_PARTITIONS] = {"0", "1"};

enum group { GROUP_BILLING, GROUP_AUDIT, GROUP_COUNT };
static const struct {
	const char *name;
	uint32_t messages; /* in a tick, of each partition */
} groups[GROUP_COUNT] = {[GROUP_BILLING] = {"billing", 64}, [GROUP_AUDIT] = {"audit", 4}};

static struct reader {
	mstat_counter *consumed, *rebalances;
	mstat_gauge *lag, *offset;
	int64_t next;
} readers[GROUP_COUNT][PIPELINE_COUNT][KAFKA_PARTITIONS];
static int64_t ends[PIPELINE_COUNT][KAFKA_PARTITIONS];
static int64_t paused_until_ns[GROUP_COUNT];

static void reader_init(struct reader *reader, const char *topic, const char *partition, const char *group)
{
	reader->consumed = mstat_counter_with(&consumed_total, topic, partition, group);
	reader->rebalances = mstat_counter_with(&rebalances_total, topic, partition, group);
	reader->lag = mstat_gauge_with(&lags, topic, partition, group);
	reader->offset = mstat_gauge_with(&offsets, topic, partition, group);
	mstat_gauge_set(reader->lag, 0);
	mstat_gauge_set(reader->offset, 0);
}

void kafka_consumer_init(void)
{
	for (unsigned group = 0; group < GROUP_COUNT; group++)
		for (unsigned topic = 0; topic < PIPELINE_COUNT; topic++)
			for (unsigned i = 0; i < KAFKA_PARTITIONS; i++)
				reader_init(&readers[group][topic][i], label_text(DOMAIN_PIPELINE, topic),
					    kafka_partition_texts[i], groups[group].name);
}

void kafka_consumer_append(enum pipeline topic, unsigned partition, uint32_t messages)
{
	ends[topic][partition] += messages;
}

/* Three updates that belong together, in one call. */
static void reader_read(struct reader *reader, int64_t end, uint32_t messages_max)
{
	int64_t lag = end - reader->next;
	int64_t messages = lag < messages_max ? lag : messages_max;
	reader->next += messages;
	const struct mstat_update updates[] = {
		{.operation = MSTAT_ADD, .handle = reader->consumed, .u64 = (uint64_t)messages},
		{.operation = MSTAT_SET, .handle = reader->offset, .i64 = reader->next},
		{.operation = MSTAT_SET, .handle = reader->lag, .i64 = end - reader->next},
	};
	mstat_batch(updates, sizeof(updates) / sizeof(updates[0]));
}

static void group_rebalance(enum group group, int64_t now_ns)
{
	paused_until_ns[group] = now_ns + PAUSE_NS;
	for (unsigned topic = 0; topic < PIPELINE_COUNT; topic++)
		for (unsigned i = 0; i < KAFKA_PARTITIONS; i++)
			mstat_inc(readers[group][topic][i].rebalances);
}

void kafka_consumer_tick(int64_t now_ns, uint64_t *random)
{
	for (unsigned group = 0; group < GROUP_COUNT; group++) {
		if (now_ns >= paused_until_ns[group] && random_below(random, REBALANCE_EVERY_TICKS) == 0)
			group_rebalance((enum group)group, now_ns);
		uint32_t messages = now_ns < paused_until_ns[group] ? 0 : groups[group].messages;
		for (unsigned topic = 0; topic < PIPELINE_COUNT; topic++)
			for (unsigned i = 0; i < KAFKA_PARTITIONS; i++)
				reader_read(&readers[group][topic][i], ends[topic][i], messages);
	}
}
