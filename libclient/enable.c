/* SPDX-License-Identifier: MIT */
/* Conditional families: switched by the program, or off from the start by MSTAT_DISABLE. */
#include <stdlib.h>
#include <string.h>

#include "private.h"

void mstat_enable(struct mstat_family *family, int enabled)
{
	mstat_store_relaxed(&family->disabled, !enabled);
}

/* `*` stands for any characters. The pattern ends at a comma. */
static bool pattern_matches(const char *pattern, size_t pattern_len, const char *name)
{
	while (pattern_len && *pattern != '*') {
		if (*name != *pattern)
			return false;
		pattern++, pattern_len--, name++;
	}
	if (!pattern_len)
		return !*name;
	while (pattern_len && *pattern == '*')
		pattern++, pattern_len--;
	for (; pattern_len; name++) {
		if (pattern_matches(pattern, pattern_len, name))
			return true;
		if (!*name)
			return false;
	}
	return true;
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
