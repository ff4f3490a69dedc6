/* SPDX-License-Identifier: MIT */
/* Scratch directories on a tmpfs, and segments in them. */
#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mstat/mstat.h>

#include "harness.h"

#define SCRATCH_MAX 8u

static struct {
	char paths[SCRATCH_MAX][40];
	unsigned count;
	pid_t owner; /* children inherit the list, but leave the directories alone */
} scratch;

static void scratch_remove(void)
{
	if (getpid() != scratch.owner)
		return;
	for (unsigned i = 0; i < scratch.count; i++) {
		scratch_clear(scratch.paths[i]);
		rmdir(scratch.paths[i]);
	}
}

const char *scratch_directory(void)
{
	if (scratch.count == SCRATCH_MAX)
		bench_fail("more than %u scratch directories", SCRATCH_MAX);
	if (!scratch.owner) {
		scratch.owner = getpid();
		atexit(scratch_remove);
	}
	char *path = scratch.paths[scratch.count];
	strcpy(path, "/dev/shm/mstat-bench-XXXXXX");
	if (!mkdtemp(path))
		bench_fail("%s: %s; segments need a tmpfs that can be written there", path, strerror(errno));
	scratch.count++;
	return path;
}

unsigned scratch_clear(const char *path)
{
	DIR *directory = opendir(path);
	if (!directory)
		return 0;
	unsigned count = 0;
	for (struct dirent *entry; (entry = readdir(directory));)
		if (entry->d_name[0] != '.' && !unlinkat(dirfd(directory), entry->d_name, 0))
			count++;
	closedir(directory);
	return count;
}

void scratch_segment_open(const char *directory, unsigned series_max)
{
	struct mstat_options options = {
		.size = sizeof(options),
		.service = "bench",
		.directory = directory,
		.series_max = series_max,
		.family_series_max = series_max,
	};
	int reason = mstat_open(&options);
	struct mstat_status status;
	mstat_status(&status);
	if (reason || !status.exposed)
		bench_fail("no segment in %s: %s (%s)", directory, mstat_reason_text(reason), strerror(status.error));
}

void scratch_segment_check(void)
{
	struct mstat_status status;
	mstat_status(&status);
	if (status.last_reason)
		bench_fail("the library refused something: %s", mstat_reason_text(status.last_reason));
}
