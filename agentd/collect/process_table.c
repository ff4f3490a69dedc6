/* SPDX-License-Identifier: MIT */
/* Processes over time: a hash table by PID, and what to read of each in a pass. */
#include "process_table.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <mstat/atomic.h>

#include "host_text.h"

#define BUCKETS_FIRST 256u
/* Descriptors of schedstat that stay open, of all tables together: not more than these, and not more than a quarter of
 * what is allowed. */
#define KEPT_MAX 1024u
#define KEPT_PART 4u
static uint64_t kept_all; /* relaxed */

struct process_table {
	struct process_files files; /* of the pass */
	char *procfs;
	struct process **buckets;
	size_t bucket_count; /* a power of 2 */
	size_t count;
	uint32_t pass;
	size_t kept_max;
	bool walking; /* somebody is at a place in the table: it must not grow */
	struct process_table_stats stats;
};

/* ---- the hash table --------------------------------------------------------------------------------------------- */

static struct process **bucket_of(const struct process_table *table, uint32_t pid)
{
	return &table->buckets[(pid * UINT32_C(0x9e3779b1) >> 8) & (table->bucket_count - 1)];
}

static void table_grow(struct process_table *table)
{
	struct process **old = table->buckets;
	const size_t old_count = table->bucket_count;
	struct process **buckets = calloc(2 * old_count, sizeof(struct process *));
	if (!buckets)
		return;
	table->buckets = buckets;
	table->bucket_count = 2 * old_count;
	for (size_t i = 0; i < old_count; i++) {
		struct process *in_order = NULL, *next;
		/* Turned round twice: of two with one PID the later one stays in front. */
		for (struct process *process = old[i]; process; process = next) {
			next = process->next;
			process->next = in_order;
			in_order = process;
		}
		for (struct process *process = in_order; process; process = next) {
			struct process **bucket = bucket_of(table, process->pid);
			next = process->next;
			process->next = *bucket;
			*bucket = process;
		}
	}
	free(old);
}

static struct process *process_add(struct process_table *table, uint32_t pid, uint32_t thread_of)
{
	if (table->count >= PROCESS_TABLE_MAX)
		return NULL;
	if (table->count >= table->bucket_count && !table->walking)
		table_grow(table); /* without memory it gets slower */
	struct process *process = calloc(1, sizeof(*process));
	if (!process)
		return NULL;
	struct process **bucket = bucket_of(table, pid);
	process->pid = pid;
	process->thread_of = thread_of;
	process->schedule_fd = -1;
	process->next = *bucket;
	*bucket = process;
	table->count++;
	return process;
}

static void schedule_close(struct process *process)
{
	if (process->schedule_fd < 0)
		return;
	close(process->schedule_fd);
	process->schedule_fd = -1;
	mstat_add_relaxed(&kept_all, (uint64_t)-1);
}

static void process_remove(struct process_table *table, struct process **place)
{
	struct process *process = *place;
	*place = process->next;
	schedule_close(process);
	free(process);
	table->count--;
}

struct process *process_table_find(const struct process_table *table, uint32_t pid)
{
	struct process *process = *bucket_of(table, pid);
	while (process && process->pid != pid)
		process = process->next;
	return process;
}

struct process *process_table_next(const struct process_table *table, const struct process *process)
{
	if (process && process->next)
		return process->next;
	size_t bucket = process ? (size_t)(bucket_of(table, process->pid) - table->buckets) + 1 : 0;
	while (bucket < table->bucket_count && !table->buckets[bucket])
		bucket++;
	return bucket < table->bucket_count ? table->buckets[bucket] : NULL;
}

bool process_gone(const struct process_table *table, const struct process *process)
{
	return process->pass != table->pass;
}

size_t process_table_count(const struct process_table *table)
{
	return table->count;
}

uint32_t process_table_pass(const struct process_table *table)
{
	return table->pass;
}

const struct process_files *process_table_files(const struct process_table *table)
{
	return &table->files;
}

struct process_table_stats process_table_stats(const struct process_table *table)
{
	return table->stats;
}

int process_table_new(const char *procfs, struct process_table **table)
{
	struct rlimit limit;
	struct process_table *fresh = calloc(1, sizeof(*fresh));
	if (!fresh)
		return -ENOMEM;
	fresh->files.proc_fd = -1;
	fresh->bucket_count = BUCKETS_FIRST;
	fresh->buckets = calloc(fresh->bucket_count, sizeof(struct process *));
	fresh->procfs = strdup(procfs);
	if (!fresh->buckets || !fresh->procfs) {
		process_table_free(fresh);
		return -ENOMEM;
	}
	if (!getrlimit(RLIMIT_NOFILE, &limit))
		fresh->kept_max = limit.rlim_cur / KEPT_PART < KEPT_MAX ? limit.rlim_cur / KEPT_PART : KEPT_MAX;
	*table = fresh;
	return 0;
}

void process_table_free(struct process_table *table)
{
	if (!table)
		return;
	for (size_t i = 0; table->buckets && i < table->bucket_count; i++)
		while (table->buckets[i])
			process_remove(table, &table->buckets[i]);
	process_files_close(&table->files);
	free(table->buckets);
	free(table->procfs);
	free(table);
}

/* ---- one process ------------------------------------------------------------------------------------------------ */

/* Keeps the descriptor where there is room. */
static int schedule_open(struct process_table *table, struct process *process, const struct process_place *place)
{
	char path[64];
	stpcpy(mempcpy(path, place->path, place->len), "/schedstat");
	const int fd = openat(table->files.proc_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || !table->files.real)
		return fd;
	if (mstat_add_relaxed(&kept_all, 1) < table->kept_max)
		process->schedule_fd = fd;
	else
		mstat_add_relaxed(&kept_all, (uint64_t)-1);
	return fd;
}

/* False where the kernel keeps no such account, and of a process that is gone. */
static bool schedule_read(struct process_table *table, struct process *process, const struct process_place *place,
			  struct process_schedule *schedule)
{
	char bytes[128];
	uint64_t wait_ns;
	const int fd = process->schedule_fd >= 0 ? process->schedule_fd : schedule_open(table, process, place);
	if (fd < 0)
		return false;
	const ssize_t len = pread(fd, bytes, sizeof(bytes) - 1, 0);
	if (fd != process->schedule_fd)
		close(fd);
	else if (len < 0)
		schedule_close(process); /* of a process that is gone: the PID may have passed to another */
	struct text text = {bytes, bytes + (len < 0 ? 0 : len)};
	return text_u64(&text, &schedule->run_ns) && text_u64(&text, &wait_ns) && text_u64(&text, &schedule->slices);
}

static bool due(const struct process_table *table, const struct process *process)
{
	return (table->pass + process->pid) % PROCESS_REST_PASSES == 0;
}

/* Whether nothing can have changed since the files were read. */
static bool process_rests(const struct process *process, const struct process_schedule *schedule)
{
	return (process->now.threads == 1 || process->thread_of) && process->now.state != 'R' && schedule->slices &&
	       schedule->slices == process->schedule.slices && schedule->run_ns == process->schedule.run_ns;
}

/* prlimit(2) is rare: not worth a file each time. */
static void limit_follow(struct process_table *table, struct process *process, const struct process_place *place,
			 uint64_t before)
{
	const bool ask = process->fresh || due(table, process);
	process->now.max_fds = ask ? process_files_limit(&table->files, place) : before;
}

/* `reading` has what stat says. */
static void process_take(struct process_table *table, struct process *process, const struct process_place *place,
			 const struct process_reading *reading)
{
	const struct process_reading before = process->now;
	process->now = *reading;
	process->fresh = !process->known || before.image != reading->image || strcmp(before.comm, reading->comm) != 0;
	process_files_more(&table->files, place, !process->thread_of, &process->now);
	table->stats.partial_errors += process->now.partial;
	if (!process->thread_of)
		limit_follow(table, process, place, before.max_fds);
	/* A file that could not be read this time must not take back what was counted. */
	process_counters_max(&process->now.counters, &before.counters);
	process->pass = process->read_pass = table->pass;
}

/* Asks whether a known process has done anything; *schedule is what to compare with next time. True if its files need
 * not be read. */
static bool process_rested(struct process_table *table, struct process *process, const struct process_place *place,
			   struct process_schedule *schedule)
{
	process->rested = schedule_read(table, process, place, schedule) && process_rests(process, schedule);
	if (!process->rested || due(table, process))
		return false;
	process->pass = table->pass;
	process->fresh = false;
	return true;
}

struct process *process_table_visit(struct process_table *table, uint32_t pid, uint32_t thread_of)
{
	const struct process_place place = process_place_of(pid, thread_of);
	struct process_schedule schedule = {0, 0};
	struct process_reading reading;
	struct process *process = process_table_find(table, pid);
	assert(table->files.proc_fd >= 0);
	if (process)
		process->known = true;
	/* The schedule before the rest: what runs in between is seen next time. */
	if (process && (process->pass == table->pass || process_rested(table, process, &place, &schedule)))
		return process;
	const int r = process_files_stat(&table->files, &place, &reading);
	table->stats.read_errors += r == -EBADMSG;
	if (r)
		return NULL;
	if (process && process->now.start_ticks != reading.start_ticks) {
		/* The PID has passed to another: that one begins anew, the old one stays until the end of the pass. */
		schedule_close(process);
		schedule = (struct process_schedule){0, 0};
		process = NULL;
	}
	if (!process)
		process = process_add(table, pid, thread_of);
	if (!process) {
		table->stats.read_errors++;
		return NULL;
	}
	process->schedule = schedule;
	process_take(table, process, &place, &reading);
	return process;
}

/* ---- a pass ----------------------------------------------------------------------------------------------------- */

int process_table_begin(struct process_table *table)
{
	struct process_files files;
	int r = process_files_open(table->procfs, &files);
	if (r)
		return r;
	if (table->files.boot_ns)
		files.boot_ns = table->files.boot_ns;
	process_files_close(&table->files);
	table->files = files;
	table->pass++;
	return 0;
}

void process_table_end(struct process_table *table)
{
	for (size_t i = 0; i < table->bucket_count; i++)
		for (struct process **place = &table->buckets[i]; *place;)
			if (process_gone(table, *place))
				process_remove(table, place);
			else
				place = &(*place)->next;
	process_files_close(&table->files);
}

/* A name that is a number and nothing else, or 0. */
static uint32_t pid_of_name(const char *name)
{
	uint64_t pid;
	return *name >= '1' && *name <= '9' && word_u64(name, &pid) && pid <= INT32_MAX ? (uint32_t)pid : 0;
}

static int directory_visit(struct process_table *table, const char *path, uint32_t thread_of)
{
	_Alignas(struct dirent64) char entries[16384];
	ssize_t bytes;
	const int fd = openat(table->files.proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	while ((bytes = getdents64(fd, entries, sizeof(entries))) > 0)
		for (ssize_t at = 0; at < bytes;) {
			const struct dirent64 *entry = (const struct dirent64 *)(entries + at);
			const uint32_t pid = pid_of_name(entry->d_name);
			at += entry->d_reclen;
			if (pid)
				process_table_visit(table, pid, thread_of);
		}
	const int r = bytes < 0 ? -errno : 0;
	close(fd);
	return r;
}

int process_table_scan(struct process_table *table)
{
	return directory_visit(table, ".", 0);
}

void process_table_revisit(struct process_table *table)
{
	table->walking = true;
	for (struct process *process = process_table_next(table, NULL); process;
	     process = process_table_next(table, process))
		if (process_gone(table, process) && process_table_find(table, process->pid) == process)
			process_table_visit(table, process->pid, process->thread_of);
	table->walking = false;
}

void process_table_scan_threads(struct process_table *table, uint32_t pid, bool rested)
{
	struct process *only = rested ? process_table_find(table, pid) : NULL;
	if (only && only->thread_of == pid) {
		only->pass = table->pass;
		only->fresh = false;
		return;
	}
	const struct process_place place = process_place_of(pid, 0);
	char path[64];
	stpcpy(mempcpy(path, place.path, place.len), "/task");
	directory_visit(table, path, pid);
}

int process_table_memory(struct process_table *table, struct process *process)
{
	char bytes[PROCESS_FILE_BYTES];
	uint64_t value;
	const struct process_place place = process_place_of(process->pid, process->thread_of);
	process->memory_pass = table->pass;
	const ssize_t len = process_file_read(&table->files, &place, "smaps_rollup", bytes, sizeof(bytes));
	if (len < 0)
		return (int)len;
	struct text text = {bytes, bytes + len}, line;
	while (text_line(&text, &line)) {
		if (text_take(&line, "Pss:") && text_u64(&line, &value))
			process->proportional_bytes = value * 1024;
		else if (text_take(&line, "SwapPss:") && text_u64(&line, &value))
			process->proportional_swapped_bytes = value * 1024;
	}
	return 0;
}
