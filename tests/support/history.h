/* SPDX-License-Identifier: MIT */
/* What earlier pages said, and whether a later one takes it back: no counter, bucket, count or sum is ever less, none
 * vanishes, buckets are cumulative, and the count of a histogram is that of its last bucket.
 *
 * Pages are texts of format 0.0.4 or OpenMetrics, whose label values have no blanks.
 */
#ifndef TESTS_HISTORY_H
#define TESTS_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#define HISTORY_SERIES_MAX 4096u
#define HISTORY_TEXT_MAX 256u

struct history_series {
	char text[HISTORY_TEXT_MAX]; /* name{labels} */
	double value;
	uint64_t page; /* the last that had it */
};

/* Large: static, or on pages of its own. Zeros, but for the first two: a new one. */
struct history {
	const char *label; /* only series that have it, such as service="shop"; the agent's own begin anew with it */
	bool one_format;   /* bounds are written in one way: what is not on a page has vanished */
	uint64_t pages;
	uint64_t values;
	unsigned int faults; /* each of the first ten is printed */
	struct history_series series[HISTORY_SERIES_MAX];
};

/* Compares a page with those before it, and remembers it. */
void history_page(struct history *history, const char *page);

#endif
