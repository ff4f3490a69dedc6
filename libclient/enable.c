/* SPDX-License-Identifier: MIT */
/* Conditional families: switched by the program, or off from the start by MSTAT_DISABLE. */
#include <stdlib.h>
#include <string.h>

#include "private.h"

void mstat_enable(struct mstat_family *family, int enabled)
{
	mstat_store_relaxed(&family->disabled, !enabled);
}

/* `*` stands for any characters. Where something does not fit, the last `*` takes one more: no earlier one needs to. */
static bool pattern_matches(const char *pattern, size_t len, const char *name)
{
	size_t at = 0, behind_star = 0;
	const char *resume = name;
	while (*name) {
		if (at < len && pattern[at] == '*') {
			behind_star = ++at;
			resume = name;
		} else if (at < len && pattern[at] == *name) {
			at++, name++;
		} else if (behind_star) {
			at = behind_star;
			name = ++resume;
		} else {
			return false;
		}
	}
	while (at < len && pattern[at] == '*')
		at++;
	return at == len;
}

bool mstat_family_unwanted(const struct mstat_family *family)
{
	const char *list = secure_getenv("MSTAT_DISABLE");
	while (list && *list) {
		size_t len = strcspn(list, ",");
		if (len && family->name && pattern_matches(list, len, family->name))
			return true;
		list += len + (list[len] == ',');
	}
	return false;
}
