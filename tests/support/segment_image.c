/* SPDX-License-Identifier: MIT */
/* A valid segment, made in memory: see segment_image.h. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mstat/bucket.h>

#include "segment_image.h"

const struct image_limits image_limits_tiny = {
	.cpu_count = 2,
	.shared_row_count = 1,
	.cell_max = 24,
	.series_max = 12,
	.process_max = 3,
	.gauge_cell_max = 12,
	.exemplar_max = 1,
};

static void require(bool condition)
{
	if (!condition)
		abort();
}

static uint64_t region_add(struct segment_image *image, uint32_t kind, uint64_t offset, uint64_t bytes, uint32_t stride)
{
	struct mstat_shm_region *region = &image->header->regions[image->header->region_count++];

	*region = (struct mstat_shm_region){
		.kind = kind, .version = 1, .offset = offset, .bytes = bytes, .stride = stride};
	return offset + bytes;
}

/* The arena comes last and takes what is left. */
static void regions_lay_out(struct segment_image *image)
{
	const struct image_limits *limits = &image->limits;
	uint64_t rows = limits->cpu_count + limits->shared_row_count;
	uint64_t end = image->header->header_bytes;

	end = region_add(image, MSTAT_SHM_REGION_SERIES, end, limits->series_max * 16ull, 16);
	end = region_add(image, MSTAT_SHM_REGION_ROW_STATES, end, rows * 8, 8);
	end = region_add(image, MSTAT_SHM_REGION_ROWS, end, rows * limits->cell_max * 8, limits->cell_max * 8);
	end = region_add(image, MSTAT_SHM_REGION_PROCESSES, end, limits->process_max * 64ull, 64);
	end = region_add(image, MSTAT_SHM_REGION_GAUGES, end, (limits->process_max + 1ull) * limits->gauge_cell_max * 8,
			 limits->gauge_cell_max * 8);
	end = region_add(image, MSTAT_SHM_REGION_EXEMPLARS, end,
			 limits->exemplar_max * sizeof(struct mstat_shm_exemplar), sizeof(struct mstat_shm_exemplar));
	require(end + 256 <= image->len);
	region_add(image, MSTAT_SHM_REGION_ARENA, end, image->len - end, 1);
}

void image_init(struct segment_image *image, const struct image_limits *limits)
{
	image->limits = *limits;
	image->len = limits->file_bytes ? limits->file_bytes : 6144;
	image->bytes = calloc(1, image->len);
	require(image->bytes);
	image->header = (struct mstat_shm_header *)image->bytes;
	*image->header = (struct mstat_shm_header){
		.magic = MSTAT_SHM_MAGIC,
		.byte_order = MSTAT_SHM_BYTE_ORDER,
		.major = MSTAT_SHM_MAJOR,
		.minor = MSTAT_SHM_MINOR,
		.header_bytes = limits->header_bytes ? limits->header_bytes : MSTAT_SHM_HEADER_BYTES,
		.file_bytes = image->len,
		.uuid = {1, 2, 3, 4, 5, 6, 0x47, 8, 0x89, 10, 11, 12, 13, 14, 15, 16},
		.created_ns = 1700000000000000000ull,
		.uid = getuid(),
		.cpu_count = limits->cpu_count,
		.shared_row_count = limits->shared_row_count,
		.cell_max = limits->cell_max,
		.series_max = limits->series_max,
		.family_series_max = limits->series_max,
		.process_max = limits->process_max,
		.gauge_cell_max = limits->gauge_cell_max,
		.label_bytes_max = 1024,
		.exemplar_max = limits->exemplar_max,
		.arena_published = MSTAT_SHM_ARENA_FIRST,
		.cells_published = MSTAT_SHM_CELL_FIRST,
	};
	regions_lay_out(image);
	image->header->service_off = image_string(image, "shop");
	image->header->version_off = image_string(image, "1.2.3");
	for (uint32_t row = 0; row < limits->cpu_count + limits->shared_row_count; row++)
		*image_row_state(image, row) = limits->cell_max;
}

void image_fini(struct segment_image *image)
{
	free(image->bytes);
	image->bytes = NULL;
}

struct mstat_shm_region *image_region(struct segment_image *image, uint32_t kind)
{
	for (uint32_t i = 0; i < image->header->region_count; i++)
		if (image->header->regions[i].kind == kind)
			return &image->header->regions[i];
	abort();
}

static void *region_element(struct segment_image *image, uint32_t kind, uint32_t index)
{
	const struct mstat_shm_region *region = image_region(image, kind);

	require((index + 1ull) * region->stride <= region->bytes);
	return image->bytes + region->offset + (uint64_t)index * region->stride;
}

void *image_arena(struct segment_image *image, uint32_t off)
{
	return image->bytes + image_region(image, MSTAT_SHM_REGION_ARENA)->offset + off;
}

struct mstat_shm_entry *image_entry(struct segment_image *image, uint32_t index)
{
	return region_element(image, MSTAT_SHM_REGION_SERIES, index);
}

struct mstat_shm_series *image_series_record(struct segment_image *image, uint32_t index)
{
	return image_arena(image, image_entry(image, index)->record);
}

uint64_t *image_row_state(struct segment_image *image, uint32_t row)
{
	return region_element(image, MSTAT_SHM_REGION_ROW_STATES, row);
}

uint64_t *image_cell(struct segment_image *image, uint32_t row, uint32_t cell)
{
	require(cell < image->limits.cell_max);
	return (uint64_t *)region_element(image, MSTAT_SHM_REGION_ROWS, row) + cell;
}

uint64_t *image_gauge_cell(struct segment_image *image, uint32_t row, uint32_t cell)
{
	require(cell < image->limits.gauge_cell_max);
	return (uint64_t *)region_element(image, MSTAT_SHM_REGION_GAUGES, row) + cell;
}

struct mstat_shm_process *image_process(struct segment_image *image, uint32_t slot)
{
	return region_element(image, MSTAT_SHM_REGION_PROCESSES, slot);
}

uint32_t image_record(struct segment_image *image, uint16_t kind, const void *body, uint32_t body_bytes)
{
	uint32_t off = (uint32_t)image->header->arena_published;
	uint32_t bytes = (uint32_t)(sizeof(struct mstat_shm_record) + body_bytes + 7) / 8 * 8;
	struct mstat_shm_record *record = image_arena(image, off);

	require(off + bytes <= image_region(image, MSTAT_SHM_REGION_ARENA)->bytes);
	memset(record, 0, bytes);
	record->bytes = bytes;
	record->kind = kind;
	if (body)
		memcpy(record + 1, body, body_bytes);
	image->header->arena_published = off + bytes;
	return off;
}

uint32_t image_string(struct segment_image *image, const char *text)
{
	uint32_t len = (uint32_t)strlen(text);
	uint32_t off = image_record(image, MSTAT_SHM_RECORD_STRING, NULL, len + 5);
	struct mstat_shm_string *string = image_arena(image, off);

	string->len = len;
	memcpy((char *)string + offsetof(struct mstat_shm_string, text), text, len);
	return off;
}

uint32_t image_family(struct segment_image *image, const struct image_family *family)
{
	struct mstat_shm_family made = {
		.name = image_string(image, family->name),
		.help = image_string(image, family->help ? family->help : "Help."),
		.unit = image_string(image, family->unit ? family->unit : ""),
		.series_limit = 100,
		.kind = family->kind,
		.value = family->value,
		.merge = family->merge,
		.flags = family->flags,
		.ordinal = (uint16_t)image->header->family_count++,
		.created_ns = 1700000000000000001ull,
		.buckets = family->buckets,
		.list = family->list,
		.ttl_s = family->ttl_s,
		.window_s = family->window_s,
	};
	uint32_t names[4];

	while (made.label_count < 4 && family->labels[made.label_count]) {
		names[made.label_count] = image_string(image, family->labels[made.label_count]);
		made.label_count++;
	}
	uint32_t off = image_record(image, MSTAT_SHM_RECORD_FAMILY, NULL,
				    (uint32_t)(sizeof(made) - sizeof(made.record) + made.label_count * 4u));
	struct mstat_shm_family *record = image_arena(image, off);
	made.record = record->record;
	*record = made;
	memcpy(record->label_names, names, made.label_count * 4u);
	return off;
}

uint32_t image_buckets(struct segment_image *image, const struct mstat_shm_buckets *buckets, const double *bounds)
{
	uint32_t body = (uint32_t)(sizeof(*buckets) - sizeof(buckets->record));
	uint32_t off = image_record(image, MSTAT_SHM_RECORD_BUCKETS, NULL,
				    body + buckets->bound_count * (uint32_t)sizeof(double));
	struct mstat_shm_buckets *record = image_arena(image, off);

	memcpy(&record->flags, &buckets->flags, body);
	if (buckets->bound_count)
		memcpy(record->bounds, bounds, buckets->bound_count * sizeof(double));
	return off;
}

uint32_t image_list(struct segment_image *image, const uint64_t *items, uint32_t count)
{
	uint32_t off = image_record(image, MSTAT_SHM_RECORD_LIST, NULL, 8 + count * 8);
	struct mstat_shm_list *list = image_arena(image, off);

	list->count = count;
	memcpy(list->items, items, count * sizeof(*items));
	return off;
}

static uint32_t family_cells(struct segment_image *image, const struct mstat_shm_family *family)
{
	double uppers[MSTAT_PARTITION_MAX];

	if (!mstat_shm_kind_has_buckets(family->kind))
		return family->kind == MSTAT_SHM_GAUGE && family->merge == MSTAT_SHM_MERGE_LAST ? 2 : 1;
	bool four = family->value == MSTAT_SHM_F64 && family->kind != MSTAT_SHM_GAUGE_HISTOGRAM;
	return (four ? MSTAT_SHM_SUMS_F64 : MSTAT_SHM_SUMS_U64) + 1 +
	       mstat_partition(image_arena(image, family->buckets), family->value != MSTAT_SHM_F64, uppers);
}

static uint32_t cell_take(struct segment_image *image, const struct mstat_shm_family *family)
{
	bool in_rows = mstat_shm_kind_in_rows(family->kind);
	uint32_t *published = in_rows ? &image->header->cells_published : &image->header->gauge_cells_published;
	uint32_t cell = *published;

	*published += family_cells(image, family);
	require(*published <= (in_rows ? image->limits.cell_max : image->limits.gauge_cell_max));
	return cell;
}

uint32_t image_series(struct segment_image *image, uint32_t family, const char *const *values)
{
	uint32_t index = image->header->series_published;
	uint32_t texts[4];
	uint32_t count = 0;

	for (; values && values[count]; count++)
		texts[count] = image_string(image, values[count]);
	uint32_t off =
		image_record(image, MSTAT_SHM_RECORD_SERIES, NULL,
			     (uint32_t)(sizeof(struct mstat_shm_series) - sizeof(struct mstat_shm_record)) + count * 4);
	struct mstat_shm_series *series = image_arena(image, off);
	series->record.flags = values ? 0 : MSTAT_SHM_SERIES_OVERFLOW;
	series->family = family;
	series->index = index;
	series->cell = cell_take(image, image_arena(image, family));
	series->label_count = count;
	memcpy(series->label_values, texts, count * 4);
	*image_entry(image, index) = (struct mstat_shm_entry){
		.state = 1u << 2 | MSTAT_SHM_STATE_LIVE, .record = off, .created_ns = 1700000000000000002ull};
	image->header->series_published++;
	return index;
}

uint64_t *image_series_cell(struct segment_image *image, uint32_t row, uint32_t index)
{
	const struct mstat_shm_series *series = image_series_record(image, index);
	const struct mstat_shm_family *family = image_arena(image, series->family);

	return mstat_shm_kind_in_rows(family->kind) ? image_cell(image, row, series->cell)
						    : image_gauge_cell(image, row, series->cell);
}

struct mstat_shm_exemplar *image_exemplar_slot(struct segment_image *image, uint32_t slot)
{
	return region_element(image, MSTAT_SHM_REGION_EXEMPLARS, slot);
}

void image_exemplar(struct segment_image *image, uint32_t slot, uint32_t index, uint32_t at, double value,
		    const char *labels)
{
	struct mstat_shm_exemplar *exemplar = image_exemplar_slot(image, slot);
	size_t len = strlen(labels);

	require(len <= MSTAT_SHM_EXEMPLAR_LABELS_MAX);
	*exemplar = (struct mstat_shm_exemplar){
		.sequence = 2,
		.series = index,
		.cell = image_series_record(image, index)->cell + at,
		.labels_len = (uint32_t)len,
		.value = mstat_f64_bits(value),
		.time_ns = 1700000000000000004ull,
	};
	memcpy(exemplar->labels, labels, len);
	exemplar->check = mstat_shm_exemplar_check(exemplar);
}

void image_claim(struct segment_image *image, uint32_t slot, uint32_t pid, uint32_t pid_ns, uint64_t start_ticks,
		 uint32_t flags)
{
	*image_process(image, slot) = (struct mstat_shm_process){
		.state = 1u << 2 | MSTAT_SHM_PROCESS_LIVE,
		.flags = flags,
		.pid = pid,
		.pid_ns = pid_ns,
		.start_ticks = start_ticks,
		.claimed_ns = 1700000000000000003ull,
	};
}

void image_write(const struct segment_image *image, int directory_fd, const char *name)
{
	int fd = openat(directory_fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0640);

	require(fd >= 0);
	require(!fchmod(fd, 0640));
	require(!ftruncate(fd, (off_t)image->len));
	require(pwrite(fd, image->bytes, image->len, 0) == (ssize_t)image->len);
	close(fd);
}
