/* SPDX-License-Identifier: MIT */
/* Removal: tombstone, grace period, then the cell may serve another series.
 *
 * The tombstone makes readers pass over the series. Handles are turned to a sink cell, so that a late update is dropped
 * and counted. The cell itself may be reused when no thread can write to it any more:
 *  - in the hot path the cell's offset is read inside the restartable sequence: after a fence for such sequences no
 * thread can commit to an offset that it read before;
 *  - a locked add (no rseq) and a lookup are RCU read-side sections: after a grace period they are over;
 *  - other processes may hold handles of their own: cells are reused only while one process maps the segment and it has
 *    not forked. Gauge cells are never reused, only revived with their series.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <urcu/urcu-bp.h>

#include "private.h"

/* Where late updates of a removed series may go: as many cells as it has, or its own where there is no room; those are
 * not reused then. */
static uint32_t sink_of(struct mstat_index *index, const struct mstat_family_state *family, uint32_t own)
{
	int reason = 0;
	if (family->kind == MSTAT_SHM_COUNTER)
		return family->value == MSTAT_SHM_F64 ? MSTAT_SHM_CELL_SINK_F64 : MSTAT_SHM_CELL_SINK_U64;
	if (index->sink_cells < family->cells) {
		uint32_t cell = mstat_cells_alloc(index, true, family->cells, &reason);
		if (reason)
			return own;
		index->sink_cell = cell;
		index->sink_cells = family->cells;
	}
	return index->sink_cell;
}

/* Returns whether the cells may be reused after a grace period. Gauges' never are: their handles stay as they are. */
static bool series_bury(struct mstat_index *index, struct mstat_node *node)
{
	struct mstat_shm_entry *entry = mstat_entry(node->index);
	struct mstat_family_state *family = index->families[node->family];
	bool in_rows = mstat_shm_kind_in_rows(family->kind);
	if ((entry->state & MSTAT_SHM_STATE_MASK) != MSTAT_SHM_STATE_LIVE)
		return false;
	/* release: pairs with the acquire in entry_kind() and in readers */
	mstat_store_release(&entry->state, ((entry->state >> 2) + 1) << 2 | MSTAT_SHM_STATE_REMOVED);
	uint32_t sink = in_rows ? sink_of(index, family, node->cell) : family->kind == MSTAT_SHM_GAUGE ? 0 : node->cell;
	mstat_store_release(&node->handle.offset, sink * MSTAT_CELL_BYTES); /* pairs with loads in record.h */
	family->live -= family->live > 0;
	mstat_store_relaxed(&family->full, 0);
	return in_rows && sink != node->cell;
}

static bool free_cells_reserve(struct mstat_index *index)
{
	if (index->free_count < index->free_capacity)
		return true;
	uint32_t capacity = index->free_capacity ? index->free_capacity * 2 : 1024;
	struct mstat_free *cells =
		mmap(NULL, capacity * sizeof(*cells), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (cells == MAP_FAILED)
		return false;
	if (index->free_cells) {
		memcpy(cells, index->free_cells, index->free_count * sizeof(*cells));
		munmap(index->free_cells, index->free_capacity * sizeof(*cells));
	}
	index->free_cells = cells;
	index->free_capacity = capacity;
	return true;
}

/* A removal whose grace period is awaited. */
struct burial {
	uint32_t index;
	uint32_t state; /* the entry's, as the removal left it */
	uint32_t cell;
	uint32_t cells;
};

/* After the grace period, with both locks held again. Not if the series has come back in the meantime, even if it was
 * removed once more: then the other removal gives the cell back, after a grace period of its own. */
static void cell_release(struct mstat_index *index, const struct burial *burial)
{
	uint32_t rows = mstat_root.layout.cpu_count + MSTAT_SHARED_ROWS;
	bool revived = mstat_entry(burial->index)->state != burial->state;
	if (revived || !mstat_slot_is_only() || mstat_root.forked || !free_cells_reserve(index))
		return;
	for (uint32_t row = 0; row < rows; row++) {
		uint64_t *cell = (uint64_t *)mstat_row(row) + burial->cell;
		if (mstat_load_relaxed(mstat_row_state(row)) <= burial->cell)
			continue; /* rows in use have all cells that were published */
		for (uint32_t i = 0; i < burial->cells; i++)
			mstat_store_relaxed(cell + i, 0);
	}
	index->owners[burial->cell] = 0;
	index->free_cells[index->free_count++] = (struct mstat_free){burial->cell, burial->cells};
}

static void tables_free(struct mstat_table *table)
{
	while (table) {
		struct mstat_table *retired = table->retired;
		munmap(table, sizeof(*table) + (table->mask + 1) * sizeof(table->buckets[0]));
		table = retired;
	}
}

/* Both locks, or none. */
static bool locks_take(struct mstat_signals *signals)
{
	if (!mstat_process_lock(signals))
		return false;
	if (mstat_segment_lock())
		return true;
	mstat_process_unlock(signals);
	mstat_refuse(MSTAT_REASON_LOCK_TIMEOUT);
	return false;
}

static void locks_release(const struct mstat_signals *signals)
{
	mstat_segment_unlock();
	mstat_process_unlock(signals);
}

static struct mstat_node *node_find(struct mstat_index *index, const struct mstat_family *family,
				    const char *const *values, size_t count)
{
	uint64_t state = family->state[0];
	if (!index || !mstat_index_sync(index) || !state || state >> 32 != count)
		return NULL;
	return mstat_index_find(index, (uint32_t)state - 1, family->state[1], values, count);
}

int mstat_remove(struct mstat_family *family, const char *const *values, size_t count)
{
	int saved_errno = errno, removed = 0;
	struct mstat_index *index;
	struct mstat_signals signals;
	struct mstat_table *retired = NULL;
	struct mstat_node *node = NULL;
	struct burial burial = {0};
	bool reusable = false;

	if (!mstat_attach() || !locks_take(&signals))
		goto out;
	index = mstat_index_ready();
	node = node_find(index, family, values, count);
	if (node && (mstat_entry(node->index)->state & MSTAT_SHM_STATE_MASK) == MSTAT_SHM_STATE_LIVE) {
		reusable = series_bury(index, node);
		removed = 1;
		burial = (struct burial){node->index, mstat_entry(node->index)->state, node->cell,
					 index->families[node->family]->cells};
	}
	/* A child of fork has no grace periods: nothing is freed or reused in it. */
	bool waits = removed && mstat_process.rcu;
	if (waits) {
		retired = index->table->retired;
		index->table->retired = NULL;
	}
	locks_release(&signals);
	if (!waits)
		goto out;

	/* Where membarrier(2) is refused, perhaps only since a sandbox was entered, liburcu would abort: no grace
	 * period then, cell and tables are given up. */
	if (!mstat_rseq_fence())
		goto out;
	urcu_bp_synchronize_rcu();
	tables_free(retired);
	if (reusable && locks_take(&signals)) {
		cell_release(index, &burial);
		locks_release(&signals);
	}
out:
	errno = saved_errno;
	return removed;
}
