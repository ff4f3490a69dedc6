/* SPDX-License-Identifier: MIT */
/* Reads counters of the own segment by pread. */
#include "segment_value.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <mstat/segment.h>

#include "families.h"

static int segment_fd = -1;
static uint32_t row_count;
static struct mstat_shm_region rows;

static int header_read(int fd)
{
	struct mstat_shm_header header;
	if (pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header) || header.magic != MSTAT_SHM_MAGIC ||
	    header.major != MSTAT_SHM_MAJOR || header.region_count > MSTAT_SHM_REGION_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < header.region_count; i++) {
		if (header.regions[i].kind != MSTAT_SHM_REGION_ROWS)
			continue;
		rows = header.regions[i];
		row_count = header.cpu_count + header.shared_row_count;
		return 0;
	}
	return -EINVAL;
}

int segment_value_open(void)
{
	struct mstat_status status;
	mstat_status(&status);
	if (!status.exposed)
		return -ENOTSUP;
	int fd = open(status.path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int error = header_read(fd);
	if (error) {
		close(fd);
		return error;
	}
	segment_fd = fd;
	return 0;
}

void segment_value_close(void)
{
	if (segment_fd >= 0)
		close(segment_fd);
	segment_fd = -1;
}

int segment_value_read(uint32_t series, uint64_t *units)
{
	uint64_t sum = 0;
	if (segment_fd < 0)
		return -ENOTSUP;
	/* A row that no CPU has used yet is a hole in the file and reads as zeros. Units of 2^-30 make the sum of a
	 * floating-point family independent of the order of the rows, too (pricing.h). */
	for (uint32_t row = 0; row < row_count; row++) {
		uint64_t cell;
		off_t where = (off_t)(rows.offset + (uint64_t)row * rows.stride + series_cell_offset(series));
		ssize_t got = pread(segment_fd, &cell, sizeof(cell), where);
		if (got != (ssize_t)sizeof(cell))
			return got < 0 ? -errno : -EINVAL;
		sum += series_units(series, cell);
	}
	*units = sum;
	return 0;
}
