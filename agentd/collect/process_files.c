/* SPDX-License-Identifier: MIT */
/* What the files of one process say. */
#include "process_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "host_text.h"

void process_counters_add(struct process_counters *sum, const struct process_counters *counters)
{
#define PROCESS_COUNTER(field) sum->field += counters->field;
#include "process_counters.def"
}

void process_counters_add_growth(struct process_counters *sum, const struct process_counters *now,
				 const struct process_counters *before)
{
#define PROCESS_COUNTER(field) sum->field += now->field > before->field ? now->field - before->field : 0;
#include "process_counters.def"
}

void process_counters_max(struct process_counters *counters, const struct process_counters *other)
{
#define PROCESS_COUNTER(field)                                                                                         \
	if (counters->field < other->field)                                                                            \
		counters->field = other->field;
#include "process_counters.def"
}

/* ---- the procfs ------------------------------------------------------------------------------------------------- */

static uint64_t boot_ns(void)
{
	struct timespec now, since_boot;
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &since_boot);
	return (uint64_t)((now.tv_sec - since_boot.tv_sec) * INT64_C(1000000000) + now.tv_nsec - since_boot.tv_nsec);
}

int process_files_open(const char *procfs, struct process_files *files)
{
	struct statfs system;
	struct stat fds;
	const int fd = open(procfs, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	const bool real = !fstatfs(fd, &system) && system.f_type == PROC_SUPER_MAGIC;
	*files = (struct process_files){
		.proc_fd = fd,
		.real = real,
		/* Linux 6.2 and later; this process has a descriptor at least, so that a 0 says no. */
		.fds_by_size = real && !fstatat(fd, "self/fd", &fds, 0) && fds.st_size > 0,
		.tick_ns = UINT64_C(1000000000) / (uint64_t)sysconf(_SC_CLK_TCK),
		.page_bytes = (uint64_t)sysconf(_SC_PAGESIZE),
		.boot_ns = boot_ns(),
	};
	return 0;
}

void process_files_close(struct process_files *files)
{
	if (files->proc_fd >= 0)
		close(files->proc_fd);
	files->proc_fd = -1;
}

double process_start_seconds(const struct process_files *files, uint64_t start_ticks)
{
	return (double)(files->boot_ns + start_ticks * files->tick_ns) / 1e9;
}

struct process_place process_place_of(uint32_t pid, uint32_t thread_of)
{
	struct process_place place;
	place.len = (size_t)(thread_of ? snprintf(place.path, sizeof(place.path), "%u/task/%u", thread_of, pid)
				       : snprintf(place.path, sizeof(place.path), "%u", pid));
	return place;
}

/* The path of a file of a process; names are short. */
static void path_make(const struct process_place *place, const char *name, char path[64])
{
	char *end = mempcpy(path, place->path, place->len);
	*end++ = '/';
	stpcpy(end, name);
}

ssize_t process_file_read(const struct process_files *files, const struct process_place *place, const char *name,
			  char *text, size_t size)
{
	char path[64];
	path_make(place, name, path);
	/* O_NONBLOCK: a FIFO in the place of a file must not stop the agent. */
	const int fd = openat(files->proc_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	ssize_t len;
	do
		len = pread(fd, text, size - 1, 0);
	while (len < 0 && errno == EINTR);
	const int error = errno;
	close(fd);
	if (len < 0)
		return -error;
	text[len] = '\0';
	return len;
}

/* ---- directories ------------------------------------------------------------------------------------------------ */

/* A name that is a number and nothing else, or 0. */
static uint32_t number_of_name(const char *name)
{
	uint64_t number;
	return *name >= '1' && *name <= '9' && word_u64(name, &number) && number <= INT32_MAX ? (uint32_t)number : 0;
}

int process_files_each_number(const struct process_files *files, const char *path, process_number_each *each,
			      void *context)
{
	_Alignas(struct dirent64) char entries[16384];
	ssize_t bytes;
	const int fd = openat(files->proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	while ((bytes = getdents64(fd, entries, sizeof(entries))) > 0)
		for (ssize_t at = 0; at < bytes;) {
			const struct dirent64 *entry = (const struct dirent64 *)(entries + at);
			const uint32_t number = number_of_name(entry->d_name);
			at += entry->d_reclen;
			if (number)
				each(context, fd, number);
		}
	const int r = bytes < 0 ? -errno : 0;
	close(fd);
	return r;
}

/* ---- stat ------------------------------------------------------------------------------------------------------- */

static void comm_take(const char *begin, const char *end, char comm[PROCESS_COMM_BYTES])
{
	size_t len = (size_t)(end - begin);
	if (len > PROCESS_COMM_BYTES - 1)
		len = PROCESS_COMM_BYTES - 1;
	memcpy(comm, begin, len);
	comm[len] = '\0';
}

/* Fields by their numbers in proc(5). */
enum { FIELD_FIRST = 4, FIELD_NEEDED = 20, FIELD_COUNT = 48 };

/* The name in parentheses may hold anything, also ")" and newlines; the last one ends it. */
static bool stat_parse(const struct process_files *files, char *stat, size_t len, struct process_reading *reading)
{
	uint64_t fields[FIELD_COUNT + 1] = {0};
	char *begin = memchr(stat, '(', len), *end = memrchr(stat, ')', len);
	if (!begin || !end || end < begin || end[1] != ' ' || !end[2] || end[3] != ' ')
		return false;
	struct text text = {end + 3, stat + len};
	for (int i = FIELD_FIRST; i <= FIELD_COUNT; i++) {
		int64_t number = 0;
		/* Some fields have a sign; those that are taken have none. */
		if (!text_u64(&text, &fields[i]) && !text_i64(&text, &number) && i <= FIELD_NEEDED)
			return false;
	}
	comm_take(begin + 1, end, reading->comm);
	reading->state = end[2];
	reading->parent = (uint32_t)fields[4];
	reading->counters.minor_faults = fields[10];
	reading->counters.major_faults = fields[12];
	reading->counters.user_ns = fields[14] * files->tick_ns;
	reading->counters.system_ns = fields[15] * files->tick_ns;
	reading->threads = fields[20];
	reading->start_ticks = fields[22];
	reading->virtual_bytes = fields[23];
	reading->resident_bytes = fields[24] * files->page_bytes;
	reading->image = fields[48]; /* where the arguments are: another place after each exec */
	return true;
}

int process_files_stat(const struct process_files *files, const struct process_place *place,
		       struct process_reading *reading)
{
	char text[1024];
	struct process_reading fresh = {.threads = 0};
	const ssize_t len = process_file_read(files, place, "stat", text, sizeof(text));
	if (len < 0)
		return (int)len;
	if (!stat_parse(files, text, (size_t)len, &fresh))
		return -EBADMSG;
	*reading = fresh;
	return 0;
}

/* ---- status, io, fd, limits ------------------------------------------------------------------------------------- */

static void last_number(struct text *line, uint32_t *number)
{
	uint64_t value;
	while (text_u64(line, &value))
		*number = (uint32_t)value;
}

static void status_line(struct text *line, struct process_reading *reading)
{
	uint64_t value;
	if (text_take(line, "VmSwap:")) {
		if (text_u64(line, &value))
			reading->swapped_bytes = value * 1024;
	} else if (text_take(line, "Uid:")) {
		if (text_u64(line, &value))
			reading->uid = (uint32_t)value;
	} else if (text_take(line, "NSpid:")) {
		last_number(line, &reading->innermost_pid);
	} else if (text_take(line, "voluntary_ctxt_switches:")) {
		text_u64(line, &reading->counters.voluntary_switches);
	} else if (text_take(line, "nonvoluntary_ctxt_switches:")) {
		text_u64(line, &reading->counters.nonvoluntary_switches);
	}
}

void process_files_status(const struct process_files *files, const struct process_place *place,
			  struct process_reading *reading)
{
	char bytes[PROCESS_FILE_BYTES];
	const ssize_t len = process_file_read(files, place, "status", bytes, sizeof(bytes));
	struct text text = {bytes, bytes + (len < 0 ? 0 : len)}, line;
	/* The kernel escapes newlines of the name here, so that no line can be forged. */
	while (text_line(&text, &line))
		if (strchr("VUNvn", *line.at))
			status_line(&line, reading);
}

static bool io_read(const struct process_files *files, const struct process_place *place,
		    struct process_reading *reading)
{
	char bytes[512];
	const ssize_t len = process_file_read(files, place, "io", bytes, sizeof(bytes));
	struct text text = {bytes, bytes + (len < 0 ? 0 : len)}, line;
	while (text_line(&text, &line)) {
		if (text_take(&line, "read_bytes:"))
			text_u64(&line, &reading->counters.read_bytes);
		else if (text_take(&line, "write_bytes:"))
			text_u64(&line, &reading->counters.write_bytes);
	}
	return len >= 0;
}

static bool fds_list(const struct process_files *files, const char *path, uint64_t *count)
{
	_Alignas(struct dirent64) char entries[4096];
	const int fd = openat(files->proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	*count = 0;
	for (;;) {
		const ssize_t bytes = getdents64(fd, entries, sizeof(entries));
		if (bytes <= 0)
			break;
		for (ssize_t at = 0; at < bytes;) {
			const struct dirent64 *entry = (const struct dirent64 *)(entries + at);
			*count += *entry->d_name != '.';
			at += entry->d_reclen;
		}
	}
	close(fd);
	return true;
}

static bool fds_count(const struct process_files *files, const struct process_place *place, uint64_t *count)
{
	char path[64];
	struct stat status;
	path_make(place, "fd", path);
	if (!files->fds_by_size)
		return fds_list(files, path, count);
	if (fstatat(files->proc_fd, path, &status, 0))
		return false;
	*count = (uint64_t)status.st_size;
	return true;
}

void process_files_more(const struct process_files *files, const struct process_place *place, bool with_fds,
			struct process_reading *reading)
{
	process_files_status(files, place, reading);
	const bool has_io = io_read(files, place, reading);
	const bool has_fds = !with_fds || fds_count(files, place, &reading->open_fds);
	reading->partial = !has_io || !has_fds;
}

uint64_t process_files_limit(const struct process_files *files, const struct process_place *place)
{
	char bytes[PROCESS_FILE_BYTES];
	uint64_t limit = 0;
	const ssize_t len = process_file_read(files, place, "limits", bytes, sizeof(bytes));
	struct text text = {bytes, bytes + (len < 0 ? 0 : len)}, line;
	while (text_line(&text, &line))
		if (text_take(&line, "Max open files"))
			text_u64(&line, &limit);
	return limit;
}
