/* SPDX-License-Identifier: MIT */
/* The copy of the arena: taken when there is something new to understand, extended while it is kept. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

static size_t bitmap_bytes(uint32_t arena_len)
{
	return arena_len / 64 + 1;
}

/* Makes room for `len` bytes; the marks of the strings that are there stay. */
static bool copy_grow(struct segment_private *private, uint32_t len)
{
	size_t marks_before = private->strings ? bitmap_bytes(private->arena_len) : 0;
	size_t marks = bitmap_bytes(len);
	char *arena = realloc(private->arena, len);

	if (!arena)
		return false;
	private->arena = arena;
	uint8_t *strings = realloc(private->strings, marks);
	if (!strings)
		return false;
	memset(strings + marks_before, 0, marks - marks_before);
	private->strings = strings;
	return true;
}

static enum segment_refusal copy_extend(struct segment_scan *scan, uint32_t published)
{
	struct segment_private *private = scan->segment->private;
	uint32_t len = private->arena_len;

	if (!copy_grow(private, published)) {
		scan->error = ENOMEM;
		return scan_refuse(scan, SEGMENT_REFUSED_READ, region_offset(scan, MSTAT_SHM_REGION_ARENA, len));
	}
	enum segment_refusal refusal = scan_copy(scan, private->arena + len, published - len,
						 region_offset(scan, MSTAT_SHM_REGION_ARENA, len));
	if (!refusal)
	private->arena_len = published;
	return refusal;
}

enum segment_refusal arena_read(struct segment_scan *scan, bool *extended)
{
	struct segment_private *private = scan->segment->private;
	uint32_t published = (uint32_t)scan->segment->header.arena_published;
	bool grown = published > (private->arena ? private->arena_len : private->arena_parsed);
	/* A record may be published before its entry: the arena need not have grown for a series to be new. */
	bool unresolved = scan->segment->header.series_published > scan->segment->series_count;
	bool wanted = (private->want_strings || unresolved) && !private->arena;
	enum segment_refusal refusal = SEGMENT_REFUSED_NONE;

	*extended = false;
	if (grown || wanted || private->arena)
		refusal = scan_charge(scan, published + (uint64_t)bitmap_bytes(published));
	if (refusal || !published || !(grown || wanted))
		return refusal;
	refusal = copy_extend(scan, published);
	if (refusal)
		return refusal;
	private->want_strings = false;
	*extended = true;
	return SEGMENT_REFUSED_NONE;
}
