/* SPDX-License-Identifier: MIT */
/* What the cells of a summary mean: the value that stands for all that a cell takes. */
#ifndef AGENTD_COLLECT_SEGMENTS_WINDOW_LAYOUT_H
#define AGENTD_COLLECT_SEGMENTS_WINDOW_LAYOUT_H

#include "segments_windows.h"

struct window_layout {
	struct window_layout *next;
	uint32_t users;
	uint32_t cell_count;
	bool scaled; /* the family records integers */
	struct mstat_shm_buckets *buckets;
	double values[];
};

#endif
