/* SPDX-License-Identifier: MIT */
/* The nearest of some words. See nearest.h. */
#include <string.h>

#include "nearest.h"

#define WORD_MAX 63

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment: one row of the distance table for each byte of `a`, of which three are in use. */
size_t edit_distance(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);
	size_t row[3][WORD_MAX + 1];
	if (a_len > WORD_MAX || b_len > WORD_MAX)
		return a_len > b_len ? a_len : b_len;
	for (size_t j = 0; j <= b_len; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
		now[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = least(now[j], before[j - 2] + 1);
		}
	}
	return row[a_len % 3][b_len];
}

size_t nearest(const char *word, const char *(*name)(size_t index), size_t count)
{
	size_t found = count, best = strlen(word) / 2 + 1;
	for (size_t i = 0; i < count; i++) {
		size_t distance = edit_distance(word, name(i));
		if (distance < best) {
			best = distance;
			found = i;
		}
	}
	return found;
}
