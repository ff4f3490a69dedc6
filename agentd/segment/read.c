/* SPDX-License-Identifier: MIT */
/* One read of a segment: the order of its steps, and the primitives by which they copy.
 *
 * The order is rule R2: header, arena, SERIES, rows, processes and gauge rows, SERIES again; each by reads of its own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "private.h"

enum segment_refusal scan_refuse(struct segment_scan *scan, enum segment_refusal refusal, uint64_t offset)
{
	scan->refusal_offset = offset;
	return refusal;
}

enum segment_refusal scan_copy(struct segment_scan *scan, void *buffer, uint64_t len, uint64_t offset)
{
	char *place = buffer;

	while (len) {
		ssize_t got = scan->segment->private->read_at(scan->fd, place, len, (off_t)offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			scan->error = errno;
			return scan_refuse(scan, SEGMENT_REFUSED_READ, offset);
		}
		if (!got) /* truncated since it was measured */
			return scan_refuse(scan, SEGMENT_REFUSED_SIZE, offset);
		scan->segment->bytes_read += (uint64_t)got;
		place += got;
		offset += (uint64_t)got;
		len -= (uint64_t)got;
	}
	return SEGMENT_REFUSED_NONE;
}

enum segment_refusal scan_charge(struct segment_scan *scan, uint64_t bytes)
{
	if (bytes > scan->budget_bytes)
		return scan_refuse(scan, SEGMENT_REFUSED_BUDGET, 0);
	scan->budget_bytes -= bytes;
	return SEGMENT_REFUSED_NONE;
}

enum segment_refusal scan_reserve(struct segment_scan *scan, void **array, size_t element_bytes, size_t count,
				  size_t *capacity)
{
	if (count <= *capacity)
		return SEGMENT_REFUSED_NONE;
	/* A few to spare, not twice as many: these arrays stay for as long as the segment. */
	size_t spare = count / 16 + 1;
	size_t room = count + (spare < 64 ? spare : 64);
	void *grown = reallocarray(*array, room, element_bytes);
	if (!grown) {
		scan->error = ENOMEM;
		return SEGMENT_REFUSED_READ;
	}
	*array = grown;
	*capacity = room;
	return SEGMENT_REFUSED_NONE;
}

uint64_t region_offset(const struct segment_scan *scan, uint32_t kind, uint64_t index)
{
	const struct mstat_shm_region *region = region_of(scan->segment, kind);
	return region->offset + index * region->stride;
}

enum segment_refusal scan_table(struct segment_scan *scan, uint32_t kind, uint64_t first, uint64_t *count)
{
	uint32_t stride = region_of(scan->segment, kind)->stride;
	uint64_t fit = SCAN_TABLE_BYTES / stride;
	uint64_t taken = *count < fit ? *count : fit;
	enum segment_refusal refusal = scan_copy(scan, scan->table, taken * stride, region_offset(scan, kind, first));

	if (!refusal)
		*count = taken;
	return refusal;
}

/* A text of the header becomes the segment's own; it must stay what it was. */
static enum segment_refusal identity_keep(struct segment_scan *scan, uint32_t off, size_t field, char **text)
{
	const char *found = off ? arena_string(scan->segment->private, off) : "";

	if (!found)
		return scan_refuse(scan, SEGMENT_REFUSED_HEADER, field);
	if (*text && strcmp(*text, found))
		return scan_refuse(scan, SEGMENT_REFUSED_SHRUNK, field);
	if (!*text)
		*text = strdup(found);
	if (!*text) {
		scan->error = ENOMEM;
		return SEGMENT_REFUSED_READ;
	}
	return SEGMENT_REFUSED_NONE;
}

static enum segment_refusal read_identity(struct segment_scan *scan)
{
	struct segment *segment = scan->segment;
	size_t service_field = offsetof(struct mstat_shm_header, service_off);
	size_t version_field = offsetof(struct mstat_shm_header, version_off);

	if (!segment->header.service_off)
		return scan_refuse(scan, SEGMENT_REFUSED_HEADER, service_field);
	enum segment_refusal refusal =
		identity_keep(scan, segment->header.service_off, service_field, &segment->service);
	if (!refusal)
		refusal = identity_keep(scan, segment->header.version_off, version_field, &segment->version);
	return refusal;
}

static enum segment_refusal read_descriptors(struct segment_scan *scan)
{
	bool extended;
	enum segment_refusal refusal = arena_read(scan, &extended);

	if (!refusal && extended)
		refusal = arena_parse(scan);
	if (!refusal && (extended || !scan->segment->version))
		refusal = read_identity(scan);
	return refusal;
}

static enum segment_refusal read_all(struct segment_scan *scan)
{
	enum segment_refusal refusal = header_read(scan);

	if (!refusal)
		refusal = scan_charge(scan, scan->segment->private->family_bytes);
	/* Pairs with the release of mstat_arena_publish() and series_publish(): what the lengths cover is copied after
	 * them.
	 */
	mstat_fence_acquire();
	if (!refusal)
		refusal = read_descriptors(scan);
	if (!refusal)
		refusal = series_read_before(scan);
	/* Pairs with the release of a series' state: a cell that belongs to the state just read is copied after it. */
	mstat_fence_acquire();
	if (!refusal)
		refusal = rows_sum(scan);
	if (!refusal)
		refusal = gauges_read(scan);
	if (!refusal)
		refusal = exemplars_read(scan);
	/* Pairs with the release of series_bury(): a cell that was zeroed for another series before it was copied
	 * shows in the state that is read now. */
	mstat_fence_acquire();
	if (!refusal)
		refusal = series_read_after(scan);
	return refusal;
}

/* Writes the verdict. A refused segment has no values, and its strings are copied again when it is well. */
static enum segment_state conclude(struct segment *segment, const struct segment_scan *scan,
				   enum segment_refusal refusal)
{
	segment->refusal = refusal;
	segment->refusal_offset = refusal ? scan->refusal_offset : 0;
	segment->error = refusal ? scan->error : 0;
	segment->state = refusal ? refusal_state(refusal) : scan->tree_live ? SEGMENT_LIVE : SEGMENT_DEAD;
	if (!refusal)
		return segment->state;
	for (uint32_t i = 0; i < segment->series_count; i++)
		segment->series[i].readable = false;
	segment_drop_strings(segment);
	segment_want_strings(segment);
	return segment->state;
}

static enum segment_state refuse_outside(struct segment *segment, enum segment_refusal refusal, int error)
{
	struct segment_scan *none = &(struct segment_scan){.error = error};
	return conclude(segment, none, refusal);
}

static enum segment_state read_open(struct segment *segment, int fd, const struct segment_limits *limits, bool live)
{
	struct segment_scan *scan = malloc(sizeof(*scan));

	if (!scan)
		return refuse_outside(segment, SEGMENT_REFUSED_READ, ENOMEM);
	scan->segment = segment;
	scan->fd = fd;
	scan->limits = limits ? limits : &segment_limits_default;
	scan->tree_live = live;
	scan->lengths_grown = false;
	scan->budget_bytes = scan->limits->memory_bytes_max;
	scan->rows_bytes = scan->limits->rows_bytes_max;
	scan->gauge_cells = 0;
	scan->refusal_offset = 0;
	scan->error = 0;
	labels_free(segment->private);
	conclude(segment, scan, read_all(scan));
	free(scan);
	return segment->state;
}

enum segment_state segment_read_fd(struct segment *segment, int fd, const struct segment_limits *limits,
				   bool assume_dead)
{
	int error = 0;
	enum segment_refusal refusal = attach_check(segment, fd, false, &error);

	if (refusal)
		return refuse_outside(segment, refusal, error);
	return read_open(segment, fd, limits, !assume_dead && attach_locked(fd, MSTAT_SHM_LOCK_TREE));
}

enum segment_state segment_read(struct segment *segment, int directory_fd, const struct segment_limits *limits)
{
	int error = 0;
	int fd = attach_open(directory_fd, segment->name, false);

	if (fd < 0) {
		refuse_outside(segment, SEGMENT_REFUSED_OPEN, -fd);
		if (fd == -ENOENT) {
			segment->state = SEGMENT_GONE;
			segment->refusal = SEGMENT_REFUSED_NONE;
		}
		return segment->state;
	}
	enum segment_refusal refusal = attach_check(segment, fd, true, &error);
	if (refusal)
		refuse_outside(segment, refusal, error);
	else
		/* Liveness first: when nobody mapped the file before it was copied, the copy is the last word. */
		read_open(segment, fd, limits, attach_locked(fd, MSTAT_SHM_LOCK_TREE));
	close(fd);
	return segment->state;
}
