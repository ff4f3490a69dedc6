/* SPDX-License-Identifier: MIT */
/* The values of one collection: arrays by series_ref, and what does not fit into 64 bits beside them. */
#include "value_set.h"

#include <stdlib.h>
#include <string.h>

bool value_set_reserve(struct value_set *values, uint32_t capacity)
{
	if (capacity <= values->capacity)
		return true;
	uint64_t *bits = realloc(values->bits, capacity * sizeof(*bits));
	if (!bits)
		return false;
	values->bits = bits;
	uint8_t *types = realloc(values->types, capacity);
	if (!types)
		return false;
	values->types = types;
	memset(types + values->capacity, VALUE_NONE, capacity - values->capacity);
	values->capacity = capacity;
	return true;
}

void value_set_clear(struct value_set *values)
{
	if (values->capacity)
		memset(values->types, VALUE_NONE, values->capacity);
	composite_set_clear(&values->composites);
	exemplar_set_fini(&values->exemplars);
}

void value_set_fini(struct value_set *values)
{
	free(values->bits);
	free(values->types);
	composite_set_fini(&values->composites);
	exemplar_set_fini(&values->exemplars);
	*values = (struct value_set){0};
}

struct number value_number(uint64_t bits, uint8_t type)
{
	struct number number = {.type = (enum number_type)(type - VALUE_NUMBER)};
	memcpy(&number.u64, &bits, sizeof(bits)); /* the members of the union have one size */
	return number;
}
