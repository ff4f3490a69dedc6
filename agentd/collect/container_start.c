/* SPDX-License-Identifier: MIT */
/* When a control group came to be. The kernel does not tell: the times of its directory are those of the moment in
 * which somebody looked at it first. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "container.h"

#define STAT_BYTES 1024u
#define WORDS_TO_START 19u /* of /proc/PID/stat, behind the name in parentheses */

static ssize_t file_head(int directory_fd, const char *path, char *bytes, size_t size)
{
	const int fd = openat(directory_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	const ssize_t len = read(fd, bytes, size - 1);
	close(fd);
	if (len >= 0)
		bytes[len] = '\0';
	return len < 0 ? -EIO : len;
}

/* "btime 1762920000" of /proc/stat */
static double boot_time_seconds(struct host *host)
{
	struct container_state *state = host->state;
	struct text text, line;
	uint64_t seconds;
	if (state->boot_time_seconds > 0 || host_read(host, HOST_PROC, "stat", &text))
		return state->boot_time_seconds;
	while (text_line(&text, &line))
		if (text_take(&line, "btime ") && text_u64(&line, &seconds))
			state->boot_time_seconds = (double)seconds;
	return state->boot_time_seconds;
}

/* 0 if there is none. */
static double first_process_start(struct host *host, int directory_fd)
{
	const struct container_state *state = host->state;
	char bytes[STAT_BYTES], path[64], full[HOST_PATH_MAX];
	uint64_t pid, ticks;
	ssize_t len = file_head(directory_fd, "cgroup.procs", bytes, sizeof(bytes));
	struct text text = {bytes, bytes + (len > 0 ? len : 0)};
	if (!text_u64(&text, &pid) || !pid)
		return 0; /* pid 0: of another pid namespace */
	host_format(path, "%llu/stat", (unsigned long long)pid);
	if (host_path(host, HOST_PROC, path, full, sizeof(full)))
		return 0;
	len = file_head(AT_FDCWD, full, bytes, sizeof(bytes));
	const char *name_end = len > 0 ? strrchr(bytes, ')') : NULL;
	if (!name_end)
		return 0;
	text = (struct text){bytes + (name_end + 1 - bytes), bytes + len};
	const double boot = boot_time_seconds(host);
	if (boot <= 0 || !text_skip_words(&text, WORDS_TO_START) || !text_u64(&text, &ticks))
		return 0;
	return boot + (double)ticks / (double)state->clock_ticks;
}

double container_start_time(struct host *host, int directory_fd, const struct stat *status)
{
	const double directory = (double)status->st_mtim.tv_sec;
	const double process = first_process_start(host, directory_fd);
	return process > 0 && process < directory ? process : directory;
}
