/* SPDX-License-Identifier: MIT */
/* Registration: from a declaration and label values to a handle.
 *
 * Finding what exists takes no lock. Making something takes the process' lock, then the segment's, and ends in one
 * release store that publishes it: a registrant that dies leaves nothing half-visible. What it may leave is a series
 * whose record is published and whose entry is not yet counted; the next registrant completes it (registry_recover).
 */
#include <errno.h>
#include <string.h>

#include "private.h"

/* What family->state[0] holds once the family is known: ordinal + 1, and the number of labels. */
#define STATE_ORDINAL(state) ((uint32_t)(state)-1)
#define STATE_LABELS(state) ((size_t)((state) >> 32))

/* Zeros: everything that is observed by a handle of nothing goes to the slow path, but for 0: to the first bucket. */
static union {
	struct mstat_map map;
	char bytes[sizeof(struct mstat_map) + sizeof(uint64_t)]; /* with map.bounds[0] */
} no_map;

struct mstat_histogram mstat_no_handle[4] = {
	[MSTAT_NOTHING_U64] = {.handle.offset = MSTAT_SHM_CELL_SINK_U64 * MSTAT_CELL_BYTES},
	[MSTAT_NOTHING_F64] = {.handle.offset = MSTAT_SHM_CELL_SINK_F64 * MSTAT_CELL_BYTES},
	[MSTAT_NOTHING_HISTOGRAM] = {{.offset = MSTAT_SHM_CELL_SINK_HISTOGRAM_U64 * MSTAT_CELL_BYTES}, &no_map.map},
	[MSTAT_NOTHING_HISTOGRAM_F64] = {{.offset = MSTAT_SHM_CELL_SINK_HISTOGRAM_F64 * MSTAT_CELL_BYTES}, &no_map.map},
};

static struct mstat_handle *no_handle(const struct mstat_family *declared)
{
	bool f64 = declared->value == MSTAT_SHM_F64;
	enum mstat_nothing nothing = f64 ? MSTAT_NOTHING_F64 : MSTAT_NOTHING_U64;
	if (mstat_shm_kind_has_buckets(declared->kind))
		nothing = f64 ? MSTAT_NOTHING_HISTOGRAM_F64 : MSTAT_NOTHING_HISTOGRAM;
	if (!mstat_shm_kind_in_rows(declared->kind) && !mstat_shm_kind_has_buckets(declared->kind))
		nothing = MSTAT_NOTHING_U64;
	return &mstat_no_handle[nothing].handle;
}

/* ---- the arena ---- */

void *mstat_arena_reserve(uint32_t bytes)
{
	const uint64_t chunk = 16384; /* populate several pages at a time */
	uint64_t used = mstat_header()->arena_published, size = mstat_root.layout.arena_bytes;
	if (used > size || size - used < bytes)
		return NULL;
	uint64_t have = mstat_max((used + chunk - 1) / chunk * chunk, (uint64_t)mstat_page_bytes());
	uint64_t first_page = mstat_page_bytes();
	/* Only the first page exists from the start; after that, whole chunks up to where `used` lies. */
	if (used <= first_page)
		have = first_page;
	uint64_t want = mstat_min((used + bytes + chunk - 1) / chunk * chunk, size);
	if (want > have) {
		int reason = mstat_populate(mstat_root.layout.arena_off + have, want - have);
		if (reason) {
			mstat_refuse(reason);
			return NULL;
		}
	}
	return mstat_arena((uint32_t)used);
}

void mstat_arena_publish(uint32_t bytes)
{
	struct mstat_shm_header *header = mstat_header();
	/* release: pairs with the acquire in mstat_index_sync() and in readers; the record's bytes come before */
	mstat_store_release(&header->arena_published, header->arena_published + bytes);
}

/* ---- publishing a series ---- */

static void series_publish(const struct mstat_node *node)
{
	struct mstat_shm_header *header = mstat_header();
	struct mstat_shm_entry *entry = mstat_entry(node->index);
	uint32_t generation = (entry->state >> 2) + 1;
	/* release: pairs with the acquire of readers; record and created_ns come before */
	mstat_store_release(&entry->state, generation << 2 | MSTAT_SHM_STATE_LIVE);
	if (node->index >= header->series_published)
		mstat_store_release(&header->series_published, node->index + 1); /* as above */
}

/* A registrant died between the record and the entry's count: the series is as good as made. */
static void registry_recover(const struct mstat_index *index)
{
	struct mstat_shm_header *header = mstat_header();
	while (header->series_published < mstat_root.layout.series_max && index->by_index[header->series_published])
		series_publish(index->by_index[header->series_published]);
}

static bool cells_reuse(struct mstat_index *index, uint32_t cells, uint32_t *cell)
{
	for (uint32_t i = index->free_count; i-- > 0;) {
		if (index->free_cells[i].cells != cells)
			continue;
		*cell = index->free_cells[i].cell;
		index->free_cells[i] = index->free_cells[--index->free_count];
		mstat_root.reuse_epoch++;
		mstat_store_relaxed(&mstat_header()->reuse_epoch, mstat_root.reuse_epoch);
		return true;
	}
	return false;
}

uint32_t mstat_cells_alloc(struct mstat_index *index, bool in_rows, uint32_t cells, int *reason)
{
	struct mstat_shm_header *header = mstat_header();
	uint32_t cell = in_rows ? header->cells_published : header->gauge_cells_published;
	uint32_t limit = in_rows ? mstat_root.layout.cell_max : mstat_root.layout.gauge_cell_max;
	if (in_rows && index->free_count && mstat_slot_is_only() && !mstat_root.forked &&
	    cells_reuse(index, cells, &cell))
		return cell;
	if (limit - cell < cells) {
		*reason = MSTAT_REASON_CELLS_FULL;
		return 0;
	}
	*reason = in_rows ? mstat_rows_extend(cell + cells) : mstat_gauge_rows_extend(cell + cells);
	if (*reason)
		return 0;
	/* release: pairs with the acquire of readers; the pages exist before */
	mstat_store_release(in_rows ? &header->cells_published : &header->gauge_cells_published, cell + cells);
	return cell;
}

static int entry_prepare(uint32_t index)
{
	uint64_t at = mstat_root.layout.entries_off + index * sizeof(struct mstat_shm_entry);
	return at % mstat_page_bytes() == 0 ? mstat_populate(at, sizeof(struct mstat_shm_entry)) : 0;
}

/* Appends the record of a series and publishes it. 0 or the reason. Segment's lock held, index in step. */
int mstat_series_make(struct mstat_index *index, const struct mstat_family_state *family, const uint32_t *value_offsets,
		      uint32_t value_count, uint16_t flags)
{
	struct mstat_shm_header *header = mstat_header();
	uint32_t number = header->series_published;
	uint32_t bytes = (uint32_t)((sizeof(struct mstat_shm_series) + value_count * 4 + 7) / 8 * 8);
	int reason = 0;
	if (number >= mstat_root.layout.series_max)
		return MSTAT_REASON_SERIES_LIMIT;
	reason = entry_prepare(number);
	if (reason)
		return reason;
	struct mstat_shm_series *record = mstat_arena_reserve(bytes);
	if (!record)
		return MSTAT_REASON_ARENA_FULL;
	uint32_t cell = mstat_cells_alloc(index, mstat_shm_kind_in_rows(family->kind), family->cells, &reason);
	if (reason)
		return reason;
	memset(record, 0, bytes);
	record->record = (struct mstat_shm_record){bytes, MSTAT_SHM_RECORD_SERIES, flags};
	record->family = family->record;
	record->index = number;
	record->cell = cell;
	record->label_count = value_count;
	for (uint32_t i = 0; i < value_count; i++)
		record->label_values[i] = value_offsets[i];
	mstat_entry(number)->record = (uint32_t)header->arena_published;
	mstat_entry(number)->created_ns = mstat_realtime_ns();
	mstat_arena_publish(bytes);
	if (!mstat_index_sync(index))
		return MSTAT_REASON_NO_MEMORY;
	series_publish(index->by_index[number]);
	return 0;
}

/* ---- series ---- */

static uint32_t entry_kind(const struct mstat_node *node)
{
	/* acquire: pairs with the release in series_publish() and mstat_remove() */
	return mstat_load_acquire(&mstat_entry(mstat_load_relaxed(&node->index))->state) & MSTAT_SHM_STATE_MASK;
}

static struct mstat_handle *overflow_handle(const struct mstat_family *declared,
					    const struct mstat_family_state *family, int reason)
{
	/* acquire: pairs with the release in series_learn() */
	struct mstat_node *overflow = family ? mstat_load_acquire(&family->overflow) : NULL;
	mstat_refuse(reason);
	return overflow ? &overflow->handle : no_handle(declared);
}

/* How many series the family really has: others may have removed some. */
static uint32_t family_recount(const struct mstat_index *index, const struct mstat_family_state *family)
{
	uint32_t live = 0;
	for (uint32_t i = 0; i < mstat_header()->series_published; i++) {
		const struct mstat_node *node = index->by_index[i];
		live += node && node != family->overflow && node->family == family->ordinal &&
			entry_kind(node) == MSTAT_SHM_STATE_LIVE;
	}
	return live;
}

static bool free_cell_take(struct mstat_index *index, uint32_t cell)
{
	for (uint32_t i = 0; i < index->free_count; i++) {
		if (index->free_cells[i].cell == cell) {
			index->free_cells[i] = index->free_cells[--index->free_count];
			return true;
		}
	}
	return false;
}

/* A removed series comes back: 0 or the reason. With its old cell, cleared or as it was left, if that is still its own
 * or nobody's; else with a record and a cell of its own, to which its handles are turned. */
static int series_revive(struct mstat_index *index, struct mstat_node *node)
{
	struct mstat_family_state *family = index->families[node->family];
	struct mstat_shm_entry *entry = mstat_entry(node->index);
	if (mstat_shm_kind_in_rows(family->kind) && index->owners[node->cell] != node->index + 1) {
		if (!free_cell_take(index, node->cell)) {
			const struct mstat_shm_series *record = mstat_arena(entry->record);
			return mstat_series_make(index, family, record->label_values, record->label_count, 0);
		}
		index->owners[node->cell] = node->index + 1;
		entry->created_ns = mstat_realtime_ns();
	}
	series_publish(node);
	mstat_store_release(&node->handle.offset, node->cell * MSTAT_CELL_BYTES); /* pairs with loads in record.h */
	family->live++;
	return 0;
}

static int values_check(const char *const *values, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *value = values[i] ? values[i] : "";
		size_t len = strnlen(value, mstat_root.layout.label_bytes_max + 1ul);
		if (len > mstat_root.layout.label_bytes_max || !mstat_utf8_valid(value, len))
			return MSTAT_REASON_LABEL_VALUE;
	}
	return 0;
}

static int series_add(struct mstat_index *index, struct mstat_family_state *family, uint64_t order,
		      const char *const *values, size_t count)
{
	uint32_t offsets[MSTAT_LABELS_MAX];
	int reason = values_check(values, count);
	if (reason)
		return reason;
	if (count && family->live >= family->series_limit) {
		family->live = family_recount(index, family);
		if (family->live >= family->series_limit)
			return MSTAT_REASON_FAMILY_LIMIT;
	}
	for (size_t i = 0; i < count; i++) {
		const char *value = values[order >> (4 * i) & 15];
		offsets[i] = mstat_string_intern(index, value ? value : "", value ? strlen(value) : 0);
		if (!offsets[i])
			return MSTAT_REASON_ARENA_FULL;
	}
	return mstat_series_make(index, family, offsets, (uint32_t)count, 0);
}

/* A limit that will hold for the next misses too: they need no lock to learn of it. */
static bool reason_lasts(int reason)
{
	return reason == MSTAT_REASON_FAMILY_LIMIT || reason == MSTAT_REASON_SERIES_LIMIT ||
	       reason == MSTAT_REASON_ARENA_FULL || reason == MSTAT_REASON_CELLS_FULL;
}

/* Both locks held: finds again, revives or makes. */
static struct mstat_handle *series_find_locked(struct mstat_index *index, struct mstat_family *declared,
					       const char *const *values, size_t count)
{
	struct mstat_family_state *family;
	if (!mstat_index_sync(index))
		return overflow_handle(declared, NULL, MSTAT_REASON_NO_MEMORY);
	registry_recover(index);
	if (!declared->state[0]) {
		int reason = mstat_family_resolve(index, declared);
		if (reason)
			return overflow_handle(declared, NULL, reason);
	}
	family = index->families[STATE_ORDINAL(declared->state[0])];
	if (count != family->label_count)
		return overflow_handle(declared, family, MSTAT_REASON_LABEL_COUNT);
	struct mstat_node *node = mstat_index_find(index, family->ordinal, declared->state[1], values, count);
	if (node && entry_kind(node) == MSTAT_SHM_STATE_LIVE)
		return &node->handle;
	int reason = node ? series_revive(index, node) : series_add(index, family, declared->state[1], values, count);
	if (reason) {
		mstat_store_relaxed(&family->full, reason_lasts(reason) ? (uint32_t)reason : 0);
		return overflow_handle(declared, family, reason);
	}
	node = mstat_index_find(index, family->ordinal, declared->state[1], values, count);
	return node ? &node->handle : overflow_handle(declared, family, MSTAT_REASON_NO_MEMORY);
}

/* Somebody sits on the segment's lock: what is published can be found all the same, by a new child for instance, and
 * nothing can be made. The process' lock is held. */
static struct mstat_handle *series_find_unlocked(struct mstat_index *index, const struct mstat_family *declared,
						 const char *const *values, size_t count)
{
	uint64_t state = declared->state[0];
	const struct mstat_family_state *family = NULL;
	struct mstat_node *node = NULL;
	if (state && mstat_index_sync(index) && STATE_ORDINAL(state) < index->family_count)
		family = index->families[STATE_ORDINAL(state)];
	if (family && count == family->label_count)
		node = mstat_index_find(index, family->ordinal, declared->state[1], values, count);
	if (node && entry_kind(node) == MSTAT_SHM_STATE_LIVE)
		return &node->handle;
	return overflow_handle(declared, family, MSTAT_REASON_LOCK_TIMEOUT);
}

static struct mstat_handle *series_find_slow(struct mstat_family *family, const char *const *values, size_t count)
{
	struct mstat_handle *handle = no_handle(family);
	struct mstat_signals signals;
	int saved_errno = errno;
	if (!mstat_load_relaxed(&family->asked)) {
		/* Once: a disabled family is not to cost this at every lookup, and mstat_enable() rules afterwards. */
		mstat_store_relaxed(&family->asked, 1);
		if (mstat_family_unwanted(family))
			mstat_enable(family, 0);
	}
	if (mstat_load_relaxed(&family->disabled))
		return handle;
	if (!mstat_attach() || !mstat_process_lock(&signals)) {
		mstat_refuse(MSTAT_REASON_NO_MEMORY);
		goto out;
	}
	struct mstat_index *index = mstat_index_ready();
	if (!index) {
		mstat_refuse(MSTAT_REASON_NO_MEMORY);
	} else if (!mstat_segment_lock()) {
		handle = series_find_unlocked(index, family, values, count);
	} else {
		handle = series_find_locked(index, family, values, count);
		mstat_segment_unlock();
	}
	mstat_process_unlock(&signals);
out:
	errno = saved_errno;
	return handle;
}

struct mstat_handle *mstat_series_find(struct mstat_family *family, const char *const *values, size_t count)
{
	/* acquire: pairs with the releases in mstat_index_ready() and mstat_family_resolve() */
	const struct mstat_index *index = mstat_load_acquire(&mstat_process.index);
	uint64_t state = mstat_load_acquire(&family->state[0]);
	if (MSTAT_UNLIKELY(!index || !state || STATE_LABELS(state) != count || mstat_load_relaxed(&family->disabled)))
		return series_find_slow(family, values, count);
	struct mstat_node *node =
		mstat_index_find(index, STATE_ORDINAL(state), mstat_load_relaxed(&family->state[1]), values, count);
	if (node && entry_kind(node) == MSTAT_SHM_STATE_LIVE)
		return &node->handle;
	/* A full family: a flood of new label values must not be a flood of locks. */
	/* acquire: pairs with the release in family_learn() */
	if (!node && STATE_ORDINAL(state) < mstat_load_acquire(&index->family_count)) {
		struct mstat_family_state *known = index->families[STATE_ORDINAL(state)];
		uint32_t full = mstat_load_relaxed(&known->full);
		if (full && mstat_load_relaxed(&known->overflow) &&
		    mstat_load_relaxed(&index->synced) == mstat_load_relaxed(&mstat_header()->arena_published))
			return overflow_handle(family, known, (int)full);
	}
	return series_find_slow(family, values, count);
}
