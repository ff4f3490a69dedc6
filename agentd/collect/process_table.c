/* SPDX-License-Identifier: MIT */
/* Processes over time: a hash table by PID, and what is new of each in a pass. */
#include "process_table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host_text.h"

#define BUCKETS_FIRST 256u

struct process_table {
	struct process_watch *watch;
	struct process_files files; /* of the pass */
	char *procfs;
	struct process **buckets;
	size_t bucket_count; /* a power of 2 */
	size_t count;
	uint32_t pass;
	int64_t begin_ns; /* of the pass */
	bool walking;     /* somebody is at a place in the table: it must not grow */
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
	process->next = *bucket;
	*bucket = process;
	table->count++;
	return process;
}

static void process_remove(struct process_table *table, struct process **place)
{
	struct process *process = *place;
	*place = process->next;
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
	struct process_table *fresh = calloc(1, sizeof(*fresh));
	if (!fresh)
		return -ENOMEM;
	fresh->files.proc_fd = -1;
	fresh->bucket_count = BUCKETS_FIRST;
	fresh->buckets = calloc(fresh->bucket_count, sizeof(struct process *));
	fresh->procfs = strdup(procfs);
	if (!fresh->buckets || !fresh->procfs || process_watch_get(procfs, &fresh->watch)) {
		process_table_free(fresh);
		return -ENOMEM;
	}
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
	process_watch_put(table->watch);
	free(table->buckets);
	free(table->procfs);
	free(table);
}

/* ---- one process ------------------------------------------------------------------------------------------------ */

static void process_take(struct process_table *table, struct process *process, const struct process_look *look)
{
	const struct process_reading before = process->now;
	process->read = look->read;
	process->now = look->reading;
	process->fresh =
		!process->known || before.image != look->reading.image || strcmp(before.comm, look->reading.comm) != 0;
	table->stats.partial_errors += look->reading.partial;
	/* A file that could not be read this time must not take back what was counted. */
	process_counters_max(&process->now.counters, &before.counters);
	process->read_pass = table->pass;
}

/* NULL when memory is short. */
static struct process *process_update(struct process_table *table, const struct process_look *look)
{
	struct process *process = process_table_find(table, look->pid);
	if (process && process->pass == table->pass)
		return process;
	/* The PID has passed to another: that one begins anew, the old one stays until the end of the pass. */
	if (process && process->now.start_ticks != look->reading.start_ticks)
		process = NULL;
	if (process)
		process->known = true;
	else
		process = process_add(table, look->pid, look->thread_of);
	if (!process) {
		table->stats.read_errors++;
		return NULL;
	}
	process->rested = look->ran && look->ran == process->ran;
	process->ran = look->ran;
	process->pass = table->pass;
	process->fresh = false;
	if (!look->read || look->read != process->read)
		process_take(table, process, look);
	return process;
}

struct process *process_table_visit(struct process_table *table, uint32_t pid, uint32_t thread_of)
{
	struct process_look look;
	struct process *process = process_table_find(table, pid);
	assert(table->files.proc_fd >= 0);
	if (process && process->pass == table->pass)
		return process;
	const int r = process_watch_look(table->watch, &table->files, pid, thread_of, table->begin_ns, &look);
	table->stats.read_errors += r == -EBADMSG || r == -ENOMEM;
	return r ? NULL : process_update(table, &look);
}

/* ---- a pass ----------------------------------------------------------------------------------------------------- */

static int64_t monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

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
	table->begin_ns = monotonic_ns();
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

static void scan_take(void *context, const struct process_look *look)
{
	process_update(context, look);
}

int process_table_scan(struct process_table *table, int64_t since_ns)
{
	uint64_t unreadable;
	const int r =
		process_watch_pass(table->watch, &table->files, since_ns, PROCESS_ALL, scan_take, table, &unreadable);
	if (!r)
		table->stats.read_errors += unreadable;
	return r;
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

struct thread_scan {
	struct process_table *table;
	uint32_t pid;
};

static void thread_visit(void *context, int directory_fd, uint32_t thread)
{
	const struct thread_scan *scan = context;
	(void)directory_fd;
	process_table_visit(scan->table, thread, scan->pid);
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
	process_files_each_number(&table->files, path, thread_visit, &(struct thread_scan){table, pid});
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
