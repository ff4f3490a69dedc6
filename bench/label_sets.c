/* SPDX-License-Identifier: MIT */
/* Label sets as an HTTP service has them. */
#include "label_sets.h"

#include <stdio.h>
#include <stdlib.h>

#include "harness.h"

#define ROUTE_BYTES 40u

const char *const label_names[LABEL_COUNT] = {"method", "status", "route"};

struct label_set *label_sets_new(size_t count)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "DELETE"};
	static const char *const statuses[] = {"200", "201", "404", "500"};
	struct label_set *sets = malloc(count * (sizeof(*sets) + ROUTE_BYTES));
	if (!sets)
		bench_fail("no memory for %zu label sets", count);
	char *text = (char *)(sets + count);
	for (size_t i = 0; i < count; i++, text += ROUTE_BYTES) {
		snprintf(text, ROUTE_BYTES, "/api/v1/resource/%zu", i);
		sets[i] = (struct label_set){{methods[i % 4], statuses[i / 4 % 4], text}};
	}
	return sets;
}

void label_sets_free(struct label_set *sets)
{
	free(sets);
}
