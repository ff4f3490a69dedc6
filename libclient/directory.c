/* SPDX-License-Identifier: MIT */
/* Which directory segments go to: the first candidate that is there, safe and on a tmpfs. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "private.h"

#ifndef RAMFS_MAGIC
#define RAMFS_MAGIC 0x858458f6
#endif

/* Who may own it: this user, root, or (for a directory that everybody may use) anyone, if only owners may rename and
 * delete in it. */
static bool directory_safe(const struct stat *status, bool everybodys)
{
	bool ours = status->st_uid == geteuid() || status->st_uid == 0;
	bool others_write = status->st_mode & (S_IWGRP | S_IWOTH);
	bool sticky = status->st_mode & S_ISVTX;
	return (ours || everybodys) && (!others_write || sticky);
}

static int directory_check(int fd, bool everybodys)
{
	struct stat status;
	struct statfs filesystem;
	if (fstat(fd, &status) || fstatfs(fd, &filesystem))
		return MSTAT_REASON_SYSTEM;
	if (!directory_safe(&status, everybodys))
		return MSTAT_REASON_UNSAFE_DIRECTORY;
	if (filesystem.f_type != TMPFS_MAGIC && filesystem.f_type != RAMFS_MAGIC)
		return MSTAT_REASON_NOT_TMPFS;
	return 0;
}

/* One candidate. `make` creates it (0700) if its parent is there. */
static int candidate_open(const char *path, bool make, bool everybodys, int *reason, int *error)
{
	if (make)
		mkdir(path, 0700);
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC | (everybodys ? 0 : O_NOFOLLOW));
	if (fd < 0) {
		*error = errno;
		*reason =
			errno == ENOENT || errno == ENOTDIR ? MSTAT_REASON_NO_DIRECTORY : mstat_reason_of_errno(errno);
		return -1;
	}
	*reason = directory_check(fd, everybodys);
	if (*reason) {
		close(fd);
		return -1;
	}
	return fd;
}

int mstat_directory_open(const char *wanted, char *path, size_t path_size, int *reason, int *error)
{
	bool elevated = getauxval(AT_SECURE);
	if (!wanted && !elevated)
		wanted = getenv("MSTAT_DIR");
	if (wanted && *wanted) {
		snprintf(path, path_size, "%s", wanted);
		return candidate_open(path, false, true, reason, error);
	}
	/* A candidate that is not there says nothing; the last one that was there and unfit names the reason. */
	int first_reason = 0, first_error = 0;
	for (int i = 0; i < 3; i++) {
		const char *runtime = elevated ? NULL : getenv("XDG_RUNTIME_DIR");
		if (i == 0)
			snprintf(path, path_size, "/run/mstat");
		else if (i == 1 && runtime && *runtime == '/')
			snprintf(path, path_size, "%s/mstat", runtime);
		else if (i == 2)
			snprintf(path, path_size, "/dev/shm/mstat-%u", (unsigned int)geteuid());
		else
			continue;
		int fd = candidate_open(path, i > 0, i == 0, reason, error);
		if (fd >= 0 && (i > 0 || !faccessat(fd, ".", W_OK | X_OK, AT_EACCESS)))
			return fd;
		if (fd >= 0) {
			close(fd);
			*reason = MSTAT_REASON_PERMISSION, *error = EACCES;
		}
		if (!first_reason && *reason != MSTAT_REASON_NO_DIRECTORY)
			first_reason = *reason, first_error = *error;
	}
	if (first_reason)
		*reason = first_reason, *error = first_error;
	return -1;
}
