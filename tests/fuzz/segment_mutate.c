/* SPDX-License-Identifier: MIT */
/* Mutations of segments: see segment_mutate.h. */
#include <mstat/bucket.h>

#include "fuzz.h"
#include "segment_mutate.h"

#define RECORDS_MAX 256u

/* An image while it is mutated. Its fields are reached by memcpy: engines give unaligned memory. */
struct image {
	uint8_t *bytes;
	size_t len;
	uint64_t random;
	struct mstat_shm_header header;
	struct mstat_shm_region *regions[MSTAT_SHM_REGION_EXEMPLARS + 1]; /* in header, by kind; never NULL */
	struct mstat_shm_region none;
	uint64_t arena_end;            /* offset in the file of the published end */
	uint32_t records[RECORDS_MAX]; /* arena offsets */
	uint32_t record_count;
};

static uint64_t random_below(struct image *image, uint64_t limit)
{
	image->random ^= image->random << 13;
	image->random ^= image->random >> 7;
	image->random ^= image->random << 17;
	return limit ? image->random % limit : 0;
}

static uint64_t word_get(const struct image *image, uint64_t at, size_t width)
{
	uint64_t word = 0;
	if (at <= image->len && width <= image->len - at)
		memcpy(&word, image->bytes + at, width);
	return word;
}

static void word_set(struct image *image, uint64_t at, size_t width, uint64_t word)
{
	if (at <= image->len && width <= image->len - at)
		memcpy(image->bytes + at, &word, width);
}

static void records_find(struct image *image)
{
	const struct mstat_shm_region *arena = image->regions[MSTAT_SHM_REGION_ARENA];
	uint64_t off = MSTAT_SHM_ARENA_FIRST;

	image->arena_end = arena->offset + image->header.arena_published;
	while (off < image->header.arena_published && image->record_count < RECORDS_MAX) {
		uint64_t bytes = word_get(image, arena->offset + off, 4);
		image->records[image->record_count++] = (uint32_t)off;
		if (bytes < sizeof(struct mstat_shm_record))
			break;
		off += bytes;
	}
}

static void image_open(struct image *image)
{
	memcpy(&image->header, image->bytes, sizeof(image->header));
	for (size_t i = 0; i <= MSTAT_SHM_REGION_EXEMPLARS; i++)
		image->regions[i] = &image->none;
	for (size_t i = 0; i < MSTAT_SHM_REGION_MAX && i < image->header.region_count; i++)
		if (image->header.regions[i].kind <= MSTAT_SHM_REGION_EXEMPLARS)
			image->regions[image->header.regions[i].kind] = &image->header.regions[i];
	records_find(image);
}

/* ---- what a field becomes ---- */

static uint64_t number_changed(struct image *image, uint64_t before, size_t width)
{
	static const uint64_t special[] = {0,          1,          2,          3,          7,
					   8,          63,         64,         255,        4095,
					   4096,       4097,       65535,      0x7fffffff, 1 << 20,
					   0x80000000, 0xffffffff, UINT64_MAX, INT64_MAX,  0x7ff0000000000000};
	switch (random_below(image, 6)) {
	case 0:
		return before + 1;
	case 1:
		return before - 1;
	case 2:
		return before ^ 1ull << random_below(image, width * 8);
	case 3:
		return special[random_below(image, sizeof(special) / sizeof(*special))];
	case 4: /* a reference to some record */
		return image->records[random_below(image, image->record_count)];
	default:
		return random_below(image, UINT64_MAX);
	}
}

static void field_change(struct image *image, uint64_t at, size_t width)
{
	word_set(image, at, width, number_changed(image, word_get(image, at, width), width));
}

/* A field of a width that divides its place. */
static void any_field_change(struct image *image, uint64_t at, uint64_t bytes)
{
	static const size_t widths[] = {1, 2, 4, 4, 4, 8};
	size_t width = widths[random_below(image, sizeof(widths) / sizeof(*widths))];

	if (bytes >= width)
		field_change(image, at + random_below(image, bytes / width) * width, width);
}

/* ---- where ---- */

static void record_change(struct image *image)
{
	uint64_t arena = image->regions[MSTAT_SHM_REGION_ARENA]->offset;
	uint64_t at = arena + image->records[random_below(image, image->record_count)];
	uint64_t bytes = word_get(image, at, 4);

	any_field_change(image, at, bytes < 8 || bytes > 4096 ? 64 : bytes);
}

static void region_change(struct image *image)
{
	const struct mstat_shm_region *region = image->regions[2 + random_below(image, MSTAT_SHM_REGION_EXEMPLARS - 1)];

	any_field_change(image, region->offset, region->bytes);
}

static void header_change(struct image *image)
{
	if (random_below(image, 2))
		any_field_change(image, offsetof(struct mstat_shm_header, uid), 256 - 80);
	else
		any_field_change(image, 0, sizeof(image->header));
}

/* A record once more, at the end of the arena. */
static void record_repeat(struct image *image)
{
	const struct mstat_shm_region *arena = image->regions[MSTAT_SHM_REGION_ARENA];
	uint32_t record = image->records[random_below(image, image->record_count)];
	uint64_t bytes = word_get(image, arena->offset + record, 4), end = image->header.arena_published;

	if (bytes < 8 || bytes % 8 || bytes > arena->bytes || end > arena->bytes - bytes ||
	    arena->offset + record + bytes > image->len || arena->offset + end + bytes > image->len)
		return;
	memmove(image->bytes + arena->offset + end, image->bytes + arena->offset + record, bytes);
	word_set(image, offsetof(struct mstat_shm_header, arena_published), 8, end + bytes);
}

/* One more series: a copied entry with the place of a record, which may be of that entry or of any other. */
static void entry_add(struct image *image)
{
	const struct mstat_shm_region *table = image->regions[MSTAT_SHM_REGION_SERIES];
	uint32_t count = image->header.series_published;
	uint64_t at = table->offset + count * (uint64_t)table->stride;

	word_set(image, at, 4, 4 | MSTAT_SHM_STATE_LIVE);
	word_set(image, at + 4, 4, image->records[random_below(image, image->record_count)]);
	word_set(image, offsetof(struct mstat_shm_header, series_published), 4, count + 1);
}

/* A live process in some slot. */
static void process_add(struct image *image)
{
	const struct mstat_shm_region *table = image->regions[MSTAT_SHM_REGION_PROCESSES];
	uint64_t at = table->offset + random_below(image, image->header.process_max) * table->stride;

	word_set(image, at, 4, 4 | MSTAT_SHM_PROCESS_LIVE);
	word_set(image, at + 4, 4, random_below(image, 2));
}

static size_t bytes_change(struct image *image, size_t max_size)
{
	uint64_t from = random_below(image, 4) ? image->regions[MSTAT_SHM_REGION_ARENA]->offset : 0;

	if (from >= image->len)
		return image->len;
	/* Within the published arena, without moving what is behind it. */
	uint64_t to = from && image->arena_end > from && image->arena_end <= image->len ? image->arena_end : image->len;
	if (to < image->len) {
		LLVMFuzzerMutate(image->bytes + from, to - from, to - from);
		return image->len;
	}
	return from + LLVMFuzzerMutate(image->bytes + from, image->len - from, max_size - from);
}

/* ---- repair ---- */

static void exemplars_repair(struct image *image)
{
	const struct mstat_shm_region *table = image->regions[MSTAT_SHM_REGION_EXEMPLARS];

	for (uint64_t i = 0; i < image->header.exemplar_max && i < 64; i++) {
		uint64_t at = table->offset + i * sizeof(struct mstat_shm_exemplar);
		struct mstat_shm_exemplar exemplar;
		if (at > image->len || image->len - at < sizeof(exemplar))
			return;
		memcpy(&exemplar, image->bytes + at, sizeof(exemplar));
		if (exemplar.cell)
			word_set(image, at + offsetof(struct mstat_shm_exemplar, check), 8,
				 mstat_shm_exemplar_check(&exemplar));
	}
}

static void header_repair(struct image *image)
{
	word_set(image, 0, 8, MSTAT_SHM_MAGIC);
	word_set(image, offsetof(struct mstat_shm_header, byte_order), 4, MSTAT_SHM_BYTE_ORDER);
	word_set(image, offsetof(struct mstat_shm_header, major), 2, MSTAT_SHM_MAJOR);
	word_set(image, offsetof(struct mstat_shm_header, incompatible), 4, 0);
	if (word_get(image, offsetof(struct mstat_shm_header, file_bytes), 8) > image->len)
		word_set(image, offsetof(struct mstat_shm_header, file_bytes), 8, image->len);
}

static size_t image_change(struct image *image, size_t max_size)
{
	switch (random_below(image, 16)) {
	case 0:
		header_change(image);
		break;
	case 1:
		return bytes_change(image, max_size);
	case 2:
		record_repeat(image);
		break;
	case 3:
		entry_add(image);
		break;
	case 4:
		process_add(image);
		break;
	case 5:
	case 6:
	case 7:
		region_change(image);
		break;
	default:
		record_change(image);
	}
	return image->len;
}

size_t segment_mutate(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	struct image image = {.bytes = data, .len = size, .random = seed * 0x9e3779b97f4a7c15ull | 1};

	if (size < sizeof(struct mstat_shm_header))
		return LLVMFuzzerMutate(data, size, max_size);
	image_open(&image);
	for (uint64_t times = 1 + random_below(&image, 3); times && image.len >= sizeof(image.header); times--)
		image.len = image_change(&image, max_size);
	if (image.len >= sizeof(image.header) && random_below(&image, 32)) {
		header_repair(&image);
		exemplars_repair(&image);
	}
	return image.len;
}
