/* SPDX-License-Identifier: MIT */
/* The lesser and the greater of two numbers. */
#include "number_merge.h"

#include <math.h>

struct number number_least(struct number a, struct number b)
{
	if (!number_merges_exactly(a, b))
		return (struct number){.type = NUMBER_F64, .f64 = fmin(number_f64(a), number_f64(b))};
	if (a.type == NUMBER_I64)
		return a.i64 < b.i64 ? a : b;
	return a.u64 < b.u64 ? a : b;
}

struct number number_greatest(struct number a, struct number b)
{
	if (!number_merges_exactly(a, b))
		return (struct number){.type = NUMBER_F64, .f64 = fmax(number_f64(a), number_f64(b))};
	if (a.type == NUMBER_I64)
		return a.i64 > b.i64 ? a : b;
	return a.u64 > b.u64 ? a : b;
}
