/* SPDX-License-Identifier: MIT */
/* An input as a file with a path: see input_file.h. */
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "input_file.h"

const char *input_file_write(const void *bytes, size_t len)
{
	static char path[32];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("input", MFD_CLOEXEC);
		fuzz_require(fd >= 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	fuzz_require(!ftruncate(fd, 0) && pwrite(fd, bytes, len, 0) == (ssize_t)len);
	return path;
}
