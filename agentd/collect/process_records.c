/* SPDX-License-Identifier: MIT */
/* What is remembered of each process and thread: a hash table, and the look at schedstat. */
#include "process_records.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "host_text.h"

#define BUCKETS_FIRST 256u
/* Descriptors of schedstat that stay open: not more than these, and not more than a quarter of what is allowed. */
#define KEPT_MAX 1024u
#define KEPT_PART 4u

static struct process_record **bucket_of(const struct process_records *records, uint32_t pid)
{
	return &records->buckets[(pid * UINT32_C(0x9e3779b1) >> 8) & (records->bucket_count - 1)];
}

struct process_record *process_records_find(const struct process_records *records, uint32_t pid, uint32_t thread_of)
{
	struct process_record *record = *bucket_of(records, pid);
	while (record && (record->look.pid != pid || record->look.thread_of != thread_of))
		record = record->next;
	return record;
}

/* Without memory it gets slower. */
static void buckets_grow(struct process_records *records)
{
	struct process_record **old = records->buckets;
	const size_t old_count = records->bucket_count;
	struct process_record **buckets = calloc(2 * old_count, sizeof(struct process_record *));
	if (!buckets)
		return;
	records->buckets = buckets;
	records->bucket_count = 2 * old_count;
	for (size_t i = 0; i < old_count; i++)
		for (struct process_record *record = old[i], *next; record; record = next) {
			struct process_record **bucket = bucket_of(records, record->look.pid);
			next = record->next;
			record->next = *bucket;
			*bucket = record;
		}
	free(old);
}

struct process_record *process_records_add(struct process_records *records, uint32_t pid, uint32_t thread_of)
{
	if (records->count >= PROCESS_WATCH_MAX)
		return NULL;
	if (records->count >= records->bucket_count)
		buckets_grow(records);
	struct process_record *record = calloc(1, sizeof(*record));
	if (!record)
		return NULL;
	struct process_record **bucket = bucket_of(records, pid);
	record->look.pid = pid;
	record->look.thread_of = thread_of;
	record->look.ran = ++records->sequence;
	record->looks = pid; /* so that not all are due at once */
	record->schedule_fd = -1;
	record->next = *bucket;
	*bucket = record;
	records->count++;
	return record;
}

static void schedule_close(struct process_records *records, struct process_record *record)
{
	if (record->schedule_fd < 0)
		return;
	close(record->schedule_fd);
	record->schedule_fd = -1;
	records->kept--;
}

void process_records_remove(struct process_records *records, struct process_record **place)
{
	struct process_record *record = *place;
	*place = record->next;
	schedule_close(records, record);
	free(record);
	records->count--;
}

void process_records_forget(struct process_records *records, const struct process_record *record)
{
	struct process_record **place = bucket_of(records, record->look.pid);
	while (*place != record)
		place = &(*place)->next;
	process_records_remove(records, place);
}

int process_records_init(struct process_records *records)
{
	struct rlimit limit;
	*records = (struct process_records){.bucket_count = BUCKETS_FIRST};
	records->buckets = calloc(records->bucket_count, sizeof(struct process_record *));
	if (!records->buckets)
		return -ENOMEM;
	if (!getrlimit(RLIMIT_NOFILE, &limit))
		records->kept_max = limit.rlim_cur / KEPT_PART < KEPT_MAX ? limit.rlim_cur / KEPT_PART : KEPT_MAX;
	return 0;
}

void process_records_fini(struct process_records *records)
{
	for (size_t i = 0; records->buckets && i < records->bucket_count; i++)
		while (records->buckets[i])
			process_records_remove(records, &records->buckets[i]);
	free(records->buckets);
}

/* ---- whether a process has run ---------------------------------------------------------------------------------- */

/* Keeps the descriptor where there is room. */
static int schedule_open(struct process_records *records, struct process_record *record,
			 const struct process_files *files)
{
	const struct process_place place = process_place_of(record->look.pid, record->look.thread_of);
	char path[64];
	stpcpy(mempcpy(path, place.path, place.len), "/schedstat");
	const int fd = openat(files->proc_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0 && files->real && records->kept < records->kept_max) {
		record->schedule_fd = fd;
		records->kept++;
	}
	return fd;
}

/* False where the kernel keeps no such account, and of a process that is gone. */
static bool schedule_read(struct process_records *records, struct process_record *record,
			  const struct process_files *files, struct process_schedule *schedule)
{
	char bytes[128];
	uint64_t wait_ns;
	const int fd = record->schedule_fd >= 0 ? record->schedule_fd : schedule_open(records, record, files);
	if (fd < 0)
		return false;
	const ssize_t len = pread(fd, bytes, sizeof(bytes) - 1, 0);
	if (fd != record->schedule_fd)
		close(fd);
	else if (len < 0)
		schedule_close(records, record); /* gone: the PID may have passed to another */
	struct text text = {bytes, bytes + (len < 0 ? 0 : len)};
	return text_u64(&text, &schedule->run_ns) && text_u64(&text, &wait_ns) && text_u64(&text, &schedule->slices);
}

bool process_record_rests(struct process_records *records, struct process_record *record,
			  const struct process_files *files, struct process_schedule *schedule)
{
	const struct process_reading *reading = &record->look.reading;
	return schedule_read(records, record, files, schedule) && (reading->threads == 1 || record->look.thread_of) &&
	       reading->state != 'R' && schedule->slices && schedule->slices == record->schedule.slices &&
	       schedule->run_ns == record->schedule.run_ns;
}
