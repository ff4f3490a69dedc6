/* SPDX-License-Identifier: MIT */
/* How two numbers become one: integers of one type stay integers, all else becomes a double. */
#ifndef AGENTD_SNAPSHOT_NUMBER_MERGE_H
#define AGENTD_SNAPSHOT_NUMBER_MERGE_H

#include "catalog.h"

static inline double number_f64(struct number number)
{
	switch (number.type) {
	case NUMBER_U64:
		return (double)number.u64;
	case NUMBER_I64:
		return (double)number.i64;
	case NUMBER_F64:
		break;
	}
	return number.f64;
}

/* Whether they are integers of one type. */
static inline bool number_merges_exactly(struct number a, struct number b)
{
	return a.type == b.type && a.type != NUMBER_F64;
}

/* The sum of two integers of one type; wraps. */
static inline struct number number_sum_exact(struct number a, struct number b)
{
	/* Unsigned, also for i64: the bits are the same and wrapping is defined. */
	return (struct number){.type = a.type, .u64 = a.u64 + b.u64};
}

/* The lesser or the greater one; NaN only if both are. */
struct number number_least(struct number a, struct number b);
struct number number_greatest(struct number a, struct number b);

#endif
