/* SPDX-License-Identifier: MIT */
/* The values that stand for cells (include/mstat/bucket.h), made once for all families with the same buckets. */
#include "segments_window_layout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <mstat/bucket.h>

/* The product may be beyond what doubles hold. */
static double geometric_mean(double one, double other)
{
	return sqrt(one) * sqrt(other);
}

/* Of the values in (lower, upper]. */
static double mean_between(double lower, double upper)
{
	if (lower > 0)
		return geometric_mean(lower, upper);
	return upper < 0 ? -geometric_mean(-lower, -upper) : 0;
}

/* The same of recorded integers: where a cell takes just a few of them, its bounds say too little. */
static double mean_of_integers(double lower, double upper, double scale)
{
	int64_t least = mstat_bucket_scaled(lower, scale) + 1, most = mstat_bucket_scaled(upper, scale);
	if (least <= 0 || most < least)
		return mean_between(lower, upper);
	return geometric_mean((double)least, (double)most) * scale;
}

static void values_fill(struct window_layout *layout, const double *uppers, uint32_t count)
{
	const struct mstat_shm_buckets *buckets = layout->buckets;
	bool negative = buckets->flags & MSTAT_SHM_BUCKETS_NEGATIVE;
	for (uint32_t i = 1; i < count; i++)
		layout->values[i] = layout->scaled ? mean_of_integers(uppers[i - 1], uppers[i], buckets->scale)
						   : mean_between(uppers[i - 1], uppers[i]);
	/* Without negative values the first cell is the zero bucket. */
	layout->values[0] = negative && count ? uppers[0] : 0;
	if (count)
		layout->values[count] = uppers[count - 1];
}

static struct window_layout *layout_new(const struct segment_family *family, bool scaled)
{
	double *uppers = malloc(MSTAT_PARTITION_MAX * sizeof(*uppers));
	struct mstat_shm_buckets *buckets = malloc(family->buckets->record.bytes);
	struct window_layout *layout = NULL;
	if (!uppers || !buckets)
		goto out;
	memcpy(buckets, family->buckets, family->buckets->record.bytes);
	uint32_t count = mstat_partition(buckets, scaled, uppers);
	layout = calloc(1, sizeof(*layout) + (count + 1) * sizeof(layout->values[0]));
	if (!layout)
		goto out;
	layout->cell_count = count + 1;
	layout->scaled = scaled;
	layout->buckets = buckets;
	buckets = NULL;
	values_fill(layout, uppers, count);
out:
	free(buckets);
	free(uppers);
	return layout;
}

static bool layout_fits(const struct window_layout *layout, const struct segment_family *family, bool scaled)
{
	return layout->scaled == scaled && layout->buckets->record.bytes == family->buckets->record.bytes &&
	       !memcmp(layout->buckets, family->buckets, family->buckets->record.bytes);
}

struct window_layout *window_layout_get(struct windows *windows, const struct segment_family *family)
{
	bool scaled = family->value != MSTAT_SHM_F64;
	if (!family->buckets)
		return NULL;
	struct window_layout *layout = windows->layouts;
	while (layout && !layout_fits(layout, family, scaled))
		layout = layout->next;
	if (!layout) {
		layout = windows->bytes < WINDOWS_BYTES_MAX ? layout_new(family, scaled) : NULL;
		if (!layout)
			return NULL;
		windows->bytes += layout->cell_count * sizeof(layout->values[0]);
		layout->next = windows->layouts;
		windows->layouts = layout;
	}
	layout->users++;
	return layout;
}

void window_layout_put(struct windows *windows, struct window_layout *layout)
{
	if (!layout || --layout->users)
		return;
	struct window_layout **link = &windows->layouts;
	while (*link != layout)
		link = &(*link)->next;
	*link = layout->next;
	windows->bytes -= layout->cell_count * sizeof(layout->values[0]);
	free(layout->buckets);
	free(layout);
}
