/* SPDX-License-Identifier: MIT */
/* Out-of-line twins of the inlined hot path, for other languages and for builds without inlining; and the typed
 * finders. */
#define MSTAT_INLINE __attribute__((visibility("default")))
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#include "private.h"

#define FIND(type)                                                                                                     \
	mstat_##type *mstat_##type##_find(mstat_##type##_family *family, const char *const *values, size_t count)      \
	{                                                                                                              \
		return (mstat_##type *)mstat_series_find(&family->family, values, count);                              \
	}
MSTAT_INSTRUMENTS(FIND)
