/* SPDX-License-Identifier: MIT */
/* The nearest of some words: "did you mean". */
#ifndef MSTAT_TOOL_NEAREST_H
#define MSTAT_TOOL_NEAREST_H

#include <stddef.h>

/* The fewest insertions, deletions, replacements and swaps of neighbours that make one word the other. Words longer
 * than 63 bytes count as different in all their bytes. */
size_t edit_distance(const char *a, const char *b);

/* The index of the word nearest to `word`, or `count` when none is near enough to be meant. */
size_t nearest(const char *word, const char *(*name)(size_t index), size_t count);

#endif
