/* SPDX-License-Identifier: MIT */
/* A segment that the user names. See target.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inspection.h"
#include "report.h"
#include "target.h"

/* Opens the first of the paths that exists, which takes its place in *path. */
static int name_open(const struct arguments *arguments, const char *name, int flags, char **path)
{
	char **directories;
	size_t count = directories_choose(arguments, &directories);
	int fd = -ENOENT;
	for (size_t i = 0; i < count && fd == -ENOENT; i++) {
		char *joined = need_printf("%s/%s", directories[i], name);
		fd = open(joined, flags);
		fd = fd < 0 ? -errno : fd;
		free(*path);
		*path = joined;
	}
	directories_free(directories, count);
	return fd;
}

int target_open(const struct arguments *arguments, const char *name, char **path)
{
	int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	char *found = need_strdup(name);
	int fd;
	if (strchr(name, '/')) {
		fd = open(name, flags);
		fd = fd < 0 ? -errno : fd;
	} else {
		fd = name_open(arguments, name, flags | O_NOFOLLOW, &found);
	}
	struct stat status;
	const char *why = NULL;
	if (fd < 0)
		why = strerror(-fd);
	else if (fstat(fd, &status) < 0)
		why = strerror(errno);
	else if (!S_ISREG(status.st_mode))
		why = "not a regular file";
	if (!why) {
		*path = found;
		return fd;
	}
	report("cannot read the segment %s: %s%s", fd == -ENOENT ? name : found, why,
	       fd == -ENOENT ? "; 'mstat ls' lists the segments" : "");
	free(found);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : -EINVAL;
}
