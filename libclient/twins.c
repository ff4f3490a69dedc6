/* SPDX-License-Identifier: MIT */
/* Out-of-line twins of the inlined hot path, for other languages and for builds without inlining; and the typed
 * finders. */
#define MSTAT_INLINE __attribute__((visibility("default")))
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#include "private.h"

mstat_counter *mstat_counter_find(mstat_counter_family *family, const char *const *values, size_t count)
{
	return (mstat_counter *)mstat_series_find(&family->family, values, count);
}

mstat_counter_f64 *mstat_counter_f64_find(mstat_counter_f64_family *family, const char *const *values, size_t count)
{
	return (mstat_counter_f64 *)mstat_series_find(&family->family, values, count);
}

mstat_gauge *mstat_gauge_find(mstat_gauge_family *family, const char *const *values, size_t count)
{
	return (mstat_gauge *)mstat_series_find(&family->family, values, count);
}

mstat_gauge_f64 *mstat_gauge_f64_find(mstat_gauge_f64_family *family, const char *const *values, size_t count)
{
	return (mstat_gauge_f64 *)mstat_series_find(&family->family, values, count);
}
