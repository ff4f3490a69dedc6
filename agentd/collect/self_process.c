/* SPDX-License-Identifier: MIT */
/* The process_* metrics of the agent itself. Source of the fields: proc(5), /proc/PID/stat. */
#include "self_process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "collect.h"

struct process {
#define SELF_PROCESS(field, ...) uint64_t field;
#include "self_process.def"
#undef SELF_PROCESS
};

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Reckoned once: the difference of the two clocks trembles, and a start time must not. */
static uint64_t start_time_ns(uint64_t start_ticks)
{
	static uint64_t time_ns;
	if (!time_ns) {
		const uint64_t tick_ns = 1000000000 / (uint64_t)sysconf(_SC_CLK_TCK);
		time_ns = (uint64_t)(clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME)) + start_ticks * tick_ns;
	}
	return time_ns;
}

/* Start time, virtual and resident size. */
static int stat_read(struct process *process)
{
	char text[1024];
	const int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	const ssize_t len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0)
		return -EIO;
	text[len] = '\0';
	/* The name in parentheses may hold anything, also ")"; the last one ends it. */
	const char *fields = strrchr(text, ')');
	unsigned long long start_ticks, virtual_bytes, resident_pages;
	if (!fields || sscanf(fields + 1,
			      " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d"
			      " %llu %llu %llu",
			      &start_ticks, &virtual_bytes, &resident_pages) != 3)
		return -EIO;
	process->start_ns = start_time_ns(start_ticks);
	process->virtual_bytes = virtual_bytes;
	process->resident_bytes = resident_pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return 0;
}

/* Linux 6.2 and later tell the number as the directory's size, for a hundredth of what it costs to list it. */
static int fds_count(struct process *process)
{
	struct stat status;
	if (!stat("/proc/self/fd", &status) && status.st_size > 0) {
		process->open_fds = (uint64_t)status.st_size;
		return 0;
	}
	DIR *directory = opendir("/proc/self/fd");
	if (!directory)
		return -errno;
	uint64_t count = 0;
	for (const struct dirent *entry; (entry = readdir(directory));)
		count += *entry->d_name != '.';
	closedir(directory);
	process->open_fds = count - 1; /* without the one that counts */
	return 0;
}

static int limits_read(struct process *process)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit))
		return -errno;
	process->max_fds = limit.rlim_cur;
	return 0;
}

int self_process_collect(struct builder *builder)
{
	static const struct collect_labels labels = {.names = {"service"}, .values = {"mstatd"}};
	struct process process = {.cpu_ns = (uint64_t)clock_ns(CLOCK_PROCESS_CPUTIME_ID)};
	int r = stat_read(&process);
	r = fds_count(&process) ?: r;
	r = limits_read(&process) ?: r;
	/* A zero is a figure that could not be read: no figure of a running process is 0. */
#define SELF_PROCESS(field, family_name, family_type, number, family_unit, family_help)                                \
	if (process.field)                                                                                             \
		collect_sample(builder,                                                                                \
			       &(const struct family_request){.name = (family_name),                                   \
							      .help = (family_help),                                   \
							      .unit = (family_unit),                                   \
							      .type = (family_type)},                                  \
			       &labels, number(process.field));
#include "self_process.def"
#undef SELF_PROCESS
	return r;
}
