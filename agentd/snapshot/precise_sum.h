/* SPDX-License-Identifier: MIT */
/* Sums of doubles that do not depend on the order of the addends.
 *
 * A plain sum may come out an ulp lower when its sources come in another order, as they do when a process dies and its
 * share comes from the totals: a counter would go down, and a scraper would take that for a restart. So the rounding
 * error of each addition, which is itself a double (D. E. Knuth's TwoSum), is summed beside. As long as those errors
 * add up exactly, the result is the exact sum, rounded once: the same in any order, and never less for a greater
 * addend. They do while (sum / least addend's last bit) * count < 2^106, that is, for addends that differ by less than
 * a factor of some 2^53 / count; beyond that, orders differ only where the exact sum lies within 2^-50 or so of an ulp
 * from the middle of two doubles.
 */
#ifndef AGENTD_SNAPSHOT_PRECISE_SUM_H
#define AGENTD_SNAPSHOT_PRECISE_SUM_H

#include <math.h>

struct precise_sum {
	double sum;
	double error; /* what must be added to `sum` to be exact */
};

static inline void precise_sum_add(struct precise_sum *total, double addend)
{
	double sum = total->sum + addend;
	double back = sum - total->sum;
	total->error += (total->sum - (sum - back)) + (addend - back);
	total->sum = sum;
}

static inline double precise_sum_value(const struct precise_sum *total)
{
	/* With an infinity or a NaN among the addends the sum is one, but its error means nothing. */
	return isfinite(total->sum) ? total->sum + total->error : total->sum;
}

#endif
