/* SPDX-License-Identifier: MIT */
/* The header and its table of regions: read once a scan, checked against the file, against the format and against what
 * the same file said before. After header_read() every region of a known kind lies inside the file and has room for as
 * many elements as the header counts, so that later steps compute offsets without further checks.
 */
#include <byteswap.h>
#include <string.h>

#include "private.h"

/* What each version-1 region must have room for. `stride_max` keeps an element of a table within the scan's scratch. */
struct region_rule {
	uint64_t element_bytes;
	uint64_t count;
	uint64_t stride_max;
};

#define AT(field) offsetof(struct mstat_shm_header, field)

static enum segment_refusal check_format(struct segment_scan *scan, const struct mstat_shm_header *header)
{
	if (header->magic == bswap_64(MSTAT_SHM_MAGIC))
		return scan_refuse(scan, SEGMENT_REFUSED_BYTE_ORDER, AT(magic));
	if (header->magic != MSTAT_SHM_MAGIC)
		return scan_refuse(scan, SEGMENT_REFUSED_MAGIC, AT(magic));
	if (header->byte_order != MSTAT_SHM_BYTE_ORDER)
		return scan_refuse(scan, SEGMENT_REFUSED_BYTE_ORDER, AT(byte_order));
	if (header->major != MSTAT_SHM_MAJOR)
		return scan_refuse(scan, SEGMENT_REFUSED_VERSION, AT(major));
	if (header->incompatible)
		return scan_refuse(scan, SEGMENT_REFUSED_FLAGS, AT(incompatible));
	return SEGMENT_REFUSED_NONE;
}

static enum segment_refusal check_sizes(struct segment_scan *scan, const struct mstat_shm_header *header)
{
	if (header->file_bytes > scan->segment->file_bytes || header->file_bytes > scan->limits->file_bytes_max)
		return scan_refuse(scan, SEGMENT_REFUSED_SIZE, AT(file_bytes));
	if (header->header_bytes < MSTAT_SHM_HEADER_BYTES || header->header_bytes > 65536 || header->header_bytes % 8 ||
	    header->header_bytes > header->file_bytes)
		return scan_refuse(scan, SEGMENT_REFUSED_HEADER, AT(header_bytes));
	if (header->region_count > MSTAT_SHM_REGION_MAX)
		return scan_refuse(scan, SEGMENT_REFUSED_HEADER, AT(region_count));
	/* Rows are counted in 32 bits from here on, so that rows * stride cannot wrap. */
	if (header->shared_row_count > UINT32_MAX - header->cpu_count)
		return scan_refuse(scan, SEGMENT_REFUSED_HEADER, AT(shared_row_count));
	return SEGMENT_REFUSED_NONE;
}

static enum segment_refusal check_published(struct segment_scan *scan, const struct mstat_shm_header *header)
{
	if (header->arena_published > region_of(scan->segment, MSTAT_SHM_REGION_ARENA)->bytes ||
	    header->arena_published > UINT32_MAX || header->arena_published % 8)
		return scan_refuse(scan, SEGMENT_REFUSED_HEADER, AT(arena_published));
	if (header->series_published > header->series_max)
		return scan_refuse(scan, SEGMENT_REFUSED_HEADER, AT(series_published));
	if (header->series_published > scan->limits->series_max)
		return scan_refuse(scan, SEGMENT_REFUSED_BUDGET, AT(series_published));
	if (header->cells_published > header->cell_max)
		return scan_refuse(scan, SEGMENT_REFUSED_HEADER, AT(cells_published));
	if (header->gauge_cells_published > header->gauge_cell_max)
		return scan_refuse(scan, SEGMENT_REFUSED_HEADER, AT(gauge_cells_published));
	return SEGMENT_REFUSED_NONE;
}

static struct region_rule region_rule(const struct mstat_shm_header *header, uint32_t kind)
{
	switch (kind) {
	case MSTAT_SHM_REGION_ARENA:
		return (struct region_rule){1, 0, 1};
	case MSTAT_SHM_REGION_SERIES:
		return (struct region_rule){sizeof(struct mstat_shm_entry), header->series_max, SCAN_TABLE_BYTES};
	case MSTAT_SHM_REGION_ROW_STATES:
		return (struct region_rule){8, (uint64_t)header->cpu_count + header->shared_row_count,
					    SCAN_TABLE_BYTES};
	case MSTAT_SHM_REGION_ROWS:
		return (struct region_rule){(uint64_t)header->cell_max * 8,
					    (uint64_t)header->cpu_count + header->shared_row_count, UINT32_MAX};
	case MSTAT_SHM_REGION_PROCESSES:
		return (struct region_rule){sizeof(struct mstat_shm_process), header->process_max, SCAN_TABLE_BYTES};
	case MSTAT_SHM_REGION_EXEMPLARS:
		return (struct region_rule){sizeof(struct mstat_shm_exemplar), header->exemplar_max, SCAN_TABLE_BYTES};
	default:
		return (struct region_rule){(uint64_t)header->gauge_cell_max * 8, (uint64_t)header->process_max + 1,
					    UINT32_MAX};
	}
}

static bool region_fits(const struct mstat_shm_header *header, const struct mstat_shm_region *region)
{
	struct region_rule rule = region_rule(header, region->kind);

	if (region->offset % 8 || region->offset < header->header_bytes || region->offset > header->file_bytes ||
	    region->bytes > header->file_bytes - region->offset)
		return false;
	if (region->stride < rule.element_bytes || region->stride > rule.stride_max)
		return false;
	if (region->kind != MSTAT_SHM_REGION_ARENA && region->stride % 8)
		return false;
	return rule.count * region->stride <= region->bytes;
}

static bool regions_overlap(const struct mstat_shm_region *one, const struct mstat_shm_region *other)
{
	/* Sums cannot wrap: both lie in the file. */
	return one->offset < other->offset + other->bytes && other->offset < one->offset + one->bytes;
}

static bool overlaps_known(const struct mstat_shm_region *known, const struct mstat_shm_region *region)
{
	for (uint32_t kind = 1; kind < SEGMENT_REGION_KINDS; kind++)
		if (known[kind].kind && regions_overlap(&known[kind], region))
			return true;
	return false;
}

static enum segment_refusal check_regions(struct segment_scan *scan, const struct mstat_shm_header *header)
{
	struct mstat_shm_region *known = scan->segment->private->regions;

	memset(known, 0, sizeof(scan->segment->private->regions));
	for (uint32_t i = 0; i < header->region_count; i++) {
		const struct mstat_shm_region *region = &header->regions[i];
		uint64_t offset = MSTAT_SHM_REGIONS_OFFSET + i * sizeof(*region);
		if (!region->kind || region->kind >= SEGMENT_REGION_KINDS)
			continue;
		if (region->version != 1) {
			enum segment_refusal refusal = SEGMENT_REFUSED_VERSION;
			return scan_refuse(scan, refusal, offset + offsetof(struct mstat_shm_region, version));
		}
		if (known[region->kind].kind || !region_fits(header, region) || overlaps_known(known, region))
			return scan_refuse(scan, SEGMENT_REFUSED_REGION, offset);
		known[region->kind] = *region;
	}
	for (uint32_t kind = 1; kind < SEGMENT_REGION_KINDS; kind++)
		if (!known[kind].kind)
			return scan_refuse(scan, SEGMENT_REFUSED_REGION, MSTAT_SHM_REGIONS_OFFSET);
	return SEGMENT_REFUSED_NONE;
}

/* The same file must go on telling the same story: what was written before it had a name never changes, and published
 * lengths only grow. Else what was understood earlier would be used with bytes that it does not describe. */
static enum segment_refusal check_history(struct segment_scan *scan, const struct mstat_shm_header *header)
{
	const struct mstat_shm_header *before = &scan->segment->private->accepted_header;

	if (!scan->segment->private->accepted)
		return SEGMENT_REFUSED_NONE;
	if (memcmp(before, header, offsetof(struct mstat_shm_header, pid)))
		return scan_refuse(scan, SEGMENT_REFUSED_SHRUNK, AT(uuid));
	if (memcmp(before->regions, header->regions, sizeof(header->regions)))
		return scan_refuse(scan, SEGMENT_REFUSED_SHRUNK, AT(regions));
	if (header->arena_published < before->arena_published)
		return scan_refuse(scan, SEGMENT_REFUSED_SHRUNK, AT(arena_published));
	if (header->series_published < before->series_published)
		return scan_refuse(scan, SEGMENT_REFUSED_SHRUNK, AT(series_published));
	if (header->cells_published < before->cells_published)
		return scan_refuse(scan, SEGMENT_REFUSED_SHRUNK, AT(cells_published));
	if (header->gauge_cells_published < before->gauge_cells_published)
		return scan_refuse(scan, SEGMENT_REFUSED_SHRUNK, AT(gauge_cells_published));
	return SEGMENT_REFUSED_NONE;
}

enum segment_refusal header_read(struct segment_scan *scan)
{
	struct mstat_shm_header *header = &scan->segment->header;
	enum segment_refusal refusal = SEGMENT_REFUSED_NONE;

	if (scan->segment->file_bytes < sizeof(*header) || scan->segment->file_bytes > scan->limits->file_bytes_max)
		return scan_refuse(scan, SEGMENT_REFUSED_SIZE, 0);
	refusal = scan_copy(scan, header, sizeof(*header), 0);
	if (!refusal)
		refusal = check_format(scan, header);
	if (!refusal)
		refusal = check_sizes(scan, header);
	if (!refusal)
		refusal = check_history(scan, header);
	if (!refusal)
		refusal = check_regions(scan, header);
	if (!refusal)
		refusal = check_published(scan, header);
	if (refusal)
		return refusal;
	/* From here on things are understood by this header, even if a later step refuses the segment. */
	scan->segment->private->accepted = true;
	scan->segment->private->accepted_header = *header;
	return SEGMENT_REFUSED_NONE;
}
