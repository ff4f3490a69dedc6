/* SPDX-License-Identifier: MIT */
/* See fold.h for the order of steps, which is the whole point. */
#include "fold.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A file in `folding`: UUID.INODE in hexadecimal. */
#define MOVED_NAME_MAX 56

struct fold_moved {
	struct totals_mark mark;
	struct totals *totals;
	int lock_fd; /* keeps adopters out until the file is gone; -1 after a restart */
};

static uint64_t realtime_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void moved_name(const struct totals_mark *mark, char name[MOVED_NAME_MAX])
{
	for (size_t i = 0; i < 16; i++)
		snprintf(name + 2 * i, 3, "%02x", mark->uuid[i]);
	snprintf(name + 32, MOVED_NAME_MAX - 32, ".%" PRIx64, mark->inode);
}

static bool moved_parse(const char *name, struct totals_mark *mark)
{
	char *end;
	if (strspn(name, "0123456789abcdef") != 32 || name[32] != '.')
		return false;
	for (size_t i = 0; i < 16; i++) {
		unsigned int byte;
		sscanf(name + 2 * i, "%2x", &byte);
		mark->uuid[i] = (uint8_t)byte;
	}
	mark->inode = strtoull(name + 33, &end, 16);
	return end != name + 33 && !*end;
}

/* ---- services ---- */

static bool service_add(struct fold *fold, struct totals *totals)
{
	if (fold->service_count == fold->service_capacity) {
		size_t capacity = fold->service_capacity ? fold->service_capacity * 2 : 16;
		struct totals **services = reallocarray(fold->services, capacity, sizeof(*services));
		if (!services)
			return false;
		fold->services = services;
		fold->service_capacity = capacity;
	}
	fold->services[fold->service_count++] = totals;
	return true;
}

static struct totals *service_find(struct fold *fold, const char *service, uid_t uid)
{
	for (size_t i = 0; i < fold->service_count; i++)
		if (fold->services[i]->uid == uid && !strcmp(fold->services[i]->service, service))
			return fold->services[i];
	struct totals *totals = totals_new(service, uid);
	if (totals && !service_add(fold, totals)) {
		totals_free(totals);
		totals = NULL;
	}
	return totals;
}

void fold_forget(struct fold *fold, size_t service)
{
	struct totals *totals = fold->services[service];
	char name[TOTALS_NAME_MAX];
	totals_name(totals->service, totals->uid, name);
	unlinkat(fold->folding_fd, name, 0);
	fold->services[service] = fold->services[--fold->service_count];
	totals_free(totals);
}

/* ---- taking ---- */

static int liveness_lock(int fd, short type, int command)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = MSTAT_SHM_LOCK_TREE, .l_len = 1};
	if (fcntl(fd, command, &lock))
		return -errno;
	return command == F_OFD_GETLK && lock.l_type != F_UNLCK ? -EBUSY : 0;
}

static int segment_open(int directory_fd, const char *name)
{
	return openat(directory_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
}

bool fold_alive(int directory_fd, const char *name)
{
	int fd = segment_open(directory_fd, name);
	if (fd < 0)
		return false;
	bool alive = liveness_lock(fd, F_WRLCK, F_OFD_GETLK) == -EBUSY;
	close(fd);
	return alive;
}

static bool name_leads_to(int directory_fd, const char *name, int fd, const struct segment *segment)
{
	struct stat file, named;
	return !fstat(fd, &file) && S_ISREG(file.st_mode) && file.st_nlink == 1 && file.st_uid == segment->uid &&
	       !fstatat(directory_fd, name, &named, AT_SYMLINK_NOFOLLOW) && named.st_ino == file.st_ino &&
	       named.st_dev == file.st_dev && file.st_ino == segment->inode && file.st_dev == segment->device;
}

static bool moved_reserve(struct fold *fold)
{
	if (fold->moved_count < fold->moved_capacity)
		return true;
	size_t capacity = fold->moved_capacity ? fold->moved_capacity * 2 : 16;
	struct fold_moved *moved = reallocarray(fold->moved, capacity, sizeof(*moved));
	if (!moved)
		return false;
	fold->moved = moved;
	fold->moved_capacity = capacity;
	return true;
}

/* Room for everything that must not fail once the file has moved. */
static struct totals *fold_prepare(struct fold *fold, struct segment *segment)
{
	struct totals *totals = service_find(fold, segment->service, segment->uid);
	if (!totals || !moved_reserve(fold) || totals_prepare(totals, segment, &fold->refused))
		return NULL;
	return totals;
}

static void fold_add(struct fold *fold, struct totals *totals, struct segment *segment, const struct totals_mark *mark,
		     int lock_fd)
{
	totals_add(totals, segment, mark, realtime_ns());
	fold->moved[fold->moved_count++] = (struct fold_moved){.mark = *mark, .totals = totals, .lock_fd = lock_fd};
	fold->folded++;
}

bool fold_take(struct fold *fold, struct segment *segment, const struct segment_limits *limits)
{
	char name[MOVED_NAME_MAX];
	struct totals_mark mark;
	struct totals *totals;
	if (fold->folding_fd < 0)
		return false;
	int fd = segment_open(fold->directory_fd, segment->name);
	if (fd < 0)
		return false;
	if (liveness_lock(fd, F_RDLCK, F_OFD_SETLK) || !name_leads_to(fold->directory_fd, segment->name, fd, segment))
		goto out;
	segment_want_strings(segment);
	if (segment_read_fd(segment, fd, limits, true) != SEGMENT_DEAD)
		goto out;
	totals = fold_prepare(fold, segment);
	if (!totals)
		goto out;
	memcpy(mark.uuid, segment->header.uuid, sizeof(mark.uuid));
	mark.inode = segment->inode;
	moved_name(&mark, name);
	if (renameat(fold->directory_fd, segment->name, fold->folding_fd, name))
		goto out;
	fold_add(fold, totals, segment, &mark, fd);
	return true;
out:
	close(fd);
	return false;
}

/* ---- committing ---- */

static void moved_remove(struct fold *fold, struct fold_moved *moved)
{
	char name[MOVED_NAME_MAX];
	moved_name(&moved->mark, name);
	if (!unlinkat(fold->folding_fd, name, 0) || errno == ENOENT)
		totals_unmark(moved->totals, &moved->mark);
	if (moved->lock_fd >= 0)
		close(moved->lock_fd);
}

int fold_commit(struct fold *fold)
{
	int first_error = 0;
	size_t kept = 0;
	for (size_t i = 0; i < fold->service_count; i++) {
		int r = fold->services[i]->dirty ? totals_save(fold->services[i], fold->folding_fd) : 0;
		if (r && !first_error)
			first_error = r;
	}
	for (size_t i = 0; i < fold->moved_count; i++) {
		if (fold->moved[i].totals->dirty)
			fold->moved[kept++] = fold->moved[i];
		else
			moved_remove(fold, &fold->moved[i]);
	}
	fold->moved_count = kept;
	fold->save_error = first_error;
	return first_error;
}

/* ---- opening ---- */

typedef void fold_entry_fn(struct fold *fold, const char *name, const struct segment_limits *limits);

static int folding_each(struct fold *fold, const struct segment_limits *limits, fold_entry_fn *entry_fn)
{
	int fd = openat(fold->folding_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *listing = fd < 0 ? NULL : fdopendir(fd);
	if (!listing) {
		int error = errno;
		if (fd >= 0)
			close(fd);
		return -error;
	}
	for (struct dirent *entry; (entry = readdir(listing));)
		entry_fn(fold, entry->d_name, limits);
	closedir(listing);
	return 0;
}

static void entry_load(struct fold *fold, const char *name, const struct segment_limits *limits)
{
	struct totals *totals = NULL;
	unsigned int line;
	(void)limits;
	if (!totals_name_valid(name))
		return;
	int r = totals_load(fold->folding_fd, name, &totals, &line);
	if (!r && !service_add(fold, totals)) {
		totals_free(totals);
		r = -ENOMEM;
	}
	if (r && r != -EBADMSG) {
		/* Perhaps the next attempt can read it. Without it the service would start again from nothing. */
		fold->load_error = r;
		return;
	}
	if (!r)
		return;
	/* Written by us, renamed when complete: only damage from outside gets here. Kept for whoever wants to look. */
	char bad[TOTALS_NAME_MAX + 8];
	snprintf(bad, sizeof(bad), "%.*s.bad", TOTALS_NAME_MAX, name);
	fold->bad_totals++;
	if (fold->lock_fd >= 0)
		renameat(fold->folding_fd, name, fold->folding_fd, bad);
}

static bool mark_known(const struct fold *fold, const struct totals_mark *mark)
{
	for (size_t i = 0; i < fold->service_count; i++)
		if (totals_marked(fold->services[i], mark))
			return true;
	return false;
}

/* A file that an earlier agent moved: added already, or still to be added. */
static void entry_recover(struct fold *fold, const char *name, const struct segment_limits *limits)
{
	struct totals_mark mark;
	if (!moved_parse(name, &mark))
		return;
	if (mark_known(fold, &mark)) {
		unlinkat(fold->folding_fd, name, 0);
		return;
	}
	struct segment *segment = segment_new(name);
	struct totals *totals = NULL;
	struct stat file;
	int fd = segment_open(fold->folding_fd, name);
	bool read =
		segment && fd >= 0 && !fstat(fd, &file) && segment_read_fd(segment, fd, limits, true) == SEGMENT_DEAD;
	if (read) {
		/* The name that it has here does not tell whose it is. */
		segment->uid = file.st_uid;
		totals = fold_prepare(fold, segment);
	}
	if (totals)
		fold_add(fold, totals, segment, &mark, -1);
	fold->refused += !read;
	if (fd >= 0)
		close(fd);
	segment_free(segment);
}

/* A mark serves while its file is there. One that outlived it would keep the totals from ever being forgotten. */
static void marks_prune(struct fold *fold)
{
	char name[MOVED_NAME_MAX];
	for (size_t i = 0; i < fold->service_count; i++) {
		struct totals *totals = fold->services[i];
		for (uint32_t k = totals->mark_count; k-- > 0;) {
			const struct totals_mark mark = totals->marks[k];
			moved_name(&mark, name);
			if (faccessat(fold->folding_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) && errno == ENOENT)
				totals_unmark(totals, &mark);
		}
	}
}

static int folding_lock(struct fold *fold)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	fold->lock_fd = openat(fold->folding_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fold->lock_fd < 0)
		return -errno;
	if (!fcntl(fold->lock_fd, F_OFD_SETLK, &lock))
		return 0;
	int error = errno == EACCES ? EAGAIN : errno;
	close(fold->lock_fd);
	fold->lock_fd = -1;
	return error == EAGAIN ? -EBUSY : -error;
}

/* Ours alone: in a directory where others may create names, one of them could have been first. */
static int folding_open(struct fold *fold, bool take_over)
{
	struct stat status;
	if (take_over && mkdirat(fold->directory_fd, FOLD_DIRECTORY, 0700) && errno != EEXIST)
		return -errno;
	fold->folding_fd = openat(fold->directory_fd, FOLD_DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fold->folding_fd < 0)
		return -errno;
	if (take_over &&
	    (fstat(fold->folding_fd, &status) || status.st_uid != geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH))))
		return -EPERM;
	return take_over ? folding_lock(fold) : 0;
}

int fold_open(struct fold *fold, int directory_fd, const struct segment_limits *limits, bool take_over)
{
	*fold = (struct fold){.directory_fd = directory_fd, .folding_fd = -1, .lock_fd = -1};
	int r = folding_open(fold, take_over);
	if (!r)
		r = folding_each(fold, limits, entry_load);
	/* Who only looks takes what it may read. */
	if (!r && take_over)
		r = fold->load_error;
	if (!r && take_over) {
		r = folding_each(fold, limits, entry_recover);
		fold_commit(fold);
		marks_prune(fold);
	}
	/* Who only looks takes nothing over and moves nothing. */
	if ((r || !take_over) && fold->folding_fd >= 0) {
		close(fold->folding_fd);
		fold->folding_fd = -1;
	}
	return take_over ? r : 0;
}

void fold_close(struct fold *fold)
{
	for (size_t i = 0; i < fold->moved_count; i++)
		if (fold->moved[i].lock_fd >= 0)
			close(fold->moved[i].lock_fd);
	for (size_t i = 0; i < fold->service_count; i++)
		totals_free(fold->services[i]);
	free(fold->moved);
	free(fold->services);
	if (fold->folding_fd >= 0)
		close(fold->folding_fd);
	if (fold->lock_fd >= 0)
		close(fold->lock_fd);
	*fold = (struct fold){.directory_fd = -1, .folding_fd = -1, .lock_fd = -1};
}
