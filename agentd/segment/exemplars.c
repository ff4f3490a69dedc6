/* SPDX-License-Identifier: MIT */
/* Exemplars: the table is copied, and of the copy what is whole (even sequence, right check), belongs to a series that
 * is there, and is safe to print.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mstat/bucket.h>

#include "private.h"

/* The end of the quoted value that begins at `at`; 0 where there is none. */
static size_t value_end(const char *labels, size_t len, size_t at, size_t *escapes)
{
	for (; at < len && labels[at] != '"'; at++) {
		if (labels[at] == '\n')
			return 0;
		if (labels[at] != '\\')
			continue;
		if (++at == len || (labels[at] != '\\' && labels[at] != '"' && labels[at] != 'n'))
			return 0;
		++*escapes;
	}
	return at < len ? at + 1 : 0;
}

static size_t characters_of(const char *text, size_t len)
{
	size_t count = 0;
	for (size_t i = 0; i < len; i++)
		count += ((unsigned char)text[i] & 0xc0) != 0x80;
	return count;
}

/* The names of a label set, to tell that one comes twice: parsers refuse the page then. */
struct names {
	struct {
		const char *text;
		size_t len;
	} items[MSTAT_SHM_EXEMPLAR_CHARACTERS_MAX];
	size_t count;
};

static bool name_is_new(struct names *names, const char *text, size_t len)
{
	for (size_t i = 0; i < names->count; i++)
		if (names->items[i].len == len && !memcmp(names->items[i].text, text, len))
			return false;
	if (names->count == MSTAT_SHM_EXEMPLAR_CHARACTERS_MAX)
		return false;
	names->items[names->count].text = text;
	names->items[names->count++].len = len;
	return true;
}

bool exemplar_labels_sound(const char *labels, size_t len)
{
	struct names names = {.count = 0};
	size_t at = 0, characters = 0;

	if (!text_is_utf8(labels, len))
		return false;
	while (at < len) {
		size_t name_len = label_name_len(labels + at, len - at), escapes = 0;
		size_t value = at + name_len + 2;
		if (!name_len || value > len || labels[value - 2] != '=' || labels[value - 1] != '"')
			return false;
		size_t end = value_end(labels, len, value, &escapes);
		if (!end || !name_is_new(&names, labels + at, name_len))
			return false;
		characters += name_len + characters_of(labels + value, end - 1 - value) - escapes;
		at = end;
		if (at < len && (labels[at] != ',' || ++at == len))
			return false;
	}
	return characters <= MSTAT_SHM_EXEMPLAR_CHARACTERS_MAX;
}

/* The cell must be one of the series': a counter's, or one of its buckets. */
static bool cell_place(const struct segment *segment, const struct mstat_shm_exemplar *slot, uint32_t *bucket,
		       double *scale)
{
	if (slot->series >= segment->series_count || !segment->series[slot->series].readable)
		return false;
	const struct segment_series *series = &segment->series[slot->series];
	const struct segment_family *family = &segment->families[series->family];
	uint32_t place = slot->cell - series->cell;
	if (!mstat_shm_kind_in_rows(family->kind) || slot->cell < series->cell || place >= family->cells ||
	    place < family->sums)
		return false;
	/* Of an earlier life: the series was removed since, and has begun again from zero in the same cells. */
	if (slot->time_ns < series->created_ns)
		return false;
	*bucket = place - family->sums;
	*scale = family->buckets && family->value != MSTAT_SHM_F64 ? family->buckets->scale : 1;
	return true;
}

/* Recorded units in base units: 300,000,000 ns are 0.3 s. Most scales are no doubles, their inverses are. */
static double in_base_units(double value, double scale)
{
	double inverse = scale < 1 ? (double)(int64_t)(1 / scale + 0.5) : 0;

	return inverse > 0 && 1 / inverse == scale ? value / inverse : value * scale;
}

static bool slot_take(const struct segment *segment, const struct mstat_shm_exemplar *slot,
		      struct segment_exemplar *exemplar)
{
	double scale, value = mstat_f64_of_bits(slot->value);

	if (!slot->cell || slot->sequence % 2 || slot->labels_len > MSTAT_SHM_EXEMPLAR_LABELS_MAX ||
	    slot->check != mstat_shm_exemplar_check(slot) || !cell_place(segment, slot, &exemplar->bucket, &scale) ||
	    !(value >= -__DBL_MAX__ && value <= __DBL_MAX__) || !exemplar_labels_sound(slot->labels, slot->labels_len))
		return false;
	exemplar->series = slot->series;
	exemplar->value = in_base_units(value, scale);
	exemplar->time_ns = slot->time_ns;
	exemplar->labels = slot->labels;
	exemplar->labels_len = slot->labels_len;
	return true;
}

/* Whether anything was ever written to the table: most programs have no exemplars, and a hole need not be copied. */
static bool table_used(const struct segment_scan *scan, uint64_t offset, uint64_t bytes)
{
	off_t data = lseek(scan->fd, (off_t)offset, SEEK_DATA);
	return data < 0 ? errno != ENXIO : (uint64_t)data < offset + bytes;
}

enum segment_refusal exemplars_read(struct segment_scan *scan)
{
	struct segment *segment = scan->segment;
	struct segment_private *private = segment->private;
	uint64_t slots = segment->header.exemplar_max, bytes = slots * sizeof(struct mstat_shm_exemplar);
	uint64_t offset = region_offset(scan, MSTAT_SHM_REGION_EXEMPLARS, 0);

	private->exemplar_count = 0;
	/* Another stride belongs to another version, which may have another slot. */
	if (region_of(segment, MSTAT_SHM_REGION_EXEMPLARS)->stride != sizeof(struct mstat_shm_exemplar) || !slots ||
	    !table_used(scan, offset, bytes))
		return SEGMENT_REFUSED_NONE;
	enum segment_refusal refusal = scan_charge(scan, bytes + slots * sizeof(struct segment_exemplar));
	if (!refusal)
		refusal = scan_reserve(scan, (void **)&private->exemplar_slots, sizeof(*private->exemplar_slots), slots,
				       &private->exemplar_slot_capacity);
	if (!refusal)
		refusal = scan_reserve(scan, (void **)&private->exemplars, sizeof(*private->exemplars), slots,
				       &private->exemplar_capacity);
	if (!refusal)
		refusal = scan_copy(scan, private->exemplar_slots, bytes, offset);
	for (uint64_t i = 0; !refusal && i < slots; i++)
	private->exemplar_count +=
		slot_take(segment, &private->exemplar_slots[i], &private->exemplars[private->exemplar_count]);
	return refusal;
}

size_t segment_exemplars(const struct segment *segment, const struct segment_exemplar **exemplars)
{
	*exemplars = segment->private->exemplars;
	return segment->private->exemplar_count;
}
