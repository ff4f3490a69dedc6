/* SPDX-License-Identifier: MIT */
/* The files that a configuration was read from, and whether they have changed since. */
#include "web_config_stamps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A longer file is a mistake (a device, a log) that would eat memory. */
#define FILE_BYTES_MAX (1024 * 1024)
/* Times of files are those of the kernel's last tick, 10 ms ago at most; some file systems are coarser. */
#define SETTLED_NS 50000000
#define DIGEST_SEED UINT64_C(14695981039346656037)
#define DIGEST_PRIME UINT64_C(1099511628211)

void web_stamps_fini(struct web_stamps *stamps)
{
	for (size_t i = 0; i < stamps->count; i++)
		free(stamps->files[i].path);
	*stamps = (struct web_stamps)WEB_STAMPS_INIT;
}

static int64_t time_ns(struct timespec time)
{
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static int stamp_note(struct web_stamps *stamps, const char *path, int error, const struct stat *stat)
{
	struct timespec now;
	if (!stamps || stamps->count == WEB_STAMPS_MAX)
		return 0;
	struct web_stamp *stamp = &stamps->files[stamps->count];
	*stamp = (struct web_stamp){.path = strdup(path), .error = error};
	if (!stamp->path)
		return -ENOMEM;
	stamps->count++;
	if (error)
		return 0;
	stamp->stat = *stat;
	clock_gettime(CLOCK_REALTIME, &now);
	if (time_ns(now) - time_ns(stat->st_ctim) < SETTLED_NS)
		stamps->unsettled = true;
	return 0;
}

/* FNV-1a: only tells whether something is as it was. */
static void digest_add(struct web_stamps *stamps, const char *text, size_t len)
{
	uint64_t digest = stamps->digest ? stamps->digest : DIGEST_SEED;
	for (size_t i = 0; i < len; i++)
		digest = (digest ^ (unsigned char)text[i]) * DIGEST_PRIME;
	stamps->digest = digest * DIGEST_PRIME;
}

static int whole_read(int fd, char *buffer, size_t size, size_t *len)
{
	size_t filled = 0;
	while (filled < size) {
		const ssize_t n = read(fd, buffer + filled, size - filled);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		filled += (size_t)n;
	}
	buffer[filled] = '\0';
	*len = filled;
	return 0;
}

int web_stamps_read(struct web_stamps *stamps, const char *path, char **text, size_t *len)
{
	struct stat stat;
	char *buffer = NULL;
	int r = 0;
	/* O_NONBLOCK: a FIFO without a writer must not hold up the server. */
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &stat))
		r = -errno;
	const int noted = stamp_note(stamps, path, r, &stat);
	if (r || noted) {
		r = r ? r : noted;
		goto out;
	}
	r = -EINVAL;
	if (!S_ISREG(stat.st_mode) || stat.st_size > FILE_BYTES_MAX)
		goto out;
	buffer = malloc((size_t)stat.st_size + 1);
	r = buffer ? whole_read(fd, buffer, (size_t)stat.st_size, len) : -ENOMEM;
	if (r)
		goto out;
	if (stamps)
		digest_add(stamps, buffer, *len);
	*text = buffer;
	buffer = NULL;
out:
	free(buffer);
	if (fd >= 0)
		close(fd);
	return r;
}

static bool stamp_differs(const struct web_stamp *stamp)
{
	struct stat now;
	const int error = stat(stamp->path, &now) ? -errno : 0;
	if (error || stamp->error)
		return error != stamp->error;
	return now.st_dev != stamp->stat.st_dev || now.st_ino != stamp->stat.st_ino ||
	       now.st_size != stamp->stat.st_size || time_ns(now.st_mtim) != time_ns(stamp->stat.st_mtim) ||
	       time_ns(now.st_ctim) != time_ns(stamp->stat.st_ctim);
}

bool web_stamps_changed(const struct web_stamps *stamps)
{
	bool changed = stamps->unsettled;
	for (size_t i = 0; i < stamps->count && !changed; i++)
		changed = stamp_differs(&stamps->files[i]);
	return changed;
}
