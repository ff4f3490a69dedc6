/* SPDX-License-Identifier: MIT */
/* The values of one collection, by series_ref: the builder fills them in, then they become the snapshot's own. */
#ifndef AGENTD_SNAPSHOT_VALUE_SET_H
#define AGENTD_SNAPSHOT_VALUE_SET_H

#include "composite_set.h"
#include "exemplar_set.h"

/* What types[] says about a series: */
enum {
	VALUE_NONE = 0,
	VALUE_NUMBER = 1, /* plus a number_type: bits[] has the number */
	VALUE_NUMBER_LAST = VALUE_NUMBER + NUMBER_F64,
	VALUE_COMPOSITE,        /* bits[] has its place in `composites` */
	VALUE_SUM,              /* bits[] has its place among the builder's sums; never in a snapshot */
	VALUE_EXEMPLARS = 0x80, /* added to the others: there are exemplars, too; only in a snapshot */
};

struct value_set {
	uint64_t *bits;
	uint8_t *types;
	uint32_t capacity;
	struct composite_set composites;
	struct exemplar_set exemplars;
};

/* Makes room for at least `capacity` series; false when out of memory. */
bool value_set_reserve(struct value_set *values, uint32_t capacity);
/* No series has a value any more. */
void value_set_clear(struct value_set *values);
void value_set_fini(struct value_set *values);

/* The number of a series whose type is one of VALUE_NUMBER. */
struct number value_number(uint64_t bits, uint8_t type);

#endif
