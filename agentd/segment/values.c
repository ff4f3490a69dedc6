/* SPDX-License-Identifier: MIT */
/* The value of a series at the last read. */
#include "private.h"

static struct segment_value counter_value(const struct segment *segment, const struct segment_series *series)
{
	struct segment_value value = {0};

	if (series->cell >= segment->private->cell_count)
		return value;
	value.bits = segment->private->cells[series->cell];
	/* An overflow series exists from the start; it is shown once it took an update. */
	value.present = !series->overflow || value.bits;
	return value;
}

struct segment_value segment_value(const struct segment *segment, uint32_t series)
{
	struct segment_value none = {0};

	if (series >= segment->series_count || !segment->series[series].readable)
		return none;
	if (segment->families[segment->series[series].family].kind == MSTAT_SHM_COUNTER)
		return counter_value(segment, &segment->series[series]);
	return gauge_merge(segment, &segment->series[series]);
}
