/* SPDX-License-Identifier: MIT */
/* Infos and state sets: gauges with a meaning of their own. */
#include <errno.h>

#include "private.h"

void mstat_info_set(mstat_info *info)
{
	int saved_errno = errno;
	uint64_t *cell = mstat_gauge_own_cell(&info->handle);
	if (cell)
		mstat_store_relaxed(cell, mstat_shm_gauge_from_i64(1));
	errno = saved_errno;
}

/* The bits that stay, and those that are set: all other changes of a state set are made of them. */
static void states_change(const mstat_state_set *set, unsigned int state, uint64_t keep, uint64_t on)
{
	int saved_errno = errno;
	uint64_t *cell = mstat_gauge_own_cell(&set->handle);
	if (cell && state >= ((const struct mstat_node *)&set->handle)->states) {
		mstat_refuse(MSTAT_REASON_STATES);
	} else if (cell) {
		uint64_t old = mstat_load_relaxed(cell), fresh;
		do {
			uint64_t states = old == MSTAT_SHM_GAUGE_UNSET ? 0 : (uint64_t)mstat_shm_gauge_to_i64(old);
			fresh = mstat_shm_gauge_from_i64((int64_t)((states & keep) | on));
		} while (!mstat_cas_relaxed(cell, &old, fresh));
	}
	errno = saved_errno;
}

void mstat_state_set_on(mstat_state_set *set, unsigned int state)
{
	states_change(set, state, UINT64_MAX, 1ull << (state & 63));
}

void mstat_state_set_off(mstat_state_set *set, unsigned int state)
{
	states_change(set, state, ~(1ull << (state & 63)), 0);
}

void mstat_state_set_only(mstat_state_set *set, unsigned int state)
{
	states_change(set, state, 0, 1ull << (state & 63));
}
