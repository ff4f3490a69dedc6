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

/* The handles of nothing: their updates go to the sink cells. */
struct mstat_handle mstat_no_handle[2] = {
	{.offset = MSTAT_SHM_CELL_SINK_U64 * MSTAT_CELL_BYTES},
	{.offset = MSTAT_SHM_CELL_SINK_F64 * MSTAT_CELL_BYTES},
};

static struct mstat_handle *no_handle(const struct mstat_family *declared)
{
	return &mstat_no_handle[declared->kind == MSTAT_SHM_COUNTER && declared->value == MSTAT_SHM_F64];
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

/* A cell for a series of the family, existing in every row in use; 0 and a reason when there is none. */
static uint32_t cell_alloc(struct mstat_index *index, const struct mstat_family_state *family, int *reason)
{
	struct mstat_shm_header *header = mstat_header();
	bool counter = family->kind == MSTAT_SHM_COUNTER;
	uint32_t cell = counter ? header->cells_published : header->gauge_cells_published;
	uint32_t limit = counter ? mstat_root.layout.cell_max : mstat_root.layout.gauge_cell_max;
	uint32_t need = !counter && family->merge == MSTAT_SHM_MERGE_LAST ? 2 : 1;
	if (counter && index->free_count && mstat_slot_is_only() && !mstat_root.forked) {
		cell = index->free_cells[--index->free_count];
		mstat_root.reuse_epoch++;
		mstat_store_relaxed(&header->reuse_epoch, mstat_root.reuse_epoch);
		return cell;
	}
	if (limit - cell < need) {
		*reason = MSTAT_REASON_CELLS_FULL;
		return 0;
	}
	*reason = counter ? mstat_rows_extend(cell + need) : mstat_gauge_rows_extend(cell + need);
	if (*reason)
		return 0;
	mstat_store_release(counter ? &header->cells_published : &header->gauge_cells_published, cell + need);
	return cell;
}

static int entry_prepare(uint32_t index)
{
	uint64_t at = mstat_root.layout.entries_off + index * sizeof(struct mstat_shm_entry);
	return at % mstat_page_bytes() == 0 ? mstat_populate(at, sizeof(struct mstat_shm_entry)) : 0;
}

/* Appends the record of a series and publishes it. 0 or the reason. Segment's lock held, index in step. */
static int series_make(struct mstat_index *index, const struct mstat_family_state *family,
		       const uint32_t *value_offsets, uint32_t value_count, uint16_t flags)
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
	uint32_t cell = cell_alloc(index, family, &reason);
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

/* ---- families ---- */

static bool text_is(uint32_t offset, const char *text, size_t len)
{
	const struct mstat_shm_string *string = mstat_arena(offset);
	return string->len == len && !memcmp(string->text, text, len);
}

/* The label names in ascending order, and for each its place in the declaration. */
struct label_order {
	size_t count;
	uint8_t place[MSTAT_LABELS_MAX];
	uint64_t order; /* the places, four bits each */
};

static int labels_sort(const struct mstat_family *family, struct label_order *sorted)
{
	sorted->count = 0;
	sorted->order = 0;
	for (size_t i = 0; i <= MSTAT_LABELS_MAX && family->label_names[i]; i++) {
		const char *name = family->label_names[i];
		size_t at = sorted->count;
		if (i == MSTAT_LABELS_MAX || !mstat_label_name_valid(name))
			return MSTAT_REASON_LABEL_NAME;
		for (; at && strcmp(family->label_names[sorted->place[at - 1]], name) > 0; at--)
			sorted->place[at] = sorted->place[at - 1];
		if (at && !strcmp(family->label_names[sorted->place[at - 1]], name))
			return MSTAT_REASON_LABEL_NAME;
		sorted->place[at] = (uint8_t)i;
		sorted->count++;
	}
	for (size_t i = 0; i < sorted->count; i++)
		sorted->order |= (uint64_t)sorted->place[i] << (4 * i);
	return 0;
}

static uint8_t merge_rule(const struct mstat_family *family)
{
	return family->merge & (uint8_t)~MSTAT_LIVE;
}

static uint8_t merge_flags(const struct mstat_family *family)
{
	bool live = family->merge & MSTAT_LIVE || merge_rule(family) == MSTAT_EACH;
	return family->kind == MSTAT_SHM_GAUGE && live ? MSTAT_SHM_FAMILY_LIVE : 0;
}

/* 0 when a known family is what the declaration says, else CONFLICT. The help text may differ: the first stays. */
static int family_compare(const struct mstat_family_state *known, const struct mstat_family *family,
			  const struct label_order *sorted)
{
	const struct mstat_shm_family *record = mstat_arena(known->record);
	const char *unit = family->unit ? family->unit : "";
	if (known->kind != family->kind || known->value != family->value || known->label_count != sorted->count ||
	    !text_is(record->unit, unit, strlen(unit)))
		return MSTAT_REASON_CONFLICT;
	if (family->kind == MSTAT_SHM_GAUGE &&
	    (known->merge != merge_rule(family) || known->flags != merge_flags(family)))
		return MSTAT_REASON_CONFLICT;
	for (size_t i = 0; i < sorted->count; i++) {
		const char *name = family->label_names[sorted->place[i]];
		if (!text_is(record->label_names[i], name, strlen(name)))
			return MSTAT_REASON_CONFLICT;
	}
	return 0;
}

static int family_check(const struct mstat_family *family, size_t *name_len)
{
	const char *help = family->help ? family->help : "";
	bool number_fits = family->kind == MSTAT_SHM_COUNTER
				   ? family->value == MSTAT_SHM_U64 || family->value == MSTAT_SHM_F64
				   : family->kind == MSTAT_SHM_GAUGE &&
					     (family->value == MSTAT_SHM_I64 || family->value == MSTAT_SHM_F64);
	if (!number_fits || merge_rule(family) < MSTAT_SUM || merge_rule(family) > MSTAT_EACH)
		return MSTAT_REASON_CONFLICT;
	if (strlen(help) > 1024 || !mstat_utf8_valid(help, strlen(help)))
		return MSTAT_REASON_HELP;
	int reason = mstat_name_check(family->name, family->kind, name_len);
	return reason ? reason : mstat_unit_check(family->unit, family->name, *name_len);
}

/* Appends the family's record; 0 or the reason. */
static int family_make(struct mstat_index *index, const struct mstat_family *family, const struct label_order *sorted,
		       size_t name_len)
{
	const char *help = family->help ? family->help : "", *unit = family->unit ? family->unit : "";
	uint32_t bytes = (uint32_t)((sizeof(struct mstat_shm_family) + sorted->count * 4 + 7) / 8 * 8);
	uint32_t label_names[MSTAT_LABELS_MAX];
	if (index->family_count == MSTAT_FAMILIES_MAX)
		return MSTAT_REASON_SERIES_LIMIT;
	uint32_t name_off = mstat_string_intern(index, family->name, name_len);
	uint32_t help_off = mstat_string_intern(index, help, strlen(help));
	uint32_t unit_off = mstat_string_intern(index, unit, strlen(unit));
	if (!name_off || !help_off || !unit_off)
		return MSTAT_REASON_ARENA_FULL;
	for (size_t i = 0; i < sorted->count; i++) {
		const char *name = family->label_names[sorted->place[i]];
		label_names[i] = mstat_string_intern(index, name, strlen(name));
		if (!label_names[i])
			return MSTAT_REASON_ARENA_FULL;
	}
	struct mstat_shm_family *record = mstat_arena_reserve(bytes);
	if (!record)
		return MSTAT_REASON_ARENA_FULL;
	memset(record, 0, bytes);
	record->record = (struct mstat_shm_record){bytes, MSTAT_SHM_RECORD_FAMILY, 0};
	record->name = name_off, record->help = help_off, record->unit = unit_off;
	record->series_limit = family->series_limit ? family->series_limit : mstat_root.layout.family_series_max;
	record->kind = family->kind, record->value = family->value;
	record->merge = family->kind == MSTAT_SHM_GAUGE ? merge_rule(family) : MSTAT_SHM_MERGE_SUM;
	record->flags = merge_flags(family);
	record->label_count = (uint16_t)sorted->count;
	record->ordinal = (uint16_t)index->family_count;
	record->created_ns = mstat_realtime_ns();
	memcpy(record->label_names, label_names, sorted->count * sizeof(*label_names));
	mstat_header()->family_count = index->family_count + 1;
	mstat_arena_publish(bytes);
	return mstat_index_sync(index) ? 0 : MSTAT_REASON_NO_MEMORY;
}

static struct mstat_family_state *family_by_name(const struct mstat_index *index, const char *name, size_t len)
{
	for (uint32_t i = 0; i < index->family_count; i++) {
		const struct mstat_shm_family *record = mstat_arena(index->families[i]->record);
		if (text_is(record->name, name, len))
			return index->families[i];
	}
	return NULL;
}

/* Fills family->state; 0 or the reason. Segment's lock held, index in step. */
static int family_resolve(struct mstat_index *index, struct mstat_family *family)
{
	struct label_order sorted;
	size_t name_len;
	int reason = family_check(family, &name_len);
	if (!reason)
		reason = labels_sort(family, &sorted);
	if (reason)
		return reason;
	struct mstat_family_state *known = family_by_name(index, family->name, name_len);
	if (known) {
		reason = family_compare(known, family, &sorted);
	} else {
		reason = family_make(index, family, &sorted, name_len);
		known = reason ? NULL : index->families[index->family_count - 1];
	}
	if (reason)
		return reason;
	if (sorted.count && !known->overflow) {
		reason = series_make(index, known, NULL, 0, MSTAT_SHM_SERIES_OVERFLOW);
		if (reason)
			return reason;
	}
	mstat_store_relaxed(&family->state[1], sorted.order);
	/* release: pairs with the acquire in mstat_series_find() */
	mstat_store_release(&family->state[0], (uint64_t)sorted.count << 32 | (known->ordinal + 1));
	return 0;
}

/* ---- series ---- */

static uint32_t entry_kind(const struct mstat_node *node)
{
	/* acquire: pairs with the release in series_publish() and mstat_remove() */
	return mstat_load_acquire(&mstat_entry(node->index)->state) & MSTAT_SHM_STATE_MASK;
}

static struct mstat_handle *overflow_handle(const struct mstat_family *declared,
					    const struct mstat_family_state *family, int reason)
{
	mstat_refuse(reason);
	return family && family->overflow ? &family->overflow->handle : no_handle(declared);
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

/* A removed series comes back: with its old cell, if that has no other owner by now. Where this process is alone it
 * starts again at zero (its cell was cleared); otherwise it goes on, as if it had never been away. */
static bool series_revive(struct mstat_index *index, struct mstat_node *node)
{
	struct mstat_family_state *family = index->families[node->family];
	struct mstat_shm_entry *entry = mstat_entry(node->index);
	for (uint32_t i = 0; i < index->free_count; i++) {
		if (family->kind == MSTAT_SHM_COUNTER && index->free_cells[i] == node->cell) {
			memmove(&index->free_cells[i], &index->free_cells[i + 1],
				(--index->free_count - i) * sizeof(*index->free_cells));
			entry->created_ns = mstat_realtime_ns();
			break;
		}
	}
	series_publish(node);
	mstat_store_release(&node->handle.offset, node->cell * MSTAT_CELL_BYTES); /* pairs with loads in record.h */
	family->live++;
	return true;
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
	return series_make(index, family, offsets, (uint32_t)count, 0);
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
		int reason = family_resolve(index, declared);
		if (reason)
			return overflow_handle(declared, NULL, reason);
	}
	family = index->families[STATE_ORDINAL(declared->state[0])];
	if (count != family->label_count)
		return overflow_handle(declared, family, MSTAT_REASON_LABEL_COUNT);
	struct mstat_node *node = mstat_index_find(index, family->ordinal, declared->state[1], values, count);
	if (node) {
		if (entry_kind(node) != MSTAT_SHM_STATE_LIVE)
			series_revive(index, node);
		return &node->handle;
	}
	int reason = series_add(index, family, declared->state[1], values, count);
	if (reason) {
		mstat_store_relaxed(&family->full, reason_lasts(reason) ? (uint32_t)reason : 0);
		return overflow_handle(declared, family, reason);
	}
	node = mstat_index_find(index, family->ordinal, declared->state[1], values, count);
	return node ? &node->handle : overflow_handle(declared, family, MSTAT_REASON_NO_MEMORY);
}

static struct mstat_handle *series_find_slow(struct mstat_family *family, const char *const *values, size_t count)
{
	struct mstat_handle *handle = no_handle(family);
	struct mstat_signals signals;
	int saved_errno = errno;
	if (!mstat_attach() || !mstat_process_lock(&signals)) {
		mstat_refuse(MSTAT_REASON_NO_MEMORY);
		goto out;
	}
	struct mstat_index *index = mstat_index_ready();
	uint64_t state = mstat_load_acquire(&family->state[0]);
	if (!index) {
		mstat_refuse(MSTAT_REASON_NO_MEMORY);
	} else if (!mstat_segment_lock()) {
		handle = overflow_handle(family,
					 state && STATE_ORDINAL(state) < index->family_count
						 ? index->families[STATE_ORDINAL(state)]
						 : NULL,
					 MSTAT_REASON_LOCK_TIMEOUT);
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
	/* acquire: pairs with the releases in mstat_index_ready() and family_resolve() */
	const struct mstat_index *index = mstat_load_acquire(&mstat_process.index);
	uint64_t state = mstat_load_acquire(&family->state[0]);
	if (MSTAT_UNLIKELY(!index || !state || STATE_LABELS(state) != count))
		return series_find_slow(family, values, count);
	struct mstat_node *node =
		mstat_index_find(index, STATE_ORDINAL(state), mstat_load_relaxed(&family->state[1]), values, count);
	if (node && entry_kind(node) == MSTAT_SHM_STATE_LIVE)
		return &node->handle;
	/* A full family: a flood of new label values must not be a flood of locks. */
	if (!node && STATE_ORDINAL(state) < mstat_load_relaxed(&index->family_count)) {
		struct mstat_family_state *known = index->families[STATE_ORDINAL(state)];
		uint32_t full = mstat_load_relaxed(&known->full);
		if (full && known->overflow &&
		    mstat_load_relaxed(&index->synced) == mstat_load_relaxed(&mstat_header()->arena_published))
			return overflow_handle(family, known, (int)full);
	}
	return series_find_slow(family, values, count);
}
