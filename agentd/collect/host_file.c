/* SPDX-License-Identifier: MIT */
/* The files of host collectors: kept open where the file system makes their contents anew for each read. */
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <mstat/atomic.h>

#include "host_private.h"

#define BUFFER_BYTES_FIRST 16384u
#define SMALL_BYTES_MAX 4096u
#define PAGE_BYTES 4096u /* the kernel's smallest, on whatever machine */

static uint64_t kept_all; /* descriptors kept by all collectors, relaxed */

bool host_buffer_reserve(struct host_buffer *buffer, size_t bytes)
{
	if (bytes <= buffer->capacity)
		return true;
	size_t capacity = buffer->capacity ? buffer->capacity : BUFFER_BYTES_FIRST;
	while (capacity < bytes)
		capacity *= 2;
	char *grown = realloc(buffer->bytes, capacity);
	if (!grown)
		return false;
	buffer->bytes = grown;
	buffer->capacity = capacity;
	return true;
}

int host_path(const struct host *host, enum host_root root, const char *path, char *full, size_t size)
{
	const char *base = host->options->paths[root];
	size_t base_len = strlen(base), path_len = strlen(path);
	while (base_len > 1 && base[base_len - 1] == '/')
		base_len--;
	if (base_len + path_len + 2 > size)
		return -ENAMETOOLONG;
	memcpy(full, base, base_len);
	if (*path && base[base_len - 1] != '/')
		full[base_len++] = '/';
	memcpy(full + base_len, path, path_len + 1);
	return 0;
}

/* ---- kept files ------------------------------------------------------------------------------------------------- */

void host_files_begin(struct host_private *own)
{
	own->collection++;
	own->kept_next = 0;
}

static void kept_drop(struct host_private *own, size_t index)
{
	close(own->kept[index].fd);
	free(own->kept[index].path);
	own->kept_count--;
	memmove(own->kept + index, own->kept + index + 1, (own->kept_count - index) * sizeof(own->kept[0]));
	mstat_add_relaxed(&kept_all, (uint64_t)-1);
}

void host_files_end(struct host_private *own)
{
	for (size_t i = own->kept_count; i-- > 0;)
		if (own->collection - own->kept[i].used > HOST_KEPT_IDLE_MAX)
			kept_drop(own, i);
}

void host_files_close(struct host_private *own)
{
	while (own->kept_count)
		kept_drop(own, own->kept_count - 1);
}

static struct kept_file *kept_find(struct host_private *own, const char *full)
{
	for (size_t i = 0; i < own->kept_count; i++) {
		size_t at = (own->kept_next + i) % own->kept_count;
		if (strcmp(own->kept[at].path, full))
			continue;
		own->kept_next = at + 1;
		own->kept[at].used = own->collection;
		return &own->kept[at];
	}
	return NULL;
}

/* See struct kept_file. */
static size_t procfs_end_below(const char *path)
{
	static const struct {
		const char *path;
		size_t record_bytes;
	} files[] = {
#define PROCFS_FILE(name, bytes) {name, bytes},
#include "host_procfs.def"
	};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (!strcmp(path, files[i].path))
			return files[i].record_bytes ? PAGE_BYTES - files[i].record_bytes : SIZE_MAX;
	return 0;
}

/* Whether a read from offset 0 gives the present contents for ever, also if the file was replaced by another of the
 * same name: true of the kernel's own file systems only. */
static bool fd_keepable(int fd, const char *path, size_t *end_below)
{
	struct statfs status;
	if (fstatfs(fd, &status))
		return false;
	switch (status.f_type) {
	case PROC_SUPER_MAGIC:
		*end_below = procfs_end_below(path);
		return true;
	case SYSFS_MAGIC:
		*end_below = PAGE_BYTES; /* an attribute has a page at most, and is printed at once */
		return true;
	case CGROUP_SUPER_MAGIC:
	case CGROUP2_SUPER_MAGIC:
		return true;
	default:
		return false;
	}
}

/* Takes the descriptor over if there is room. */
static bool kept_add(struct host_private *own, const char *full, int fd, size_t end_below)
{
	if (own->kept_count == HOST_KEPT_MAX)
		return false;
	if (mstat_add_relaxed(&kept_all, 1) >= HOST_KEPT_ALL_MAX) {
		mstat_add_relaxed(&kept_all, (uint64_t)-1);
		return false;
	}
	char *copy = strdup(full);
	if (!copy) {
		mstat_add_relaxed(&kept_all, (uint64_t)-1);
		return false;
	}
	own->kept[own->kept_count++] =
		(struct kept_file){.path = copy, .fd = fd, .end_below = end_below, .used = own->collection};
	return true;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

/* O_NONBLOCK: a FIFO in the place of a file must not stop the agent. */
static int file_open(const char *full)
{
	struct stat status;
	int fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	int r = fstat(fd, &status) ? -errno : S_ISREG(status.st_mode) ? 0 : S_ISDIR(status.st_mode) ? -EISDIR : -EINVAL;
	if (!r)
		return fd;
	close(fd);
	return r;
}

/* At most size bytes from the beginning; their number or -errno. `end_below`: see struct kept_file. */
static ssize_t fd_read(int fd, char *bytes, size_t size, size_t end_below)
{
	size_t len = 0;
	while (len < size) {
		ssize_t n = pread(fd, bytes + len, size - len, (off_t)len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		len += (size_t)n;
		if (!n || (len < end_below && len < size))
			break;
	}
	return (ssize_t)len;
}

/* The whole file into the buffer, with a spare byte behind it. */
static ssize_t fd_read_all(int fd, struct host_private *own, size_t end_below)
{
	struct host_buffer *buffer = own->buffer;
	size_t len = 0;
	if (!host_buffer_reserve(buffer, BUFFER_BYTES_FIRST))
		return -ENOMEM;
	for (;;) {
		size_t room = buffer->capacity - 1 - len;
		ssize_t n = pread(fd, buffer->bytes + len, room, (off_t)len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		len += (size_t)n;
		if (!n || (len < end_below && (size_t)n < room))
			return (ssize_t)len;
		if (len < buffer->capacity - 1)
			continue;
		if (buffer->capacity > HOST_FILE_BYTES_MAX) {
			mstat_add_relaxed(&own->skipped, 1);
			return (ssize_t)len;
		}
		if (!host_buffer_reserve(buffer, 2 * buffer->capacity))
			return -ENOMEM;
	}
}

static ssize_t fd_read_into(int fd, struct host_private *own, char *bytes, size_t size, size_t end_below)
{
	return bytes ? fd_read(fd, bytes, size, end_below) : fd_read_all(fd, own, end_below);
}

/* Whether a kept descriptor is of something that went away: its path may lead to another one by now. */
static bool error_of_gone(ssize_t r)
{
	return r == -ENODEV || r == -ENOENT || r == -ESTALE || r == -ESRCH || r == -ENXIO || r == -EIO;
}

/* Reads into `bytes`, or into the buffer if that is NULL. */
static ssize_t file_read(struct host *host, enum host_root root, const char *path, char *bytes, size_t size)
{
	struct host_private *own = host->own;
	char full[HOST_PATH_MAX + 256];
	size_t end_below = 0;
	int r = host_path(host, root, path, full, sizeof(full));
	if (r)
		return r;
	struct kept_file *kept = kept_find(own, full);
	if (kept) {
		ssize_t n = fd_read_into(kept->fd, own, bytes, size, kept->end_below);
		if (!error_of_gone(n))
			return n;
		kept_drop(own, (size_t)(kept - own->kept));
	}
	int fd = file_open(full);
	if (fd < 0)
		return fd;
	bool keep = fd_keepable(fd, path, &end_below);
	ssize_t n = fd_read_into(fd, own, bytes, size, end_below);
	/* -EINVAL is an answer of the kernel's, and mostly the same next time: the speed of a device that has none. */
	bool answered = n >= 0 || n == -EINVAL;
	if (!answered || !keep || !kept_add(own, full, fd, end_below))
		close(fd);
	return n;
}

int host_read(struct host *host, enum host_root root, const char *path, struct text *text)
{
	ssize_t len = file_read(host, root, path, NULL, 0);
	if (len < 0)
		return (int)len;
	char *bytes = host->own->buffer->bytes;
	bytes[len] = '\0';
	*text = (struct text){bytes, bytes + len};
	return 0;
}

static int small_read(struct host *host, enum host_root root, const char *path, char *bytes, struct text *text)
{
	ssize_t len = file_read(host, root, path, bytes, SMALL_BYTES_MAX - 1);
	if (len < 0)
		return (int)len;
	bytes[len] = '\0';
	*text = (struct text){bytes, bytes + len};
	return 0;
}

int host_read_string(struct host *host, enum host_root root, const char *path, char *string, size_t size)
{
	char bytes[SMALL_BYTES_MAX];
	struct text text;
	int r = small_read(host, root, path, bytes, &text);
	if (r)
		return r;
	const char *rest = text_rest(&text);
	size_t len = strlen(rest);
	if (len > size - 1)
		len = size - 1;
	memcpy(string, rest, len);
	string[len] = '\0';
	return 0;
}

int host_read_u64(struct host *host, enum host_root root, const char *path, uint64_t *value)
{
	char bytes[SMALL_BYTES_MAX];
	struct text text;
	int r = small_read(host, root, path, bytes, &text);
	if (!r && !word_u64(text_rest(&text), value)) {
		host_skip(host);
		r = -EINVAL;
	}
	return r;
}

int host_read_i64(struct host *host, enum host_root root, const char *path, int64_t *value)
{
	char bytes[SMALL_BYTES_MAX];
	struct text text;
	int r = small_read(host, root, path, bytes, &text);
	if (!r && !word_i64(text_rest(&text), value)) {
		host_skip(host);
		r = -EINVAL;
	}
	return r;
}

int host_read_link(struct host *host, enum host_root root, const char *path, char *target, size_t size)
{
	char full[HOST_PATH_MAX + 256];
	int r = host_path(host, root, path, full, sizeof(full));
	if (r)
		return r;
	ssize_t len = readlink(full, target, size - 1);
	if (len < 0)
		return -errno;
	target[len] = '\0';
	return 0;
}
