/* SPDX-License-Identifier: MIT */
/* The snapshot: a layout and its numbers; and the slot where readers find the newest one. */
#include "snapshot.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <urcu/urcu-memb.h>

#include <mstat/atomic.h>

#include "snapshot_private.h"

struct snapshot {
	uint32_t references;
	struct store *store;
	struct layout *layout;
	struct value_set values;
	struct store_user user;
	int64_t time_ns;
	int64_t monotonic_ns;
};

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

struct snapshot *snapshot_new(struct store *store, struct layout *layout, const struct value_set *values)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
	if (!snapshot)
		return NULL;
	snapshot->references = 1;
	snapshot->store = store;
	snapshot->layout = layout_ref(layout);
	snapshot->values = *values;
	snapshot->time_ns = clock_ns(CLOCK_REALTIME);
	snapshot->monotonic_ns = clock_ns(CLOCK_MONOTONIC);
	store_join(store, &snapshot->user);
	return snapshot;
}

void snapshot_ref(struct snapshot *snapshot)
{
	mstat_add_relaxed(&snapshot->references, 1);
}

void snapshot_unref(struct snapshot *snapshot)
{
	/* The release pairs with the acquire of whoever takes the last reference away. */
	if (!snapshot || mstat_sub_release(&snapshot->references, 1) != 1)
		return;
	mstat_load_acquire(&snapshot->references); /* pairs with the releases of all earlier holders */
	layout_unref(snapshot->layout);
	value_set_fini(&snapshot->values);
	store_leave(snapshot->store, &snapshot->user);
	free(snapshot);
}

int64_t snapshot_time_ns(const struct snapshot *snapshot)
{
	return snapshot->time_ns;
}

int64_t snapshot_monotonic_ns(const struct snapshot *snapshot)
{
	return snapshot->monotonic_ns;
}

size_t snapshot_family_count(const struct snapshot *snapshot)
{
	return snapshot->layout->family_count;
}

size_t snapshot_sample_count(const struct snapshot *snapshot)
{
	return snapshot->layout->order->count;
}

size_t snapshot_text_bytes(const struct snapshot *snapshot)
{
	return snapshot->layout->text_bytes;
}

size_t snapshot_composite_bytes(const struct snapshot *snapshot)
{
	return snapshot->values.composites.line_bytes + snapshot->values.exemplars.line_bytes;
}

const struct snapshot_family *snapshot_family(const struct snapshot *snapshot, size_t index)
{
	assert(index < snapshot->layout->family_count);
	return &snapshot->layout->families[index].family;
}

/* The family that a sample belongs to. */
static const struct layout_family *family_of_sample(const struct layout *layout, size_t index)
{
	size_t from = 0, to = layout->family_count;
	while (to - from > 1) {
		size_t middle = from + (to - from) / 2;
		if (layout->families[middle].family.first <= index)
			from = middle;
		else
			to = middle;
	}
	return &layout->families[from];
}

/* What only some samples have. */
static void sample_complete(const struct snapshot *snapshot, series_ref series, struct snapshot_sample *sample)
{
	const struct value_set *values = &snapshot->values;
	uint8_t type = values->types[series];
	if (type & VALUE_EXEMPLARS)
		sample->exemplars = exemplar_set_find(&values->exemplars, series, &sample->exemplar_count);
	type &= (uint8_t)~VALUE_EXEMPLARS;
	if (type == VALUE_COMPOSITE) {
		sample->composite = composite_set_get(&values->composites, values->bits[series]);
		__builtin_prefetch(sample->composite);
	} else {
		sample->number = value_number(values->bits[series], type);
	}
}

void snapshot_samples(const struct snapshot *snapshot, size_t first, size_t count, struct snapshot_sample *samples)
{
	const struct layout *layout = snapshot->layout;
	const struct value_set *values = &snapshot->values;
	assert(first <= layout->order->count && count <= layout->order->count - first);
	if (!count)
		return;
	const struct layout_family *family = family_of_sample(layout, first);
	for (size_t i = 0; i < count; i++) {
		size_t index = first + i;
		if (index - family->family.first >= family->family.count)
			family++;
		series_ref series = layout->order->series[index];
		const struct store_entry *entry = store_entry(snapshot->store, series);
		/* The caller reads the text next; where series are many it is in no cache. */
		__builtin_prefetch(entry->text);
		__builtin_prefetch(entry->text + entry->text_len - 1);
		samples[i] = (struct snapshot_sample){
			.text = entry->text,
			.text_len = entry->text_len,
			.name_len = family->name_len,
			.created_ns = mstat_load_relaxed(&entry->created_ns),
		};
		uint8_t type = values->types[series];
		if (type <= VALUE_NUMBER_LAST)
			samples[i].number = value_number(values->bits[series], type);
		else
			sample_complete(snapshot, series, &samples[i]);
	}
}

struct snapshot_sample snapshot_sample(const struct snapshot *snapshot, size_t index)
{
	struct snapshot_sample sample;
	snapshot_samples(snapshot, index, 1, &sample);
	return sample;
}

/* ---- publication ------------------------------------------------------------------------------------------------ */

static pthread_key_t reader_key;
static pthread_once_t reader_once = PTHREAD_ONCE_INIT;
static _Thread_local bool reader_registered;

static void reader_unregister(void *unused)
{
	(void)unused;
	urcu_memb_unregister_thread();
	reader_registered = false;
}

static void reader_key_make(void)
{
	int error = pthread_key_create(&reader_key, reader_unregister);
	assert(!error); /* a process has 1024 keys; the agent and its libraries use a handful */
	(void)error;
}

/* A thread that ended while registered would stay in liburcu's list as a pointer into freed memory; the key's
 * destructor prevents that. */
static void reader_register(void)
{
	if (reader_registered)
		return;
	pthread_once(&reader_once, reader_key_make);
	urcu_memb_register_thread();
	pthread_setspecific(reader_key, &reader_registered);
	reader_registered = true;
}

void snapshot_publish(struct snapshot_slot *slot, struct snapshot *snapshot)
{
	/* Pairs with the acquire in snapshot_get(): who sees the pointer sees the snapshot. */
	struct snapshot *old = mstat_exchange_release(&slot->current, snapshot);
	if (!old)
		return;
	/* A reader may hold the old pointer without a reference yet; after the grace period none does. */
	urcu_memb_synchronize_rcu();
	snapshot_unref(old);
}

struct snapshot *snapshot_get(struct snapshot_slot *slot)
{
	reader_register();
	urcu_memb_read_lock();
	/* Pairs with the release in snapshot_publish(). */
	struct snapshot *snapshot = mstat_load_acquire(&slot->current);
	if (snapshot)
		snapshot_ref(snapshot);
	urcu_memb_read_unlock();
	return snapshot;
}
