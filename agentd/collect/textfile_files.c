/* SPDX-License-Identifier: MIT */
/* The files of the textfile collector. */
#include "textfile_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool name_ends(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);
	return len > end_len && !strcmp(name + len - end_len, end);
}

static int entry_wanted(const struct dirent *entry)
{
	return name_ends(entry->d_name, ".prom") || name_ends(entry->d_name, ".om");
}

/* A symbolic link may lead to a file beside it, not out of the directory. O_NONBLOCK: a FIFO does not wait for its
 * writer. */
static int file_open(int directory, const char *name)
{
	const struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
				     .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	long fd = syscall(SYS_openat2, directory, name, &how, sizeof(how));
	if (fd < 0 && errno == ENOSYS) /* before Linux 5.6: no links at all */
		fd = openat(directory, name, (int)how.flags | O_NOFOLLOW);
	return (int)fd;
}

static textfile_reason open_reason(int error)
{
	switch (error) {
	case EXDEV:
	case ELOOP:
		return "it is a link out of its directory: copy the file";
	case EACCES:
		return "the agent may not read it: change its owner or mode";
	case ENOENT:
		return "it is not there any more";
	case ENXIO:
		return "it is not a regular file";
	default:
		return "it cannot be opened";
	}
}

/* All of a file of at most `size` bytes; one that grows meanwhile is too large. */
static textfile_reason bytes_read(int fd, size_t size, struct textfile_file *file)
{
	char *bytes = malloc(size + 2);
	size_t len = 0;
	if (!bytes)
		return "out of memory";
	for (;;) {
		ssize_t n = read(fd, bytes + len, size + 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || len + (size_t)n > size) {
			free(bytes);
			return n < 0 ? "it cannot be read"
				     : "it grew while it was read: write a new file and rename it";
		}
		if (!n)
			break;
		len += (size_t)n;
	}
	file->bytes = bytes;
	file->len = len;
	return NULL;
}

static textfile_reason status_reason(const struct stat *status, const struct textfile_limits *limits)
{
	struct timespec now;
	if (!S_ISREG(status->st_mode))
		return "it is not a regular file";
	if ((uint64_t)status->st_size > limits->max_bytes)
		return "it is larger than --collector.textfile.max-bytes";
	clock_gettime(CLOCK_REALTIME, &now);
	double age_ns = (double)(now.tv_sec - status->st_mtim.tv_sec) * 1e9;
	if (limits->max_age_ns && age_ns > (double)limits->max_age_ns)
		return "it was not written for longer than --collector.textfile.max-age";
	return NULL;
}

static void file_read(struct textfile_file *file, int directory, const char *name, const struct textfile_limits *limits)
{
	struct stat status;
	/* Looked at before it is opened: opening alone does something to some devices. */
	if (!fstatat(directory, name, &status, 0) && !S_ISREG(status.st_mode)) {
		file->reason = "it is not a regular file";
		return;
	}
	int fd = file_open(directory, name);
	if (fd < 0) {
		file->reason = open_reason(errno);
		return;
	}
	file->reason = fstat(fd, &status) ? "it cannot be read" : status_reason(&status, limits);
	if (!file->reason)
		file->reason = bytes_read(fd, (size_t)status.st_size, file);
	file->modified = status.st_mtim;
	close(fd);
}

static int file_add(struct textfile_files *files, const char *directory, int fd, const char *name,
		    const struct textfile_limits *limits)
{
	if (files->count == limits->max_files) {
		files->omitted++;
		return 0;
	}
	if (files->count == files->capacity) {
		size_t capacity = files->capacity ? 2 * files->capacity : 16;
		struct textfile_file *grown = reallocarray(files->files, capacity, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		files->files = grown;
		files->capacity = capacity;
	}
	struct textfile_file *file = &files->files[files->count];
	*file = (struct textfile_file){.path = NULL};
	if (asprintf(&file->path, "%s/%s", directory, name) < 0)
		return -ENOMEM;
	files->count++;
	file_read(file, fd, name, limits);
	return 0;
}

static int directory_add(struct textfile_files *files, const char *directory, const struct textfile_limits *limits)
{
	struct dirent **entries = NULL;
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	int count = fd < 0 ? -1 : scandirat(fd, ".", &entries, entry_wanted, alphasort);
	int r = count < 0 && errno == ENOMEM ? -ENOMEM : 0;
	files->directories_missing += count < 0;
	for (int i = 0; i < count; i++) {
		if (!r)
			r = file_add(files, directory, fd, entries[i]->d_name, limits);
		free(entries[i]);
	}
	free(entries);
	if (fd >= 0)
		close(fd);
	return r;
}

int textfile_files_add(struct textfile_files *files, const char *pattern, const struct textfile_limits *limits)
{
	glob_t found = {.gl_pathc = 0};
	int r = 0, error = glob(pattern, GLOB_NOMAGIC | GLOB_ONLYDIR, NULL, &found);
	if (error == GLOB_NOSPACE)
		r = -ENOMEM;
	else if (error)
		files->directories_missing++;
	for (size_t i = 0; i < found.gl_pathc && !r; i++)
		r = directory_add(files, found.gl_pathv[i], limits);
	globfree(&found);
	return r;
}

void textfile_files_fini(struct textfile_files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		free(files->files[i].path);
		free(files->files[i].bytes);
	}
	free(files->files);
	*files = (struct textfile_files){.files = NULL};
}
