/* SPDX-License-Identifier: MIT */
/* Pages exist before anyone writes to them: a write to a hole of a full tmpfs would kill the application by SIGBUS. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "private.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

size_t mstat_page_bytes(void)
{
	static size_t page_bytes;
	size_t bytes = mstat_load_relaxed(&page_bytes);
	if (!bytes) {
		long configured = sysconf(_SC_PAGESIZE);
		bytes = configured > 0 ? (size_t)configured : 4096;
		mstat_store_relaxed(&page_bytes, bytes);
	}
	return bytes;
}

/* Kernels before 5.14 have no MADV_POPULATE_WRITE, and sandboxes may refuse it: allocate in the file, which takes a
 * descriptor for a moment. */
static int populate_by_fallocate(uint64_t offset, uint64_t bytes)
{
	if (!mstat_root.exposed) {
		/* Anonymous memory cannot run out of a file system: touch it. */
		for (uint64_t at = offset; at < offset + bytes; at += mstat_page_bytes())
			mstat_or_relaxed((uint8_t *)mstat_root.base + at, 0);
		return 0;
	}
	/* A file that is being made has no name yet. */
	int made_fd = mstat_root.made_fd;
	int fd = made_fd >= 0 ? made_fd : open(mstat_root.path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	if (fd < 0)
		return mstat_reason_of_errno(errno);
	int error = fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)bytes) ? errno : 0;
	if (fd != made_fd)
		close(fd);
	return error ? mstat_reason_of_errno(error) : 0;
}

int mstat_populate(uint64_t offset, uint64_t bytes)
{
	uint64_t page = mstat_page_bytes();
	uint64_t start = offset / page * page;
	uint64_t end = (offset + bytes + page - 1) / page * page;
	if (!bytes)
		return 0;
	if (!madvise(mstat_root.base + start, end - start, MADV_POPULATE_WRITE))
		return 0;
	if (errno == EINVAL || errno == ENOSYS || errno == EPERM)
		return populate_by_fallocate(start, end - start);
	/* EFAULT: the kernel would have raised SIGBUS, that is, the tmpfs is full. */
	return errno == ENOMEM ? MSTAT_REASON_NO_MEMORY : MSTAT_REASON_NO_SPACE;
}
