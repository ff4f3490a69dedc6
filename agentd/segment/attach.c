/* SPDX-License-Identifier: MIT */
/* Attaching: the way from a name to a descriptor that can be trusted to be an ordinary file of its owner, and the
 * question whether anybody still maps it.
 *
 * The directory may be writable by everybody. Whoever put a symlink, a FIFO, a device, another user's file or a mount
 * there must neither stop the reader nor lead it elsewhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "private.h"

/* O_NONBLOCK: a FIFO would otherwise wait for a writer. */
#define ATTACH_FLAGS (O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC)

static int open_beneath(int directory_fd, const char *name)
{
	struct open_how how = {
		.flags = ATTACH_FLAGS,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};
	return (int)syscall(SYS_openat2, directory_fd, name, &how, sizeof(how));
}

int attach_open(int directory_fd, const char *name, bool plain)
{
	/* A single name has no way out of the directory, which makes plain openat as good where openat2 is missing. */
	if (!*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return -EINVAL;
	int fd = plain ? -1 : open_beneath(directory_fd, name);
	/* Sandboxes made before openat2 answer EPERM to it; a file that may not be read fails a second time. */
	if (fd < 0 && (plain || errno == ENOSYS || errno == EPERM))
		fd = openat(directory_fd, name, ATTACH_FLAGS);
	return fd < 0 ? -errno : fd;
}

/* The checks of what the name promised: nobody but the owner in the name can have written the file. */
static enum segment_refusal check_owner(const struct segment *segment, const struct stat *file)
{
	if (file->st_nlink != 1)
		return SEGMENT_REFUSED_LINKS;
	if (segment->uid == (uid_t)-1 || file->st_uid != segment->uid)
		return SEGMENT_REFUSED_OWNER;
	if (file->st_mode & (S_IWGRP | S_IWOTH))
		return SEGMENT_REFUSED_MODE;
	return SEGMENT_REFUSED_NONE;
}

static bool is_tmpfs(int fd)
{
	struct statfs system;
	return !fstatfs(fd, &system) && system.f_type == TMPFS_MAGIC;
}

enum segment_refusal attach_check(struct segment *segment, int fd, bool named, int *error)
{
	struct stat file;

	if (fstat(fd, &file)) {
		*error = errno;
		return SEGMENT_REFUSED_READ;
	}
	if (!S_ISREG(file.st_mode))
		return SEGMENT_REFUSED_NOT_REGULAR;
	if (named) {
		enum segment_refusal refusal = check_owner(segment, &file);
		if (refusal)
			return refusal;
		/* Reading a file on a disk could block the agent for as long as the disk likes. */
		if (!is_tmpfs(fd))
			return SEGMENT_REFUSED_NOT_TMPFS;
	}
	if (segment->private->accepted && (segment->device != file.st_dev || segment->inode != file.st_ino))
		segment_forget(segment);
	segment->device = file.st_dev;
	segment->inode = file.st_ino;
	segment->file_bytes = (uint64_t)file.st_size;
	segment->allocated_bytes = (uint64_t)file.st_blocks * 512;
	return SEGMENT_REFUSED_NONE;
}

bool attach_locked(int fd, uint64_t byte)
{
	/* Asking for a read lock sees writers' locks only, not the read lock of an agent that folds. */
	struct flock lock = {
		.l_type = F_RDLCK,
		.l_whence = SEEK_SET,
		.l_start = (off_t)byte,
		.l_len = 1,
	};
	/* When the question fails, "live" is the answer that folds nothing. */
	return fcntl(fd, F_OFD_GETLK, &lock) || lock.l_type != F_UNLCK;
}
