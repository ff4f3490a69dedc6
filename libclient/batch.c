/* SPDX-License-Identifier: MIT */
/* Several updates in one call. */
#include "private.h"

void mstat_batch(const struct mstat_update *updates, size_t count)
{
	for (const struct mstat_update *update = updates; update < updates + count; update++) {
		switch (update->operation) {
		case MSTAT_ADD:
			mstat_add((mstat_counter *)update->handle, update->u64);
			break;
		case MSTAT_ADD_F64:
			mstat_add_f64((mstat_counter_f64 *)update->handle, update->f64);
			break;
		case MSTAT_SET:
			mstat_gauge_set((mstat_gauge *)update->handle, update->i64);
			break;
		case MSTAT_SET_F64:
			mstat_gauge_f64_set((mstat_gauge_f64 *)update->handle, update->f64);
			break;
		case MSTAT_GAUGE_ADD:
			mstat_gauge_add((mstat_gauge *)update->handle, update->i64);
			break;
		case MSTAT_OBSERVE:
			mstat_observe((mstat_histogram *)update->handle, update->i64);
			break;
		case MSTAT_OBSERVE_F64:
			mstat_observe_f64((mstat_histogram_f64 *)update->handle, update->f64);
			break;
		}
	}
}
